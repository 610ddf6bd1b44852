/* hybrid.c - each claim: captured here, and not held here. */
#include <stdlib.h>
#include <string.h>

#include "config/auto.h"
#include "doctor/hybrid.h"

#define AREA	   "hybrid"
#define CANDIDATES 8 /* interfaces named, of those that could be meant */

void hybrid_lose(struct hybrid *h, const struct addr *a)
{
	state_add(&h->lost, &(struct item){ .type = ITEM_ABSENT, .address = *a });
}

bool hybrid_is_lost(struct hybrid *h, const struct addr *a)
{
	const struct item key = { .type = ITEM_ABSENT, .address = *a };

	state_sort(&h->lost, NULL, NULL);
	return state_find(&h->lost, &key) != NULL;
}

const struct look_link *hybrid_link(const struct hybrid *h, const char *name)
{
	return look_link(h->links, h->link_count, name);
}

/* ---- interfaces ------------------------------------------------------------------------- */

const char *hybrid_candidates(struct hybrid *h, const struct addr *prefix, const char **ret)
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

const char *hybrid_edit_link(struct doctor *d, const struct address_claim *a, const char *name)
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
	const char *first, *all = hybrid_candidates(h, &dom->prefix, &first);
	const char *others =
	    n > 1 ? arena_printf(h->d->arena, " and %zu other claims", n - 1) : "";
	char prefix[ADDR_STRLEN];

	addr_print(&dom->prefix, prefix);
	if (first)
		tally_bad(
		    t, CHECK_FAIL, hybrid_edit_link(h->d, a, first),
		    "this machine has no interface '%s', on which %s%s would be captured; "
		    "of %s are: %s",
		    a->link.name, object_where(h->d->arena, &a->object), others, prefix, all);
	else
		tally_bad(
		    t, CHECK_FAIL, hybrid_edit_link(h->d, a, NULL),
		    "this machine has no interface '%s', on which %s%s would be captured, "
		    "and none with an address of %s; 'ip -br addr' lists those it has",
		    a->link.name, object_where(h->d->arena, &a->object), others, prefix);
}

/* 'auto', and what this machine has does not tell which. */
static void check_unknown(struct hybrid *h, struct tally *t)
{
	const struct config *c = h->d->config;

	for (size_t i = 0; i < c->count; i++) {
		const struct address_claim *a = claim_of(c->objects[i]);
		const struct mobility_domain *dom;
		const char *first, *all, *words;
		char prefix[ADDR_STRLEN];

		if (c->objects[i]->kind != &kind_address_claim || !a->auto_link || a->link.name)
			continue;
		dom = (const void *)a->domain.to;
		(void)auto_nic(c, &dom->prefix, h->d->arena, &words);
		all = hybrid_candidates(h, &dom->prefix, &first);
		tally_bad(t, CHECK_FAIL, hybrid_edit_link(h->d, a, first),
			  "capture.interface of %s is auto, and which that is is not known, so "
			  "nothing is captured: %s%s%s%s%s",
			  object_where(h->d->arena, &a->object), words, first ? "; of " : "",
			  first ? addr_print(&dom->prefix, prefix) : "", first ? " are: " : "",
			  all);
	}
}

bool hybrid_is_on(struct hybrid *h, const char *link, const struct addr *prefix,
		  const char **ret_out)
{
	struct look_route r = { .to = hybrid_host(h, prefix) };
	const struct state *have = &h->d->pass->have;

	for (size_t i = 0; i < have->count; i++) {
		struct addr host = have->items[i].address;

		host.bits = 32;
		if (have->items[i].type == ITEM_ADDRESS && addr_contains(prefix, &host) &&
		    strcmp(have->items[i].link, link) == 0)
			return true;
	}
	if (!r.to.family)
		return true; /* nobody to look for */
	look_routes(h->d->kernel, &r, 1);
	*ret_out = r.error ? NULL : r.out;
	return !r.error && strcmp(r.out, link) == 0;
}

