/* control.h - the control socket: varlink on a Unix stream socket.
 *
 * Who may connect is the socket's mode and group; what only root may call is known by
 * SO_PEERCRED. Nothing here waits for a client: one that does not read gets no further call
 * served, and when there are too many, the one that has been quiet the longest goes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "varlink.h"

#define CONTROL_SOCKET "/run/routerd/io.routerd"
#define CONTROL_GROUP  "routerd" /* may read; where the system has it */

#define CONTROL_CLIENTS 64
#define CONTROL_REQUEST (64 * 1024) /* bytes of a request, at most */
#define CONTROL_REPLIES                                                                        \
	(32 * 1024 * 1024) /* bytes of replies that wait for readers, of all                   \
			    */

struct call {
	const struct node *parameters; /* a map, or NULL */
	bool again;	/* made by control_changed() for one who watches: takes no time */
	uint64_t since; /* what they have seen; 0: nothing yet */
};

/* Writes the reply's parameters into the open map o. NULL, or an error's full name, whose
 * parameters were written then. *since, for methods that are watched: what was told;
 * unchanged when there is nothing new, and then nothing is sent. */
typedef const char *control_method(void *arg, const struct call *call, struct out *o,
				   uint64_t *since);

struct control_entry {
	const char *name; /* "Reload" */
	control_method *run;
	bool root;    /* only root may */
	bool watched; /* with "more", again whenever control_changed() is called */
};

struct control;

/* description: the interface's, in varlink's language; its methods are table's, which ends
 * with a NULL name. -EADDRINUSE: somebody answers on that path. */
int control_open(struct control **ret, struct loop *l, const char *path,
		 const char *description, const struct control_entry *table, void *arg);
void control_close(struct control **c);
/* Tells those who watch. */
void control_changed(struct control *c);

#define CONTROL_INTERFACE "io.routerd"
