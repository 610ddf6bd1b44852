/* reconcile.h - one pass: look, compare, do. */
#pragma once

#include "config/config.h"
#include "kernel/kernel.h"

struct pass {
	struct arena *arena; /* holds what follows */
	struct state want, have;
	struct plan plan;
	unsigned failed;
	bool applied; /* the plan was done; results are in its ops */
};

/* Looks at the kernel and compares: the plan is not done yet. want is copied (nothing in it:
 * everything of ours is in the way). 0 and a pass, or a negative errno. */
int pass_new(struct kernel *k, const struct state *want, struct pass **ret);
/* Does the plan. */
void pass_apply(struct kernel *k, struct pass *p);
void pass_free(struct pass *p); /* NULL is fine; for CLEAN(): pass_done() */

static inline void pass_done(struct pass **p)
{
	pass_free(*p);
}

/* What was done may undo other things (the last address of a link takes its routes along)
 * or make possible what failed (a gateway's own route): is it to be looked at again? */
bool pass_again(const struct pass *p);
#define PASSES 3 /* at most, for one cause */

/* Locks, one of each for a network namespace. */
enum reconcile_lock {
	RECONCILE_PASS,	 /* one program at a time changes it */
	RECONCILE_SERVE, /* one daemon, as long as it lives */
};

/* Waits at most so many seconds for who holds it. A descriptor that holds the lock; -EAGAIN,
 * or what the system says. */
int reconcile_lock(enum reconcile_lock which, int seconds);
/* Does a daemon serve this network namespace? Of those who ask, none is taken for it. False
 * also where only root could tell. */
bool reconcile_served(void);
/* Has this process the right to change the network, CAP_NET_ADMIN? */
bool reconcile_allowed(void);
