#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clean.h"
#include "base/clock.h"
#include "config/kind.h"

#define RETURNS	      3	  /* removals of an address that make a quarrel ... */
#define RETURNS_TIME  600 /* ... when the last is not older, in seconds */
#define KEEPALIVE_OLD 180 /* seconds; a peer with keepalive makes a handshake every 120 */

/* ---- conditions ------------------------------------------------------------------------- */

static const char *reason_of(int error)
{
	static const struct {
		int error;
		const char *reason;
	} reasons[] = {
		{ ENODEV, "NoInterface" },     { EADDRINUSE, "PortInUse" },
		{ EEXIST, "Foreign" },	       { EPERM, "NotPermitted" },
		{ EACCES, "NotPermitted" },    { EHOSTUNREACH, "EndpointUnresolved" },
		{ ECANCELED, "Waiting" },      { ENOENT, "NotThere" },
		{ EOPNOTSUPP, "NotInKernel" }, { ETIMEDOUT, "NoAnswer" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].error == -error)
			return reasons[i].reason;
	return "Refused";
}

static const char *words(struct arena *a, const struct op *op)
{
	const char *text =
	    arena_printf(a, "%s %s", verb_name(op->verb), item_text(a, op_item(op)));

	if (op->error == -ECANCELED)
		return arena_printf(a, "%s: waits for what it stands on", text);
	return arena_printf(a, "%s: %s", text, op->why ? op->why : strerror(-op->error));
}

static void set(struct condition *c, enum tristate is, const char *reason, const char *message)
{
	c->is = is;
	c->reason = reason;
	c->message = message;
}

/* The first reason stays, but one that only waits gives way to one that does not. */
static void judge_op(struct status *s, struct fate *f, const struct pass *p,
		     const struct op *op)
{
	struct arena *a = s->arena;

	if (p->applied && op->error == 0)
		return;
	if (op->error == -EHOSTUNREACH) { /* the peer is made, without its endpoint */
		set(&f->degraded, STATUS_TRUE, reason_of(op->error), words(a, op));
		return;
	}
	if (f->ready.is == STATUS_FALSE && strcmp(f->ready.reason, "Waiting") != 0)
		return;
	if (p->applied)
		set(&f->ready, STATUS_FALSE, reason_of(op->error), words(a, op));
	else
		set(&f->ready, STATUS_FALSE, "Pending",
		    arena_printf(a, "%s %s: not applied", verb_name(op->verb),
				 item_text(a, op_item(op))));
}

static void judge_peer(struct status *s, struct fate *f, const struct item *want,
		       const struct item *have, int64_t now)
{
	int64_t age = have ? now - have->peer.handshake : 0;

	if (!have || want->peer.idle || f->degraded.is == STATUS_TRUE)
		return;
	if (!have->peer.handshake)
		set(&f->degraded, STATUS_TRUE, "NoHandshake",
		    want->peer.endpoint.host
			? "no handshake yet: is the endpoint right, its UDP port open, and our "
			  "public key known there?"
			: "no handshake yet: the peer must dial us; is our UDP port open, and "
			  "our public key known there?");
	else if (want->peer.keepalive && age > KEEPALIVE_OLD + want->peer.keepalive)
		set(&f->degraded, STATUS_TRUE, "HandshakeOld",
		    arena_printf(s->arena,
				 "the latest handshake was at %s: does the peer run, and "
				 "does UDP still get through?",
				 clock_print(have->peer.handshake, (char[24]){ 0 })));
}

/* A link that is down keeps a proxy neighbour, and gets no question to answer. */
static void judge_proxy(struct status *s, struct fate *f, const struct item *want,
			const struct item *have)
{
	char address[ADDR_STRLEN];

	if (have && have->proxy.down && f->ready.is == STATUS_TRUE)
		set(&f->ready, STATUS_FALSE, "InterfaceDown",
		    arena_printf(s->arena,
				 "%s is down, so nobody answers ARP for %s there: set it up",
				 want->link, addr_print_host(&want->address, address)));
}

