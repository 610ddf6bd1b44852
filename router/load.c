#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/yaml.h"

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
	s->items = arena_grow(s->arena, s->items, s->count, &s->room, sizeof(*s->items));
	s->items[s->count++] = doc;
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
	static const char *const folders[] = { "conf.d", "peers" };
	const char *file = arena_printf(s->arena, "%s/router.yaml", root);
	struct stat st;
	bool any = main || stat(file, &st) == 0 || errno != ENOENT;

	if (any && !main && stat(file, &st) == 0 && !S_ISREG(st.st_mode))
		diag_error(d, (struct mark){ file, 0, 0 }, "is not a plain file");
	else if (any)
		load_file(s, main ? main : file, main ? shown : file, "router.yaml", d);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		const char *path = arena_printf(s->arena, "%s/%s", root, folders[i]);
		int n = load_folder(s, path, folders[i], d);

		any |= n > 0;
		if (n < 0 && n != -ENOENT)
			diag_error(d, (struct mark){ path, 0, 0 }, "cannot be read: %s",
				   strerror(-n));
	}
	if (!any)
		diag_error(d, (struct mark){ file, 0, 0 },
			   "is not there, nor anything in %s/conf.d; name the configuration "
			   "with -f FILE",
			   root);
}

void load_paths(struct documents *s, const char *const *paths, size_t n, struct diag *d)
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

bool load_check(struct config *c, const struct documents *s, struct diag *d)
{
	for (size_t i = 0; i < s->count; i++)
		config_add(c, s->items[i].path, s->items[i].bytes, s->items[i].len, d);
	return config_check(c, d);
}

bool load_config(struct config *c, const char *const *paths, size_t n, struct diag *d)
{
	struct documents s = { .arena = c->arena };

	load_paths(&s, paths, n, d);
	return load_check(c, &s, d);
}
