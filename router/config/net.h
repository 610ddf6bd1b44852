/* net.h - the objects other families of kinds look into. */
#pragma once

#include "config/kind.h"

struct wireguard_peer;

struct wireguard_interface {
	struct object object;
	const char *key_file;
	uint32_t port, mtu;
	const char *self;
	const struct wireguard_peer *peer; /* one of its peers; NULL: it has none */
	size_t peers;
};

struct wireguard_peer {
	struct object object;
	struct ref link; /* to a wireguard_interface */
	struct key key;
	struct endpoint endpoint;
	struct list allowed; /* struct addr */
	uint32_t keepalive;
	const char *psk_file;
};
