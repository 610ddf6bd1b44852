/* net.c - plain network kinds: interfaces, WireGuard, addresses, routes, sysctls. */
#include "config/net.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "config/auto.h"
#include "config/config.h"
#include "config/fabric.h"

#define AT(type, member) offsetof(struct type, member)

/* ---- Interface -------------------------------------------------------------------------- */

struct interface {
	struct object object;
	const char *ifname, *owner;
	bool up, managed;
	uint32_t mtu;
};

static const struct word owners[] = { { "routerd" }, { "external" }, { 0 } };

static const struct field interface_fields[] = {
	{ "ifname", FIELD_LINKNAME, AT(interface, ifname), "the kernel's name of the interface",
	  .required = true },
	{ "adminUp", FIELD_BOOL, AT(interface, up), "bring it up; needs managed" },
	{ "mtu", FIELD_NUMBER, AT(interface, mtu), "its MTU in bytes; set only when managed",
	  .min = 576, .max = 65535 },
	{ "managed", FIELD_BOOL, AT(interface, managed),
	  "set adminUp and mtu; otherwise the object only gives the interface a name" },
	{ "owner", FIELD_WORD, AT(interface, owner), "who makes the interface; a remark",
	  .words = owners },
	{ 0 },
};

static void interface_lower(const struct config *c, const struct object *o, struct state *want)
{
	const struct interface *i = (const void *)o;

	(void)c;
	if (i->managed && (i->up || i->mtu))
		state_add(want, &(struct item){
				    .type = ITEM_LINK,
				    .origin = o,
				    .link = i->ifname,
				    .wg = { .kind = LINK_OTHER, .mtu = i->mtu, .up = i->up } });
}

const struct kind kind_interface = {
	.name = "Interface",
	.api = API_NET,
	.help = "a name for an interface of the system's; nothing is changed unless managed",
	.size = sizeof(struct interface),
	.fields = interface_fields,
	.lower = interface_lower,
};

/* ---- WireGuardInterface ----------------------------------------------------------------- */

static const struct field wireguard_interface_fields[] = {
	{ "privateKeyFile", FIELD_PATH, AT(wireguard_interface, key_file),
	  "file with the private key, as 'wg genkey' prints it, mode 0600; made when absent",
	  .required = true },
	{ "privateKey", FIELD_REFUSED, 0,
	  "a private key does not belong in a configuration; put it into a file of mode 0600 "
	  "and "
	  "name that in privateKeyFile" },
	{ "listenPort", FIELD_NUMBER, AT(wireguard_interface, port), "UDP port",
	  .fallback = "51820", .min = 1, .max = 65535 },
	{ "mtu", FIELD_NUMBER, AT(wireguard_interface, mtu), "MTU inside the tunnel, bytes",
	  .fallback = "1420", .min = 576, .max = 9216 },
	{ "selfNodeRef", FIELD_TEXT, AT(wireguard_interface, self),
	  "which node this is: the name of its export" },
	{ "endpoint", FIELD_ENDPOINT, AT(wireguard_interface, endpoint),
	  "where other nodes reach this one, for its export",
	  .automatic = AT(wireguard_interface, auto_endpoint) },
	{ "peersFrom", FIELD_ITEMS, AT(wireguard_interface, sources),
	  "the SAMNodeSets whose tunnels it carries; needed where it is not named wg-hybrid",
	  .fields = set_ref_fields, .size = sizeof(struct pool_source) },
	{ 0 },
};

const char *link_name(const struct object *o)
{
	return o->kind == &kind_interface ? ((const struct interface *)(const void *)o)->ifname
					  : o->name;
}

/* A secret others may read is no secret: refused before anything is changed. */
static void check_secret_file(const struct object *o, const char *field, const char *path,
			      struct diag *d)
{
	if (path && key_check_mode(path) == -EPERM)
		object_error(o, field, d,
			     "%s can be read or written by others; run "
			     "'chmod 600 %s', and consider the key known",
			     path, path);
}

static const char *const beside[] = { KEY_NEXT, KEY_PREVIOUS, KEY_RECORD };

static bool has_ending(const char *path, const char *ending)
{
	size_t n = strlen(path), len = strlen(ending);

	return n >= len && strcmp(path + n - len, ending) == 0;
}

