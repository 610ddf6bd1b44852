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
#include "state.h"

#define CONFIG_OBJECTS 200000 /* in all files together */

struct kind;
struct object;

struct config {
	struct arena *arena;
	struct object **objects; /* in the order of the files; sorted by name after the check */
	size_t count, room;
	const char *node; /* metadata.name of the Router document; NULL: none */
	struct object **index;
	struct state
	    allowed; /* every WireGuardPeer's allowed IPs, to look peers up by address */
};

/* Decodes one file's bytes, a Router document or a stream of resources. file must outlive c. */
void config_add(struct config *c, const char *file, const char *buf, size_t len,
		struct diag *d);
/* Resolves references and checks what one object alone cannot tell. True: no error in d. */
bool config_check(struct config *c, struct diag *d);
/* The wanted state, sorted. Only after a config_check() that was true. */
void config_lower(const struct config *c, struct state *want);

const struct object *config_find(const struct config *c, const struct kind *k,
				 const char *name);
/* "RemoteAddressClaim/db"; "" for NULL. */
const char *object_name(struct arena *a, const struct object *o);
