#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/yaml.h"

static void load_file(struct config *c, const char *path, struct diag *d)
{
	const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
	size_t len;
	char *buf;
	int r = file_read(c->arena, path, YAML_BYTES, &buf, &len);

	if (r == 0)
		config_add(c, name, buf, len, d);
	else
		diag_error(d, (struct mark){ name, 0, 0 }, "cannot be read: %s",
			   r == -EFBIG ? "larger than 32 MiB" : strerror(-r));
}

static int is_document(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
		strcmp(dot, ".json") == 0);
}

static int load_folder(struct config *c, const char *folder, struct diag *d)
{
	struct dirent **list;
	int n = scandir(folder, &list, is_document, alphasort);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(c->arena, "%s/%s", folder, list[i]->d_name);
		struct stat st;

		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) /* a FIFO would hold us up */
			diag_error(d, (struct mark){ path, 0, 0 }, "is not a plain file");
		else
			load_file(c, path, d);
		free(list[i]);
	}
	free(list);
	return n;
}

static void load_default(struct config *c, struct diag *d)
{
	struct stat st;
	bool file = stat(LOAD_FILE, &st) == 0 || errno != ENOENT;

	if (file)
		load_file(c, LOAD_FILE, d);
	if (load_folder(c, LOAD_FOLDER, d) <= 0 && !file)
		diag_error(d, (struct mark){ LOAD_FILE, 0, 0 },
			   "is not there, nor anything in " LOAD_FOLDER
			   "; name the configuration "
			   "with -f FILE");
}

bool load_config(struct config *c, const char *const *paths, size_t n, struct diag *d)
{
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		int r = 1;

		if (strcmp(paths[i], "-") != 0 && stat(paths[i], &st) == 0 &&
		    S_ISDIR(st.st_mode))
			r = load_folder(c, paths[i], d);
		else
			load_file(c, paths[i], d);
		if (r <= 0)
			diag_error(d, (struct mark){ paths[i], 0, 0 }, "%s",
				   r < 0 ? strerror(-r)
					 : "has no *.yaml, *.yml or *.json in it");
	}
	if (n == 0)
		load_default(c, d);
	return config_check(c, d);
}
