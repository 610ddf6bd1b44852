/* active.h - the configuration in force, and how another takes its place.
 *
 * What does not validate never does: what is in force stays, and after a start the last good
 * one is used. Functions that leave a new configuration in *ret hand it over; it is in force
 * when the caller has made the kernel so. */
#pragma once

#include "config/keep.h"
#include "load.h"

/* What apply -f leaves for active_install(): this and six letters. */
#define ACTIVE_STAGED LOAD_ROOT "/.router.yaml."

enum active_source {
	ACTIVE_NONE,	  /* waiting for a configuration */
	ACTIVE_FILES,	  /* /etc/routerd as it is */
	ACTIVE_LAST_GOOD, /* /etc/routerd has faults */
};

struct active {
	enum active_source source;
	char *faults;		/* of the files as they are now, a line each; NULL: none */
	int64_t confirm_until;	/* now_ms(); 0: nothing awaits confirmation */
	bool none_yet;		/* there is no file, and none was ever in force */
	bool reverting;		/* its time is over, and the files could not be put back yet */
	char *warnings;		/* of what is in force, a line each; NULL: none */
	const char *kept_error; /* why what is in force could not be kept as last good; NULL */
	unsigned reloads, rejected;
};

/* At start: ends a rollback that a kill interrupted, goes back from what was never
 * confirmed, reads the files, or else the last good. *ret NULL: there is neither. */
void active_start(struct active *a, struct kept **ret);
/* Reads the files again. -EBADMSG: a->faults says what is wrong, and nothing changed. */
int active_reload(struct active *a, struct kept **ret);
/* Now and then: what could not be read or kept may have become readable, and the disk may
 * have room again. *ret as of active_reload(), or NULL. */
void active_tick(struct active *a, struct kept **ret);
/* Checks the file staged, called shown in faults, in the place of router.yaml, and puts it
 * there. With confirm_ms, what was in force comes back unless active_confirm() is called in
 * time. -EBADMSG: *faults (to be freed); -EALREADY: another change awaits confirmation;
 * -ENODATA: there is nothing to go back to; or what the disk says. */
int active_install(struct active *a, const char *staged, const char *shown, int64_t confirm_ms,
		   struct kept **ret, char **faults);
int active_confirm(struct active *a); /* -ENODATA: nothing awaits it; or the disk's word */
/* Back to what an unconfirmed change replaced; else, where the files have faults, to what is
 * in force; else to what was in force before. -ENODATA: there is nothing to go back to;
 * -EBADMSG: it has *faults by now. What the disk says, with *ret set: the time for a
 * confirmation is over and *ret is to be in force, but the files could not be put back: to be
 * called again. */
int active_rollback(struct active *a, struct kept **ret, char **faults);
