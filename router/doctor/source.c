/* source.c - does the provider let through what a capturing NIC sends for others?
 *
 * Each cloud checks that a NIC sends only from addresses of its own, and no metadata service
 * tells whether that is on: it is told by the packets that come back (hairpin.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor/hairpin.h"
#include "doctor/provider.h"
#include "providers/action.h"
#include "providers/nicref.h"

#define AREA	"provider"
#define NAME	"source-check"
#define UNKNOWN "an unknown interface"
#define TRIED	4 /* captured addresses of one NIC */
#define NO_PORT 9 /* discard, RFC 863 */

/* One interface, and what the provider calls things. Text is NULL where it is not known. */
struct source {
	struct doctor *d;
	struct hybrid *h;
	const struct address_claim *claims[TRIED];
	size_t count;
	const char *link;
	const struct action_forms *setting;
	struct action_names names;
};

/* ---- names and commands ----------------------------------------------------------------- */

static const struct action_forms *setting_of(const char *provider)
{
	static const struct action_forms any = { .provider = "the provider",
						 .setting = "the check of senders at its NIC",
						 .good = "off",
						 .bad = "on" };
	const struct action_forms *f = action_forms(provider);

	return f ? f : &any;
}

static const char *either(const char *a, const char *b)
{
	return a ? a : b;
}

/* The one that the claims name, else what first boot heard of the interface. */
static const char *nic_of(const struct source *s, const struct here *here)
{
	const char *is, *want;

	for (size_t i = 0; i < s->count; i++)
		if (s->claims[i]->nic && nicref_check(s->setting->provider, s->claims[i]->nic,
						      &is, &want) == NICREF_OK)
			return s->claims[i]->nic;
	for (size_t i = 0; i < here->facts.nic_count; i++) {
		const struct facts_nic *nic = &here->facts.nics[i];

		if (nic->name && strcmp(nic->name, s->link) == 0)
			return nic->ref;
	}
	return NULL;
}

static void name_all(struct source *s, const struct here *here)
{
	static const struct cloud_provider none = { 0 };
	const struct cloud_provider *p = profile_of(s->claims[0]);

	p = p ? p : &none;
	s->setting = setting_of(either(p->provider, here->facts.provider));
	s->names = (struct action_names){ .subscription = p->subscription,
					  .group = p->group,
					  .region = p->region,
					  .compartment = p->compartment,
					  .project = p->project,
					  .zone = p->zone };
	action_name(s->d->arena, s->setting, nic_of(s, here), &here->facts, &s->names);
}

/* The command; a word whose value is not known stays, and *whole is false. */
static const char *fill(const struct source *s, const char *form, bool *whole)
{
	unsigned missing = 0;
	const char *text = action_fill(s->d->arena, form, &s->names, &missing);

	*whole = !missing;
	return text;
}

static const char *mend(const struct source *s)
{
	bool whole;
	const char *command, *find;

	if (!s->setting->mend)
		return "by hand: give the claims a CloudProviderProfile, for the command";
	command = fill(s, s->setting->mend, &whole);
	if (whole)
		return command;
	find = fill(s, s->setting->finds[0].form, &whole);
	return arena_printf(s->d->arena, "by hand: %s tells the names for: %s", find, command);
}

static const char *look(const struct source *s)
{
	const char *command;
	bool whole;

	if (!s->setting->look)
		return mend(s);
	command = fill(s, s->setting->look, &whole);
	if (!whole)
		return mend(s);
	return arena_printf(s->d->arena, "by hand: %s tells; unless it is %s: %s", command,
			    s->setting->good, mend(s));
}

/* ---- the trial -------------------------------------------------------------------------- */

/* A fabric may drop link-local senders whatever its settings. */
static bool can_send(const struct addr *a)
{
	return a->family == AF_INET && !(a->bytes[0] == 169 && a->bytes[1] == 254);
}

/* An address of this router's in the tunnel, or the peer's: none of the NIC's. */
static struct addr overlay_sender(const struct source *s)
{
	const struct overlay_peer *p = claim_peer(s->claims[0]);
	const struct state *have = &s->d->pass->have;

