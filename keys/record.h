/* record.h - what is known of a key, in a text beside it: PATH.record, mode 0600.
 *
 * Whoever copies a machine's disk copies its key, and two machines with one key take the
 * tunnel from each other. So the record says which machine the key was made for, in hashes:
 * an identity is compared, never read back. It is no secret and no proof. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "keys/identity.h"

#define RECORD_HASH_BYTES 16
#define RECORD_STRLEN	  320 /* with NUL */

/* RECORD_KEY is the key's public half: a record of another key says nothing of this one. */
enum record_part { RECORD_KEY, RECORD_PROVIDER, RECORD_INSTANCE, RECORD_UUID, RECORD_PARTS };

struct record {
	unsigned generation; /* of the key: 1 is the first */
	int64_t created;     /* seconds since 1970; 0: not known */
	bool known[RECORD_PARTS];
	/* The first bytes of SHA-256("routerd identity\0" NAME "\0" VALUE). */
	uint8_t hash[RECORD_PARTS][RECORD_HASH_BYTES];
};

struct record_story {
	enum {
		RECORD_NO_KEY,	/* nothing to settle */
		RECORD_SAME,	/* the same machine, or nobody can tell */
		RECORD_FILLED,	/* the same, and something was learned and written down */
		RECORD_CLONE,	/* a copy: the key was moved aside, make another */
		RECORD_ADOPTED, /* a copy that is to keep the key */
	} end;
	const char *changed;  /* of a copy: "uuid" or "instance" */
	char aside[PATH_MAX]; /* RECORD_CLONE: where the key is; also set when it fails then */
};

/* Before the key at key_path is used: is this the machine it was made for? Another uuid is
 * another machine, and so is another instance of the same cloud; a NoCloud or ConfigDrive
 * instance changes with every edit of its seed. A copy's key, its PATH.next and PATH.previous,
 * and its record are moved to PATH.clone-TIME, unless adopt says that the key moves house. A
 * kill at any point leaves what a second call brings to the same end: the record goes last.
 * Callers at once are fine. key_lock()'s errors, or those of reading, writing and renaming. */
int record_settle(const char *key_path, const struct identity *now, bool adopt,
		  struct record_story *ret);
/* Writes the record of a key that was just made. key_load()'s errors, file_write()'s. */
int record_made(const char *key_path, const struct identity *now, unsigned generation);

/* -ENOENT; -EBADMSG: there is something else, whatever it is; open(2)'s and read(2)'s. */
int record_load(const char *key_path, struct record *ret);
int record_save(const char *key_path, const struct record *r);
/* "NAME VALUE" lines; names of later versions are passed over. Cuts text up. -EBADMSG. */
int record_parse(char *text, struct record *ret);
const char *record_print(const struct record *r, char buf[static RECORD_STRLEN]);
