/* ctl_export.c - prints what other nodes need to know of this one. */
#include <errno.h>
#include <string.h>

#include "base/clean.h"
#include "ctl.h"
#include "export.h"
#include "peers.h"

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
		fputs("routerctl: only root may read the key; nothing was printed\n", stderr);
		return CTL_FAILED;
	}
	fwrite(text, 1, n, stdout);
	return ctl_printed(CTL_OK);
}

static enum ctl_exit export_one(const struct ctl *o, const struct self *self)
{
	struct self s = *self;
	int r;

	if (o->node)
		s.node = o->node;
	r = export_print(&s,
			 o->pub					    ? EXPORT_PUB
			 : o->formatted && o->format == REPORT_JSON ? EXPORT_JSON
								    : EXPORT_YAML,
			 stdout);
	if (r == -EACCES)
		return show_written(o, s.node);
	if (r == -ENOENT) {
		fprintf(stderr,
			"routerctl: %s: there is no key yet; 'routerctl apply' or the daemon "
			"makes it\n",
			s.key_file);
		return CTL_FAILED;
	}
	return r < 0 ? ctl_complain(s.key_file, r) : ctl_printed(CTL_OK);
}

enum ctl_exit ctl_export(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a };
	struct diag d = { .arena = a };
	struct documents s;
	struct self *selves;
	enum ctl_exit e = CTL_OK;
	size_t n;

	if (o->node && !config_is_name(o->node)) {
		fputs("routerctl: --node: want letters, digits, '.', '_' and '-'\n", stderr);
		return CTL_USAGE;
	}
	if (!load_config(&c, &s, o->files, o->file_count, &d)) {
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
	for (size_t i = 0; i < n && e == CTL_OK; i++) {
		if (i && !o->pub)
			puts("---");
		e = export_one(o, &selves[i]);
	}
	return e;
}