static void wireguard_interface_check(struct config *c, struct object *o, struct diag *d)
{
	struct wireguard_interface *w = (void *)o;

	auto_endpoint(c, w, d);
	if (!decode_link_name(o->name))
		diag_error(d, o->mark,
			   "%s/%s: metadata.name is the interface's name too: 1 to 15 "
			   "characters",
			   o->kind->name, o->name);
	check_secret_file(o, "privateKeyFile", w->key_file, d);
	for (size_t i = 0; i < sizeof(beside) / sizeof(*beside); i++)
		if (has_ending(w->key_file, beside[i]))
			object_error(o, "privateKeyFile", d,
				     "a name that ends in %s is that of a file beside a key",
				     beside[i]);
}

static void wireguard_interface_lower(const struct config *c, const struct object *o,
				      struct state *want)
{
	const struct wireguard_interface *w = (const void *)o;

	(void)c;
	state_add(want, &(struct item){ .type = ITEM_LINK,
					.origin = o,
					.link = o->name,
					.wg = { .kind = LINK_WIREGUARD,
						.mtu = w->mtu,
						.up = true,
						.port = (uint16_t)w->port,
						.key_file = w->key_file } });
}

void ports_check(const struct config *c, struct diag *d)
{
	const struct object **users =
	    arena_alloc(c->arena, (UINT16_MAX + 1) * sizeof(struct object *));

	for (size_t i = 0; i < c->index_count; i++) {
		const struct wireguard_interface *w = (const void *)c->index[i];

		if (w->object.kind != &kind_wireguard_interface || w->object.faulty)
			continue;
		if (users[w->port])
			object_error(
			    &w->object, "listenPort", d,
			    "%u is that of %s, too: give one of them another%s", w->port,
			    object_where(d->arena, users[w->port]),
			    users[w->port]->from || w->object.from
				? ", or let the one that was written carry the SAMNodeSet: "
				  "peersFrom"
				: "");
		users[w->port] = &w->object;
	}
}

const struct kind kind_wireguard_interface = {
	.name = "WireGuardInterface",
	.api = API_NET,
	.help = "a WireGuard interface, made, kept and removed by routerd",
	.size = sizeof(struct wireguard_interface),
	.fields = wireguard_interface_fields,
	.check = wireguard_interface_check,
	.lower = wireguard_interface_lower,
};

/* ---- WireGuardPeer ---------------------------------------------------------------------- */

static const struct field wireguard_peer_fields[] = {
	{ "interface", FIELD_REF, AT(wireguard_peer, link),
	  "its WireGuardInterface; left out, the only one there is",
	  .ref = &kind_wireguard_interface },
	{ "publicKey", FIELD_KEY, AT(wireguard_peer, key),
	  "the peer's public key; left out, that of the peers folder: of the node of this "
	  "name, or of the nodeID of the OverlayPeer of this name" },
	{ "nextPublicKey", FIELD_KEY, AT(wireguard_peer, next),
	  "the key that takes its place as soon as the peer uses it; 'routerctl rotate' over "
	  "there exports it" },
	{ "vouchers", FIELD_TEXTS, AT(wireguard_peer, vouchers),
	  "proofs of nextPublicKey by publicKey, one for each node that knows that" },
	{ "endpoint", FIELD_ENDPOINT, AT(wireguard_peer, endpoint),
	  "where to reach it: HOST:PORT, [IPv6]:PORT or NAME:PORT; left out, the peer dials "
	  "us" },
	{ "allowedIPs", FIELD_PREFIXES, AT(wireguard_peer, allowed),
	  "what may come from it and goes to it; claimed and routed addresses need not be "
	  "listed" },
	{ "persistentKeepalive", FIELD_NUMBER, AT(wireguard_peer, keepalive),
	  "seconds between keepalives, 0 for none; needed behind NAT", .max = 65535 },
	{ "fabric", FIELD_TEXT, AT(wireguard_peer, fabric),
	  "digest of the SAMNodeSets and MobilityPools that its node had when it was exported; "
	  "doctor compares" },
	{ "presharedKeyFile", FIELD_PATH, AT(wireguard_peer, psk_file),
	  "file with the preshared key, as 'wg genpsk' prints it, the same at both ends, mode "
	  "0600; it "
	  "is not made" },
	{ "presharedKey", FIELD_REFUSED, 0,
	  "a secret does not belong in a configuration; put it into a file of mode 0600 and "
	  "name "
	  "that in presharedKeyFile" },
	{ 0 },
};

