/* load.h - which files are the configuration. */
#pragma once

#include <sys/types.h>

#include "config/config.h"

#define LOAD_ROOT   "/etc/routerd"
#define LOAD_FILE   LOAD_ROOT "/router.yaml"
#define LOAD_FOLDER LOAD_ROOT "/conf.d"
#define LOAD_PEERS  LOAD_ROOT "/peers"

struct document {
	const char *path; /* as faults name it */
	const char *name; /* below the root: "conf.d/a.yaml"; NULL where there is no root */
	mode_t mode;
	char *bytes;
	size_t len;
	bool peer;	   /* of the peers folder: peers.h */
	const char *again; /* what 'routerctl import' was given; NULL: path */
	bool bare;	   /* a line of base64, no document */
	bool confirmed;	   /* somebody said that its key is right, whatever was known */
	bool expected;	   /* somebody compared its fingerprint */
	bool unvouched;	   /* its nextPublicKey does not count */
	bool judged, left_out;
	bool known;	  /* its node was in force before */
	const char *node; /* whose it is, once that is known */
};

/* What was read is what is checked, and what is kept as the last good. */
struct documents {
	struct arena *arena;
	struct document *items;
	size_t count, room;
	const char *facts;    /* the file of the machine's facts; NULL: facts_load()'s */
	const char *warnings; /* of a configuration without fault, a line each; NULL: none */
	bool none;	      /* load_root(): there is no file, which is a fault, too */
	struct diag unread;   /* what load_paths() found, which stays when it is checked anew */
};

/* Reads files, folders (their *.yaml, *.yml and *.json, by name) and "-", standard input;
 * with n 0, what load_root() reads in LOAD_ROOT. Faults go to d. */
void load_paths(struct documents *s, const char *const *paths, size_t n, struct diag *d);
/* router.yaml, conf.d and peers below root, of which some may be missing. main, if not NULL,
 * is read in router.yaml's stead, and called shown in faults. */
void load_root(struct documents *s, const char *root, const char *main, const char *shown,
	       struct diag *d);
void load_add(struct documents *s, const struct document *doc);
/* Is a file of this name read in a folder? */
bool load_reads(const char *name);
/* Decodes and checks them. True when d has no error, and then c is complete. What is wrong
 * with a file of the peers folder leaves out that file, with a warning. */
bool load_check(struct config *c, struct documents *s, struct diag *d);
/* load_paths() and load_check(). */
bool load_config(struct config *c, struct documents *s, const char *const *paths, size_t n,
		 struct diag *d);
