/* prereq - runs prereq_run() and prints what it ends with, as JSON. */
#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/clean.h"
#include "base/out.h"
#include "firstboot/prereq.h"

static const struct option options[] = { { "root", required_argument, NULL, 'r' },
					 { "routerctl", required_argument, NULL, 'c' },
					 { "deadline", required_argument, NULL, 'd' },
					 { "no-install", no_argument, NULL, 'n' },
					 { "dry-run", no_argument, NULL, 'y' },
					 { 0 } };

int main(int argc, char **argv)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct prereq q = { .root = "", .routerctl = "routerctl" };
	struct prereq_end end;
	struct out o;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'r')
			q.root = optarg;
		else if (c == 'c')
			q.routerctl = optarg;
		else if (c == 'd')
			q.deadline = (unsigned)atoi(optarg);
		else if (c == 'n')
			q.no_install = true;
		else if (c == 'y')
			q.dry_run = true;
		else
			return 2;
	}
	if (sodium_init() < 0)
		return 71;
	r = prereq_run(a, &q, &end);
	out_open(&o, stdout, OUT_JSON);
	out_text(&o, "missing", end.missing);
	out_text(&o, "wished", end.wished);
	out_text(&o, "installed", end.installed);
	out_close(&o);
	return r < 0;
}
