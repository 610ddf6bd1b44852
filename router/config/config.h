/* config.h - documents in, wanted state out.
 *
 *	config_add() each file, config_check() once, config_lower() as often as you like.
 *
 * Every fault of every file is reported, each with its place; nothing is lowered from a
 * configuration that has one. Objects live in the arena the caller gave, so do the states
 * lowered from it. */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "base/facts.h"
#include "state.h"

#define CONFIG_OBJECTS	 200000		     /* in all files together */
#define CONFIG_NODE_FILE "/etc/routerd/node" /* this node's name */

struct kind;
struct object;

struct config {
	struct arena *arena;
	struct object **objects; /* in the order of the files; sorted by name after the check */
	size_t count, room;
	const char *node;	      /* metadata.name of the Router document; NULL: none */
	const char *node_file, *host; /* what the machine is called; NULL: not known */
	const char *as;		      /* the node it is to be read as; NULL: this machine */
	const char *self;	      /* checked: its node in those sets; NULL: it is none */
	bool stranger; /* checked: there are sets, and the machine is none of their nodes */
	const char *fabric; /* checked: fabric_digest(); NULL: nothing was written once */
	bool facts_as; /* facts are those of the node it is read as, whatever this machine is */
	bool elsewhere; /* checked: that node is another machine, of which there are no facts */
	struct facts facts;    /* of the machine; all zero: not known */
	struct object **index; /* by kind and name */
	size_t index_count;
	struct state
	    allowed; /* every WireGuardPeer's allowed IPs, to look peers up by address */
};

/* Decodes one file's bytes, a Router document or a stream of resources. file must outlive c. */
void config_add(struct config *c, const char *file, const char *buf, size_t len,
		struct diag *d);
/* The same of a file in the peers folder: one WireGuardPeer, named after its node. It gives the
 * key, and what else they leave out, to a WireGuardPeer of that name or to that of the
 * OverlayPeer with that nodeID; without either it is a peer itself. known: it
 * was in force before. vouched: its nextPublicKey counts. */
void config_add_peer(struct config *c, const char *file, const char *buf, size_t len,
		     bool known, bool vouched, struct diag *d);
/* Resolves references and checks what one object alone cannot tell. True: no error in d. */
bool config_check(struct config *c, struct diag *d);
/* The wanted state, sorted. Only after a config_check() that was true. */
void config_lower(const struct config *c, struct state *want);

/* The nodes of its SAMNodeSets, each once, by name; in the arena. c is checked, or a
 * stranger's. */
size_t config_nodes(const struct config *c, struct arena *a, const char *const **ret);

#define CONFIG_ROLES 2
/* Of a checked configuration that is a stranger's: the first node of each role in its
 * SAMNodeSets. */
size_t config_examples(const struct config *c, const char *ret[static CONFIG_ROLES]);

/* May metadata.name be so? */
bool config_is_name(const char *text);
/* May a node be called so? Its name is a file's, too. */
bool config_is_node(const char *text);
/* The first of that name. */
const struct object *config_find(const struct config *c, const struct kind *k,
				 const char *name);
/* "RemoteAddressClaim/db"; "" for NULL. */
const char *object_name(struct arena *a, const struct object *o);
