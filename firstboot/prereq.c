#include "firstboot/prereq.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/yaml.h"
#include "firstboot/packages.h"
#include "firstboot/run.h"

#define ASK 60 /* s, for the doctor */

/* Rows of area host, by name. A package of NULL: no package helps. */
static const struct {
	const char *row, *package;
} needs[] = {
	{ "wireguard", "wireguard-go" },
	{ "nf_tables", NULL },
};

static const struct {
	const char *tool, *package;
} tools[] = {
	{ "wg", "wireguard-tools" },
	{ "tcpdump", "tcpdump" },
	{ "jq", "jq" },
	{ "curl", "curl" },
};

#define NEEDS (sizeof(needs) / sizeof(*needs))
#define TOOLS (sizeof(tools) / sizeof(*tools))

struct survey {
	struct arena *arena;
	const struct prereq *asked;
	const char *failed[NEEDS]; /* in words; NULL: there, or nobody could try */
	bool lacks[TOOLS];
};

static const char *join(struct arena *a, const char *before, const char *between,
			const char *more)
{
	return before ? arena_printf(a, "%s%s%s", before, between, more) : more;
}

/* ---- looking ---------------------------------------------------------------------------- */

/* Of each need that failed, the detail and the remedy. */
static void read_row(struct survey *s, const struct node *row)
{
	const char *name = node_text(row, "name"), *status = node_text(row, "status");
	const char *detail = node_text(row, "detail"), *remedy = node_text(row, "remedy");

	for (size_t i = 0; i < NEEDS; i++) {
		if (!name || !status || strcmp(name, needs[i].row) != 0 ||
		    strcmp(status, "fail") != 0)
			continue;
		s->failed[i] =
		    arena_printf(s->arena, "%s: %s%s%s%s", name, detail ? detail : "it fails",
				 remedy && *remedy ? " (try '" : "", remedy ? remedy : "",
				 remedy && *remedy ? "')" : "");
	}
}

/* -EIO with words: the doctor did not say. */
static int ask_doctor(struct survey *s, const char **ret_words)
{
	const char *const args[] = { "routerctl", "doctor", "-o", "json", "host", NULL };
	struct run q = { .path = s->asked->routerctl, .args = args, .deadline = ASK };
	struct diag d = { .arena = s->arena };
	const struct node *list = NULL;
	struct run_end end;
	int r = run_program(s->arena, &q, &end);

	memset(s->failed, 0, sizeof(s->failed));
	if (r < 0) {
		*ret_words = arena_printf(s->arena, "%s cannot be run: %s: is it installed?",
					  q.path, strerror(-r));
		return -EIO;
	}
	if (!end.late) {
		const struct node *all = node_parse(s->arena, "doctor", end.out, end.len, &d);

		list = all && all->child ? node_get(all->child, "checks") : NULL;
	}
	if (d.errors || !list) {
		*ret_words = arena_printf(s->arena,
					  "'%s doctor host' %s and does not tell what this "
					  "kernel can; run it by hand",
					  q.path, run_words(s->arena, &q, &end));
		return -EIO;
	}
	for (const struct node *row = list->child; row; row = row->next)
		read_row(s, row);
	return 0;
}

static bool has_tool(struct survey *s, const char *name)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					       "/usr/bin",	  "/sbin",	    "/bin" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (access(arena_printf(s->arena, "%s%s/%s", s->asked->root, folders[i], name),
			   X_OK) == 0)
			return true;
	return false;
}

static void look_for_tools(struct survey *s)
{
	for (size_t i = 0; i < TOOLS; i++)
		s->lacks[i] = !has_tool(s, tools[i].tool);
}

/* ---- installing ------------------------------------------------------------------------- */

/* The packages that may help, what is needed first; NULL after the last. */
static size_t choose(const struct survey *s, const char *ret[static NEEDS + TOOLS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < NEEDS; i++)
		if (s->failed[i] && needs[i].package)
			ret[n++] = needs[i].package;
	for (size_t i = 0; i < TOOLS; i++)
		if (s->lacks[i])
			ret[n++] = tools[i].package;
	ret[n] = NULL;
	return n;
}

/* Why not, or NULL. */
static const char *install(struct survey *s, const struct manager *m, const char **names)
{
	struct packages p = { .arena = s->arena,
			      .root = s->asked->root,
			      .deadline = s->asked->deadline };
	const char *refused = NULL;

	(void)packages_install(&p, m, names); /* what is there afterwards decides */
	if (p.refused)
		refused = arena_printf(s->arena, "%s: no source of packages has %s", m->name,
				       p.refused);
	return p.why ? join(s->arena, refused, "; ", p.why) : refused;
}

static bool needs_any(const struct survey *s)
{
	for (size_t i = 0; i < NEEDS; i++)
		if (s->failed[i])
			return true;
	return false;
}

static const char *list_tools(const struct survey *s)
{
	const char *text = NULL;

	for (size_t i = 0; i < TOOLS; i++)
		if (s->lacks[i])
			text = join(s->arena, text, ", ", tools[i].package);
	return text;
}

static void conclude(const struct survey *s, const char *why, struct prereq_end *ret)
{
	const char *lacking = list_tools(s);

	for (size_t i = 0; i < NEEDS; i++) {
		if (!s->failed[i])
			continue;
		ret->missing = join(s->arena, ret->missing, "; ", s->failed[i]);
		if (why && needs[i].package)
			ret->missing = join(s->arena, ret->missing, "; ", why);
	}
	if (lacking)
		ret->wished = arena_printf(s->arena, "not installed: %s%s%s", lacking,
					   why ? ": " : "", why ? why : "");
}

/* Package names of what was lacking and is there now. */
static const char *compare(const struct survey *before, const struct survey *now)
{
	const char *text = NULL;

	for (size_t i = 0; i < NEEDS; i++)
		if (before->failed[i] && !now->failed[i] && needs[i].package)
			text = join(now->arena, text, " ", needs[i].package);
	for (size_t i = 0; i < TOOLS; i++)
		if (before->lacks[i] && !now->lacks[i])
			text = join(now->arena, text, " ", tools[i].package);
	return text;
}

/* Why there is nothing to be done about what is lacking, or NULL. */
static const char *why_not(const struct survey *s, const struct manager *m)
{
	if (s->asked->no_install)
		return "packages are not to be installed (install_packages: false)";
	if (!m)
		return "there is neither apt nor dnf to install packages with";
	return NULL;
}

int prereq_run(struct arena *a, const struct prereq *q, struct prereq_end *ret)
{
	const char *names[NEEDS + TOOLS + 1], *why;
	const struct manager *m = packages_manager(a, q->root);
	struct prereq asked = *q;
	struct survey s = { a, &asked }, before;
	struct prereq_end end = { 0 };
	size_t count;

	asked.deadline = q->deadline ? q->deadline : PREREQ_DEADLINE;
	if (ask_doctor(&s, &end.missing) < 0) {
		*ret = end;
		return -ENODEV;
	}
	look_for_tools(&s);
	before = s;
	count = choose(&s, names);
	why = why_not(&s, m);
	if (count && !why && q->dry_run) {
		for (size_t i = 0; i < count; i++)
			end.installed = join(a, end.installed, " ", names[i]);
		why = arena_printf(a, "%s would install it", m->name);
	} else if (count && !why) {
		why = install(&s, m, names);
		look_for_tools(&s);
		if (needs_any(&s))
			(void)ask_doctor(&s, &why);
		end.installed = compare(&before, &s);
	}
	conclude(&s, why, &end);
	*ret = end;
	return end.missing ? -ENODEV : 0;
}
