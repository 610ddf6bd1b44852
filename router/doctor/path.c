/* path.c - who talks to whom: what is known here of an address, a sender that fits, and the two
 * ways between them. */
#include "doctor/path.h"

#include <string.h>

#include "base/clean.h"

const char *path_host(const struct path *p, const struct addr *a)
{
	char text[ADDR_STRLEN];

	return arena_printf(p->d->arena, "%s", addr_print_host(a, text));
}

static const struct item *own(const struct state *s, const struct addr *a)
{
	for (size_t i = 0; i < s->count; i++) {
		struct addr host = s->items[i].address;

		host.bits = 32;
		if (s->items[i].type == ITEM_ADDRESS && addr_compare(&host, a) == 0)
			return &s->items[i];
	}
	return NULL;
}

const char *path_held(const struct path *p, const struct addr *a)
{
	const struct item *it = own(&p->d->pass->have, a);

	return it ? it->link : NULL;
}

/* ---- what is known of an address -------------------------------------------------------- */

/* The most specific one. */
static const struct mobility_domain *domain_of(const struct path *p, const struct addr *a)
{
	const struct config *c = p->d->config;
	const struct mobility_domain *best = NULL;

	for (size_t i = 0; i < c->count; i++) {
		const struct mobility_domain *m = (const void *)c->objects[i];

		if (m->object.kind == &kind_mobility_domain && addr_contains(&m->prefix, a) &&
		    (!best || m->prefix.bits > best->prefix.bits))
			best = m;
	}
	return best;
}

/* Each fills e in and says true where it knows the address. In the order of precedence. */

static bool is_claimed(struct path *p, struct end *e)
{
	const struct config *c = p->d->config;

	for (size_t i = 0; i < c->count; i++) {
		const struct address_claim *a = (const void *)c->objects[i];

		if (a->object.kind != &kind_address_claim ||
		    addr_compare(&a->address, &e->address) != 0)
			continue;
		e->kind = END_FAR;
		e->claim = a;
		e->object = &a->object;
		e->peer = claim_peer(a);
	}
	return e->claim;
}

static bool is_own(struct path *p, struct end *e)
{
	const struct item *have = own(&p->d->pass->have, &e->address);
	const struct item *want = own(&p->d->pass->want, &e->address);

	if (!have && !want)
		return false;
	e->kind = END_SELF;
	e->object = want ? want->origin : NULL;
	e->link = have ? have->link : want->link;
	return true;
}

static bool is_overlay(struct path *p, struct end *e)
{
	const struct config *c = p->d->config;

	for (size_t i = 0; i < c->count && !e->peer; i++) {
		const struct overlay_peer *o = (const void *)c->objects[i];

		if (o->object.kind == &kind_overlay_peer &&
		    addr_compare(&o->address, &e->address) == 0) {
			e->kind = END_FAR;
			e->object = &o->object;
			e->peer = o;
		}
	}
	return e->peer;
}

/* The link that hosts of a domain are on: where its claims are captured. */
static const char *domain_link(struct path *p, const struct mobility_domain *m)
{
	for (size_t i = 0; i < p->h.count; i++)
		if (claim_of(p->h.claims[i])->domain.to == &m->object)
			return hybrid_way_in(&p->h, claim_of(p->h.claims[i]));
	return hybrid_near(&p->h, &m->prefix, "");
}

static bool is_local(struct path *p, struct end *e)
{
	if (!e->domain)
		return false;
	e->kind = END_LAN;
	e->object = &e->domain->object;
	e->link = domain_link(p, e->domain);
	return true;
}

static bool is_routed(struct path *p, struct end *e)
{
	const struct config *c = p->d->config;
	unsigned best = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct hybrid_route *r = (const void *)c->objects[i];
		const struct addr *to;

		if (r->object.kind != &kind_hybrid_route)
			continue;
		to = r->destinations.items;
		for (size_t j = 0; j < r->destinations.count; j++) {
			if (!addr_contains(&to[j], &e->address) || to[j].bits < best)
				continue;
			best = to[j].bits;
			e->kind = END_FAR;
			e->object = &r->object;
			e->peer = (const void *)r->peer.to;
		}
	}
	return e->peer;
}

static struct end end_of(struct path *p, const struct addr *a)
{
	static bool (*const known[])(struct path *, struct end *) = {
		is_claimed, is_own, is_overlay, is_local, is_routed,
	};
	struct end e = { .address = *a, .domain = domain_of(p, a) };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i](p, &e))
			break;
	if (e.kind == END_FAR)
		e.link = e.peer->link.name;
	return e;
}

/* Somebody whom --from names and nobody here knows is where this machine would look for it. */
static void place_stranger(struct path *p, struct end *e)
{
	struct look_route r = { .to = e->address };

	look_routes(p->d->kernel, &r, 1);
	e->kind = END_LAN;
	e->link = r.error ? NULL : r.out;
}

/* ---- a sender that fits ----------------------------------------------------------------- */

