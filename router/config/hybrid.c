/* hybrid.c - selective address mobility: who is captured here and where it is delivered. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/auto.h"
#include "config/config.h"
#include "config/hybrid.h"
#include "config/mss.h"

#define AT(type, member) offsetof(struct type, member)

#define MTU_ETHERNET 1500 /* bytes; assumed of a routed underlay that says nothing */

static bool is(const char *word, const char *what)
{
	return word && strcmp(word, what) == 0;
}

/* ---- OverlayPeer ------------------------------------------------------------------------ */

const struct word site_roles[] = { { "onprem" }, { "cloud" }, { 0 } };

#define NOT_BUILT "this router carries overlays by WireGuard or plain routes only"

static const struct word underlay_types[] = {
	{ "wireguard" },
	{ "route" },
	{ "tailscale", NOT_BUILT },
	{ "ipsec", NOT_BUILT },
	{ "ipip", NOT_BUILT },
	{ "gre", NOT_BUILT },
	{ "fou", NOT_BUILT },
	{ "gue", NOT_BUILT },
	{ "vxlan", NOT_BUILT },
	{ 0 },
};

static const struct field underlay_fields[] = {
	{ "type", FIELD_WORD, AT(overlay_peer, type), "what carries the overlay",
	  .required = true, .words = underlay_types },
	{ "interface", FIELD_LINK, AT(overlay_peer, link),
	  "the WireGuardInterface, or for type route the interface towards the peer",
	  .required = true },
	{ "address", FIELD_HOST4, AT(overlay_peer, address),
	  "the peer's overlay address, allowed for its WireGuardPeer where no allowedIPs hold "
	  "it; for type route the next hop. It is not assigned" },
	{ "mtu", FIELD_NUMBER, AT(overlay_peer, underlay_mtu),
	  "MTU of the network under the tunnel, bytes; left out, packets of TCP are held to "
	  "the tunnel's MTU less 80, so 1420 gives an MSS of 1300",
	  .min = 576, .max = 65535 },
	{ 0 },
};

static const struct field remote_fields[] = {
	{ "nodeID", FIELD_TEXT, AT(overlay_peer, remote_node),
	  "how the peer calls us: the name of our export, where selfNodeRef gives none" },
	{ "address", FIELD_HOST4, AT(overlay_peer, remote_address),
	  "our overlay address as the peer knows it; it is not assigned" },
	{ 0 },
};

static const struct field overlay_peer_fields[] = {
	{ "role", FIELD_WORD, AT(overlay_peer, role), "the side the peer stands on",
	  .required = true, .words = site_roles },
	{ "nodeID", FIELD_TEXT, AT(overlay_peer, node),
	  "the peer's node name: whose export in the peers folder is its WireGuardPeer" },
	{ "underlay", FIELD_GROUP, 0, "what carries packets to the peer", .required = true,
	  .fields = underlay_fields },
	{ "remote", FIELD_GROUP, 0, "the peer's view of us", .fields = remote_fields },
	{ 0 },
};

void overlay_warn(const struct object *o, const char *path, const struct addr *a,
		  struct diag *d)
{
	struct addr link_local, shared;

	addr_parse("169.254.0.0/16", &link_local);
	addr_parse("100.64.0.0/10", &shared);
	if (addr_contains(&link_local, a))
		object_warn(o, path, d,
			    "an overlay address in 169.254.0.0/16 (link-local) is cut "
			    "by OCI's default firewall; take one from 10.0.0.0/8");
	if (addr_contains(&shared, a))
		object_warn(o, path, d,
			    "an overlay address in 100.64.0.0/10 (carrier NAT) may "
			    "clash with the provider's; take one from 10.0.0.0/8");
}

/* The peer on a link whose allowed IPs hold an address. */
static const struct wireguard_peer *peer_of_address(struct config *c, const char *link,
						    const struct addr *a)
{
	const struct item *it;

	state_sort(&c->allowed, NULL, NULL);
	it = state_allowed(&c->allowed, link, a);
	return it ? (const void *)it->origin : NULL;
}

