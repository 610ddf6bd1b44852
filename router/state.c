#include "state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int by_item(const void *pa, const void *pb)
{
	return item_compare(pa, pb);
}

/* ---- states ----------------------------------------------------------------------------- */

void state_add(struct state *s, const struct item *it)
{
	s->items = arena_grow(s->arena, s->items, s->count, &s->room, sizeof(*s->items));
	s->items[s->count] = *it;
	if (!it->link)
		s->items[s->count].link = "";
	s->count++;
	s->sorted = false;
}

/* Folds b into a, which has the same key. */
static void merge(struct item *a, const struct item *b)
{
	if (a->type == ITEM_CLAMP && b->clamp.mss < a->clamp.mss) {
		a->clamp = b->clamp; /* one tunnel, several paths: the narrowest */
		a->origin = b->origin;
	}
	if (a->type == ITEM_PROXY)
		a->proxy.announce |= b->proxy.announce;
	if (b->ours && !a->ours)
		*a = *b;
}

void state_sort(struct state *s,
		void (*clash)(void *arg, const struct item *a, const struct item *b), void *arg)
{
	size_t kept = 0;

	if (s->sorted)
		return;
	if (s->count)
		qsort(s->items, s->count, sizeof(*s->items), by_item);
	for (size_t i = 0; i < s->count; i++) {
		struct item *last = kept ? &s->items[kept - 1] : NULL, *it = &s->items[i];

		if (!last || item_compare(last, it) != 0) {
			s->items[kept++] = *it;
			continue;
		}
		if (clash && !item_share(last, it))
			clash(arg, last, it);
		merge(last, it);
	}
	s->count = kept;
	s->sorted = true;
	for (size_t i = 0; i < s->count && clash; i++) {
		struct item absent = { .type = ITEM_ABSENT, .address = s->items[i].address };
		const struct item *no = NULL;

		if (s->items[i].type == ITEM_ADDRESS)
			no = state_find(s, &absent);
		if (no)
			clash(arg, no, &s->items[i]);
	}
}

const struct item *state_find(const struct state *s, const struct item *it)
{
	return s->items ? bsearch(it, s->items, s->count, sizeof(*s->items), by_item) : NULL;
}

const struct item *state_allowed(const struct state *s, const char *link, const struct addr *a)
{
	struct item key = { .type = ITEM_ALLOWED, .link = link, .address = *a };

	for (unsigned bits = a->bits;; bits--) {
		const struct item *it;

		key.address.bits = (uint8_t)bits;
		if (bits < a->bits)
			key.address.bytes[bits / 8] &= (uint8_t)~(0x80 >> bits % 8);
		it = state_find(s, &key);
		if (it || bits == 0)
			return it;
	}
}

/* Settings keep their value, the system's links their state: neither bears our mark. */
static bool keeps(const struct item *it)
{
	return it->type == ITEM_SYSCTL ||
	       (it->type == ITEM_LINK && it->wg.kind != LINK_WIREGUARD);
}

void state_imagine(struct state *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (s->items[i].type == ITEM_ABSENT)
			continue;
		s->items[kept] = s->items[i];
		s->items[kept].ours = !keeps(&s->items[i]);
		if (s->items[kept].type == ITEM_PEER)
			s->items[kept].peer.stale = true; /* nobody roams on paper */
		kept++;
	}
	s->count = kept;
}

/* ---- the difference --------------------------------------------------------------------- */

static void emit(struct plan *plan, enum verb verb, const struct item *have,
		 const struct item *want)
{
	plan->ops[plan->count++] = (struct op){
		.verb = verb,
		.have = have,
		.want = want,
		.origin = want ? want->origin : NULL,
	};
}

/* Wanted absences first, then links that go (a new one may need their port), then what is
 * made, down the types, then what goes, up them. */
static int op_rank(const struct op *op)
{
	if (op->verb != VERB_DELETE)
		return 2;
	if (op->want)
		return 0;
	return op->have->type == ITEM_LINK ? 1 : 3;
}

static int op_compare(const void *pa, const void *pb)
{
	const struct op *a = pa, *b = pb;
	int ra = op_rank(a), r = ORDER(ra, op_rank(b));

	if (r)
		return r;
	r = item_compare(op_item(a), op_item(b));
	return ra == 3 ? -r : r;
}

