#include "firstboot/named.h"

#include <string.h>

#include "base/diag.h"
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

size_t named_keys(struct arena *a, const char *bytes, size_t len,
		  const char *ret[static NAMED_MOST])
{
	struct diag d = { .arena = a };

	return collect(node_parse(a, "configuration", bytes, len, &d)->child, ret, 0);
}
