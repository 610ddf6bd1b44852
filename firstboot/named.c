#include "firstboot/named.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/yaml.h"

static bool is_kind(const struct node *n, const char *kind)
{
	const char *text = n->type == NODE_MAP ? node_text(n, "kind") : NULL;

	return text && strcmp(text, kind) == 0;
}

static const struct node *spec_of(const struct node *n)
{
	const struct node *spec = node_get(n, "spec");

	return spec && spec->type == NODE_MAP ? spec : NULL;
}

/* Of resources, from the first on. */
static size_t collect(const struct node *first, const char **ret, size_t count)
{
	for (const struct node *n = first; n && count < NAMED_MOST; n = n->next) {
		const struct node *spec, *list;
		const char *path;

		if (n->type != NODE_MAP)
			continue;
		spec = spec_of(n);
		path = spec && is_kind(n, "WireGuardInterface")
			   ? node_text(spec, "privateKeyFile")
			   : NULL;
		if (path && *path == '/')
			ret[count++] = path;
		list = spec && is_kind(n, "Router") ? node_get(spec, "resources") : NULL;
		if (list && list->type == NODE_LIST)
			count = collect(list->child, ret, count);
	}
	return count;
}

static size_t add_keys(struct arena *a, const char *bytes, size_t len, const char **ret,
		       size_t count)
{
	struct diag d = { .arena = a };

	return collect(node_parse(a, "configuration", bytes, len, &d)->child, ret, count);
}

size_t named_keys(struct arena *a, const char *bytes, size_t len,
		  const char *ret[static NAMED_MOST])
{
	return add_keys(a, bytes, len, ret, 0);
}

/* routerd's rule, router/load.h. */
static int is_document(const struct dirent *e)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	const char *dot = *e->d_name == '.' ? NULL : strrchr(e->d_name, '.');

	for (size_t i = 0; dot && i < sizeof(endings) / sizeof(*endings); i++)
		if (strcmp(dot, endings[i]) == 0)
			return 1;
	return 0;
}

static size_t add_file(struct arena *a, const char *path, const char **ret, size_t count)
{
	size_t len;
	char *text;

	if (file_read_plain(a, path, YAML_BYTES, &text, &len) < 0)
		return count;
	return add_keys(a, text, len, ret, count);
}

size_t named_in_place(struct arena *a, const char *ret[static NAMED_MOST])
{
	size_t count = add_file(a, NAMED_FILE, ret, 0);
	struct dirent **list;
	int n = scandir(NAMED_FOLDER, &list, is_document, alphasort);

	for (int i = 0; i < n; i++) {
		count = add_file(a, arena_printf(a, NAMED_FOLDER "/%s", list[i]->d_name), ret,
				 count);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return count;
}

bool named_has_folder(void)
{
	CLEAN(close_folder) DIR *dir = opendir(NAMED_FOLDER);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_document(e))
			return true;
	return false;
}

bool named_is_in_place(void)
{
	return access(NAMED_FILE, F_OK) == 0 || named_has_folder();
}
