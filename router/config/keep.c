#include "config/keep.h"

#include <stdlib.h>
#include <string.h>

struct pair {
	const struct object *from, *to;
};

static int by_from(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;

	return (a->from > b->from) - (a->from < b->from);
}

static const char *keep_text(struct arena *a, const char *text)
{
	return text ? arena_strndup(a, text, strlen(text)) : NULL;
}

struct kept *config_keep(const struct config *c)
{
	struct arena *a = arena_new(), *scratch = arena_new();
	struct pair *pairs = arena_alloc(scratch, (c->count + 1) * sizeof(*pairs));
	struct kept *k = arena_alloc(a, sizeof(*k));
	struct state want = { .arena = scratch };
	const char *file = NULL, *file_kept = NULL;

	k->arena = a;
	k->count = c->count;
	k->objects = arena_alloc(a, (c->count + 1) * sizeof(*k->objects));
	for (size_t i = 0; i < c->count; i++) {
		const struct object *from = c->index[i];
		struct object *to = &k->objects[i];

		if (from->mark.file != file) {
			file = from->mark.file;
			file_kept = keep_text(a, file);
		}
		*to = (struct object){ .kind = from->kind,
				       .name = keep_text(a, from->name),
				       .mark = from->mark,
				       .waits = keep_text(a, from->waits),
				       .waits_reason = from->waits_reason };
		to->mark.file = file_kept;
		k->wants_facts |=
		    from->waits_reason && strcmp(from->waits_reason, WAITING_FOR_FACTS) == 0;
		pairs[i] = (struct pair){ from, to };
	}
	if (c->count)
		qsort(pairs, c->count, sizeof(*pairs), by_from);
	for (size_t i = 0; i < c->count; i++) {
		const struct pair key = { .from = c->index[i]->from };
		const struct pair *p = bsearch(&key, pairs, c->count, sizeof(*pairs), by_from);

		k->objects[i].from = p ? p->to : NULL;
	}
	config_lower(c, &want);
	k->want = (struct state){ .arena = a, .count = want.count, .sorted = true };
	k->want.room = want.count + 1;
	k->want.items = arena_alloc(a, k->want.room * sizeof(*k->want.items));
	for (size_t i = 0; i < want.count; i++) {
		struct item *it = &k->want.items[i];
		const struct pair key = { .from = want.items[i].origin };
		const struct pair *p = bsearch(&key, pairs, c->count, sizeof(*pairs), by_from);

		*it = want.items[i];
		item_keep(a, it);
		it->origin = p ? p->to : NULL;
	}
	k->self_count = config_selves(c, a, &k->selves);
	arena_free(scratch);
	return k;
}

void kept_free(struct kept *k)
{
	if (k)
		arena_free(k->arena);
}
