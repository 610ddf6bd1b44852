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

#define CONFIG_OBJECTS 200000 /* in all files together */

struct kind;
struct object;

struct config {
	struct arena *arena;
	struct object **objects; /* in the order of the files; sorted by name after the check */
	size_t count, room;
	const char *node;	      /* metadata.name of the Router document; NULL: none */
	const char *node_file, *host; /* what the machine is called; NULL: not known */
	struct facts facts;	      /* of the machine; all zero: not known */
	struct object **index;
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

/* May metadata.name be so? */
bool config_is_name(const char *text);
/* May a node be called so? Its name is a file's, too. */
bool config_is_node(const char *text);
const struct object *config_find(const struct config *c, const struct kind *k,
				 const char *name);
/* "RemoteAddressClaim/db"; "" for NULL. */
const char *object_name(struct arena *a, const struct object *o);
