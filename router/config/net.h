/* net.h - the objects other families of kinds look into. */
#pragma once

#include "config/kind.h"

struct wireguard_peer;

struct wireguard_interface {
	struct object object;
	const char *key_file;
	uint32_t port, mtu;
	const char *self;
	struct list sources;		   /* struct pool_source, fabric.h */
	struct endpoint endpoint;	   /* where others reach us */
	bool auto_endpoint;		   /* auto.h */
	const struct wireguard_peer *peer; /* one of its peers; NULL: it has none */
	size_t peers;
};

struct wireguard_peer {
	struct object object;
	struct ref link; /* to a wireguard_interface */
	struct key key;	 /* all zero: it waits for one */
	struct key next; /* that takes key's place as soon as the peer uses it; zero: none */
	struct list vouchers;
	const char *node; /* that its namesake OverlayPeer names; NULL: none */
	struct endpoint endpoint;
	struct list allowed; /* struct addr */
	uint32_t keepalive;
	const char *psk_file;
	const char *fabric; /* digest of its node's, by its export; NULL: not known */
};

struct route {
	struct object object;
	struct addr destination, gateway;
	const char *type;
	struct link_ref device;
	uint32_t metric;
};

struct static_address {
	struct object object;
	struct link_ref link;
	struct addr address;
	bool exclusive;
};
