#include <errno.h>
#include <string.h>

#include "base/clean.h"
#include "client.h"
#include "config/self.h"
#include "get.h"
#include "graph.h"

static const struct form {
	const char *name;
	void (*write)(const struct graph *g, FILE *out);
} forms[] = {
	{ "mermaid", graph_mermaid }, /* without -o */
	{ "dot", graph_dot },
	{ "svg", graph_svg },
};

static const struct form *form(const char *name)
{
	for (size_t i = 0; name && i < sizeof(forms) / sizeof(*forms); i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return forms;
}

/* What stands in a file that is every node's can be drawn on any machine. */
static bool load(const struct ctl *o, struct config *c)
{
	struct arena *a = c->arena;
	struct diag d = { .arena = a };
	const char *names[CONFIG_ROLES];
	struct documents s;
	bool ok = load_config(c, &s, o->files, o->file_count, &d), stranger = c->stranger;

	if (stranger && !o->node && config_examples(c, names)) {
		d = s.unread;
		*c = (struct config){ .arena = a, .as = names[0] };
		ok = load_check(c, &s, &d);
		c->stranger = true;
		c->self = NULL;
	}
	if (!ok)
		diag_print(&d, stderr);
	return ok;
}

/* NULL: of a file that is every node's, and this machine is none of them. */
static const char *self_of(const struct config *c)
{
	struct self *selves;
	size_t n;

	if (c->self || c->stranger)
		return c->self;
	n = config_selves(c, c->arena, &selves);
	if (n == 1)
		return selves->node;
	return c->node ? c->node : "this node";
}

/* Is what runs here what is to be drawn? */
static bool is_here(const struct ctl *o, const struct config *c, const char *self)
{
	if (!self || c->elsewhere)
		return false;
	return c->self || !o->node || strcmp(o->node, self) == 0;
}

/* What is in force, as the daemon tells it. NULL: it does not. */
static const struct node *ask_daemon(struct arena *a)
{
	CLEAN(client_close) struct client *c = NULL;
	struct answer answer = { 0 };

	if (client_open(&c) < 0 || client_call(c, "Get", false, NULL, NULL) < 0 ||
	    client_answer(c, a, &answer) < 0 || answer.error)
		return NULL;
	return node_get(answer.parameters, "objects");
}

/* A file that is named may be another than the one in force: only the kernel tells of that. */
static const struct node *look(const struct ctl *o, const struct config *c)
{
	const struct node *objects = o->file_count ? NULL : ask_daemon(c->arena);
	bool any;

	if (objects)
		return objects;
	return get_seen(c->arena, c, NULL, &any, &objects) == 0 && any ? objects : NULL;
}

enum ctl_exit ctl_graph(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const struct form *f = form(o->output);
	struct config c = { .arena = a, .as = o->node };
	const char *self;
	struct graph g;

	if (!load(o, &c))
		return CTL_FAILED;
	self = self_of(&c);
	if (graph_collect(&c, self, is_here(o, &c, self) ? look(o, &c) : NULL, &g) < 0) {
		fprintf(stderr,
			"routerctl: more than %d nodes make no picture; 'routerctl "
			"render --expand' tells of any number\n",
			GRAPH_NODES);
		return CTL_FAILED;
	}
	f->write(&g, stdout);
	return ctl_printed(CTL_OK);
}
