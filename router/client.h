/* client.h - the other end of the control socket: asks the daemon. */
#pragma once

#include "base/out.h"
#include "base/yaml.h"

#define CLIENT_SECONDS 30 /* for each step; a pass over 50,000 addresses takes less */

struct client;

struct answer {
	const char *error;	       /* "io.routerd.Busy"; NULL: it went well */
	const struct node *parameters; /* a map */
	bool continues;
};

/* To the daemon of this network namespace. 0 or a negative errno: -EACCES, neither root nor of
 * group routerd; -ECONNREFUSED and -ENOENT, nobody there; -ETIMEDOUT, somebody who takes
 * nobody's call for CLIENT_SECONDS, which the others below return, too. */
int client_open(struct client **ret);
void client_close(struct client **c); /* for CLEAN() */
/* Asks for a method of io.routerd. write(), if not NULL, writes the parameters into the
 * open map o. */
int client_call(struct client *c, const char *method, bool more,
		void (*write)(struct out *o, const void *arg), const void *arg);
/* The next answer, in the arena; waits for it, and without end after one that continues.
 * -EPROTO: not an answer, or none any more. */
int client_answer(struct client *c, struct arena *a, struct answer *ret);