/* An import is its node's, and no other's. */
static bool may_carry(const struct wireguard_peer *p, const struct overlay_peer *o)
{
	return p && p->link.to == o->link.to &&
	       (!p->object.imported || !o->node || strcmp(p->object.name, o->node) == 0);
}

/* Which WireGuardPeer carries an OverlayPeer: its namesake on the interface, else its node's,
 * else the one that allows its overlay address, else the only one there is. */
static const struct wireguard_peer *find_tunnel(struct config *c, const struct overlay_peer *o)
{
	const struct wireguard_interface *w = (const void *)o->link.to;
	const struct wireguard_peer *p;

	p = (const void *)config_find(c, &kind_wireguard_peer, o->object.name);
	if (may_carry(p, o))
		return p;
	p = o->node ? (const void *)config_find(c, &kind_wireguard_peer, o->node) : NULL;
	if (may_carry(p, o))
		return p;
	p = o->address.family ? peer_of_address(c, o->link.name, &o->address) : NULL;
	if (!p && w->peers == 1)
		p = w->peer;
	return may_carry(p, o) ? p : NULL;
}

/* Its node is named, so its export may come yet. */
static void wait_for_node(struct object *o, struct diag *d)
{
	const struct overlay_peer *p = (const void *)o;

	o->waits = arena_printf(d->arena,
				"waits for the public key of node '%s': put its export into "
				"/etc/routerd/peers, or 'routerctl import' it",
				p->node);
	o->waits_reason = WAITING_FOR_KEY;
	object_warn(o, "nodeID", d, "%s", o->waits);
}

/* What stands on a peer that waits, waits, too. */
static void wait_with(struct object *o, const struct object *peer, struct diag *d)
{
	if (!peer->waits)
		return;
	o->waits = arena_printf(d->arena, "waits with %s/%s", peer->kind->name, peer->name);
	o->waits_reason = peer->waits_reason;
}

static void overlay_peer_check(struct config *c, struct object *o, struct diag *d)
{
	struct overlay_peer *p = (void *)o;
	bool wireguard = is(p->type, "wireguard");

	if (p->address.family)
		overlay_warn(o, "underlay.address", &p->address, d);
	if (p->remote_address.family)
		overlay_warn(o, "remote.address", &p->remote_address, d);
	if (!wireguard)
		return;
	if (!p->link.to || p->link.to->kind != &kind_wireguard_interface) {
		object_error(
		    o, "underlay.interface", d,
		    "no WireGuardInterface is named '%.60s', and the underlay is of type "
		    "wireguard",
		    p->link.text);
		return;
	}
	p->tunnel = find_tunnel(c, p);
	p->unallowed =
	    p->tunnel && p->address.family && !peer_of_address(c, p->link.name, &p->address);
	if (p->tunnel)
		wait_with(o, &p->tunnel->object, d);
	else if (p->node)
		wait_for_node(o, d);
	else
		object_error(o, "underlay", d,
			     "which WireGuardPeer of %s is meant? Name one '%s', "
			     "or let one's allowedIPs hold the underlay.address",
			     p->link.name, o->name);
}

/* A key that came alone brings no allowed IPs: what its node is by here is allowed anyway. */
static void overlay_peer_lower(const struct config *c, const struct object *o,
			       struct state *want)
{
	const struct overlay_peer *p = (const void *)o;

	(void)c;
	if (p->unallowed)
		state_add(want, &(struct item){ .type = ITEM_ALLOWED,
						.origin = o,
						.link = p->link.name,
						.address = p->address,
						.allowed = { p->tunnel->key } });
}

