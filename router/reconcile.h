/* reconcile.h - one pass: look, compare, do. */
#pragma once

#include "config/config.h"
#include "kernel/kernel.h"

struct pass {
	struct state want, have;
	struct plan plan;
	unsigned failed;
};

/* Fills p, whose states' arenas the caller set and whose want it lowered (nothing wanted:
 * everything of ours is in the way). The plan is not done yet. 0 or a negative errno. */
int reconcile_plan(struct kernel *k, struct pass *p);
/* Does the plan. Results are in the ops; p->failed counts those that failed. */
void reconcile_apply(struct kernel *k, struct pass *p);

/* One program at a time changes one network namespace: waits at most so many seconds for
 * the other. A descriptor that holds the lock, or -EAGAIN. */
int reconcile_lock(int seconds);
