/* hybrid.c - each claim: captured here, not held here, delivered through the tunnel. */
#include "config/hybrid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"
#include "kernel/look.h"

#define AREA	   "hybrid"
#define SOURCE	   65536 /* addresses of a subnet tried for one that is nobody's */
#define CANDIDATES 8	 /* interfaces named, of those that could be meant */

struct hybrid {
	struct doctor *d;
	const struct object **claims;
	size_t count;
	struct look_link *links;
	size_t link_count;
	struct state lost; /* ITEM_ABSENT: addresses a row tells of already */
};

static const struct address_claim *claim_of(const struct object *o)
{
	return (const void *)o;
}

static void lose(struct hybrid *h, const struct addr *a)
{
	state_add(&h->lost, &(struct item){ .type = ITEM_ABSENT, .address = *a });
}

static bool is_lost(struct hybrid *h, const struct addr *a)
{
	const struct item key = { .type = ITEM_ABSENT, .address = *a };

	state_sort(&h->lost, NULL, NULL);
	return state_find(&h->lost, &key) != NULL;
}

static const struct look_link *find_link(const struct hybrid *h, const char *name)
{
	return look_link(h->links, h->link_count, name);
}

/* ---- interfaces ------------------------------------------------------------------------- */

/* The links that hold an address of the subnet: those that could have been meant. *ret is
 * the first, or NULL. */
static const char *candidates(struct hybrid *h, const struct addr *prefix, const char **ret)
{
	const struct state *have = &h->d->pass->have;
	const char *seen[CANDIDATES], *text = "";
	size_t n = 0, j;

	for (size_t i = 0; i < have->count && n < CANDIDATES; i++) {
		const struct item *it = &have->items[i];
		struct addr host = it->address;

		host.bits = 32;
		if (it->type != ITEM_ADDRESS || !addr_contains(prefix, &host))
			continue;
		for (j = 0; j < n && strcmp(seen[j], it->link) != 0; j++)
			;
		if (j < n)
			continue;
		seen[n++] = it->link;
		text = arena_printf(h->d->arena, "%s%s%s", text, *text ? ", " : "", it->link);
	}
	*ret = n ? seen[0] : NULL;
	return text;
}

/* Where the name of a claim's interface is written, and what to write there. */
static const char *edit_link(struct doctor *d, const struct address_claim *a, const char *name)
{
	const struct object *o = a->link.to ? a->link.to : &a->object;
	const char *path = a->link.to ? "ifname" : "capture.interface";
	struct mark at = object_mark(o, path);

	return arena_printf(d->arena, "set spec.%s: %s in %s/%s (%s:%d), then %s", path,
			    name ? name : "NAME", o->kind->name, o->name, at.file, at.line,
			    doctor_apply(d));
}

static void no_link(struct hybrid *h, struct tally *t, const struct address_claim *a, size_t n)
{
	const struct mobility_domain *dom = (const void *)a->domain.to;
	const char *first, *all = candidates(h, &dom->prefix, &first);
	const char *others =
	    n > 1 ? arena_printf(h->d->arena, " and %zu other claims", n - 1) : "";
	char prefix[ADDR_STRLEN];

	addr_print(&dom->prefix, prefix);
	if (first)
		tally_bad(
		    t, CHECK_FAIL, edit_link(h->d, a, first),
		    "this machine has no interface '%s', on which %s%s would be captured; "
		    "of %s are: %s",
		    a->link.name, object_where(h->d->arena, &a->object), others, prefix, all);
	else
		tally_bad(
		    t, CHECK_FAIL, edit_link(h->d, a, NULL),
		    "this machine has no interface '%s', on which %s%s would be captured, "
		    "and none with an address of %s; 'ip -br addr' lists those it has",
		    a->link.name, object_where(h->d->arena, &a->object), others, prefix);
}

static int by_link(const void *pa, const void *pb)
{
	const struct object *const *a = pa, *const *b = pb;
	int r = strcmp(claim_of(*a)->link.name, claim_of(*b)->link.name);

	if (r == 0)
		r = strcmp((*a)->mark.file, (*b)->mark.file);
	return r ? r : (*a)->mark.line - (*b)->mark.line;
}

