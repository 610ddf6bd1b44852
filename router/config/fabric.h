/* fabric.h - the kinds that are written once for all nodes; expand.h makes the explicit ones.
 */
#pragma once

#include "config/config.h"
#include "config/kind.h"

#define FABRIC_NAMED 12 /* nodes, in one error */

struct sam_node {
	struct list_item item;
	const char *name, *site, *role;
	struct addr overlay;
	struct key key; /* all zero: the peers folder brings it */
	struct endpoint endpoint;
	struct list allowed; /* struct addr */
	uint32_t keepalive;
};

struct sam_node_set {
	struct object object;
	struct list nodes; /* struct sam_node */
};

/* Where a pool's members are described. */
struct pool_source {
	struct list_item item;
	struct ref set;
};

extern const struct field set_ref_fields[]; /* of a struct pool_source */

struct pool_member {
	struct list_item item;
	const char *name;
	struct list owned; /* struct addr */
	const char *capture;
	struct link_ref link;
	struct ref provider;
	const char *nic;
	bool announce, auto_link, auto_nic;
};

struct mobility_pool {
	struct object object;
	struct addr prefix;
	struct list sources, members; /* struct pool_source, struct pool_member */
};

/* Every node of every set, by name. */
struct fabric_node {
	const struct sam_node_set *set;
	const struct sam_node *node;
};

struct fabric {
	struct fabric_node *nodes;
	size_t count;
	const struct object **pools;
	size_t pool_count;
};

/* Is it one of the kinds that are written once? */
bool fabric_is(const struct object *o);
int fabric_place_compare(const struct node *a, const struct node *b); /* file, line, column */
/* Of objects that have no faults; c is indexed. */
void fabric_collect(const struct config *c, struct fabric *f);
/* Is the set one of a pool's membersFrom? */
bool fabric_is_source(const struct config *c, const struct mobility_pool *p,
		      const struct sam_node_set *s);
/* fabric_check.c: what is said twice, differently, or not at all, whichever node it is read as:
 * every fault with its place and its cure. c is indexed. False: there is one, or one that was
 * found before, or a set that does not exist, which config_check() tells as any reference.
 */
bool fabric_check(struct config *c, struct fabric *f, struct diag *d);
/* The node of a pool's member; NULL: none, which fabric_check() has said. */
const struct fabric_node *fabric_member(const struct config *c, const struct fabric *f,
					const struct mobility_pool *p,
					const struct pool_member *m);
/* How a node captures what the other members of a pool own: a word of capture_types. */
const char *fabric_capture(const struct sam_node *n, const struct pool_member *m);
/* The first of that name; NULL: none. */
const struct fabric_node *fabric_node(const struct fabric *f, const char *name);
/* BLAKE2b of what the fabric says, its layout and comments aside, 16 hexadecimal digits. */
const char *fabric_digest(const struct config *c, struct arena *a);
