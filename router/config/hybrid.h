/* hybrid.h - the objects of selective address mobility, for those who explain them. */
#pragma once

#include "config/net.h"

struct overlay_peer {
	struct object object;
	const char *role, *node, *type, *remote_node;
	struct link_ref link;
	struct addr address, remote_address;
	uint32_t underlay_mtu;
	const struct wireguard_peer *tunnel; /* NULL: a routed underlay */
	bool unallowed;			     /* no peer's allowedIPs hold its address */
};

struct hybrid_route {
	struct object object;
	struct list destinations; /* struct addr */
	struct ref peer;
	uint32_t table, metric;
	const char *health;
};

struct mobility_domain {
	struct object object;
	struct addr prefix;
	const char *mode;
	struct ref peer;
	struct list owned; /* struct addr */
};

struct cloud_provider {
	struct object object;
	const char *provider, *subscription, *group, *region, *compartment, *project, *zone;
	struct list capabilities;
	const char *auth_mode, *auth_command;
};

struct address_claim {
	struct object object;
	struct ref domain, peer, provider;
	struct addr address;
	const char *owner, *capture, *provider_mode, *nic, *mode;
	struct link_ref link, tunnel;
	bool announce, configure;
	bool auto_link, auto_nic; /* capture.interface, capture.nicRef: auto.h */
};

/* The OverlayPeer that owns a claimed address. Only of a claim without fault. */
const struct overlay_peer *claim_peer(const struct address_claim *a);
/* The largest packet that surely gets through to the peer, in bytes; *why in words. */
uint32_t overlay_mtu(const struct overlay_peer *p, const char **why);
