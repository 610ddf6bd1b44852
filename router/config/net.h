/* net.h - the objects other families of kinds look into. */
#pragma once

#include "config/kind.h"

struct wireguard_interface {
	struct object object;
	const char *key_file;
	uint32_t port, mtu;
	const char *self;
	struct list peers_from;
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
