/* packages.h - installs packages with the system's own manager, apt or dnf.
 *
 * A first boot is the worst moment for it: another holds the lock, lists are stale, a mirror
 * is being synchronised, the network is not up yet. What may go better later is tried again
 * after growing waits, until a deadline; what will not is told at once. Nothing is ever
 * removed for it, nobody is asked, and what unpacks is not ended in the midst of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct manager;

struct packages {
	struct arena *arena;
	const char *root;    /* of the system that they go into: "" */
	unsigned deadline;   /* s, for all of it; unpacking may take longer */
	const char *refused; /* names that no source has; NULL: none */
	const char *why;     /* what stopped it last, for people; NULL: nothing */

	/* while it works: */
	const struct manager *manager;
	int64_t begin, end; /* clock_ms() */
	bool other;	    /* with the distribution's own mirror, not those configured */
};

/* What stood in the way; the later, the more it hides of the others. */
enum packages_fault {
	FAULT_NONE,
	FAULT_ABSENT,  /* no source has one of the packages */
	FAULT_OTHER,   /* nothing that goes away by waiting */
	FAULT_MIRROR,  /* what came is not what should */
	FAULT_OFFLINE, /* nobody answers */
	FAULT_LOCK,
	FAULT_INTERRUPTED, /* a run before this one was */
	FAULT_LATE,
};

/* How lines of a manager's output, in the C locale, are told apart: the first that is in a
 * line says what it is. FAULT_NONE: that somebody answers. */
struct fault_words {
	enum packages_fault fault;
	const char *words;
};

struct manager {
	const char *name;		 /* of its program */
	const char *database;		 /* is there where it is the system's manager */
	const struct fault_words *words; /* ends with NULL words */
	/* again: after a fault of the mirror's. */
	enum packages_fault (*refresh)(struct packages *p, bool again);
	/* names ends with NULL. */
	enum packages_fault (*install)(struct packages *p, const char *const *names);
	enum packages_fault (*repair)(struct packages *p); /* NULL: nothing to repair */
	bool (*use_other)(struct packages *p); /* NULL, or false: there is no other mirror */
	void (*done)(struct packages *p);      /* NULL */
};

extern const struct manager manager_apt, manager_dnf;

/* NULL: none that we know. */
const struct manager *packages_manager(struct arena *a, const char *root);
/* 0, also when some of the names were refused; or -EIO, -ENETUNREACH, -ETIMEDOUT. names ends
 * with NULL, and loses what was refused. */
int packages_install(struct packages *p, const struct manager *m, const char **names);

/* for managers: */
/* Runs it without anybody to ask, for at most so many s. */
enum packages_fault packages_run(struct packages *p, const char *const *args,
				 unsigned deadline);
unsigned packages_left(const struct packages *p); /* s, one at least */
