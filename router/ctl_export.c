/* ctl_export.c - prints what other nodes need to know of this one. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "ctl.h"
#include "export.h"
#include "peers.h"

static int is_export(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && dot != e->d_name && strcmp(dot, ".yaml") == 0;
}

/* The node whose export is the only one there; NULL: there is none, or several. */
static const char *only_written(struct arena *a)
{
	struct dirent **list;
	int n = scandir(EXPORT_FOLDER, &list, is_export, alphasort);
	const char *node = n == 1 ? arena_strndup(a, list[0]->d_name,
						  strlen(list[0]->d_name) - strlen(".yaml"))
				  : NULL;

	for (int i = 0; i < n; i++)
		free(list[i]);
	if (n >= 0)
		free(list);
	return node;
}

/* What the daemon wrote, for who may not read the key. */
static enum ctl_exit show_written(const struct ctl *o, const char *node)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *path =
	    arena_printf(a, EXPORT_FOLDER "/%s.%s", node, o->pub ? "pub" : "yaml");
	char *text;
	size_t n;
	int r = peers_read_file(a, path, &text, &n);

	if (r < 0 || (o->formatted && o->format == REPORT_JSON)) {
		fprintf(stderr, "routerctl: %s %s; nothing was printed\n", path,
			r < 0 ? strerror(-r) : "is there, and in JSON only from the key");
		return CTL_FAILED;
	}
	fwrite(text, 1, n, stdout);
	return ctl_printed(CTL_OK);
}

static enum ctl_exit no_key(const char *key_file, int r)
{
	if (r != -ENOENT)
		return ctl_complain(key_file, r);
	fprintf(stderr,
		"routerctl: %s: there is no key yet; 'routerctl apply' or the daemon makes "
		"it\n",
		key_file);
	return CTL_FAILED;
}

static enum ctl_exit write_one(struct arena *a, const struct self *s)
{
	const char *line = export_line(a, s);
	bool changed = false;
	int r =
	    line ? export_write(s, &changed) : key_load_public(s->key_file, &(struct key){ 0 });

	if (r < 0)
		return line ? ctl_complain(EXPORT_FOLDER, r) : no_key(s->key_file, r);
	out_escape(stdout, line ? line : "");
	fputc('\n', stdout);
	return ctl_printed(CTL_OK);
}

static enum ctl_exit export_one(const struct ctl *o, const struct self *s)
{
	int r = export_print(s,
			     o->pub					? EXPORT_PUB
			     : o->formatted && o->format == REPORT_JSON ? EXPORT_JSON
									: EXPORT_YAML,
			     stdout);

	if (r == -EACCES)
		return show_written(o, s->node);
	return r < 0 ? no_key(s->key_file, r) : ctl_printed(CTL_OK);
}

static enum ctl_exit export_all(const struct ctl *o, struct arena *a, struct self *selves,
				size_t n)
{
	enum ctl_exit e = CTL_OK;

	for (size_t i = 0; i < n && e == CTL_OK; i++) {
		if (o->node)
			selves[i].node = o->node;
		if (i && !o->pub && !o->write)
			puts("---");
		e = o->write ? write_one(a, &selves[i]) : export_one(o, &selves[i]);
	}
	if (o->write && e == CTL_OK)
		export_sweep(selves, n);
	return e;
}

/* Of a node that has a key, and no configuration yet. */
static enum ctl_exit export_bare(const struct ctl *o, struct arena *a)
{
	struct self s = { .node = o->node, .key_file = o->key_file };

	if (!o->node) {
		fputs("routerctl: --key-file needs --node, the node's name\n", stderr);
		return CTL_USAGE;
	}
	if (o->endpoint && !decode_endpoint_text(a, o->endpoint, &s.endpoint)) {
		fprintf(stderr, "routerctl: --endpoint %.60s: want HOST:PORT\n", o->endpoint);
		return CTL_USAGE;
	}
	return export_all(o, a, &s, 1);
}

enum ctl_exit ctl_export(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a };
	struct diag d = { .arena = a };
	struct documents s;
	struct self *selves;
	size_t n;

	if (o->node && !config_is_node(o->node)) {
		fputs("routerctl: --node: want letters, digits, '.', '_' and '-'\n", stderr);
		return CTL_USAGE;
	}
	if (o->key_file)
		return export_bare(o, a);
	if (o->endpoint) {
		fputs(
		    "routerctl: --endpoint belongs to --key-file; else the configuration says "
		    "it\n",
		    stderr);
		return CTL_USAGE;
	}
	if (!load_config(&c, &s, o->files, o->file_count, &d)) {
		const char *node = s.count || o->file_count ? NULL : only_written(a);

		if (node) /* first boot published it, and no configuration came yet */
			return show_written(o, node);
		diag_print(&d, stderr); /* its warnings are no matter of an export */
		return CTL_FAILED;
	}
	n = config_selves(&c, a, &selves);
	if (!n) {
		fputs("routerctl: the configuration has no WireGuardInterface, so there is no "
		      "key to export\n",
		      stderr);
		return CTL_FAILED;
	}
	return export_all(o, a, selves, n);
}
