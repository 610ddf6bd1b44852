/* ctl_action.c - what is to be done at the providers. */
#include <errno.h>
#include <string.h>

#include "base/clean.h"
#include "capture.h"
#include "ctl.h"

#define NODES_MOST 200 /* in one plan; each is a configuration of its own */

static enum capture_format format_of(const struct ctl *o)
{
	static const enum capture_format formats[] = {
		[REPORT_TABLE] = CAPTURE_TEXT,
		[REPORT_JSON] = CAPTURE_JSON,
		[REPORT_YAML] = CAPTURE_YAML,
	};

	if (!o->output || o->formatted)
		return formats[o->format];
	return strcmp(o->output, "sh") == 0 ? CAPTURE_SHELL : CAPTURE_MARKDOWN;
}

/* A file of facts that somebody names must be one; else they are read as always. */
static int check_facts(struct arena *a, const char *path)
{
	struct facts ignored;

	return path ? facts_read(a, path, &ignored) : 0;
}

/* What is written once: every node's part, or that of the one that was asked for. */
static bool add_nodes(struct capture_plan *plan, const struct config *c, struct documents *s,
		      const struct ctl *o, struct diag *d)
{
	struct documents others = *s;
	const char *const *names;
	size_t n = o->node ? 0 : config_nodes(c, plan->arena, &names);

	if (n > NODES_MOST) {
		diag_error(d, (struct mark){ "action-plan", 0, 0 },
			   "%zu nodes: name one of them with --node NAME", n);
		return false;
	}
	others.facts = NULL;
	if (!n)
		capture_add(plan, c, !c->elsewhere);
	for (size_t i = 0; i < n; i++) {
		bool own = c->self && strcmp(names[i], c->self) == 0;
		struct config *one = arena_alloc(plan->arena, sizeof(*one));

		*one = (struct config){ .arena = plan->arena, .as = names[i] };
		if (!load_check(one, own ? s : &others, d))
			return false;
		capture_add(plan, one, !one->elsewhere);
	}
	return true;
}

enum ctl_exit ctl_action_plan(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a, .as = o->node };
	struct diag d = { .arena = a };
	struct documents s = { .arena = a, .facts = o->facts };
	struct capture_plan plan = { .arena = a };
	int r = check_facts(a, o->facts);

	if (r == -EBADMSG) {
		fprintf(stderr,
			"routerctl: --facts %s: is not as first boot writes " FACTS_FILE "\n",
			o->facts);
		return CTL_FAILED;
	}
	if (r < 0)
		return ctl_complain(o->facts, r);
	load_paths(&s, o->files, o->file_count, &d);
	plan.shell = format_of(o) == CAPTURE_SHELL;
	if (!load_check(&c, &s, &d) && c.stranger && !o->node)
		d = s.unread;
	if (o->facts && c.stranger && !o->node) {
		fprintf(stderr,
			"routerctl: --facts %s: whose are they? Name the node with "
			"--node NAME\n",
			o->facts);
		return CTL_USAGE;
	}
	if (d.errors || !add_nodes(&plan, &c, &s, o, &d)) {
		diag_print(&d, stderr); /* else what is missing is in the plan */
		return CTL_FAILED;
	}
	capture_print(&plan, format_of(o), stdout);
	return ctl_printed(CTL_OK);
}