/* A host of a domain that lives on this side; family 0: there is no room for one. */
static struct addr local_host(struct path *p, const struct mobility_domain *m)
{
	return m->owned.count ? *(const struct addr *)m->owned.items
			      : hybrid_host(&p->h, &m->prefix);
}

/* This machine itself, by the address that the kernel would take, or by any. */
static struct addr itself(struct path *p, const struct addr *to)
{
	const struct state *have = &p->d->pass->have;
	struct look_route r = { .to = *to };

	look_routes(p->d->kernel, &r, 1);
	for (size_t i = 0; i < have->count && !r.source.family; i++) {
		if (have->items[i].type != ITEM_ADDRESS ||
		    have->items[i].address.bytes[0] == 127)
			continue;
		r.source = have->items[i].address;
		r.source.bits = 32;
	}
	return r.source;
}

static struct addr claimed_of(struct path *p, const struct mobility_domain *m)
{
	for (size_t i = 0; i < p->h.count; i++)
		if (!m || claim_of(p->h.claims[i])->domain.to == &m->object)
			return claim_of(p->h.claims[i])->address;
	return (struct addr){ 0 };
}

/* Of those behind link, if any. */
static struct addr overlay_behind(struct path *p, const char *link)
{
	size_t n;
	const struct object **list = doctor_objects(p->d, &kind_overlay_peer, &n);

	for (size_t i = 0; i < n; i++) {
		const struct overlay_peer *o = (const void *)list[i];

		if (o->address.family && (!link || strcmp(o->link.name, link) == 0))
			return o->address;
	}
	return (struct addr){ 0 };
}

static struct addr first(struct addr a, struct addr b)
{
	return a.family ? a : b;
}

static struct addr sender_for(struct path *p, const struct end *to)
{
	const struct mobility_domain *peers = NULL; /* what the far end shares with this side */
	size_t n;
	const struct object **list = doctor_objects(p->d, &kind_mobility_domain, &n);

	switch (to->kind) {
	case END_STRANGER:
		break;
	case END_SELF:
		return first(to->domain ? claimed_of(p, to->domain)
					: overlay_behind(p, to->link),
			     first(overlay_behind(p, NULL), claimed_of(p, NULL)));
	case END_LAN:
		return first(claimed_of(p, to->domain), overlay_behind(p, NULL));
	case END_FAR:
		if (to->claim)
			peers = (const void *)to->claim->domain.to;
		for (size_t i = 0; i < n && to->object->kind == &kind_hybrid_route && !peers;
		     i++)
			if (((const struct mobility_domain *)(const void *)list[i])->peer.to ==
			    &to->peer->object)
				peers = (const void *)list[i];
		return first(peers ? local_host(p, peers) : (struct addr){ 0 },
			     itself(p, &to->address));
	}
	return (struct addr){ 0 };
}

/* ---- what cannot be walked -------------------------------------------------------------- */