/* An interface, but not the one on the shared subnet. */
static bool is_astray(struct hybrid *h, struct tally *t, const struct address_claim *a)
{
	const struct mobility_domain *dom = (const void *)a->domain.to;
	bool proxy = strcmp(a->capture, "proxy-arp") == 0;
	enum check_status status = proxy ? CHECK_FAIL : CHECK_WARN;
	const char *where = object_where(h->d->arena, &a->object);
	const char *out, *first, *all;
	char prefix[ADDR_STRLEN];

	if (hybrid_is_on(h, a->link.name, &dom->prefix, &out))
		return false;
	all = hybrid_candidates(h, &dom->prefix, &first);
	addr_print(&dom->prefix, prefix);
	if (first)
		tally_bad(t, status, hybrid_edit_link(h->d, a, first),
			  "%s, on which %s is captured, is not on %s; on that are: %s",
			  a->link.name, where, prefix, all);
	else
		tally_bad(
		    t, status,
		    arena_printf(h->d->arena,
				 "by hand: give %s an address of %s, or name the "
				 "interface on that subnet in %s",
				 a->link.name, prefix, where),
		    "%s, on which %s is captured, has no address of %s, nor has any other "
		    "interface; its hosts this machine looks for %s%s",
		    a->link.name, where, prefix, out ? "on " : "nowhere", out ? out : "");
	if (proxy)
		hybrid_lose(h, &a->address);
	return true;
}

/* Are they? Of claims of one interface one of each domain is asked for. */
static bool are_astray(struct hybrid *h, struct tally *t, const struct object **list, size_t n)
{
	const struct object *domain = NULL;
	bool astray = false;

	for (size_t i = 0; i < n; i++) {
		if (claim_of(list[i])->domain.to != domain)
			astray |= is_astray(h, t, claim_of(list[i]));
		domain = claim_of(list[i])->domain.to;
	}
	return astray;
}

static int by_link(const void *pa, const void *pb)
{
	const struct object *const *a = pa, *const *b = pb;
	int r = strcmp(claim_of(*a)->link.name, claim_of(*b)->link.name);

	if (r == 0)
		r = strcmp(claim_of(*a)->domain.to->name, claim_of(*b)->domain.to->name);
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
		const struct look_link *l = hybrid_link(h, a->link.name);

		for (same = 1; i + same < n; same++)
			if (strcmp(claim_of(list[i + same])->link.name, a->link.name) != 0)
				break;
		for (size_t j = i; j < i + same && (!l || !l->up); j++)
			hybrid_lose(h, &claim_of(list[j])->address);
		if (!l)
			no_link(h, &t, a, same);
		else if (!l->up)
			tally_bad(&t, CHECK_FAIL,
				  arena_printf(h->d->arena, "ip link set dev %s up && %s",
					       doctor_quote(h->d->arena, a->link.name),
					       doctor_apply(h->d)),
				  "%s, on which %s is captured, is down", a->link.name,
				  object_where(h->d->arena, &a->object));
		else if (are_astray(h, &t, &list[i], same))
			continue;
		else if (!l->carrier)
			tally_bad(&t, CHECK_WARN, NULL,
				  "%s, on which %s is captured, has no carrier: look at its "
				  "cable, or at the virtual machine's NIC",
				  a->link.name, object_where(h->d->arena, &a->object));
		else
			t.good++;
	}
	check_unknown(h, &t);
	tally_end(&t, "there, up and on their domain's subnet: %zu", t.good);
}

static void check_tunnels(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "tunnel" };
	size_t n;
	const struct object **peers = doctor_objects(h->d, &kind_overlay_peer, &n);

	for (size_t i = 0; i < n; i++) {
		const struct overlay_peer *p = (const void *)peers[i];
		const struct look_link *l = hybrid_link(h, p->link.name);

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
		hybrid_lose(h, &op->want->address);
		tally_bad(&t, CHECK_FAIL, doctor_apply(h->d),
			  "%s, which %s captures, is an address of this machine's own %s: its "
			  "packets end here. Some agent, DHCP or cloud-init has put it there",
			  addr_print_host(&op->want->address, host),
			  object_where(h->d->arena, op->want->origin), op->have->link);
	}
	t.good = h->count;
	tally_end(&t, "claims: %zu; this machine holds none of their addresses", t.good);
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
				       doctor_quote(h->d->arena, it->link), doctor_apply(h->d)),
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

		if (op->want && op->want->type == ITEM_PROXY && hybrid_link(h, op->want->link))
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

bool hybrid_open(struct hybrid *h, struct doctor *d)
{
	*h = (struct hybrid){ .d = d, .lost.arena = d->arena };
	h->claims = doctor_objects(d, &kind_address_claim, &h->count);
	return look_links(d->kernel, &h->links, &h->link_count) == 0;
}

void doctor_hybrid(struct doctor *d)
{
	struct hybrid h;

	if (!doctor_can(d, AREA))
		return;
	if (!hybrid_open(&h, d)) {
		doctor_add(d, AREA, "all", CHECK_SKIP, NULL,
			   "the kernel did not list its interfaces; run it again");
		return;
	}
	check_captures(&h);
	check_tunnels(&h);
	check_absent(&h);
	hybrid_routes(&h);
	hybrid_lookup(&h);
	check_proxies(&h);
}
