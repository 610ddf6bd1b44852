/* ctl_explain.c - what a document may say. */
#include <string.h>

#include "base/clean.h"
#include "config/explain.h"
#include "ctl.h"

static void print(const struct ctl *o, const struct kind *k, const struct explained *e)
{
	struct out out;

	if (o->format == REPORT_TABLE) {
		if (k)
			explain_print(k, e, stdout);
		else
			explain_kinds_print(stdout);
		return;
	}
	out_open(&out, stdout, o->format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	if (k)
		explain_out(&out, k, e);
	else
		explain_kinds_out(&out);
	out_close(&out);
}

enum ctl_exit ctl_explain(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *what = o->word_count ? o->words[0] : NULL, *fault = NULL;
	size_t n = what ? strcspn(what, ".") : 0;
	const struct kind *k = NULL;
	struct explained e = { .path = "" };

	if (what) {
		k = explain_kind(arena_strndup(a, what, n));
		if (!k) {
			ctl_unknown_kind(arena_strndup(a, what, n));
			return CTL_USAGE;
		}
		if (!explain_find(a, k, what + n + (what[n] == '.'), &e, &fault)) {
			fprintf(stderr, "routerctl: %s; 'routerctl explain %s' lists them\n",
				fault, k->name);
			return CTL_USAGE;
		}
	}
	print(o, k, &e);
	return ctl_printed(CTL_OK);
}
