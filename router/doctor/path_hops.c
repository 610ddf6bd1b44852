/* path_hops.c - what becomes of a packet at each place that it passes, in their order. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "doctor/path.h"

#define ECHO_REQUEST 0x0800 /* type and code, where other protocols have a port */
#define ECHO_REPLY   0

void hop_add(struct way *w, const char *step, enum hop_verdict verdict, const struct object *o,
	     const char *remedy, const char *fmt, ...)
{
	struct path *p = w->path;
	struct arena *a = p->d->arena;
	struct hop *h;
	va_list ap;

	p->hops = arena_grow(a, p->hops, p->count, &p->room, sizeof(*p->hops));
	h = &p->hops[p->count++];
	*h = (struct hop){ .step = w->reply ? arena_printf(a, "reply-%s", step) : step,
			   .verdict = verdict,
			   .object = object_name(a, o),
			   .remedy = remedy };
	va_start(ap, fmt);
	h->detail = arena_vprintf(a, fmt, ap);
	va_end(ap);
}

bool way_is_dropped(const struct way *w)
{
	const struct path *p = w->path;

	return p->count && p->hops[p->count - 1].verdict == HOP_DROP;
}

/* ---- coming in -------------------------------------------------------------------------- */

static void arrive(struct way *w)
{
	if (w->from->kind == END_LAN && (w->to->kind != END_LAN || w->reply)) {
		capture_walk(w);
	} else if (w->from->kind == END_FAR && !w->reply) {
		tunnel_walk(w, w->from);
		/* Nothing may come in from an address that is this machine's own. */
		if (!way_is_dropped(w) && w->from->claim)
			(void)capture_is_held(w, w->from->claim);
	}
}

/* ---- what the kernel does --------------------------------------------------------------- */

static bool is_forwarded(const struct way *w)
{
	return w->from->kind != END_SELF && w->to->kind != END_SELF;
}

static void forwarding(struct way *w)
{
	struct doctor *d = w->path->d;
	const char *link = w->in ? w->in : "all";
	bool all = sysctl_setting(d, "all", "forwarding") != 0;
	int on = sysctl_setting(d, link, "forwarding");

	if (!is_forwarded(w))
		return;
	if (on == 0)
		hop_add(w, "forwarding", HOP_DROP, NULL,
			all ? sysctl_set(d->arena, link, "forwarding", 1) : doctor_apply(d),
			all ? "forwarding is off for what comes in by %s: nothing gets through"
			    : "ip_forward is off, for %s too: nothing gets through",
			link);
	else
		hop_add(w, "forwarding", on < 0 ? HOP_UNSURE : HOP_PASS, NULL, NULL,
			on < 0 ? "whether forwarding is on for %s could not be read"
			       : "forwarding is on for %s",
			link);
}

static void ask_route(struct way *w)
{
	w->route = (struct look_route){ .to = w->to->address, .in = w->in };
	if (w->in || w->from->kind == END_SELF)
		w->route.from = w->from->address;
	look_routes(w->path->d->kernel, &w->route, 1);
}

static void rp_filter(struct way *w)
{
	static const char *const modes[] = { "off", "strict", "loose" };
	struct doctor *d = w->path->d;
	const char *from = path_host(w->path, &w->from->address);
	int mode = w->in ? sysctl_rp_filter(d, w->in) : -1;

	if (route_is_filtered(d, &w->route))
		hop_add(w, "rp_filter", HOP_DROP, NULL,
			mode == 1
			    ? sysctl_set(d->arena, w->in, "rp_filter", 2)
			    : arena_printf(d->arena, "by hand: give this machine a route to %s",
					   from),
			"rp_filter, %s on %s, drops a packet from %s that comes in there: an "
			"answer would leave by another way",
			mode >= 0 && mode < 3 ? modes[mode] : "set", w->in, from);
	else if (mode >= 0 && mode < 3)
		hop_add(w, "rp_filter", HOP_PASS, NULL, NULL,
			"rp_filter is %s on %s, and takes a packet from %s", modes[mode], w->in,
			from);
}

/* ---- the route -------------------------------------------------------------------------- */

static const char *route_named(struct doctor *d, const struct item *it)
{
	return arena_printf(d->arena, "%s (table %s, metric %u%s)", item_text(d->arena, it),
			    it->route.table == ITEM_TABLE_MAIN
				? "main"
				: arena_printf(d->arena, "%u", it->route.table),
			    it->route.metric, it->ours ? ", routerd's" : "");
}

/* What refuses the packet, where a route does. */
static const struct item *refusal(struct doctor *d, const struct way *w)
{
	struct state all = { .arena = d->arena };

	if (look_fib(d->kernel, &w->to->address, &all) < 0)
		return NULL;
	for (size_t i = 0; i < all.count; i++)
		if (all.items[i].route.blackhole)
			return &all.items[i];
	return NULL;
}

