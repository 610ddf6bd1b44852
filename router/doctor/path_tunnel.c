/* path_tunnel.c - through the tunnel: its link, the peer that the packet belongs to, the way of
 * what carries it. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "config/mss.h"
#include "doctor/mtu.h"
#include "doctor/path.h"

#define ONLY_ROOT "only root can see this; run this as root"

static bool is_blind(const struct way *w, enum item_type type)
{
	return w->path->d->pass->have.blind >> type & 1;
}

static const struct item *find(const struct state *s, enum item_type type, const char *link)
{
	const struct item key = { .type = type, .link = link };

	return state_find(s, &key);
}

/* ---- the link --------------------------------------------------------------------------- */

bool tunnel_is_lost(struct way *w, const struct end *far)
{
	struct doctor *d = w->path->d;
	const struct object *o = &far->peer->object;
	const char *name = far->peer->link.name, *where = object_where(d->arena, o);
	const struct look_link *l = hybrid_link(&w->path->h, name);
	const struct item *it = find(&d->pass->have, ITEM_LINK, name);

	if (o->waits)
		hop_add(w, "tunnel", HOP_DROP, o,
			arena_printf(d->arena, "routerctl doctor%s wireguard", d->files),
			"there is no tunnel to %s yet: it %s", where, o->waits);
	else if (!l || !l->up)
		hop_add(w, "tunnel", HOP_DROP, o, doctor_apply(d), "%s, the way to %s, %s",
			name, where, l ? "is down" : "is not there");
	else if (it && it->wg.mute)
		hop_add(w, "tunnel", HOP_DROP, o,
			arena_printf(d->arena, "ip link del dev %s && %s",
				     doctor_quote(d->arena, name), doctor_apply(d)),
			"%s is there, but wireguard-go, which carries it, does not answer",
			name);
	else
		return false;
	return true;
}

static void link_hop(struct way *w, const struct end *far)
{
	struct doctor *d = w->path->d;
	const char *name = far->peer->link.name;
	const struct item *it = find(&d->pass->have, ITEM_LINK, name);

	if (!tunnel_is_lost(w, far))
		hop_add(w, "tunnel", HOP_PASS, &far->peer->object, NULL,
			"%s, the way to %s, is up; its MTU is %u%s", name,
			object_name(d->arena, &far->peer->object),
			hybrid_link(&w->path->h, name)->mtu,
			it && it->wg.userspace ? "; wireguard-go carries it" : "");
}

/* ---- cryptokey routing ------------------------------------------------------------------ */

/* The peer that a key of a link is, as configured. */
static const struct object *peer_of_key(const struct doctor *d, const char *link,
					const struct key *key)
{
	for (size_t i = 0; i < d->config->count; i++) {
		const struct object *o = d->config->objects[i];
		const struct wireguard_peer *p = (const void *)o;

		if (o->kind == &kind_wireguard_peer && strcmp(p->link.to->name, link) == 0 &&
		    (key_equal(&p->key, key) || key_equal(&p->next, key)))
			return o;
	}
	return NULL;
}

/* What puts a far address among its peer's allowed IPs. */
static const char *allow(struct doctor *d, const struct end *far)
{
	const struct wireguard_peer *peer = far->peer->tunnel;
	const struct item *want =
	    state_allowed(&d->pass->want, far->peer->link.name, &far->address);
	const char *own = want ? doctor_own_key(d, want) : NULL;
	struct mark at = object_mark(&peer->object, "allowedIPs");
	char text[ADDR_STRLEN];

	if (own)
		return own;
	if (want && (key_equal(&want->allowed.key, &peer->key) ||
		     key_equal(&want->allowed.key, &peer->next)))
		return doctor_apply(d);
	return arena_printf(d->arena, "edit spec.allowedIPs in %s/%s (%s:%d): add %s, then %s",
			    peer->object.kind->name, peer->object.name, at.file, at.line,
			    addr_print(&far->address, text), doctor_apply(d));
}

static void peer_hop(struct way *w, const struct end *far)
{
	struct doctor *d = w->path->d;
	const struct overlay_peer *p = far->peer;
	const char *host = path_host(w->path, &far->address), *link = p->link.name;
	const struct item *it = state_allowed(&d->pass->have, link, &far->address);
	const struct object *o = it ? peer_of_key(d, link, &it->allowed.key) : NULL;
	char key[KEY_STRLEN], prefix[ADDR_STRLEN];

	if (is_blind(w, ITEM_ALLOWED))
		hop_add(w, "peer", HOP_UNSURE, &p->tunnel->object, NULL,
			"which peer's allowed IPs hold %s: " ONLY_ROOT, host);
	else if (!it)
		hop_add(w, "peer", HOP_DROP, &p->tunnel->object, allow(d, far),
			"no peer of %s has allowed IPs that hold %s, so WireGuard drops what "
			"goes there and what comes from there; they should be among those of "
			"%s",
			link, host, object_where(d->arena, &p->tunnel->object));
	else if (o != &p->tunnel->object)
		hop_add(w, "peer", HOP_DROP, &p->tunnel->object, allow(d, far),
			"%s of peer %s of %s holds %s, and it should be that of %s: the packet "
			"goes to the wrong node, and what comes from the right one is dropped",
			addr_print(&it->address, prefix),
			o ? object_where(d->arena, o) : key_print(&it->allowed.key, key), link,
			host, object_where(d->arena, &p->tunnel->object));
	else
		hop_add(w, "peer", HOP_PASS, o, NULL, "allowed IP %s of %s holds %s: peer %s",
			addr_print(&it->address, prefix), object_name(d->arena, o), host,
			key_print(&it->allowed.key, key));
}