static void check_captures(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "capture-interface" };
	const struct object **list =
	    arena_alloc(h->d->arena, (h->count + 1) * sizeof(struct object *));
	size_t n = 0, same;

	for (size_t i = 0; i < h->count; i++)
		if (claim_of(h->claims[i])->link.name)
			list[n++] = h->claims[i];
	if (n)
		qsort(list, n, sizeof(*list), by_link);
	for (size_t i = 0; i < n; i += same) {
		const struct address_claim *a = claim_of(list[i]);
		const struct look_link *l = find_link(h, a->link.name);

		for (same = 1; i + same < n; same++)
			if (strcmp(claim_of(list[i + same])->link.name, a->link.name) != 0)
				break;
		for (size_t j = i; j < i + same && (!l || !l->up); j++)
			lose(h, &claim_of(list[j])->address);
		if (!l)
			no_link(h, &t, a, same);
		else if (!l->up)
			tally_bad(&t, CHECK_FAIL,
				  arena_printf(h->d->arena, "ip link set %s up && %s",
					       a->link.name, doctor_apply(h->d)),
				  "%s, on which %s is captured, is down", a->link.name,
				  object_where(h->d->arena, &a->object));
		else if (!l->carrier)
			tally_bad(&t, CHECK_WARN, NULL,
				  "%s, on which %s is captured, has no carrier: look at its "
				  "cable, or at the virtual machine's NIC",
				  a->link.name, object_where(h->d->arena, &a->object));
		else
			t.good++;
	}
	tally_end(&t, "there and up: %zu", t.good);
}

static void check_tunnels(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "tunnel" };
	size_t n;
	const struct object **peers = doctor_objects(h->d, &kind_overlay_peer, &n);

	for (size_t i = 0; i < n; i++) {
		const struct overlay_peer *p = (const void *)peers[i];
		const struct look_link *l = find_link(h, p->link.name);

		if (l && l->up)
			t.good++;
		else
			tally_bad(&t, CHECK_FAIL, doctor_apply(h->d),
				  "%s, the way to %s, %s, so nothing is delivered there",
				  p->link.name, object_where(h->d->arena, peers[i]),
				  l ? "is down" : "is not there");
	}
	tally_end(&t, "OverlayPeers whose link is there and up: %zu", t.good);
}

/* ---- captured addresses ----------------------------------------------------------------- */

static void check_absent(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "captured-address" };
	const struct plan *plan = &h->d->pass->plan;
	char host[ADDR_STRLEN];

	for (size_t i = 0; i < plan->count; i++) {
		const struct op *op = &plan->ops[i];

		if (!op->want || op->want->type != ITEM_ABSENT)
			continue;
		lose(h, &op->want->address);
		tally_bad(&t, CHECK_FAIL, doctor_apply(h->d),
			  "%s, which %s captures, is an address of this machine's own %s: its "
			  "packets end here. Some agent, DHCP or cloud-init has put it there",
			  addr_print_host(&op->want->address, host),
			  object_where(h->d->arena, op->want->origin), op->have->link);
	}
	t.good = h->count;
	tally_end(&t, "claims: %zu; this machine holds none of their addresses", t.good);
}

/* ---- delivery --------------------------------------------------------------------------- */

/* What takes a foreign route away that stands where ours should. */
static const char *remove_route(struct doctor *d, const struct item *it)
{
	char dst[ADDR_STRLEN];

	return arena_printf(
	    d->arena, "ip route del %s%s%s%s%s && %s", addr_print(&it->address, dst),
	    *it->link ? " dev " : "", it->link,
	    it->route.metric ? arena_printf(d->arena, " metric %u", it->route.metric) : "",
	    it->route.table != ITEM_TABLE_MAIN
		? arena_printf(d->arena, " table %u", it->route.table)
		: "",
	    doctor_apply(d));
}