/* The op that puts the wanted route there; NULL: it is there. */
static const struct op *pending(const struct doctor *d, const struct addr *to)
{
	for (size_t i = 0; i < d->pass->plan.count; i++) {
		const struct op *op = &d->pass->plan.ops[i];

		if (op->want && op->want->type == ITEM_ROUTE &&
		    addr_contains(&op->want->address, to))
			return op;
	}
	return NULL;
}

static const char *misroute_remedy(struct way *w, const struct item *winner)
{
	struct doctor *d = w->path->d;
	const struct op *op = w->to->kind == END_FAR ? pending(d, &w->to->address) : NULL;

	if (op && (!op->have || op->have->ours))
		return doctor_apply(d);
	if (op)
		return route_remove(d, op->have);
	if (winner && winner->route.blackhole && !winner->ours)
		return route_remove(d, winner);
	return route_remedy(d, &w->route);
}

static void misrouted(struct way *w, const struct item *winner)
{
	struct doctor *d = w->path->d;
	const char *should = w->to->kind == END_SELF ? "end here"
			     : w->out ? arena_printf(d->arena, "leave by %s", w->out)
				      : "leave";

	/* What a link takes along when it goes. */
	if (w->to->kind == END_FAR && tunnel_is_lost(w, w->to))
		return;
	hop_add(w, "route", HOP_DROP, w->to->object, misroute_remedy(w, winner),
		"the packet should %s, but the kernel would %s%s%s", should,
		route_words(d, &w->route), winner ? ": " : "",
		winner ? route_named(d, winner) : "");
}

/* A host of the LAN that is looked for on another interface than claims are captured on. */
static void other_link(struct way *w, const struct item *winner)
{
	struct doctor *d = w->path->d;

	hop_add(w, "route", HOP_UNSURE, w->to->object, route_remedy(d, &w->route),
		"the packet leaves by %s, though the others of its subnet are on %s: %s",
		w->route.out, w->out, route_named(d, winner));
}

static void route(struct way *w)
{
	struct doctor *d = w->path->d;
	const struct look_route *r = &w->route;
	struct item winner;
	const struct item *refuses = r->error ? refusal(d, w) : NULL;
	bool far = w->to->kind == END_FAR, self = w->to->kind == END_SELF;

	if (r->local && w->to->claim && capture_is_held(w, w->to->claim))
		return;
	if (r->error || r->local != self) {
		misrouted(w, refuses);
		return;
	}
	if (self) {
		hop_add(w, "route", HOP_PASS, w->to->object, NULL,
			"%s is an address of this machine's own %s",
			path_host(w->path, &w->to->address), w->to->link);
		return;
	}
	look_winner(d->kernel, r, &winner);
	if (winner.type != ITEM_ROUTE)
		winner = (struct item){ .type = ITEM_ROUTE,
					.link = r->out,
					.address = w->to->address,
					.route = { .table = r->table } };
	if ((far && strcmp(r->out, w->out) != 0) ||
	    (!far && w->in && !strcmp(r->out, w->in) && w->from->kind == END_FAR))
		misrouted(w, &winner);
	else if (w->out && strcmp(r->out, w->out) != 0)
		other_link(w, &winner);
	else
		hop_add(w, "route", HOP_PASS, w->to->object, NULL, "leaves by %s: %s wins",
			r->out, route_named(d, &winner));
}

/* ---- the firewall ----------------------------------------------------------------------- */

/* The packet as the rules of a hook see it. */
static struct flow flow_at(const struct way *w, enum hook hook)
{
	bool self = !is_forwarded(w);
	struct flow f = firewall_forward(w->in, *w->route.out ? w->route.out : NULL,
					 &w->from->address, &w->to->address);

	f.hook = hook;
	f.reply = w->reply;
	if (self) { /* what this machine itself takes part in is an echo */
		f.protocol = IPPROTO_ICMP;
		f.source_port = w->reply ? ECHO_REPLY : ECHO_REQUEST;
		f.destination_port = -1;
	} else if (w->reply) {
		int port = f.source_port;

		f.source_port = f.destination_port;
		f.destination_port = port;
	}
	if (w->to->kind == END_SELF)
		f.out = (struct flow_link){ .name = "" };
	else if (hook == HOOK_PREROUTING)
		f.out = (struct flow_link){ 0 };
	if (hook == HOOK_POSTROUTING)
		f.in = (struct flow_link){ 0 };
	return f;
}

/* Its rules are not read: they are asked before there is a route. */
static const struct rule_table *ingress(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->table_count; i++)
		if (strcmp(rs->tables[i]->family_name, "netdev") == 0 &&
		    !rs->tables[i]->dormant)
			return rs->tables[i];
	return NULL;
}