static void wait_for_key(struct object *o, struct diag *d)
{
	const struct wireguard_peer *p = (const void *)o;

	if (o->imported) {
		object_error(o, "publicKey", d, "is missing: it is what an export is for");
		return;
	}
	o->waits = arena_printf(d->arena,
				"waits for the public key of node '%s': put its export into "
				"/etc/routerd/peers, or 'routerctl import' it",
				p->node ? p->node : o->name);
	o->waits_reason = WAITING_FOR_KEY;
	object_warn(o, "publicKey", d, "%s", o->waits);
}

static void wireguard_peer_check(struct config *c, struct object *o, struct diag *d)
{
	const struct wireguard_peer *p = (const void *)o;
	struct wireguard_interface *w = (void *)p->link.to;
	const struct addr *allowed = p->allowed.items;

	check_secret_file(o, "presharedKeyFile", p->psk_file, d);
	if (!w) {
		object_error(o, "interface", d,
			     "is missing, and there is not just one WireGuardInterface");
		return;
	}
	if (!key_given(&p->key))
		wait_for_key(o, d);
	w->peer = p;
	w->peers++;
	for (size_t i = 0; i < p->allowed.count; i++)
		state_add(&c->allowed, &(struct item){ .type = ITEM_ALLOWED,
						       .origin = o,
						       .link = w->object.name,
						       .address = allowed[i] });
}

static void wireguard_peer_lower(const struct config *c, const struct object *o,
				 struct state *want)
{
	const struct wireguard_peer *p = (const void *)o;
	const struct addr *allowed = p->allowed.items;

	struct item peer = { .type = ITEM_PEER,
			     .origin = o,
			     .link = p->link.to->name,
			     .peer = { .key = p->key,
				       .endpoint = p->endpoint,
				       .keepalive = (uint16_t)p->keepalive,
				       .psk_file = p->psk_file,
				       .psk_unknown = p->psk_file != NULL } };

	(void)c;
	state_add(want, &peer);
	if (key_given(&p->next)) {
		peer.peer.key = p->next;
		peer.peer.prior = &p->key;
		peer.peer.keepalive = 0;
		peer.peer.idle = true;
		state_add(want, &peer);
	}
	for (size_t i = 0; i < p->allowed.count; i++)
		state_add(want, &(struct item){ .type = ITEM_ALLOWED,
						.origin = o,
						.link = p->link.to->name,
						.address = allowed[i],
						.allowed = { p->key } });
}

const struct kind kind_wireguard_peer = {
	.name = "WireGuardPeer",
	.api = API_NET,
	.help = "a peer of a WireGuardInterface",
	.size = sizeof(struct wireguard_peer),
	.fields = wireguard_peer_fields,
	.check = wireguard_peer_check,
	.lower = wireguard_peer_lower,
};

/* ---- IPv4StaticAddress ------------------------------------------------------------------ */

static const struct field static_address_fields[] = {
	{ "interface", FIELD_LINK, AT(static_address, link),
	  "a WireGuardInterface, an Interface, or the kernel's name of one", .required = true },
	{ "address", FIELD_CIDR4, AT(static_address, address),
	  "the address with its prefix length, as 10.252.0.1/32", .required = true },
	{ "exclusive", FIELD_BOOL, AT(static_address, exclusive),
	  "remove every other IPv4 address of that interface" },
	{ 0 },
};

static void static_address_check(struct config *c, struct object *o, struct diag *d)
{
	const struct static_address *s = (const void *)o;

	(void)c;
	if (s->link.to && s->link.to->kind == &kind_wireguard_interface)
		overlay_warn(o, "address", &s->address, d);
}

static void static_address_lower(const struct config *c, const struct object *o,
				 struct state *want)
{
	const struct static_address *s = (const void *)o;

	(void)c;
	state_add(want, &(struct item){ .type = ITEM_ADDRESS,
					.origin = o,
					.link = s->link.name,
					.address = s->address,
					.ifa = { .exclusive = s->exclusive } });
}

const struct kind kind_static_address = {
	.name = "IPv4StaticAddress",
	.api = API_NET,
	.help = "an address on an interface",
	.size = sizeof(struct static_address),
	.fields = static_address_fields,
	.check = static_address_check,
	.lower = static_address_lower,
};

/* ---- IPv4Route -------------------------------------------------------------------------- */