/* A link to itself: what an exclusive address does not tolerate is treated as ours. */
static void claim_exclusive(struct state *have, const struct state *want)
{
	for (size_t i = 0; i < want->count; i++) {
		const struct item *w = &want->items[i];

		if (w->type != ITEM_ADDRESS || !w->ifa.exclusive)
			continue;
		for (size_t j = 0; j < have->count; j++)
			if (have->items[j].type == ITEM_ADDRESS &&
			    have->items[j].address.family == w->address.family &&
			    strcmp(have->items[j].link, w->link) == 0)
				have->items[j].ours = true;
	}
}

static bool is_unwanted(const struct item *h, const struct state *want, struct plan *plan)
{
	struct item absent = { .type = ITEM_ABSENT, .address = h->address };
	const struct item *w = h->type == ITEM_ADDRESS ? state_find(want, &absent) : NULL;

	if (w)
		emit(plan, VERB_DELETE, h, w);
	return w != NULL;
}

static int op_by_item(const void *pa, const void *pb)
{
	const struct op *a = pa, *b = pb;

	return item_compare(a->have, b->have);
}

/* The kernel takes a link's or a peer's belongings with it. The ops are still in the order
 * of their items, so the deletes can be searched. */
static void drop_implied(struct plan *plan, struct arena *a)
{
	struct op *gone = arena_alloc(a, (plan->count + 1) * sizeof(*gone));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct op *op = &plan->ops[i];

		if (op->verb == VERB_DELETE && !op->want &&
		    (op->have->type == ITEM_LINK || op->have->type == ITEM_PEER))
			gone[n++] = *op;
	}
	for (size_t i = 0; i < plan->count && n; i++) {
		const struct op *op = &plan->ops[i];
		const struct item *h = op->have;
		bool implied = false;

		if (op->verb == VERB_DELETE && !op->want && h->type != ITEM_LINK) {
			struct item link = { .type = ITEM_LINK, .link = h->link };
			struct item peer = { .type = ITEM_PEER, .link = h->link };
			struct op key = { .have = &link };

			implied = h->type != ITEM_CLAMP &&
				  bsearch(&key, gone, n, sizeof(*gone), op_by_item);
			peer.peer.key = h->allowed.key;
			key.have = &peer;
			if (h->type == ITEM_ALLOWED && !implied)
				implied = bsearch(&key, gone, n, sizeof(*gone), op_by_item);
		}
		if (!implied)
			plan->ops[kept++] = *op;
	}
	if (n)
		plan->count = kept;
}

void state_diff(struct state *have, struct state *want, struct plan *plan)
{
	size_t i = 0, j = 0;

	plan->count = 0;
	plan->ops =
	    arena_alloc(want->arena, (have->count + want->count + 1) * sizeof(struct op));
	state_sort(have, NULL, NULL);
	state_sort(want, NULL, NULL);
	claim_exclusive(have, want);

	while (i < have->count || j < want->count) {
		const struct item *h = i < have->count ? &have->items[i] : NULL;
		const struct item *w = j < want->count ? &want->items[j] : NULL;
		int r = !h ? 1 : !w ? -1 : item_compare(h, w);
		const struct item *it = r < 0 ? h : w;
		enum item_type type;

		assert(it); /* or the loop had ended */
		type = it->type;
		i += r <= 0;
		j += r >= 0;
		if (have->blind >> type & 1)
			continue;
		if (r <= 0 && is_unwanted(h, want, plan))
			continue;
		if (r < 0 && h->ours)
			emit(plan, VERB_DELETE, h, NULL);
		else if (r > 0 && type != ITEM_ABSENT)
			emit(plan, VERB_ADD, NULL, w);
		else if (r == 0 && !item_agree(h, w))
			emit(plan, VERB_CHANGE, h, w);
	}
	drop_implied(plan, want->arena);
	if (plan->count)
		qsort(plan->ops, plan->count, sizeof(*plan->ops), op_compare);
}

const char *verb_name(enum verb verb)
{
	static const char *const names[] = {
		[VERB_ADD] = "add",
		[VERB_CHANGE] = "change",
		[VERB_DELETE] = "delete",
	};

	return names[verb];
}