uint32_t overlay_mtu(const struct overlay_peer *p, const char **why)
{
	const struct wireguard_interface *w = (const void *)p->link.to;
	uint32_t inner;

	*why = "underlay.mtu";
	if (!p->tunnel && p->underlay_mtu)
		return p->underlay_mtu;
	if (!p->tunnel || !p->underlay_mtu) {
		*why = p->tunnel ? "the tunnel's mtu less 80, as underlay.mtu is not given"
				 : "1500 less 80, as underlay.mtu is not given";
		return mss_unknown_mtu(p->tunnel ? w->mtu : MTU_ETHERNET);
	}
	/* A name may turn out to be either family: the larger overhead is safe for both. */
	inner = mss_wireguard_mtu(p->underlay_mtu, p->tunnel->endpoint.address.family == AF_INET
						       ? MSS_WG_OVERHEAD4
						       : MSS_WG_OVERHEAD6);
	if (inner <= w->mtu)
		return inner;
	*why = "the tunnel's mtu";
	return w->mtu;
}

/* What delivers one prefix to the peer, whoever asks for it. */
static void deliver(const struct overlay_peer *p, const struct object *origin,
		    const struct addr *prefix, uint32_t table, uint32_t metric,
		    struct state *want)
{
	struct item clamp = { .type = ITEM_CLAMP, .origin = origin, .link = p->link.name };
	struct addr none = { 0 };

	if (p->tunnel)
		state_add(want, &(struct item){ .type = ITEM_ALLOWED,
						.origin = origin,
						.link = p->link.name,
						.address = *prefix,
						.allowed = { p->tunnel->key } });
	state_add(want, &(struct item){ .type = ITEM_ROUTE,
					.origin = origin,
					.link = p->link.name,
					.address = *prefix,
					.route = { .gateway = p->tunnel ? none : p->address,
						   .table = table,
						   .metric = metric } });
	clamp.clamp.mtu = overlay_mtu(p, &clamp.clamp.why);
	clamp.clamp.mss = mss_of_mtu(clamp.clamp.mtu);
	state_add(want, &clamp);
}

/* Where the tunnel's own packets go must not be sent into the tunnel. */
static void check_loop(const struct overlay_peer *p, const struct object *o, const char *path,
		       const struct addr *prefix, struct diag *d)
{
	if (p->tunnel && p->tunnel->endpoint.address.family &&
	    addr_contains(prefix, &p->tunnel->endpoint.address))
		object_error(o, path, d,
			     "holds %s, the endpoint of %s: the tunnel's own packets would go "
			     "into the tunnel",
			     p->tunnel->endpoint.host,
			     object_where(d->arena, &p->tunnel->object));
}

/* link: the interface it is a setting of; NULL: none */
static void want_sysctl(struct state *want, const struct object *origin, const char *link,
			const char *key, const char *value)
{
	state_add(want, &(struct item){ .type = ITEM_SYSCTL,
					.origin = origin,
					.link = link,
					.sysctl = { .key = key, .value = value } });
}

const struct kind kind_overlay_peer = {
	.name = "OverlayPeer",
	.api = API_HYBRID,
	.help = "the router at another site, and what carries packets to it",
	.size = sizeof(struct overlay_peer),
	.fields = overlay_peer_fields,
	.check = overlay_peer_check,
	.lower = overlay_peer_lower,
};

/* ---- HybridRoute ------------------------------------------------------------------------ */

static const struct field install_fields[] = {
	{ "table", FIELD_NUMBER, AT(hybrid_route, table), "routing table; 254 is main",
	  .fallback = "254", .min = 1, .max = UINT32_MAX },
	{ "metric", FIELD_NUMBER, AT(hybrid_route, metric), "the lower, the better",
	  .max = UINT32_MAX },
	{ 0 },
};

static const struct field hybrid_route_fields[] = {
	{ "destinationCIDRs", FIELD_PREFIXES4, AT(hybrid_route, destinations),
	  "prefixes at the other site", .required = true },
	{ "peerRef", FIELD_REF, AT(hybrid_route, peer), "the OverlayPeer to send them to",
	  .required = true, .ref = &kind_overlay_peer },
	{ "install", FIELD_GROUP, 0, "where the routes go", .fields = install_fields },
	{ "healthCheckRef", FIELD_TEXT, AT(hybrid_route, health),
	  "read, but not acted upon: the routes stand always" },
	{ 0 },
};

