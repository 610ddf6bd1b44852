#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/yaml.h"
#include "peers.h"

#define NODE_BYTES 4096 /* of the file that names this one */

static void load_file(struct documents *s, const char *path, const char *shown,
		      const char *name, struct diag *d)
{
	struct document doc = { .path = shown, .name = name, .mode = 0644 };
	struct stat st;
	int r = file_read(s->arena, path, YAML_BYTES, &doc.bytes, &doc.len);

	if (r < 0) {
		diag_error(d, (struct mark){ shown, 0, 0 }, "cannot be read: %s",
			   r == -EFBIG ? "larger than 32 MiB" : strerror(-r));
		return;
	}
	if (name && stat(path, &st) == 0)
		doc.mode = st.st_mode & 0777;
	load_add(s, &doc);
}

void load_add(struct documents *s, const struct document *doc)
{
	s->items = arena_grow(s->arena, s->items, s->count, &s->room, sizeof(*s->items));
	s->items[s->count++] = *doc;
}

bool load_reads(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
		strcmp(dot, ".json") == 0);
}

static int is_document(const struct dirent *e)
{
	return load_reads(e->d_name);
}

/* name: the folder's below the root, or NULL. */
static int load_folder(struct documents *s, const char *folder, const char *name,
		       struct diag *d)
{
	struct dirent **list;
	int n = scandir(folder, &list, is_document, alphasort);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *file = list[i]->d_name;
		const char *path = arena_printf(s->arena, "%s/%s", folder, file);
		struct stat st;

		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) /* a FIFO would hold us up */
			diag_error(d, (struct mark){ path, 0, 0 }, "is not a plain file");
		else
			load_file(s, path, path,
				  name ? arena_printf(s->arena, "%s/%s", name, file) : NULL, d);
		free(list[i]);
	}
	free(list);
	return n;
}

void load_root(struct documents *s, const char *root, const char *main, const char *shown,
	       struct diag *d)
{
	const char *file = arena_printf(s->arena, "%s/router.yaml", root);
	const char *folder = arena_printf(s->arena, "%s/conf.d", root);
	struct stat st;
	bool any = main || stat(file, &st) == 0 || errno != ENOENT;
	int n;

	if (any && !main && stat(file, &st) == 0 && !S_ISREG(st.st_mode))
		diag_error(d, (struct mark){ file, 0, 0 }, "is not a plain file");
	else if (any)
		load_file(s, main ? main : file, main ? shown : file, "router.yaml", d);
	n = load_folder(s, folder, "conf.d", d);
	any |= n > 0;
	if (n < 0 && n != -ENOENT)
		diag_error(d, (struct mark){ folder, 0, 0 }, "cannot be read: %s",
			   strerror(-n));
	peers_read(s, root, d);
	s->none = !any;
	if (!any)
		diag_error(d, (struct mark){ file, 0, 0 },
			   "is not there, nor anything in %s/conf.d; name the configuration "
			   "with -f FILE",
			   root);
}

static void load_each(struct documents *s, const char *const *paths, size_t n, struct diag *d)
{
	for (size_t i = 0; i < n; i++) {
		bool in = strcmp(paths[i], "-") == 0;
		struct stat st;
		int r = 1;

		if (!in && stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			r = load_folder(s, paths[i], NULL, d);
		else
			load_file(s, paths[i], in ? "stdin" : paths[i], NULL, d);
		if (r <= 0)
			diag_error(d, (struct mark){ paths[i], 0, 0 }, "%s",
				   r < 0 ? strerror(-r)
					 : "has no *.yaml, *.yml or *.json in it");
	}
	if (n == 0)
		load_root(s, LOAD_ROOT, NULL, NULL, d);
}

void load_paths(struct documents *s, const char *const *paths, size_t n, struct diag *d)
{
	s->unread = (struct diag){ .arena = s->arena };
	load_each(s, paths, n, &s->unread);
	diag_take(d, &s->unread);
}

/* Leaves out the peers' files that have faults: is it to be tried without them? */
static bool leave_out(struct documents *s, const struct diag *now, struct diag *d)
{
	bool any = false;

	for (size_t i = 0; i < s->count; i++) {
		struct document *doc = &s->items[i];

		if (!doc->peer || doc->left_out || !diag_has(now, doc->path))
			continue;
		diag_forgive(d, now, doc->path);
		doc->left_out = !peers_fall_back(s->arena, doc);
		any = true;
	}
	return any;
}

/* What this machine says of its name: a file for that, or the host's. */
static void name_node(struct config *c)
{
	char host[HOST_NAME_MAX + 1] = "", *text;
	size_t n;

	if (file_read_plain(c->arena, CONFIG_NODE_FILE, NODE_BYTES, &text, &n) == 0) {
		text[strcspn(text, " \t\r\n")] = '\0';
		c->node_file = *text ? text : NULL;
	}
	if (gethostname(host, sizeof(host) - 1) == 0 && *host)
		c->host = arena_strndup(c->arena, host, strcspn(host, "."));
}

static bool try(struct config *c, struct documents *s, struct diag *now, struct diag *d)
{
	*c = (struct config){ .arena = c->arena, .as = c->as, .facts_as = s->facts };
	name_node(c);
	(void)(s->facts ? facts_read(c->arena, s->facts, &c->facts)
			: facts_load(c->arena, &c->facts)); /* one that is damaged: as none */
	if (!s->facts)
		facts_look(c->arena, &c->facts);
	for (size_t i = 0; i < s->count; i++)
		if (!s->items[i].peer)
			config_add(c, s->items[i].path, s->items[i].bytes, s->items[i].len,
				   now);
	peers_add(c, s, now, d);
	return config_check(c, now);
}

bool load_check(struct config *c, struct documents *s, struct diag *d)
{
	struct diag now;

	do
		now = (struct diag){ .arena = d->arena };
	while (!try(c, s, &now, d) && leave_out(s, &now, d));
	diag_take(d, &now);
	return d->errors == 0;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '/' || !path[n]);
}

/* What is written once is this node's router.yaml, wherever it lies: what stands beside that
 * counts with it, or its peers' keys would be missed. */
static bool load_beside(struct documents *s, const char *const *paths, size_t n)
{
	struct diag ignored = { .arena = s->arena };
	size_t before = s->count;

	for (size_t i = 0; i < n; i++)
		if (is_below(paths[i], LOAD_FOLDER) || is_below(paths[i], LOAD_PEERS))
			return false;
	(void)load_folder(s, LOAD_FOLDER, "conf.d", &ignored);
	peers_read(s, LOAD_ROOT, &ignored);
	return s->count > before;
}

bool load_config(struct config *c, struct documents *s, const char *const *paths, size_t n,
		 struct diag *d)
{
	struct diag alone = { .arena = c->arena };
	bool ok;

	*s = (struct documents){ .arena = c->arena };
	load_paths(s, paths, n, d);
	ok = load_check(c, s, &alone);
	if (n && c->fabric && !c->elsewhere && load_beside(s, paths, n))
		return load_check(c, s, d);
	diag_take(d, &alone);
	return ok && d->errors == 0;
}
