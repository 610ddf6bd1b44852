/* keep.h - what outlives the documents: objects by name and place, and the wanted state.
 *
 * A daemon holds a configuration for months, and of a claim's 6 KiB of document only this
 * much is asked for again. Everything is copied into an arena of its own. */
#pragma once

#include "config/config.h"
#include "config/self.h"

struct kept {
	struct arena *arena;
	struct object *objects; /* by kind, then name; without their specs */
	size_t count;
	struct state want; /* sorted; origins point into objects */
	bool wants_facts;  /* something waits for what this machine has */
	struct self *selves;
	size_t self_count;
};

/* Of a checked configuration. */
struct kept *config_keep(const struct config *c) __attribute__((returns_nonnull));
void kept_free(struct kept *k); /* NULL is fine; for CLEAN(): kept_done() */

static inline void kept_done(struct kept **k)
{
	kept_free(*k);
}
