/* self.h - what a configuration says of its own node, for other nodes to know. */
#pragma once

#include "config/config.h"
#include "config/kind.h"

struct self_peer {
	const char *name;
	struct key key, next; /* next all zero: none */
};

/* One of each WireGuardInterface. */
struct self {
	const char
	    *node; /* never NULL; the interface's name is part of it where it has others */
	const char *link, *key_file;
	struct endpoint endpoint; /* host NULL: not known */
	const char *fabric;	  /* digest of what was written once; NULL: nothing was */
	struct addr *allowed;	  /* overlay addresses, then what lives here */
	size_t allowed_count;
	struct self_peer *peers; /* who knows our key */
	size_t peer_count;
};

/* Of a checked configuration; all in the arena. */
size_t config_selves(const struct config *c, struct arena *a, struct self **ret);