static void tell_firewall(struct way *w, struct found *found)
{
	struct path *p = w->path;
	const struct rule_table *early = ingress(&p->firewall.rs);
	bool stale = found->place.chain && table_is_stale(found->place.chain->table);

	if (found->worst == VERDICT_BLOCK)
		hop_add(w, "firewall", HOP_DROP, NULL, firewall_remedy(&p->firewall, found),
			"the packet does not get through: %s%s", found->text,
			stale ? "; nothing asks for this table, an older router of this kind "
				"left it behind"
			      : "");
	else if (found->worst == VERDICT_UNSURE)
		hop_add(w, "firewall", HOP_UNSURE, NULL, NULL,
			"whether the packet gets through depends on %s, which asks for "
			"something that cannot be judged; look at it",
			found->text);
	else if (early)
		hop_add(w, "firewall", HOP_UNSURE, NULL, NULL,
			"the packet gets through, unless table netdev %s drops it, which is "
			"asked before all others and cannot be judged; look at it",
			early->name);
	else
		hop_add(w, "firewall", HOP_PASS, NULL, NULL, "no rule stops %s",
			w->reply	  ? "what answers it"
			: is_forwarded(w) ? "the first packet of a TCP connection"
					  : "an ICMP echo");
}

static void firewall(struct way *w)
{
	static const enum hook through[] = { HOOK_PREROUTING, HOOK_FORWARD, HOOK_POSTROUTING };
	static const enum hook outward[] = { HOOK_OUTPUT, HOOK_POSTROUTING };
	static const enum hook inward[] = { HOOK_PREROUTING, HOOK_INPUT };
	const enum hook *hooks = w->to->kind == END_SELF     ? inward
				 : w->from->kind == END_SELF ? outward
							     : through;
	struct found found = { 0 };

	if (w->path->unseen) {
		hop_add(w, "firewall", HOP_UNSURE, NULL, NULL, "%s", w->path->unseen);
		return;
	}
	for (size_t i = 0; i < (is_forwarded(w) ? 3 : 2); i++) {
		struct flow f = flow_at(w, hooks[i]);

		firewall_walk(&w->path->firewall, &f, &found);
	}
	tell_firewall(w, &found);
}

/* ---- going out -------------------------------------------------------------------------- */

static void leave(struct way *w)
{
	if (w->reply)
		return;
	if (is_forwarded(w) && (w->to->kind == END_FAR || w->from->kind == END_FAR))
		tunnel_mss(w, w->to->kind == END_FAR ? w->to : w->from);
	if (w->to->kind == END_FAR)
		tunnel_walk(w, w->to);
}

/* The host that gets it on the last link, where there is ARP. */
static void ask_neighbour(struct way *w, const char *link, const struct addr *next)
{
	static const struct {
		enum hop_verdict verdict;
		const char *words;
	} answers[] = {
		[NEIGHBOUR_UNKNOWN] = { HOP_PASS, "which ARP will ask for" },
		[NEIGHBOUR_KNOWN] = { HOP_PASS, "whose MAC is known" },
		[NEIGHBOUR_ASKED] = { HOP_UNSURE, "which ARP asks for, and nobody has answered "
						  "yet" },
		[NEIGHBOUR_SILENT] = { HOP_DROP, "which did not answer ARP: there is no such "
						 "host there, or it is down" },
	};
	struct doctor *d = w->path->d;
	enum look_neighbour n = look_neighbour(d->kernel, link, next);
	const char *host = path_host(w->path, next);

	hop_add(w, "delivery", answers[n].verdict, w->to->object,
		answers[n].verdict == HOP_PASS
		    ? NULL
		    : arena_printf(d->arena,
				   "by hand: start %s; 'ip neigh show %s' has its MAC once it "
				   "answers",
				   host, host),
		"goes out by %s, to %s, %s", link, host, answers[n].words);
}

static void deliver(struct way *w)
{
	bool routed = w->to->kind == END_FAR && !w->to->peer->tunnel;
	const struct look_link *l = hybrid_link(&w->path->h, w->route.out);
	const struct addr *next = w->route.gateway.family ? &w->route.gateway : &w->to->address;
	const char *host = path_host(w->path, next);

	if ((w->to->kind != END_LAN && !routed) || !l)
		return;
	if (!l->up || !l->carrier)
		hop_add(w, "delivery", HOP_DROP, w->to->object,
			l->up ? "by hand: look at the cable, or at the virtual machine's NIC"
			      : arena_printf(w->path->d->arena, "ip link set dev %s up",
					     doctor_quote(w->path->d->arena, l->name)),
			"%s, by which %s is reached, %s", l->name, host,
			l->up ? "has no carrier" : "is down");
	else if (w->to->chosen && next == &w->to->address)
		hop_add(w, "delivery", HOP_PASS, w->to->object, NULL,
			"goes out by %s, to whoever has %s", l->name, host);
	else
		ask_neighbour(w, l->name, next);
}

void way_walk(struct way *w)
{
	static void (*const steps[])(struct way *w) = {
		arrive, forwarding, ask_route, rp_filter, route, firewall, leave, deliver,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !way_is_dropped(w); i++)
		steps[i](w);
}