/* ---- what carries it -------------------------------------------------------------------- */

/* WireGuard's own UDP. known: conntrack has seen both ways of it. */
static struct flow carrier(const struct underlay *u, uint16_t ours, uint16_t theirs,
			   bool outward, bool known)
{
	struct flow_link link = firewall_link(u->route.out);

	return (struct flow){
		.hook = outward ? HOOK_OUTPUT : HOOK_INPUT,
		.reply = known,
		.family = u->to.family,
		.in = outward ? (struct flow_link){ 0 } : link,
		.out = outward ? link : (struct flow_link){ .name = "" },
		.source = outward ? (struct addr){ 0 } : u->to,
		.destination = outward ? u->to : (struct addr){ 0 },
		.protocol = IPPROTO_UDP,
		.source_port = outward ? ours : theirs,
		.destination_port = outward ? theirs : ours,
	};
}

static bool is_heard(struct doctor *d, const struct end *far)
{
	const struct item *h = underlay_peer(d, far->peer);
	long long age;

	return h && peer_heard(h, &age) == HEARD_LATELY;
}

static void walk_carrier(struct way *w, const struct end *far, const struct underlay *u,
			 struct found *ret)
{
	struct doctor *d = w->path->d;
	const struct wireguard_interface *wg = (const void *)far->peer->link.to;
	const struct item *h = underlay_peer(d, far->peer);
	const struct endpoint *e = h && h->peer.endpoint.address.family
				       ? &h->peer.endpoint
				       : &far->peer->tunnel->endpoint;
	struct flow out = carrier(u, (uint16_t)wg->port, e->port, true, is_heard(d, far));
	/* This side sends first, so what comes in answers it. */
	struct flow in = carrier(u, (uint16_t)wg->port, e->port, false, true);

	firewall_walk(&w->path->firewall, &out, ret);
	firewall_walk(&w->path->firewall, &in, ret);
}

/* WireGuard goes on sending by the link that the peer was last heard on, whatever the routes
 * say since (wg_socket_send_skb_to_peer(), drivers/net/wireguard/socket.c). */
static void no_way(struct way *w, const struct end *far, const struct underlay *u)
{
	struct doctor *d = w->path->d;
	const struct object *o = &far->peer->tunnel->object;
	bool heard = is_heard(d, far);
	char to[ADDR_STRLEN];

	addr_print_host(&u->to, to);
	hop_add(w, "underlay", heard ? HOP_UNSURE : HOP_DROP, o,
		arena_printf(d->arena,
			     "by hand: give this machine a route to %s past %s; 'ip route get "
			     "%s' tests it",
			     to, far->peer->link.name, to),
		"%s, the endpoint of %s, %s%s%s", to, object_where(d->arena, o),
		u->route.error ? "cannot be reached: " : "is routed into its own tunnel",
		u->route.error ? strerror(-u->route.error) : "",
		heard ? "; the peer was heard of lately, so WireGuard may go on by the link it "
			"knows for a while"
		      : "");
}

static void carrier_hop(struct way *w, const struct end *far)
{
	struct doctor *d = w->path->d;
	const struct object *o = &far->peer->tunnel->object;
	struct found found = { 0 };
	struct underlay u;
	char to[ADDR_STRLEN];

	if (!underlay_look(d, far->peer, w->path->h.links, w->path->h.link_count, &u))
		return; /* it waits to be called */
	if (u.route.error || strcmp(u.route.out, far->peer->link.name) == 0) {
		no_way(w, far, &u);
		return;
	}
	addr_print_host(&u.to, to);
	if (!w->path->unseen)
		walk_carrier(w, far, &u, &found);
	if (found.worst == VERDICT_BLOCK)
		hop_add(w, "underlay", HOP_DROP, o, firewall_remedy(&w->path->firewall, &found),
			"the tunnel's own UDP, between %s and %s, does not get through: %s",
			u.route.out, to, found.text);
	else if (found.worst == VERDICT_UNSURE)
		hop_add(w, "underlay", HOP_UNSURE, o, NULL,
			"whether the tunnel's own UDP, between %s and %s, gets through depends "
			"on %s, which cannot be judged; look at it",
			u.route.out, to, found.text);
	else
		hop_add(w, "underlay", HOP_PASS, o, NULL,
			"the tunnel's packets go to %s by %s%s", to, u.route.out,
			u.mtu ? arena_printf(d->arena,
					     ", whose %u bytes leave room for %u inside", u.mtu,
					     u.inner)
			      : "");
}