static void check_routes(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "delivery-route" };
	const struct plan *plan = &h->d->pass->plan;
	size_t waiting = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct op *op = &plan->ops[i];
		char dst[ADDR_STRLEN];

		if (!op->want || op->want->type != ITEM_ROUTE ||
		    op->origin->kind == &kind_route)
			continue;
		lose(h, &op->want->address);
		addr_print(&op->want->address, dst);
		if (!find_link(h, op->want->link))
			waiting++;
		else if (op->verb == VERB_ADD)
			tally_bad(&t, CHECK_FAIL, doctor_apply(h->d),
				  "%s of %s has no route by %s", dst,
				  object_where(h->d->arena, op->origin), op->want->link);
		else
			tally_bad(&t, CHECK_FAIL,
				  op->have->ours ? doctor_apply(h->d)
						 : remove_route(h->d, op->have),
				  "%s of %s should leave by %s, but there is '%s'%s", dst,
				  object_where(h->d->arena, op->origin), op->want->link,
				  item_text(h->d->arena, op->have),
				  op->have->ours ? "" : ", which routerd did not make");
	}
	if (waiting)
		doctor_add(h->d, AREA, "delivery-route", CHECK_SKIP, NULL,
			   "%zu routes wait for their tunnel, which is not there", waiting);
	for (size_t i = 0; i < h->d->pass->want.count; i++)
		t.good += h->d->pass->want.items[i].type == ITEM_ROUTE;
	if (!waiting)
		tally_end(&t, "routes that are there: %zu", t.good);
}

/* A host of the subnet that is neither claimed nor ours: what a client's packet would come
 * from. The kernel asks where it lives (fib_validate_source()). */
static struct addr pick_source(struct hybrid *h, const struct state *held,
			       const struct addr *prefix)
{
	struct addr a = *prefix;

	a.bits = 32;
	for (unsigned i = 0; i < SOURCE; i++) {
		const struct item key = { .type = ITEM_ABSENT, .address = a };

		for (int b = 3; b >= 0 && ++a.bytes[b] == 0; b--)
			;
		if (!addr_contains(prefix, &a))
			break;
		if (i > 0 && !state_find(held, &key) && !state_find(&h->d->pass->want, &key))
			return key.address;
	}
	return (struct addr){ 0 };
}

static void hold(const struct state *have, struct state *ret)
{
	for (size_t i = 0; i < have->count; i++) {
		struct item it = { .type = ITEM_ABSENT, .address = have->items[i].address };

		it.address.bits = 32;
		if (have->items[i].type == ITEM_ADDRESS)
			state_add(ret, &it);
	}
	state_sort(ret, NULL, NULL);
}

static const char *lookup_words(struct doctor *d, const struct look_route *r)
{
	char from[ADDR_STRLEN] = "";

	if (r->from.family)
		addr_print_host(&r->from, from);
	if (r->local)
		return "keep it for itself";
	if (r->error == -EXDEV)
		return arena_printf(d->arena,
				    "drop it, as by rp_filter a packet from %s may not come in "
				    "by %s",
				    from, r->in);
	if (r->error == -EHOSTUNREACH || r->error == -ENETUNREACH)
		return "drop it: no route, or forwarding is off (area sysctl)";
	if (r->error == -EACCES)
		return "refuse it: a rule or a route of type prohibit comes first";
	if (r->error == -EINVAL)
		return "drop it: a blackhole comes first";
	if (r->error)
		return arena_printf(d->arena, "drop it: %s", strerror(-r->error));
	return arena_printf(d->arena, "send it out by %s%s", r->out,
			    r->table == ITEM_TABLE_MAIN
				? ""
				: arena_printf(d->arena,
					       " (table %u: a rule of 'ip rule' leads there)",
					       r->table));
}

static const char *lookup_remedy(struct doctor *d, const struct look_route *r)
{
	char to[ADDR_STRLEN], from[ADDR_STRLEN] = "";

	addr_print_host(&r->to, to);
	if (r->from.family)
		addr_print_host(&r->from, from);
	return arena_printf(d->arena,
			    "remove the rule or the route that wins; 'ip rule' and 'ip route "
			    "get %s%s%s%s%s' show it",
			    to, r->in ? " from " : "", r->in ? from : "", r->in ? " iif " : "",
			    r->in ? r->in : "");
}

