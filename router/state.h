/* state.h - what is, or should be, in the kernel; and the way from one to the other.
 *
 * Wanted and observed state are the same type, so one merge walk compares them whatever
 * the item. Pure: no system calls, no clock, no globals. */
#pragma once

#include <stddef.h>

#include "item.h"

struct state {
	struct arena *arena;
	struct item *items;
	size_t count, room;
	unsigned blind; /* observed: bit (1 << item_type) set where we may not look */
	bool sorted;
};

enum verb {
	VERB_ADD,
	VERB_CHANGE,
	VERB_DELETE,
};

struct op {
	enum verb verb;
	const struct item *want, *have; /* NULL where there is none */
	const struct object *origin;	/* NULL: nobody asks for it any more */
	int error;			/* negative errno after apply */
	const char *why;		/* the kernel's or the driver's words, or NULL */
	bool moot;			/* it was so already when it was done */
	const char *note;		/* something to tell though it went well, or NULL */
};

struct plan {
	struct op *ops;
	size_t count;
};

void state_add(struct state *s, const struct item *it);

/* Sorts by type and key and keeps one item of each key: two objects may want the same.
 * Where they want it differently, clash() is told (NULL: it is ignored). */
void state_sort(struct state *s,
		void (*clash)(void *arg, const struct item *a, const struct item *b),
		void *arg);
/* Does s, which is sorted, hold an item of this one's key? */
const struct item *state_find(const struct state *s, const struct item *it);
/* The allowed IP of a link that holds an address: the longest prefix, as WireGuard itself
 * chooses. s is sorted. */
const struct item *state_allowed(const struct state *s, const char *link, const struct addr *a);
/* A wanted state as it would be observed had it been applied: for plans with no kernel. */
void state_imagine(struct state *s);
/* Sorts both states; links named in an exclusive address lose their other addresses. The
 * plan points into them. What goes with its link or its peer gets no op of its own. */
void state_diff(struct state *have, struct state *want, struct plan *plan);

/* What the op is about. A delete that has a want is a wanted absence. */
static inline const struct item *op_item(const struct op *op)
{
	return op->verb == VERB_DELETE ? op->have : op->want;
}

const char *verb_name(enum verb verb);