/* ---- is anybody there ------------------------------------------------------------------- */

static void never(struct way *w, const struct end *far, const struct item *h)
{
	struct doctor *d = w->path->d;
	const struct object *o = &far->peer->tunnel->object;
	bool fresh = h->peer.endpoint.host && !h->peer.keepalive && !h->peer.sent;

	if (fresh)
		hop_add(w, "handshake", HOP_UNSURE, o, NULL,
			"nothing was sent to %s yet; the first packet begins a handshake",
			object_where(d->arena, o));
	else
		hop_add(w, "handshake", HOP_DROP, o, peer_silence(d, far->peer->link.name, h),
			"there was never a handshake with %s: %llu bytes sent, %llu received",
			object_where(d->arena, o), (unsigned long long)h->peer.sent,
			(unsigned long long)h->peer.received);
}

static void handshake_hop(struct way *w, const struct end *far)
{
	struct doctor *d = w->path->d;
	const struct object *o = &far->peer->tunnel->object;
	const char *where = object_where(d->arena, o);
	const struct item *h = underlay_peer(d, far->peer);
	char ep[ENDPOINT_STRLEN];
	long long age;

	if (is_blind(w, ITEM_PEER) || !h) {
		hop_add(w, "handshake", is_blind(w, ITEM_PEER) ? HOP_UNSURE : HOP_DROP, o,
			is_blind(w, ITEM_PEER) ? NULL : doctor_apply(d), "%s %s", where,
			is_blind(w, ITEM_PEER) ? "and when it was last heard of: " ONLY_ROOT
					       : "is not on its interface");
		return;
	}
	switch (peer_heard(h, &age)) {
	case HEARD_NEVER:
		never(w, far, h);
		break;
	case HEARD_AHEAD:
		hop_add(w, "handshake", HOP_UNSURE, o, doctor_set_clock(),
			"the last handshake with %s lies %lld s ahead: the clock was set back, "
			"and the peer refuses new ones until that time comes again",
			where, -age);
		break;
	case HEARD_OLD:
		hop_add(w, "handshake", HOP_DROP, o, peer_silence(d, far->peer->link.name, h),
			"the last handshake with %s was %lld s ago, in spite of keepalives "
			"every %u s: nobody answers",
			where, age, h->peer.keepalive);
		break;
	case HEARD_LATELY:
		hop_add(w, "handshake", HOP_PASS, o, NULL,
			"%s is at %s; the last handshake was %lld s ago",
			object_name(d->arena, o), endpoint_print(&h->peer.endpoint, ep), age);
		break;
	}
}

void tunnel_walk(struct way *w, const struct end *far)
{
	static void (*const hops[])(struct way *, const struct end *) = {
		peer_hop,
		carrier_hop,
		handshake_hop,
	};

	link_hop(w, far);
	for (size_t i = 0; i < sizeof(hops) / sizeof(*hops) && far->peer->tunnel; i++)
		if (!way_is_dropped(w))
			hops[i](w, far);
}

/* ---- sizes ------------------------------------------------------------------------------ */

void tunnel_mss(struct way *w, const struct end *far)
{
	struct doctor *d = w->path->d;
	const char *link = far->peer->link.name;
	const struct item *want = find(&d->pass->want, ITEM_CLAMP, link);
	const struct item *have = find(&d->pass->have, ITEM_CLAMP, link);
	const struct object *o = &far->peer->object;
	struct underlay u = { 0 };
	unsigned mss = have ? have->clamp.mss : 0;

	if (is_blind(w, ITEM_CLAMP)) {
		hop_add(w, "mss", HOP_UNSURE, o, NULL,
			"what TCP's segments are held to: " ONLY_ROOT);
		return;
	}
	if (far->peer->tunnel)
		(void)underlay_look(d, far->peer, w->path->h.links, w->path->h.link_count, &u);
	if (want && (!mss || mss > want->clamp.mss))
		hop_add(w, "mss", HOP_UNSURE, o, doctor_apply(d),
			"TCP through %s should be held to MSS %u, and %s: large packets are "
			"lost where the underlay takes less, so ping works and TCP stalls",
			link, want->clamp.mss,
			mss ? arena_printf(d->arena, "table inet " TABLE_OURS " says %u", mss)
			    : "table inet " TABLE_OURS " does not do that");
	else if (mss && u.inner && mss + 40U > u.inner)
		hop_add(w, "mss", HOP_UNSURE, o, underlay_edit(d, far->peer, u.inner),
			"TCP through %s is held to MSS %u, but %u bytes of %s leave room for "
			"%u only: larger packets must be cut up, and many networks lose those",
			link, mss, u.mtu, u.route.out, mss_of_mtu(u.inner));
	else if (mss)
		hop_add(w, "mss", HOP_PASS, o, NULL,
			"TCP is held to MSS %u both ways through %s, by table inet " TABLE_OURS
			"%s",
			mss, link,
			want ? arena_printf(d->arena, ": packets of %u bytes (%s)",
					    want->clamp.mtu, want->clamp.why)
			     : "");
}
