/* store.h - configurations that were in force, in /var/lib/routerd.
 *
 * Each is a folder configs/DIGEST that holds its documents as they were read; links name
 * those that matter, and a folder that none names is removed. Every step leaves a state that
 * the next start can go on from. Functions return 0 or a negative errno. */
#pragma once

#include "load.h"

#define STORE "/var/lib/routerd"

enum store_link {
	STORE_GOOD,	/* in force, or was last */
	STORE_PREVIOUS, /* in force before it */
	STORE_REVERT,	/* to go back to: by a rollback under way, or unless confirmed */
	STORE_LINKS,
};

const char *store_path(enum store_link link); /* "/var/lib/routerd/good" */
bool store_has(enum store_link link);
/* Makes s the good one; what was good becomes the previous one. The same again: nothing. */
int store_keep(const struct documents *s);
/* Lets to name what from names. */
int store_point(enum store_link to, enum store_link from);
int store_drop(enum store_link link); /* fine when there is none */
/* Makes /etc/routerd/router.yaml and conf.d as link names them; where there is no room for
 * them, nothing is changed. Files that were not there then, and edits that were never in
 * force, are renamed to NAME.aside, nothing is lost. Again after an error: it goes on. */
int store_restore(enum store_link link);