/* Our route may be there and lose: to a rule, to a table that is asked before. */
static void check_lookup(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "route-lookup" };
	struct look_route *ask = arena_alloc(h->d->arena, (h->count + 1) * sizeof(*ask));
	const struct address_claim **of =
	    arena_alloc(h->d->arena, (h->count + 1) * sizeof(struct address_claim *));
	struct state held = { .arena = h->d->arena };
	const struct object *domain = NULL;
	struct addr source = { 0 };
	size_t n = 0;

	hold(&h->d->pass->have, &held);
	for (size_t i = 0; i < h->count; i++) {
		const struct address_claim *a = claim_of(h->claims[i]);

		if (is_lost(h, &a->address))
			continue;
		if (a->domain.to != domain)
			source = pick_source(
			    h, &held,
			    &((const struct mobility_domain *)(const void *)a->domain.to)
				 ->prefix);
		domain = a->domain.to;
		of[n] = a;
		ask[n] = (struct look_route){ .to = a->address };
		if (a->link.name && source.family) {
			ask[n].from = source;
			ask[n].in = a->link.name;
		}
		n++;
	}
	look_routes(h->d->kernel, ask, n);
	for (size_t i = 0; i < n; i++) {
		const char *link = claim_peer(of[i])->link.name;
		char host[ADDR_STRLEN];

		if (!ask[i].error && strcmp(ask[i].out, link) == 0)
			t.good++;
		else
			tally_bad(&t, CHECK_FAIL, lookup_remedy(h->d, &ask[i]),
				  "%s of %s should leave by %s, but the kernel would %s",
				  addr_print_host(&of[i]->address, host),
				  object_where(h->d->arena, &of[i]->object), link,
				  lookup_words(h->d, &ask[i]));
	}
	tally_end(&t, "claims that the kernel sends into their tunnel: %zu", t.good);
}

/* ---- proxy neighbours ------------------------------------------------------------------- */

static void check_foreign(struct hybrid *h, struct tally *t)
{
	struct state all = { .arena = h->d->arena };
	char host[ADDR_STRLEN];

	if (look_proxies(h->d->kernel, &all) < 0)
		return;
	for (size_t i = 0; i < all.count; i++) {
		const struct item *it = &all.items[i], *claim;
		const struct item key = { .type = ITEM_ABSENT, .address = it->address };

		claim = it->ours ? NULL : state_find(&h->d->pass->want, &key);
		if (!claim)
			continue;
		addr_print_host(&it->address, host);
		tally_bad(t, CHECK_WARN,
			  arena_printf(h->d->arena, "ip neigh del proxy %s dev %s && %s", host,
				       it->link, doctor_apply(h->d)),
			  "ARP for %s of %s is answered on %s by a proxy neighbour that is not "
			  "routerd's: whoever made it may take it away, or keep it when it "
			  "should go",
			  host, object_where(h->d->arena, claim->origin), it->link);
	}
}

static void check_proxies(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "proxy-neighbour" };
	const struct plan *plan = &h->d->pass->plan;
	char host[ADDR_STRLEN];

	for (size_t i = 0; i < plan->count; i++) {
		const struct op *op = &plan->ops[i];

		if (op->want && op->want->type == ITEM_PROXY && find_link(h, op->want->link))
			tally_bad(&t, CHECK_FAIL, doctor_apply(h->d),
				  "nobody answers ARP for %s on %s, as %s asks",
				  addr_print_host(&op->want->address, host), op->want->link,
				  object_where(h->d->arena, op->origin));
	}
	check_foreign(h, &t);
	for (size_t i = 0; i < h->count; i++)
		t.good += strcmp(claim_of(h->claims[i])->capture, "proxy-arp") == 0;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->ops[i].want && plan->ops[i].want->type == ITEM_PROXY)
			t.good--; /* its interface is not there, as a row says */
	tally_end(&t, "claims that ARP is answered for: %zu", t.good);
}

void doctor_hybrid(struct doctor *d)
{
	struct hybrid h = { .d = d, .lost.arena = d->arena };

	if (!doctor_can(d, AREA))
		return;
	h.claims = doctor_objects(d, &kind_address_claim, &h.count);
	if (look_links(d->kernel, &h.links, &h.link_count) < 0) {
		doctor_add(d, AREA, "all", CHECK_SKIP, NULL,
			   "the kernel did not list its interfaces; run it again");
		return;
	}
	check_captures(&h);
	check_tunnels(&h);
	check_absent(&h);
	check_routes(&h);
	check_lookup(&h);
	check_proxies(&h);
}