static const struct word route_types[] = { { "unicast" }, { "blackhole" }, { 0 } };

static const struct field route_fields[] = {
	{ "destination", FIELD_PREFIX4, AT(route, destination), "the prefix",
	  .required = true },
	{ "type", FIELD_WORD, AT(route, type), "unicast, or blackhole to drop",
	  .fallback = "unicast", .words = route_types },
	{ "device", FIELD_LINK, AT(route, device), "the interface it leaves by" },
	{ "gateway", FIELD_HOST4, AT(route, gateway), "the next hop" },
	{ "metric", FIELD_NUMBER, AT(route, metric), "the lower, the better",
	  .max = UINT32_MAX },
	{ 0 },
};

static bool is_blackhole(const struct route *r)
{
	return strcmp(r->type, "blackhole") == 0;
}

static void route_check(struct config *c, struct object *o, struct diag *d)
{
	const struct route *r = (const void *)o;

	(void)c;
	if (is_blackhole(r) && (r->device.text || r->gateway.family))
		object_error(o, r->device.text ? "device" : "gateway", d,
			     "a blackhole leads nowhere; leave it out");
	if (!is_blackhole(r) && !r->device.text)
		object_error(o, "device", d, "is missing: the interface the route leaves by");
}

static void route_lower(const struct config *c, const struct object *o, struct state *want)
{
	const struct route *r = (const void *)o;

	(void)c;
	state_add(want, &(struct item){ .type = ITEM_ROUTE,
					.origin = o,
					.link = r->device.name,
					.address = r->destination,
					.route = { .gateway = r->gateway,
						   .table = ITEM_TABLE_MAIN,
						   .metric = r->metric,
						   .blackhole = is_blackhole(r) } });
}

const struct kind kind_route = {
	.name = "IPv4Route",
	.api = API_NET,
	.help = "a route in the main table",
	.size = sizeof(struct route),
	.fields = route_fields,
	.check = route_check,
	.lower = route_lower,
};

/* ---- Sysctl ----------------------------------------------------------------------------- */

struct sysctl {
	struct object object;
	const char *key, *value;
	bool optional;
};

static const struct field sysctl_fields[] = {
	{ "key", FIELD_TEXT, AT(sysctl, key), "its name, as net.ipv4.conf.all.rp_filter",
	  .required = true },
	{ "value", FIELD_TEXT, AT(sysctl, value), "its value, as text or number",
	  .required = true },
	{ "optional", FIELD_BOOL, AT(sysctl, optional),
	  "fine when this kernel has no such key" },
	{ 0 },
};

static void sysctl_check(struct config *c, struct object *o, struct diag *d)
{
	const struct sysctl *s = (const void *)o;
	size_t n = strlen(s->key);

	(void)c;
	if (strspn(s->key,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-@") !=
		n ||
	    strstr(s->key, "..") || strstr(s->key, "//") || strstr(s->key, "./") ||
	    strstr(s->key, "/.") || strchr("./", s->key[0]) || strchr("./", s->key[n - 1]))
		object_error(o, "key", d, "want a name as net.ipv4.ip_forward");
	if (strpbrk(s->value, "\n\r"))
		object_error(o, "value", d, "want one line");
}

/* sysctl(8): dots part the words; where a slash comes first, slashes do. */
static const char *sysctl_path(struct arena *a, const char *key)
{
	char *path = arena_strndup(a, key, strlen(key));

	if (strcspn(key, ".") > strcspn(key, "/"))
		return path;
	for (char *ch = path; *ch; ch++)
		if (*ch == '.' || *ch == '/')
			*ch ^= '.' ^ '/';
	return path;
}

static void sysctl_lower(const struct config *c, const struct object *o, struct state *want)
{
	const struct sysctl *s = (const void *)o;

	(void)c;
	state_add(want, &(struct item){ .type = ITEM_SYSCTL,
					.origin = o,
					.sysctl = { .key = sysctl_path(want->arena, s->key),
						    .value = s->value,
						    .optional = s->optional } });
}

const struct kind kind_sysctl = {
	.name = "Sysctl",
	.api = API_NET,
	.help = "a kernel setting; it keeps its value when the object is removed",
	.size = sizeof(struct sysctl),
	.fields = sysctl_fields,
	.check = sysctl_check,
	.lower = sysctl_lower,
};
