/* prereq.h - what the router cannot run without, and the tools that people want beside it.
 *
 * What must be there is found out by trying ('routerctl doctor host'), not by looking for
 * packages. What is missing is installed, by apt or dnf, where there is one: through locks,
 * stale lists and mirrors that are being synchronised, and within a deadline. A tool that
 * cannot be had never fails a boot. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

#define PREREQ_DEADLINE 300 /* s */

struct prereq {
	const char *root; /* of the system that packages go into: "" */
	const char *routerctl;
	bool no_install;
	bool dry_run;
	unsigned deadline; /* s, for installing; 0: PREREQ_DEADLINE */
};

/* One sentence each, for people; NULL: nothing to say. */
struct prereq_end {
	const char *missing;   /* what the router cannot run without, with the remedy */
	const char *wished;    /* tools that could not be had, and why */
	const char *installed; /* package names; in a dry run, those that would be */
};

/* 0; -ENODEV: something is missing that the router needs; *ret says what in both cases. */
int prereq_run(struct arena *a, const struct prereq *q, struct prereq_end *ret);