	if (can_send(&p->address))
		return p->address;
	for (size_t i = 0; i < have->count; i++)
		if (have->items[i].type == ITEM_ADDRESS &&
		    strcmp(have->items[i].link, p->link.name) == 0 &&
		    can_send(&have->items[i].address))
			return have->items[i].address;
	return (struct addr){ 0 };
}

/* A neighbour's, on the shared subnet: firewalls that know the provider's own networks let
 * that in where they stop an overlay address. Of the upper half, as gateways and what clouds
 * keep for themselves are at the bottom. */
static struct addr near_sender(const struct source *s, const struct here *here)
{
	const struct mobility_domain *dom = (const void *)s->claims[0]->domain.to;
	struct addr half = dom->prefix, a;

	if (half.bits < 31) {
		half.bytes[half.bits / 8] |= (uint8_t)(0x80 >> half.bits % 8);
		half.bits++;
	}
	a = hybrid_host(s->h, &half);
	for (size_t i = 0; i < here->facts.nic_count; i++)
		for (size_t k = 0; k < here->facts.nics[i].address_count; k++)
			if (addr_compare(&here->facts.nics[i].addresses[k], &a) == 0)
				return (struct addr){ 0 };
	return a;
}

/* An IPv4 address that one machine may have. */
static bool is_host(const struct addr *a)
{
	return a->family == AF_INET && a->bytes[0] != 0 && a->bytes[0] < 224;
}

/* The NIC's own address and its gateway, by its own default route; a second time as a sender
 * of that address, as a second NIC has a table of its own. */
static void find_way(const struct source *s, const struct here *here, struct hairpin *ret)
{
	/* RFC 5737: far away */
	struct look_route r = { .to = { AF_INET, 32, { 192, 0, 2, 1 } }, .by = s->link };

	look_routes(s->d->kernel, &r, 1);
	ret->senders[0] = r.from = r.source;
	if (!r.error && !r.gateway.family)
		look_routes(s->d->kernel, &r, 1);
	ret->gateway = r.gateway;
	for (size_t i = 0; i < here->facts.nic_count && !ret->gateway.family; i++) {
		const struct facts_nic *nic = &here->facts.nics[i];

		if (nic->name && strcmp(nic->name, s->link) == 0 && is_host(&nic->router))
			ret->gateway = nic->router;
	}
}

static uint16_t port_of(const struct address_claim *a)
{
	const struct object *o = claim_peer(a)->link.to;

	if (!o || o->kind != &kind_wireguard_interface)
		return NO_PORT;
	return (uint16_t)((const struct wireguard_interface *)(const void *)o)->port;
}

/* What is open at the provider is the tunnel's port, so it is that which is tried. */
static int try_all(const struct source *s, const struct here *here, struct hairpin *p,
		   unsigned *ret)
{
	int r = 0;

	*p = (struct hairpin){ .link = s->link, .port = port_of(s->claims[0]) };
	find_way(s, here, p);
	p->senders[1] = overlay_sender(s);
	p->senders[2] = near_sender(s, here);
	if (!p->gateway.family || !p->senders[0].family)
		return -ENETUNREACH;
	if (!p->senders[1].family && !p->senders[2].family)
		return -EADDRNOTAVAIL;
	*ret = 0;
	for (size_t i = 0; i < s->count && r == 0 && !*ret; i++) {
		p->to = s->claims[i]->address;
		r = hairpin_run(p, ret);
	}
	return r;
}

/* ---- words ------------------------------------------------------------------------------ */

/* "10.252.0.2 or 10.77.60.3" */
static const char *others(const struct source *s, const struct hairpin *p, unsigned which)
{
	const char *text = "";
	char host[ADDR_STRLEN];

	for (unsigned i = 1; i < HAIRPIN_SENDERS; i++)
		if (p->senders[i].family && which >> i & 1)
			text = arena_printf(s->d->arena, "%s%s%s", text, *text ? " or " : "",
					    addr_print_host(&p->senders[i], host));
	return text;
}

