/* Any bytes: read, check, lower, plan, print. Nothing may crash, leak or hang; and
 *
 *	what is refused says why, without control characters;
 *	what is accepted wants the same each time it is lowered;
 *	what was applied needs nothing more;
 *	what is expanded, printed and read again wants the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "config/config.h"
#include "config/encode.h"
#include "state.h"

#define HOST "cloud-rt" /* a node of the seeds' */

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

static void holds(bool what)
{
	if (!what)
		abort();
}

/* All words of a state, in every spelling. */
static char *words(const struct state *s)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct out o;

	for (size_t i = 0; i < s->count; i++)
		fprintf(f, "%s # %s\n", item_text(s->arena, &s->items[i]),
			object_name(s->arena, s->items[i].origin));
	for (int format = OUT_JSON; format <= OUT_YAML; format++) {
		out_open(&o, f, format);
		out_list(&o, "items");
		for (size_t i = 0; i < s->count; i++) {
			out_map(&o, NULL);
			item_out(&o, &s->items[i]);
			out_end(&o);
		}
		out_end(&o);
		out_close(&o);
	}
	fclose(f);
	return text;
}

static void check_faults(const struct diag *d)
{
	CLEAN(free_ptr) char *text = NULL;
	CLEAN(close_file) FILE *f = NULL;
	size_t n;

	f = open_memstream(&text, &n);
	diag_print(d, f);
	fflush(f);
	holds((n > 0) == (d->errors + d->warnings > 0));
	for (const char *c = text; *c; c++)
		holds(((unsigned char)*c >= 0x20 || *c == '\n') && *c != 0x7f);
}

static char *encoded(const struct config *c, enum out_format format)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct out o;

	out_open(&o, f, format);
	config_encode(c, &o);
	out_close(&o);
	fclose(f);
	return text;
}

static void check_expanded(const struct config *c, struct arena *a)
{
	struct state want = { .arena = a };
	CLEAN(free_ptr) char *first = NULL;

	config_lower(c, &want);
	first = words(&want);
	for (int format = OUT_JSON; format <= OUT_YAML; format++) {
		CLEAN(free_ptr) char *text = encoded(c, (enum out_format)format);
		CLEAN(free_ptr) char *second = NULL;
		struct config again = { .arena = a, .host = HOST };
		struct state same = { .arena = a };
		struct diag d = { .arena = a };

		config_add(&again, "expanded", text, strlen(text), &d);
		holds(config_check(&again, &d));
		config_lower(&again, &same);
		second = words(&same);
		holds(strcmp(first, second) == 0);
	}
}

static void check_lowered(const struct config *c, struct arena *a)
{
	struct state want = { .arena = a }, again = { .arena = a }, none = { .arena = a };
	CLEAN(free_ptr) char *first = NULL;
	CLEAN(free_ptr) char *second = NULL;
	struct plan plan;

	config_lower(c, &want);
	config_lower(c, &again);
	holds(want.sorted && again.sorted && want.count == again.count);
	first = words(&want);
	second = words(&again);
	holds(strcmp(first, second) == 0);
	for (size_t i = 0; i < want.count; i++) {
		holds(item_compare(&want.items[i], &again.items[i]) == 0);
		holds(i == 0 || item_compare(&want.items[i - 1], &want.items[i]) < 0);
		holds(state_find(&want, &want.items[i]) == &want.items[i]);
	}
	state_imagine(&again);
	state_diff(&again, &want, &plan);
	holds(plan.count == 0);
	state_diff(&none, &want, &plan); /* all is made, but what must not be */
	for (size_t i = 0; i < plan.count; i++)
		holds(plan.ops[i].verb == VERB_ADD);
	holds(plan.count == again.count);
	state_diff(&again, &none, &plan);
	for (size_t i = 0; i < plan.count; i++)
		holds(plan.ops[i].verb == VERB_DELETE && !plan.ops[i].origin);
}

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a, .host = HOST };
	struct diag d = { .arena = a };
	bool ok;

	config_add(&c, "fuzz", (const char *)buf, len, &d);
	ok = config_check(&c, &d);
	holds(ok == (d.errors == 0));
	check_faults(&d);
	if (ok) {
		check_lowered(&c, a);
		check_expanded(&c, a);
	}
	return 0;
}