static void hybrid_route_check(struct config *c, struct object *o, struct diag *d)
{
	const struct hybrid_route *h = (const void *)o;
	const struct addr *dst = h->destinations.items;

	(void)c;
	wait_with(o, h->peer.to, d);
	for (size_t i = 0; i < h->destinations.count; i++)
		if (dst[i].bits == 0)
			object_error(o, "destinationCIDRs", d,
				     "0.0.0.0/0 would send the tunnel's own packets into the "
				     "tunnel; name the other site's prefixes");
		else
			check_loop((const void *)h->peer.to, o, "destinationCIDRs", &dst[i], d);
	if (h->health)
		object_warn(o, "healthCheckRef", d,
			    "is not acted upon: the routes stand always");
}

static void hybrid_route_lower(const struct config *c, const struct object *o,
			       struct state *want)
{
	const struct hybrid_route *h = (const void *)o;
	const struct addr *dst = h->destinations.items;

	(void)c;
	want_sysctl(want, o, NULL, "net/ipv4/ip_forward", "1");
	for (size_t i = 0; i < h->destinations.count; i++)
		deliver((const void *)h->peer.to, o, &dst[i], h->table, h->metric, want);
}

const struct kind kind_hybrid_route = {
	.name = "HybridRoute",
	.api = API_HYBRID,
	.help = "whole prefixes of another site, routed to its OverlayPeer",
	.size = sizeof(struct hybrid_route),
	.fields = hybrid_route_fields,
	.check = hybrid_route_check,
	.lower = hybrid_route_lower,
};

/* ---- AddressMobilityDomain -------------------------------------------------------------- */

static const struct word domain_modes[] = {
	{ "selective-address" },
	{ "full-l2",
	  "stretching the whole segment carries every broadcast and every loop across "
	  "the sites; claim the addresses you need with selective-address" },
	{ 0 },
};

static const struct field mobility_domain_fields[] = {
	{ "prefix", FIELD_PREFIX4, AT(mobility_domain, prefix), "the subnet both sites share",
	  .required = true },
	{ "mode", FIELD_WORD, AT(mobility_domain, mode), "how addresses move",
	  .fallback = "selective-address", .words = domain_modes },
	{ "peerRef", FIELD_REF, AT(mobility_domain, peer),
	  "the OverlayPeer for claims that name none", .ref = &kind_overlay_peer },
	{ "ownedAddresses", FIELD_PREFIXES4, AT(mobility_domain, owned),
	  "addresses of the subnet that live at this site, each a /32: what our export lets "
	  "other nodes send to us" },
	{ 0 },
};

static void mobility_domain_check(struct config *c, struct object *o, struct diag *d)
{
	const struct mobility_domain *dom = (const void *)o;
	const struct addr *owned = dom->owned.items;
	char text[ADDR_STRLEN], prefix[ADDR_STRLEN];

	(void)c;
	for (size_t i = 0; i < dom->owned.count; i++)
		if (owned[i].bits != 32 || !addr_contains(&dom->prefix, &owned[i]))
			object_error(o, "ownedAddresses", d, "%s is no /32 of %s",
				     addr_print(&owned[i], text),
				     addr_print(&dom->prefix, prefix));
}

const struct kind kind_mobility_domain = {
	.name = "AddressMobilityDomain",
	.api = API_HYBRID,
	.help = "a subnet whose addresses live at more than one site",
	.size = sizeof(struct mobility_domain),
	.fields = mobility_domain_fields,
	.check = mobility_domain_check,
};

/* ---- CloudProviderProfile --------------------------------------------------------------- */

const struct word provider_words[] = { { "azure" }, { "aws" }, { "oci" }, { "gcp" }, { 0 } };

static const struct field auth_fields[] = {
	{ "mode", FIELD_TEXT, AT(cloud_provider, auth_mode),
	  "a remark; no cloud is ever called" },
	{ "command", FIELD_TEXT, AT(cloud_provider, auth_command),
	  "a remark; it is never run" },
	{ 0 },
};