static void judge_returns(struct status *s, struct fate *f, const struct item *absent,
			  int64_t now)
{
	char address[ADDR_STRLEN], time[24];

	if (f->removed >= RETURNS && now - f->last_removed < RETURNS_TIME)
		set(&f->degraded, STATUS_TRUE, "AddressReturned",
		    arena_printf(s->arena,
				 "something puts %s back on this machine: removed %u times, "
				 "last at %s; switch off the agent that does",
				 addr_print_host(&absent->address, address), f->removed,
				 clock_print(f->last_removed, time)));
}

static bool carry(struct condition *c, const struct condition *old, int64_t now)
{
	bool same = old && old->reason && old->is == c->is;

	c->since = same ? old->since : now;
	return !same || strcmp(old->reason, c->reason) != 0 ||
	       strcmp(old->message, c->message) != 0;
}

static struct fate *fate_of(struct status *s, const struct object *o)
{
	return o ? &s->fates[o - s->kept->objects] : NULL;
}

static int by_name(const struct object *a, const struct object *b)
{
	int r = strcmp(a->kind->name, b->kind->name);

	return r ? r : strcmp(a->name, b->name);
}

/* Both lists are in order: one walk. Leaves to each fate the one that it had. */
static const struct fate **predecessors(struct arena *a, const struct status *old,
					const struct kept *kept)
{
	const struct fate **ret = arena_alloc(a, (kept->count + 1) * sizeof(*ret));
	size_t j = 0;

	for (size_t i = 0; i < kept->count && old; i++) {
		int r = -1;

		while (j < old->kept->count &&
		       (r = by_name(&kept->objects[i], &old->kept->objects[j])) > 0)
			j++;
		if (r == 0)
			ret[i] = &old->fates[j];
	}
	return ret;
}

struct status *status_new(const struct status *old, const struct kept *kept,
			  const struct pass *p, int64_t now)
{
	struct arena *a = arena_new();
	struct status *s = arena_alloc(a, sizeof(*s));
	const struct fate **were = predecessors(a, old, kept);
	bool changed = !old || old->kept != kept;

	*s = (struct status){ .arena = a, .kept = kept, .count = kept->count };
	s->fates = arena_alloc(a, (kept->count + 1) * sizeof(*s->fates));
	for (size_t i = 0; i < kept->count; i++) {
		set(&s->fates[i].ready, STATUS_TRUE, "InForce", "");
		set(&s->fates[i].degraded, STATUS_FALSE, "AsExpected", "");
		if (kept->objects[i].waits)
			set(&s->fates[i].ready, STATUS_FALSE, kept->objects[i].waits_reason,
			    kept->objects[i].waits);
		if (were[i]) {
			s->fates[i].removed = were[i]->removed;
			s->fates[i].last_removed = were[i]->last_removed;
		}
	}
	for (size_t i = 0; i < p->plan.count; i++) {
		const struct op *op = &p->plan.ops[i];
		struct fate *f = fate_of(s, op->origin);

		if (f && p->applied && op->verb == VERB_DELETE && !op->error && !op->moot) {
			f->removed++;
			f->last_removed = now;
		}
		if (f)
			judge_op(s, f, p, op);
	}
	for (size_t i = 0; i < p->want.count; i++) {
		const struct item *w = &p->want.items[i];
		struct fate *f = fate_of(s, w->origin);

		if (f && p->have.blind >> w->type & 1 && f->ready.is == STATUS_TRUE)
			set(&f->ready, STATUS_UNKNOWN, "NotVisible", "only root may see it");
		if (f && w->type == ITEM_PEER)
			judge_peer(s, f, w, state_find(&p->have, w), now);
		if (f && w->type == ITEM_PROXY)
			judge_proxy(s, f, w, state_find(&p->have, w));
		if (f && w->type == ITEM_ABSENT)
			judge_returns(s, f, w, now);
	}
	s->version = old ? old->version : 1;
	for (size_t i = 0; i < kept->count; i++) {
		struct fate *f = &s->fates[i];
		bool ready = carry(&f->ready, were[i] ? &were[i]->ready : NULL, now);
		bool degraded = carry(&f->degraded, were[i] ? &were[i]->degraded : NULL, now);

		f->version = ready || degraded ? s->version + 1 : were[i]->version;
		changed |= ready || degraded;
		s->ready += f->ready.is == STATUS_TRUE;
		s->degraded += f->degraded.is == STATUS_TRUE;
	}
	s->version += changed;
	return s;
}

