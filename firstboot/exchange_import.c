#include "firstboot/exchange_import.h"

#include <errno.h>
#include <string.h>

#include "firstboot/run.h"

int exchange_import(struct arena *a, const char *node, bool preshared, const char *text,
		    size_t len, const char **ret_words)
{
	const char *args[] = { "routerctl", "import", "--node", node,
			       "--replace", NULL,     NULL,	NULL };
	struct run q = { .path = run_find(a, "routerctl"),
			 .args = args,
			 .in = text,
			 .in_len = len,
			 .talks = true };
	struct run_end end;
	size_t n = 5;
	int r;

	if (preshared)
		args[n++] = "--preshared-key";
	args[n] = "-";
	r = run_program(a, &q, &end);
	if (r < 0) {
		*ret_words = arena_printf(a, "%s cannot be run: %s: is it installed?", q.path,
					  strerror(-r));
		return r;
	}
	if (run_is_fine(&end))
		return 0;
	*ret_words = arena_printf(a,
				  "%s import does not take the document (%s): its words are "
				  "above; it is tried again next time",
				  q.path, run_words(a, &q, &end));
	return -EIO;
}