static void untried(const struct source *s, const char *why)
{
	doctor_add(s->d, AREA, NAME, CHECK_SKIP, look(s),
		   "%s: whether %s is %s could not be tried: %s", s->link, s->setting->setting,
		   s->setting->good, why);
}

static void failed(const struct source *s, const struct hairpin *p, int r)
{
	char gateway[ADDR_STRLEN];

	if (r == -EPERM && s->d->root)
		untried(s, "this machine's own firewall does not let UDP out to its gateway");
	else if (r == -EPERM)
		untried(s, "only root may send probes, run it as root");
	else if (r == -ENETUNREACH)
		untried(s, "it has no address, or no gateway is known there");
	else if (r == -EADDRNOTAVAIL)
		untried(s, "no address is known that is surely not its own");
	else if (r == -EHOSTUNREACH)
		untried(s, arena_printf(s->d->arena, "its gateway %s does not answer ARP",
					addr_print_host(&p->gateway, gateway)));
	else
		untried(s, strerror(-r));
}

static void judge(const struct source *s, const struct hairpin *p, unsigned back)
{
	const struct action_forms *t = s->setting;
	char to[ADDR_STRLEN], own[ADDR_STRLEN];

	addr_print_host(&p->to, to);
	addr_print_host(&p->senders[0], own);
	if (back & ~1U)
		doctor_add(
		    s->d, AREA, NAME, CHECK_PASS, NULL,
		    "%s: %s is %s, and %s is attached to it: what was sent there from %s "
		    "came back",
		    s->link, t->setting, t->good, to, others(s, p, back));
	else if (back)
		doctor_add(s->d, AREA, NAME, CHECK_FAIL, mend(s),
			   "%s: %s is %s: what was sent to %s from its own %s came back, and "
			   "nothing from %s did, so %s drops what this router passes on for "
			   "others",
			   s->link, t->setting, t->bad, to, own, others(s, p, ~0U),
			   t->provider);
	else
		doctor_add(s->d, AREA, NAME, CHECK_SKIP, look(s),
			   "%s: nothing that was sent to %s came back, so whether %s is %s is "
			   "not known: the address is not attached to it, or %s brings no NIC "
			   "its own packets back, or lets UDP port %u not in",
			   s->link, s->count > 1 ? "captured addresses" : to, t->setting,
			   t->good, t->provider, p->port);
}

/* ---- one row for each interface --------------------------------------------------------- */

static void check_source(struct source *s, const struct here *here)
{
	struct hairpin p;
	unsigned back;
	int r;

	name_all(s, here);
	if (!s->d->probe) {
		doctor_add(s->d, AREA, NAME, CHECK_SKIP, look(s),
			   "%s: whether %s is %s cannot be seen from inside; 'routerctl doctor "
			   "--probe%s " AREA "' tries it out",
			   s->link, s->setting->setting, s->setting->good, s->d->files);
		return;
	}
	if (!hybrid_link(s->h, s->link)) {
		untried(s, "this machine has none of that name, or none with an address of the "
			   "domain");
		return;
	}
	r = try_all(s, here, &p, &back);
	if (r < 0)
		failed(s, &p, r);
	else
		judge(s, &p, back);
}

void provider_sources(struct doctor *d, const struct object **list, size_t n,
		      const struct here *here)
{
	struct hybrid h = { .d = d };
	const char **links = arena_alloc(d->arena, (n + 1) * sizeof(*links));

	if (!d->pass || look_links(d->kernel, &h.links, &h.link_count) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		links[i] = either(hybrid_way_in(&h, claim_of(list[i])), UNKNOWN);
	for (size_t i = 0; i < n; i++) {
		struct source s = { .d = d, .h = &h, .link = links[i] };

		for (size_t j = i; j < n && s.link; j++) {
			if (!links[j] || strcmp(links[j], s.link) != 0)
				continue;
			if (s.count < TRIED)
				s.claims[s.count++] = claim_of(list[j]);
			links[j] = NULL;
		}
		if (s.count)
			check_source(&s, here);
	}
}