void status_free(struct status *s)
{
	if (s)
		arena_free(s->arena);
}

unsigned status_removed(struct status *s, const struct object *claim, int64_t now)
{
	struct fate *f;

	if (!s || claim < s->kept->objects || claim >= s->kept->objects + s->kept->count)
		return 1;
	f = &s->fates[claim - s->kept->objects];
	f->last_removed = now;
	return ++f->removed;
}

/* ---- words ------------------------------------------------------------------------------ */

static void out_condition(struct out *o, const char *type, const struct condition *c)
{
	static const char *const names[] = { "False", "True", "Unknown" };
	char time[24];

	out_map(o, NULL);
	out_text(o, "type", type);
	out_text(o, "status", names[c->is]);
	out_text(o, "reason", c->reason);
	out_text(o, "message", c->message);
	out_text(o, "lastTransition", clock_print(c->since, time));
	out_end(o);
}

/* A pass by object: whose items are whose, and which op is about which. */
struct view {
	const struct pass *pass;
	const struct op **ops; /* of each wanted item; NULL: it was as it should be */
	size_t *first, *items; /* of object i: items[first[i]] to items[first[i + 1]] */
};

static struct view view_new(struct arena *a, const struct status *s, const struct pass *p)
{
	struct view v = { .pass = p };
	size_t n = s->kept->count, *at;

	v.ops = arena_alloc(a, (p->want.count + 1) * sizeof(*v.ops));
	v.items = arena_alloc(a, (p->want.count + 1) * sizeof(*v.items));
	v.first = arena_alloc(a, (n + 2) * sizeof(*v.first));
	for (size_t i = 0; i < p->plan.count; i++)
		if (p->plan.ops[i].want)
			v.ops[p->plan.ops[i].want - p->want.items] = &p->plan.ops[i];
	/* A counting sort: how many each has, where each begins, and into place. */
	for (size_t i = 0; i < p->want.count; i++)
		if (p->want.items[i].origin)
			v.first[p->want.items[i].origin - s->kept->objects + 1]++;
	for (size_t i = 0; i < n; i++)
		v.first[i + 1] += v.first[i];
	at = arena_alloc(a, (n + 1) * sizeof(*at));
	memcpy(at, v.first, n * sizeof(*at));
	for (size_t i = 0; i < p->want.count; i++)
		if (p->want.items[i].origin)
			v.items[at[p->want.items[i].origin - s->kept->objects]++] = i;
	return v;
}

static bool is_there(const struct view *v, size_t item)
{
	const struct op *op = v->ops[item];

	return !op || (v->pass->applied && !op->error);
}

/* What the path of a route is held to: the clamp is the link's, whoever asked for it. */
static void out_path(struct out *o, const struct view *v, const struct item *route)
{
	const struct item key = { .type = ITEM_CLAMP, .link = route->link };
	const struct item *w = state_find(&v->pass->want, &key);

	if (!w)
		return;
	out_number(o, "effectiveMTU", w->clamp.mtu);
	out_text(o, "effectiveMTUFrom", w->clamp.why);
	if (is_there(v, (size_t)(w - v->pass->want.items)))
		out_number(o, "mss", w->clamp.mss);
}

static void out_part(struct out *o, const char *key, struct arena *a, const struct item *w,
		     bool present)
{
	out_map(o, key);
	out_text(o, "text", item_text(a, w));
	out_bool(o, "present", present);
	out_end(o);
}