static unsigned common_bits(const struct addr *a, const struct addr *b)
{
	unsigned n = 0;

	while (n < 32 && !((a->bytes[n / 8] ^ b->bytes[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

/* The claim or domain whose address begins most like this one; NULL: there is none. */
static const struct object *nearest(const struct path *p, const struct addr *a,
				    const struct addr **ret)
{
	const struct config *c = p->d->config;
	const struct object *found = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct object *o = c->objects[i];
		const struct addr *at =
		    o->kind == &kind_address_claim
			? &((const struct address_claim *)(const void *)o)->address
		    : o->kind == &kind_mobility_domain
			? &((const struct mobility_domain *)(const void *)o)->prefix
			: NULL;
		unsigned n = at ? common_bits(at, a) : 0;

		if (!at || (found && n <= most))
			continue;
		found = o;
		most = n;
		*ret = at;
	}
	return found;
}

static void tell_stranger(struct way *w)
{
	struct doctor *d = w->path->d;
	const struct addr *at = NULL;
	const struct object *o = nearest(w->path, &w->to->address, &at);
	const char *host = path_host(w->path, &w->to->address);
	char text[ADDR_STRLEN] = "";

	if (o && o->kind == &kind_address_claim)
		addr_print_host(at, text);
	else if (o)
		addr_print(at, text);
	hop_add(w, "capture", HOP_DROP, o,
		o ? "by hand: claim it with a RemoteAddressClaim, or name an address that is "
		    "claimed; 'routerctl get' lists the claims"
		  : "by hand: claim it with a RemoteAddressClaim",
		"nobody here knows %s: it is not claimed, not in the prefix of a domain or a "
		"HybridRoute, and no address of this node or of a peer, so its packets do not "
		"come in here%s%s%s%s",
		host, o ? "; nearest is " : "", o ? object_where(d->arena, o) : "",
		o ? ", " : "", text);
}

/* Where it is said what lives here, and this is none of it. */
static bool is_nobodys(const struct end *e)
{
	const struct addr *owned = e->domain->owned.items;

	for (size_t i = 0; i < e->domain->owned.count; i++)
		if (addr_compare(&owned[i], &e->address) == 0)
			return false;
	return e->domain->owned.count > 0;
}

/* True: there is nothing more to say. */
static bool is_settled(struct way *w)
{
	const struct end *from = w->from, *to = w->to;
	struct doctor *d = w->path->d;
	const char *why;

	if (to->kind == END_STRANGER)
		tell_stranger(w);
	else if (to->kind == END_SELF && !path_held(w->path, &to->address))
		hop_add(w, "delivery", HOP_DROP, to->object, doctor_apply(d),
			"%s should be an address of this machine's %s, and is not there",
			path_host(w->path, &to->address), to->link);
	else if (!from->address.family)
		hop_add(w, "sender", HOP_UNSURE, NULL,
			"by hand: name a sender with --from ADDRESS",
			"no sender fits: nothing is claimed that could talk to %s",
			path_host(w->path, &to->address));
	else if (to->kind == END_LAN && to->domain &&
		 (why = address_fault(d->arena, &to->domain->prefix, &to->address)))
		hop_add(w, "delivery", HOP_DROP, to->object, NULL, "%s", why);
	else if (to->kind == END_LAN && to->domain && is_nobodys(to))
		hop_add(
		    w, "delivery", HOP_UNSURE, to->object,
		    "by hand: if it lives at another site, add it to the staticOwnedAddresses "
		    "(ownedAddresses) of the node there; then it is captured here",
		    "%s is in %s, and no node owns it: it is taken to stand on this side, "
		    "where clients reach it without this node",
		    path_host(w->path, &to->address),
		    object_name(d->arena, &to->domain->object));
	else if (from->kind == END_SELF && to->kind == END_SELF)
		hop_add(w, "delivery", HOP_PASS, to->object, NULL,
			"both are this machine's own");
	else if (from->kind == END_LAN && to->kind == END_LAN &&
		 (!from->link || !to->link || strcmp(from->link, to->link) == 0))
		hop_add(w, "capture", HOP_UNSURE, to->object, NULL,
			"both live on this side%s%s, so they talk without this node",
			to->link ? ", on " : "", to->link ? to->link : "");
	else
		return false;
	return true;
}

/* ---- both ways -------------------------------------------------------------------------- */

static const char *describe(struct path *p, const struct end *e)
{
	struct arena *a = p->d->arena;

	switch (e->kind) {
	case END_STRANGER:
		break;
	case END_SELF:
		return arena_printf(a, "this machine's own, of %s", e->link);
	case END_LAN:
		return e->object
			   ? arena_printf(a, "on this side, in %s", object_name(a, e->object))
			   : arena_printf(a,
					  "nobody here knows it; this machine looks for "
					  "it %s%s",
					  e->link ? "on " : "nowhere", e->link ? e->link : "");
	case END_FAR:
		return arena_printf(a, "behind %s, by %s", e->link, object_name(a, e->object));
	}
	return "";
}

static void tell_sender(struct way *w)
{
	hop_add(w, "sender", HOP_PASS, w->from->object, NULL, "%s: %s%s",
		path_host(w->path, &w->from->address), describe(w->path, w->from),
		w->from->chosen ? "; chosen, as --from names none" : "");
}

/* Where the packets of an end come in, or go out, when the other end is known. */
static const char *link_of(const struct path *p, const struct end *e, const struct end *other)
{
	if (e->kind == END_SELF)
		return NULL;
	if (e->kind == END_LAN && other->claim && e->domain &&
	    other->claim->domain.to == &e->domain->object)
		return hybrid_way_in(&p->h, other->claim);
	return e->link;
}

static void walk(struct path *p, bool reply)
{
	struct way w = { .path = p,
			 .from = reply ? &p->to : &p->from,
			 .to = reply ? &p->from : &p->to,
			 .reply = reply,
			 .route.out = "" };

	w.in = link_of(p, w.from, w.to);
	w.out = link_of(p, w.to, w.from);
	if (!reply) {
		if (is_settled(&w))
			return;
		tell_sender(&w);
	}
	way_walk(&w);
	if (!reply && !way_is_dropped(&w))
		walk(p, true);
}

static void find_ends(struct path *p, const struct path_request *q)
{
	struct addr from = q->from;

	p->to = end_of(p, &q->to);
	if (!from.family)
		from = sender_for(p, &p->to);
	if (from.family)
		p->from = end_of(p, &from);
	p->from.chosen = !q->from.family;
	if (from.family && p->from.kind == END_STRANGER)
		place_stranger(p, &p->from);
}

bool path_run(const struct path_request *q, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(doctor_close) struct sight s = { 0 };
	struct doctor d = { .arena = a };
	struct path p = { .d = &d, .firewall.d = &d };

	doctor_open(&d, &s, q->files, q->file_count);
	diag_print(d.diag, stderr);
	if (!d.pass || !hybrid_open(&p.h, &d)) {
		if (d.config)
			fprintf(stderr, "routerctl: the kernel could not be asked: %s\n",
				d.deaf ? d.deaf : "it did not list its interfaces");
		return false;
	}
	p.unseen = tables_look(&d, &p.firewall.rs);
	find_ends(&p, q);
	walk(&p, false);
	path_print(&p, q->format, q->colour, out);
	return path_verdict(&p) == HOP_PASS;
}
