#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "config/kind.h"

static const char *op_text(struct arena *a, const struct op *op)
{
	const char *text =
	    arena_printf(a, "%s %s", verb_name(op->verb), item_text(a, op_item(op)));

	const char *was;

	if (op->verb != VERB_CHANGE)
		return text;
	was = item_text(a, op->have);
	if (strcmp(was, item_text(a, op->want)) != 0)
		return arena_printf(a, "%s (was: %s)", text, was);
	if (op->want->type == ITEM_LINK && op->want->wg.up && !op->have->wg.up)
		return arena_printf(a, "%s (it is down)", text);
	/* What differs is a secret, or follows from one. */
	return arena_printf(a, "%s (another %skey)", text,
			    op->want->type == ITEM_PEER ? "preshared " : "");
}

static const char *reason(struct arena *a, const struct op *op)
{
	const char *error = strerror(-op->error);

	if (!op->why || strstr(op->why, error))
		return op->why ? op->why : error;
	return arena_printf(a, "%s (%s)", op->why, error);
}

static void out_op(struct out *o, struct arena *a, const struct op *op)
{
	out_map(o, NULL);
	out_text(o, "verb", verb_name(op->verb));
	out_text(o, "text", item_text(a, op_item(op)));
	out_text(o, "object", op->origin ? object_name(a, op->origin) : NULL);
	out_map(o, "item");
	item_out(o, op_item(op));
	out_end(o);
	if (op->verb == VERB_CHANGE) {
		out_map(o, "was");
		item_out(o, op->have);
		out_end(o);
	}
	if (op->error)
		out_text(o, "error", reason(a, op));
	out_text(o, "note", op->note);
	out_end(o);
}

void report_ops(const struct plan *plan, bool failed, struct out *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	for (size_t i = 0; i < plan->count; i++)
		if (failed || !plan->ops[i].error)
			out_op(o, a, &plan->ops[i]);
}

void report_plan(const struct plan *plan, const struct state *have, enum report_format format,
		 FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct out o;

	if (format == REPORT_TABLE) {
		for (size_t i = 0; i < plan->count; i++) {
			const struct op *op = &plan->ops[i];

			if (op->error)
				continue;
			out_escape(out, op_text(a, op));
			fprintf(out, "%s%s\n", op->origin ? "  # " : "",
				object_name(a, op->origin));
			if (op->note) {
				fputs("  note: ", out);
				out_escape(out, op->note);
				fputc('\n', out);
			}
		}
		return;
	}
	out_open(&o, out, format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	out_list(&o, "ops");
	report_ops(plan, true, &o);
	out_end(&o);
	out_list(&o, "notVisible");
	for (int t = 0; t < ITEM_TYPES; t++)
		if (have->blind >> t & 1)
			out_text(&o, NULL, item_type_name(t));
	out_end(&o);
	out_close(&o);
}

static int by_origin(const void *pa, const void *pb)
{
	const struct op *const *a = pa, *const *b = pb;

	if ((*a)->origin != (*b)->origin)
		return (*a)->origin < (*b)->origin ? -1 : 1;
	return (*a < *b) ? -1 : *a > *b;
}

static int by_place(const void *pa, const void *pb)
{
	const struct op *const *a = pa, *const *b = pb;

	return (*a < *b) ? -1 : *a > *b;
}

/* The failed ops to tell of, in the plan's order: not those that only wait for another, and
 * of one object not the same reason twice. */
static size_t to_tell(struct arena *a, const struct plan *plan, const struct op ***ret)
{
	const struct op **list = arena_alloc(a, (plan->count + 1) * sizeof(*list));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->ops[i].error && plan->ops[i].error != -ECANCELED)
			list[n++] = &plan->ops[i];
	qsort(list, n, sizeof(*list), by_origin);
	for (size_t i = 0; i < n; i++) {
		const struct op *op = list[i], *last = kept ? list[kept - 1] : NULL;

		if (!last || last->origin != op->origin || !last->why || !op->why ||
		    strcmp(last->why, op->why) != 0)
			list[kept++] = op;
	}
	qsort(list, kept, sizeof(*list), by_place);
	*ret = list;
	return kept;
}

void report_failures(const struct plan *plan, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	size_t failed = 0, waiting = 0;
	const struct op **list;
	size_t n = to_tell(a, plan, &list);

	for (size_t i = 0; i < n; i++) {
		const struct op *op = list[i];

		if (op->origin)
			fprintf(out, "%s:%d: %s: ", op->origin->mark.file,
				op->origin->mark.line, object_name(a, op->origin));
		fputs("cannot ", out);
		out_escape(out, op_text(a, op));
		fputs(": ", out);
		out_escape(out, reason(a, op));
		fputc('\n', out);
	}
	for (size_t i = 0; i < plan->count; i++) {
		failed += plan->ops[i].error != 0;
		waiting += plan->ops[i].error == -ECANCELED;
	}
	if (waiting)
		fprintf(out,
			"%zu more wait for what failed; deletes too, lest something is "
			"taken away without its replacement.\n",
			waiting);
	if (failed)
		fprintf(out,
			"%zu of %zu operations failed; what else was asked for is in force. "
			"Mend the cause and apply again.\n",
			failed, plan->count);
}

void report_blind(const struct state *have, FILE *out)
{
	const char *comma = "";

	if (!have->blind)
		return;
	fputs("note: without root these cannot be seen, and are left out: ", out);
	for (int t = 0; t < ITEM_TYPES; t++)
		if (have->blind >> t & 1) {
			fprintf(out, "%s%s", comma, item_type_name(t));
			comma = ", ";
		}
	fputc('\n', out);
}

void report_state(const struct state *s, enum report_format format, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct out o;

	if (format == REPORT_TABLE) {
		for (size_t i = 0; i < s->count; i++) {
			out_escape(out, item_text(a, &s->items[i]));
			fprintf(out, "  # %s\n", object_name(a, s->items[i].origin));
		}
		return;
	}
	out_open(&o, out, format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	out_list(&o, "items");
	for (size_t i = 0; i < s->count; i++) {
		out_map(&o, NULL);
		item_out(&o, &s->items[i]);
		out_text(&o, "object", object_name(a, s->items[i].origin));
		out_end(&o);
	}
	out_end(&o);
	out_close(&o);
}
