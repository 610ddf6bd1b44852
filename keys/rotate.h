/* rotate.h - one key after another, by renames: a kill at any point leaves the old key or the
 * new one at PATH, whole, and the next call goes on from there.
 *
 *	PATH.next	announced to the peers, not in use yet
 *	PATH.previous	what was in use, until the new one has proved itself */
#pragma once

#include "keys/key.h"

enum rotation {
	ROTATION_NONE,
	ROTATION_ANNOUNCED, /* there is a next key */
	ROTATION_TRIED,	    /* there is a previous one */
};

/* Functions return 0 or a negative errno. */

enum rotation rotate_state(const char *path);
/* Makes the next key, if there is none. -EBUSY: the last rotation is still being tried;
 * key_load_or_create()'s errors. */
int rotate_begin(const char *path, struct key *ret_public, bool *ret_made);
/* The public half of the next key. -ENOENT: there is none; key_load()'s errors. */
int rotate_next(const char *path, struct key *ret_public);
/* The next key takes its place, the one before is kept. -ENOENT: there is no next one;
 * key_load()'s errors of the next one, and nothing was done. */
int rotate_switch(const char *path);
/* The one before is removed. */
int rotate_finish(const char *path);
/* The one before takes its place again, and what it had followed is the next key again; where
 * nothing was switched, the next key goes. -ENOENT: nothing to go back from. */
int rotate_back(const char *path);