static const struct field cloud_provider_fields[] = {
	{ "provider", FIELD_WORD, AT(cloud_provider, provider), "which cloud", .required = true,
	  .words = provider_words },
	{ "capabilities", FIELD_TEXTS, AT(cloud_provider, capabilities),
	  "what the cloud side may do; a remark" },
	{ "auth", FIELD_GROUP, 0, "how a person authenticates", .fields = auth_fields },
	{ "subscriptionID", FIELD_TEXT, AT(cloud_provider, subscription), "Azure" },
	{ "resourceGroup", FIELD_TEXT, AT(cloud_provider, group), "Azure" },
	{ "region", FIELD_TEXT, AT(cloud_provider, region), "AWS, OCI" },
	{ "compartmentID", FIELD_TEXT, AT(cloud_provider, compartment), "OCI" },
	{ "project", FIELD_TEXT, AT(cloud_provider, project), "GCP" },
	{ "zone", FIELD_TEXT, AT(cloud_provider, zone), "GCP" },
	{ 0 },
};

const struct kind kind_cloud_provider = {
	.name = "CloudProviderProfile",
	.api = API_HYBRID,
	.help = "where the cloud side runs; nothing is ever changed there",
	.size = sizeof(struct cloud_provider),
	.fields = cloud_provider_fields,
};

/* ---- RemoteAddressClaim ----------------------------------------------------------------- */

#define OS_HOLDS "an address the guest itself holds is never forwarded"

const struct word capture_types[] = {
	{ "provider-secondary-ip" },
	{ "proxy-arp" },
	{ "static-host-route",
	  "it is reserved; capture is provider-secondary-ip or proxy-arp" },
	{ "garp", "it is reserved; use proxy-arp with gratuitousARP: true" },
	{ 0 },
};

static const struct word delivery_modes[] = {
	{ "route" },
	{ "bgp", "addresses are delivered by static routes only" },
	{ "attach", "addresses are delivered by static routes only" },
	{ 0 },
};

static const struct field capture_fields[] = {
	{ "type", FIELD_WORD, AT(address_claim, capture),
	  "how packets for the address reach this router", .required = true,
	  .words = capture_types },
	{ "interface", FIELD_LINK, AT(address_claim, link),
	  "the interface on the shared subnet; proxy-arp needs it",
	  .automatic = AT(address_claim, auto_link) },
	{ "gratuitousARP", FIELD_BOOL, AT(address_claim, announce),
	  "proxy-arp: tell the segment when the capture begins" },
	{ "providerRef", FIELD_REF, AT(address_claim, provider),
	  "provider-secondary-ip: the CloudProviderProfile", .ref = &kind_cloud_provider },
	{ "providerMode", FIELD_TEXT, AT(address_claim, provider_mode),
	  "provider-secondary-ip: the provider's word for it; a remark" },
	{ "nicRef", FIELD_TEXT, AT(address_claim, nic),
	  "provider-secondary-ip: the NIC the provider attaches the address to",
	  .automatic = AT(address_claim, auto_nic) },
	{ "configureOSAddress", FIELD_BOOL, AT(address_claim, configure),
	  "must be false: " OS_HOLDS },
	{ 0 },
};

static const struct field delivery_fields[] = {
	{ "peerRef", FIELD_REF, AT(address_claim, peer),
	  "the OverlayPeer that owns the address; the domain's when left out",
	  .ref = &kind_overlay_peer },
	{ "mode", FIELD_WORD, AT(address_claim, mode), "how it is delivered",
	  .fallback = "route", .words = delivery_modes },
	{ "tunnelInterface", FIELD_LINK, AT(address_claim, tunnel),
	  "the peer's underlay interface, said again; the peer's when left out" },
	{ 0 },
};

