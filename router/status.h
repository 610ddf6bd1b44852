/* status.h - how each object fares: two conditions, and what was seen.
 *
 *	Ready		all that the object asks for is in the kernel
 *	Degraded	it is, and yet something does not work as it should
 *
 * Made anew from each pass; the times of transitions, and how often an address had to be
 * removed, are carried over from one to the next by the objects' names. */
#pragma once

#include "config/keep.h"
#include "reconcile.h"

enum tristate {
	STATUS_FALSE,
	STATUS_TRUE,
	STATUS_UNKNOWN, /* only root may see it */
};

struct condition {
	enum tristate is;
	const char *reason;  /* one word in CamelCase, stable */
	const char *message; /* or "" */
	int64_t since;	     /* seconds since 1970 */
};

struct fate {
	struct condition ready, degraded;
	unsigned removed;     /* times that a claimed address was taken off a link */
	int64_t last_removed; /* seconds since 1970; 0: never */
	uint64_t version;     /* of the status in which a condition last changed */
};

struct status {
	struct arena *arena;
	const struct kept *kept;
	struct fate *fates;  /* one for each of kept->objects */
	uint64_t version;    /* goes up when any condition changed */
	size_t ready, count; /* objects */
	size_t degraded;
};

/* The status after p, of what kept asks for. old may be NULL, or of another configuration
 * whose kept is still there. */
struct status *status_new(const struct status *old, const struct kept *kept,
			  const struct pass *p, int64_t now);
void status_free(struct status *s); /* NULL is fine; for CLEAN(): status_done() */

static inline void status_done(struct status **s)
{
	status_free(*s);
}

/* Notes that the address of a claim was removed between passes; returns how often it was
 * so far. A claim of a configuration that is only about to come into force is not noted. */
unsigned status_removed(struct status *s, const struct object *claim, int64_t now);

/* The objects of that kind and name (NULL: any), changed after version since (0: all), into
 * an open list; returns how many. p: the pass that s was made from. */
size_t status_out(struct out *o, const struct status *s, const struct pass *p,
		  const struct kind *kind, const char *name, uint64_t since, int64_t now);
