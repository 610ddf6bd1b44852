/* Which keys a configuration names is found without judging it. */
#include <string.h>

#include "firstboot/named.h"
#include "t.h"

#define LINK(file) "{kind: WireGuardInterface, spec: {privateKeyFile: " file "}}"

static const struct {
	const char *text;
	const char *keys; /* with blanks between them */
} cases[] = {
	{ "", "" },
	{ "nonsense: [", "" },
	{ "kind: WireGuardInterface\nspec: 3\n", "" },
	{ LINK("/a"), "/a" },
	{ LINK("relative"), "" },
	{ LINK("[/a]"), "" },
	{ LINK("/a") "\n---\n{kind: WireGuardPeer, spec: {privateKeyFile: /b}}\n---\n" LINK(
	      "/c"),
	  "/a /c" },
	{ "kind: Router\nspec:\n  resources:\n  - " LINK("/a") "\n  - 3\n  - " LINK("/b") "\n",
	  "/a /b" },
	{ "kind: Router\nspec: {resources: 3}\n", "" },
	{ "{\"kind\": \"Router\", \"spec\": {\"resources\": [" LINK("\"/a\"") "]}}", "/a" },
};

int main(void)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *keys[NAMED_MOST], *list = "";
		size_t n = named_keys(a, cases[i].text, strlen(cases[i].text), keys);

		for (size_t k = 0; k < n; k++)
			list = arena_printf(a, "%s%s%s", list, k ? " " : "", keys[k]);
		CHECK(strcmp(list, cases[i].keys) == 0, "%s: %s", cases[i].text, list);
	}
	arena_free(a);
	return t_failed;
}