static const struct field address_claim_fields[] = {
	{ "domainRef", FIELD_REF, AT(address_claim, domain), "the AddressMobilityDomain",
	  .required = true, .ref = &kind_mobility_domain },
	{ "address", FIELD_HOST4, AT(address_claim, address),
	  "the address that lives elsewhere", .required = true },
	{ "ownerSide", FIELD_WORD, AT(address_claim, owner),
	  "the side it lives on; the peer's role when left out", .words = site_roles },
	{ "capture", FIELD_GROUP, 0, "how it is captured here", .required = true,
	  .fields = capture_fields },
	{ "delivery", FIELD_GROUP, 0, "how it is delivered there", .fields = delivery_fields },
	{ 0 },
};

const struct overlay_peer *claim_peer(const struct address_claim *a)
{
	const struct mobility_domain *dom = (const void *)a->domain.to;

	return (const void *)(a->peer.to ? a->peer.to : dom->peer.to);
}

const char *address_fault(struct arena *arena, const struct addr *prefix, const struct addr *a)
{
	struct addr last = *prefix;
	char host[ADDR_STRLEN], text[ADDR_STRLEN];
	bool broadcast;

	addr_print_host(a, host);
	addr_print(prefix, text);
	if (a->bytes[0] == 127 || a->bytes[0] >= 224)
		return arena_printf(arena, "%s is no address of a host on a subnet", host);
	if (!addr_contains(prefix, a))
		return arena_printf(arena, "%s is outside %s", host, text);
	for (unsigned i = prefix->bits; i < 32; i++)
		last.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	broadcast = memcmp(a->bytes, last.bytes, 4) == 0;
	if (prefix->bits < 31 && (broadcast || memcmp(a->bytes, prefix->bytes, 4) == 0))
		return arena_printf(arena, "%s is the %s address of %s, not a host", host,
				    broadcast ? "broadcast" : "network", text);
	return NULL;
}

static void check_address(const struct address_claim *a, struct diag *d)
{
	const struct mobility_domain *dom = (const void *)a->domain.to;
	const char *fault = address_fault(d->arena, &dom->prefix, &a->address);

	if (fault)
		object_error(&a->object, "address", d, "%s; the prefix is that of %s", fault,
			     object_where(d->arena, &dom->object));
}

static void check_delivery(const struct address_claim *a, struct diag *d)
{
	const struct mobility_domain *dom = (const void *)a->domain.to;
	const struct overlay_peer *p = claim_peer(a);
	const struct object *o = &a->object;

	if (!p) {
		object_error(o, "delivery.peerRef", d,
			     "is missing here and in %s: which "
			     "OverlayPeer owns the address?",
			     object_where(d->arena, &dom->object));
		return;
	}
	if (a->peer.to && dom->peer.to && a->peer.to != dom->peer.to)
		object_error(o, "delivery.peerRef", d,
			     "'%s', but peerRef of %s is '%s'; make them "
			     "agree, or leave one out",
			     a->peer.name, object_where(d->arena, &dom->object),
			     dom->peer.name);
	if (a->owner && strcmp(a->owner, p->role) != 0)
		object_error(o, "ownerSide", d, "'%s', but the role of %s is '%s'", a->owner,
			     object_where(d->arena, &p->object), p->role);
	if (a->tunnel.name && strcmp(a->tunnel.name, p->link.name) != 0)
		object_error(o, "delivery.tunnelInterface", d,
			     "'%s', but underlay.interface of %s "
			     "is '%s'",
			     a->tunnel.name, object_where(d->arena, &p->object), p->link.name);
	check_loop(p, o, "address", &a->address, d);
	if (a->link.name && strcmp(a->link.name, p->link.name) == 0)
		object_error(o, "capture.interface", d,
			     "'%s' is also the way out; the address "
			     "must be captured on one interface and leave by another",
			     a->link.name);
}