static void out_facts(struct out *o, struct arena *a, const struct view *v, size_t i,
		      const struct fate *f, int64_t now)
{
	const struct item *w = &v->pass->want.items[i], *h = state_find(&v->pass->have, w);
	char key[KEY_STRLEN], time[24];

	if (w->type == ITEM_LINK && h && h->wg.kind == LINK_WIREGUARD) {
		out_text(o, "carriedBy", h->wg.userspace ? "wireguard-go" : "kernel");
		if (h->wg.keyed)
			out_text(o, "publicKey", key_print(&h->wg.public, key));
	}
	if (w->type == ITEM_PEER && h && !w->peer.idle) {
		if (h->peer.handshake) {
			out_text(o, "latestHandshake", clock_print(h->peer.handshake, time));
			out_number(o, "handshakeAgeSeconds", now - h->peer.handshake);
		}
		out_number(o, "receivedBytes", (long long)h->peer.received);
		out_number(o, "sentBytes", (long long)h->peer.sent);
	}
	if (w->type == ITEM_ROUTE && strcmp(w->origin->kind->name, "IPv4Route") != 0) {
		out_part(o, "deliveryRoute", a, w, is_there(v, i));
		out_path(o, v, w);
	}
	if (w->type == ITEM_PROXY)
		out_part(o, "proxyNeighbour", a, w, is_there(v, i));
	if (w->type == ITEM_ABSENT) {
		out_map(o, "captureOSAddressAbsence");
		out_bool(o, "enforced", is_there(v, i));
		if (f->last_removed)
			out_text(o, "lastRemoved", clock_print(f->last_removed, time));
		out_number(o, "removedCount", f->removed);
		out_end(o);
	}
}

static void out_items(struct out *o, struct arena *a, const struct view *v, size_t from,
		      size_t to)
{
	out_list(o, "items");
	for (size_t i = from; i < to; i++) {
		const struct item *w = &v->pass->want.items[v->items[i]];
		const struct item *h = state_find(&v->pass->have, w);

		out_map(o, NULL);
		out_text(o, "type", item_type_name(w->type));
		out_text(o, "text", item_text(a, h && w->type == ITEM_PEER ? h : w));
		out_bool(o, "present", is_there(v, v->items[i]));
		out_end(o);
	}
	out_end(o);
}

static void out_object(struct out *o, struct arena *a, const struct status *s,
		       const struct view *v, size_t i, int64_t now)
{
	const struct object *object = &s->kept->objects[i];
	const struct fate *f = &s->fates[i];
	bool routed = false;

	out_map(o, NULL);
	out_text(o, "kind", object->kind->name);
	out_text(o, "name", object->name);
	out_text(o, "file", object->mark.file);
	out_number(o, "line", object->mark.line);
	out_text(o, "expandedFrom", object->from ? object_name(a, object->from) : NULL);
	out_list(o, "conditions");
	out_condition(o, "Ready", &f->ready);
	out_condition(o, "Degraded", &f->degraded);
	out_end(o);
	out_map(o, "status");
	for (size_t j = v->first[i]; j < v->first[i + 1]; j++) {
		bool route = v->pass->want.items[v->items[j]].type == ITEM_ROUTE;

		if (!route || !routed) /* a HybridRoute's all go one way */
			out_facts(o, a, v, v->items[j], f, now);
		routed |= route;
	}
	out_items(o, a, v, v->first[i], v->first[i + 1]);
	out_end(o);
	out_end(o);
}

size_t status_out(struct out *o, const struct status *s, const struct pass *p,
		  const struct kind *kind, const char *name, uint64_t since, int64_t now)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct view v = view_new(a, s, p);
	size_t n = 0;

	for (size_t i = 0; i < s->kept->count; i++) {
		const struct object *object = &s->kept->objects[i];

		if ((kind && kind != object->kind) ||
		    (name && strcmp(name, object->name) != 0) ||
		    (since && s->fates[i].version <= since))
			continue;
		out_object(o, a, s, &v, i, now);
		n++;
	}
	return n;
}
