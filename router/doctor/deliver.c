/* deliver.c - does what was captured go into its tunnel? */
#include <errno.h>
#include <string.h>

#include "doctor/hybrid.h"

#define AREA   "hybrid"
#define SOURCE 65536 /* addresses of a subnet tried for one that is nobody's */

const char *route_remove(struct doctor *d, const struct item *it)
{
	char dst[ADDR_STRLEN];

	return arena_printf(
	    d->arena, "ip route del %s%s%s%s%s%s && %s",
	    it->route.blackhole && !it->route.other ? "blackhole " : "",
	    addr_print(&it->address, dst), *it->link ? " dev " : "",
	    *it->link ? doctor_quote(d->arena, it->link) : "",
	    it->route.metric ? arena_printf(d->arena, " metric %u", it->route.metric) : "",
	    it->route.table != ITEM_TABLE_MAIN
		? arena_printf(d->arena, " table %u", it->route.table)
		: "",
	    doctor_apply(d));
}

void hybrid_routes(struct hybrid *h)
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
		hybrid_lose(h, &op->want->address);
		addr_print(&op->want->address, dst);
		if (!hybrid_link(h, op->want->link))
			waiting++;
		else if (op->verb == VERB_ADD)
			tally_bad(&t, CHECK_FAIL, doctor_apply(h->d),
				  "%s of %s has no route by %s", dst,
				  object_where(h->d->arena, op->origin), op->want->link);
		else
			tally_bad(&t, CHECK_FAIL,
				  op->have->ours ? doctor_apply(h->d)
						 : route_remove(h->d, op->have),
				  "%s of %s should leave by %s, but there is '%s'%s", dst,
				  object_where(h->d->arena, op->origin), op->want->link,
				  item_text(h->d->arena, op->have),
				  op->have->ours ? "" : ", which routerd did not make");
	}
	if (waiting)
		doctor_add(h->d, AREA, "delivery-route", CHECK_SKIP, NULL,
			   "%zu routes wait for their tunnel, which is not there", waiting);
	for (size_t i = 0; i < h->d->pass->want.count && !waiting; i++)
		t.good += h->d->pass->want.items[i].type == ITEM_ROUTE;
	tally_end(&t, "routes that are there: %zu", t.good);
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

struct addr hybrid_host(struct hybrid *h, const struct addr *prefix)
{
	struct addr a = *prefix;

	if (!h->held.arena) {
		h->held.arena = h->d->arena;
		hold(&h->d->pass->have, &h->held);
	}
	a.bits = 32;
	for (unsigned i = 0; i < SOURCE; i++) {
		const struct item key = { .type = ITEM_ABSENT, .address = a };

		for (int b = 3; b >= 0 && ++a.bytes[b] == 0; b--)
			;
		if (!addr_contains(prefix, &a))
			break;
		if (i > 0 && !state_find(&h->held, &key) &&
		    !state_find(&h->d->pass->want, &key))
			return key.address;
	}
	return (struct addr){ 0 };
}

const char *hybrid_near(const struct hybrid *h, const struct addr *prefix, const char *tunnel)
{
	const struct state *have = &h->d->pass->have;

	for (size_t i = 0; i < have->count; i++) {
		const struct item *it = &have->items[i];
		const struct look_link *l;
		struct addr host = it->address;

		host.bits = 32;
		if (it->type != ITEM_ADDRESS || !addr_contains(prefix, &host) ||
		    strcmp(it->link, tunnel) == 0)
			continue;
		l = hybrid_link(h, it->link);
		if (l && l->up && l->ether)
			return it->link;
	}
	return NULL;
}

const char *hybrid_way_in(const struct hybrid *h, const struct address_claim *a)
{
	const struct mobility_domain *domain = (const void *)a->domain.to;

	return a->link.name ? a->link.name
			    : hybrid_near(h, &domain->prefix, claim_peer(a)->link.name);
}

/* Since 6.13 a packet that may not come in is -EINVAL like a blackhole (inet_rtm_getroute(),
 * net/ipv4/route.c): then the way back tells, as fib_validate_source() sees it. */
bool route_is_filtered(const struct doctor *d, const struct look_route *r)
{
	struct look_route back = { .to = r->from };
	int mode;

	if (r->error == -EXDEV)
		return true;
	if (r->error != -EINVAL || !r->in)
		return false;
	mode = sysctl_rp_filter(d, r->in);
	if (mode <= 0)
		return false;
	look_routes(d->kernel, &back, 1);
	return back.error || (mode == 1 && strcmp(back.out, r->in) != 0);
}

const char *route_words(struct doctor *d, const struct look_route *r)
{
	char from[ADDR_STRLEN] = "";

	if (r->from.family)
		addr_print_host(&r->from, from);
	if (r->local)
		return "keep it for itself";
	if (route_is_filtered(d, r))
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

const char *route_remedy(struct doctor *d, const struct look_route *r)
{
	char to[ADDR_STRLEN], from[ADDR_STRLEN] = "";

	addr_print_host(&r->to, to);
	if (r->from.family)
		addr_print_host(&r->from, from);
	return arena_printf(
	    d->arena,
	    "by hand: remove the rule or the route that wins; 'ip rule' and 'ip route "
	    "get %s%s%s%s%s' show it",
	    to, r->in ? " from " : "", r->in ? from : "", r->in ? " iif " : "",
	    r->in ? doctor_quote(d->arena, r->in) : "");
}

/* Our route may be there and lose: to a rule, to a table that is asked before. */
void hybrid_lookup(struct hybrid *h)
{
	struct tally t = { .d = h->d, .area = AREA, .name = "route-lookup" };
	struct look_route *ask = arena_alloc(h->d->arena, (h->count + 1) * sizeof(*ask));
	const struct address_claim **of =
	    arena_alloc(h->d->arena, (h->count + 1) * sizeof(struct address_claim *));
	const struct object *domain = NULL;
	struct addr source = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		const struct address_claim *a = claim_of(h->claims[i]);
		const char *in = hybrid_way_in(h, a);

		if (hybrid_is_lost(h, &a->address))
			continue;
		if (a->domain.to != domain)
			source = hybrid_host(
			    h, &((const struct mobility_domain *)(const void *)a->domain.to)
				    ->prefix);
		domain = a->domain.to;
		of[n] = a;
		ask[n] = (struct look_route){ .to = a->address };
		if (in && source.family) {
			ask[n].from = source;
			ask[n].in = in;
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
			tally_bad(&t, CHECK_FAIL, route_remedy(h->d, &ask[i]),
				  "%s of %s should leave by %s, but the kernel would %s",
				  addr_print_host(&of[i]->address, host),
				  object_where(h->d->arena, &of[i]->object), link,
				  route_words(h->d, &ask[i]));
	}
	tally_end(&t, "claims that the kernel sends into their tunnel: %zu", t.good);
}
