#include "firstboot/fetch.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "firstboot/run.h"

#define PROGRAM "routerd-fetch"

int fetch_url(struct arena *a, const struct fetch *q, const char **ret, size_t *ret_len,
	      const char **ret_words)
{
	const char *max = arena_printf(a, "--max=%zu", q->max);
	const char *deadline = arena_printf(a, "--deadline=%u", q->deadline);
	const char *ca = arena_printf(a, "--ca-file=%s", q->ca_file ? q->ca_file : "");
	const char *const args[] = { PROGRAM, max, deadline, ca, NULL };
	const struct run run = { .path = run_find(a, PROGRAM),
				 .args = args,
				 .env = run_proxies(a),
				 .in = q->url,
				 .in_len = strlen(q->url),
				 .max = q->max };
	struct run_end end;
	int r = run_program(a, &run, &end);

	if (r < 0) {
		*ret_words =
		    arena_printf(a, "%s: %s: is it installed?", run.path, strerror(-r));
		return r;
	}
	if (run_is_fine(&end)) {
		*ret = end.out;
		*ret_len = end.len;
		return 0;
	}
	*ret_words = WIFEXITED(end.status) && end.len
			 ? arena_printf(a, "%.*s", (int)strcspn(end.out, "\n"), end.out)
			 : arena_printf(a, PROGRAM " %s: does libcurl run here?",
					run_words(a, &run, &end));
	return WIFEXITED(end.status) && WEXITSTATUS(end.status) == FETCH_AGAIN ? -EAGAIN : -EIO;
}