static void check_capture(const struct address_claim *a, struct diag *d)
{
	const struct object *o = &a->object;

	if (a->configure)
		object_error(o, "capture.configureOSAddress", d, "must be false: " OS_HOLDS);
	if (is(a->capture, "proxy-arp")) {
		if (!a->link.text && !a->auto_link)
			object_error(o, "capture.interface", d,
				     "is missing: proxy-arp answers on "
				     "one interface, the one on the shared subnet");
		if (a->provider.name || a->nic || a->auto_nic)
			object_error(
			    o, a->nic || a->auto_nic ? "capture.nicRef" : "capture.providerRef",
			    d, "belongs to type provider-secondary-ip, not to proxy-arp");
	} else if (a->announce) {
		object_error(o, "capture.gratuitousARP", d,
			     "belongs to type proxy-arp; a provider answers ARP itself");
	}
}

static void address_claim_check(struct config *c, struct object *o, struct diag *d)
{
	struct address_claim *a = (void *)o;

	auto_claim(c, a, d);
	check_address(a, d);
	check_delivery(a, d);
	check_capture(a, d);
	if (claim_peer(a) && !o->waits)
		wait_with(o, &claim_peer(a)->object, d);
}

static int by_address(const void *pa, const void *pb)
{
	const struct address_claim *const *a = pa, *const *b = pb;
	int r = addr_compare(&(*a)->address, &(*b)->address);

	if (r == 0)
		r = strcmp((*a)->object.mark.file, (*b)->object.mark.file);
	return r ? r : (*a)->object.mark.line - (*b)->object.mark.line;
}

void claims_check(const struct config *c, struct diag *d)
{
	const struct address_claim **all = arena_alloc(c->arena, (c->count + 1) * sizeof(*all));
	size_t n = 0;
	char host[ADDR_STRLEN];

	for (size_t i = 0; i < c->count; i++)
		if (c->objects[i]->kind == &kind_address_claim &&
		    c->objects[i]->sound == SOUND_YES)
			all[n++] = (const void *)c->objects[i];
	if (n)
		qsort(all, n, sizeof(*all), by_address);
	for (size_t i = 1; i < n; i++)
		if (addr_compare(&all[i - 1]->address, &all[i]->address) == 0)
			object_error(&all[i]->object, "address", d,
				     "%s is claimed by %s already",
				     addr_print_host(&all[i]->address, host),
				     object_where(d->arena, &all[i - 1]->object));
}

static void address_claim_lower(const struct config *c, const struct object *o,
				struct state *want)
{
	const struct address_claim *a = (const void *)o;

	(void)c;
	/* A local address beats both the route and the proxy entry (ip_route_input_slow(),
	 * net/ipv4/route.c). */
	state_add(want,
		  &(struct item){ .type = ITEM_ABSENT, .origin = o, .address = a->address });
	deliver(claim_peer(a), o, &a->address, ITEM_TABLE_MAIN, 0, want);
	want_sysctl(want, o, NULL, "net/ipv4/ip_forward", "1");
	want_sysctl(want, o, NULL, "net/ipv4/conf/all/send_redirects", "0");
	if (!a->link.name)
		return;
	want_sysctl(want, o, a->link.name,
		    arena_printf(want->arena, "net/ipv4/conf/%s/send_redirects", a->link.name),
		    "0");
	if (!is(a->capture, "proxy-arp"))
		return;
	want_sysctl(want, o, a->link.name,
		    arena_printf(want->arena, "net/ipv4/neigh/%s/proxy_delay", a->link.name),
		    "0");
	state_add(want, &(struct item){ .type = ITEM_PROXY,
					.origin = o,
					.link = a->link.name,
					.address = a->address,
					.proxy = { a->announce } });
}

const struct kind kind_address_claim = {
	.name = "RemoteAddressClaim",
	.api = API_HYBRID,
	.help =
	    "one address that lives at another site, captured here and delivered there; also "
	    "sets ip_forward=1, send_redirects=0 (all and capture.interface) and, for "
	    "proxy-arp, "
	    "proxy_delay=0, and takes the address off this machine's own interfaces",
	.size = sizeof(struct address_claim),
	.fields = address_claim_fields,
	.check = address_claim_check,
	.lower = address_claim_lower,
};
