/* firewall.c - would the host's firewall let through what the configuration is for?
 *
 * For each thing that must get through, a packet is walked through the rules as they are.
 * Where one stops it, the command that lets it pass right before that place is the remedy,
 * and the walk goes on as if it had been given, until the packet is through. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clean.h"
#include "config/hybrid.h"
#include "doctor/firewall.h"
#include "kernel/look.h"

#define AREA	  "firewall"
#define NO_PORT	  9		    /* discard: nobody makes a rule for it */
#define HIGH_PORT 50000		    /* of a client */
#define METADATA  "169.254.169.254" /* every cloud's */
#define FABRIC	  "168.63.129.16"   /* Azure's host agent */

static void add_command(struct firewall *f, struct remedy *r, const char *command)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->commands[i], command) == 0)
			return;
	r->commands[r->count++] = command;
	r->text = r->text ? arena_printf(f->d->arena, "%s && %s", r->text, command) : command;
}

/* ---- one check -------------------------------------------------------------------------- */

void firewall_walk(struct firewall *f, const struct flow *w, struct found *ret)
{
	struct place open[FIREWALL_PLACES], p;
	size_t n = 0;
	enum verdict v;
	bool by_iptables;

	while (n < FIREWALL_PLACES &&
	       (v = ruleset_verdict(&f->rs, w, open, n, &p)) == VERDICT_BLOCK) {
		const char *text = arena_printf(
		    f->d->arena, "%s %s it%s%s%s", place_text(f->d, &p), effect_word(p.effect),
		    p.name ? " (" : "", p.name ? p.name : "", p.name ? ")" : "");

		if (ret->worst == VERDICT_BLOCK)
			text = strstr(ret->text, text)
				   ? ret->text
				   : arena_printf(f->d->arena, "%s, then %s", ret->text, text);
		else
			ret->place = p;
		ret->worst = VERDICT_BLOCK;
		ret->text = text;
		add_command(f, &ret->remedy, place_accept(f->d, &p, w, &by_iptables));
		if (by_iptables) {
			ret->both |= ret->told && ret->told->legacy != p.chain->table->legacy;
			ret->told = p.chain->table;
		}
		open[n++] = p;
	}
	if (n == 0 && v == VERDICT_UNSURE && ret->worst == VERDICT_PASS) {
		ret->worst = VERDICT_UNSURE;
		ret->place = p;
		ret->text = place_text(f->d, &p);
	}
}

const char *firewall_remedy(struct firewall *f, struct found *found)
{
	const char *save = found->told && !found->both ? table_save(f->d, found->told) : NULL;

	if (save)
		add_command(f, &found->remedy, save);
	return found->remedy.text;
}

static void report(struct firewall *f, const char *name, const char *what, struct found *found)
{
	switch (found->worst) {
	case VERDICT_PASS:
		doctor_add(f->d, AREA, name, CHECK_PASS, NULL, "%s gets through", what);
		break;
	case VERDICT_BLOCK:
		doctor_add(f->d, AREA, name, CHECK_WARN, firewall_remedy(f, found),
			   "%s does not get through: %s", what, found->text);
		break;
	case VERDICT_UNSURE:
		doctor_add(f->d, AREA, name, CHECK_SKIP, NULL,
			   "whether %s gets through depends on %s, which asks for something "
			   "doctor cannot judge; look at it",
			   what, found->text);
		break;
	}
}

struct flow_link firewall_link(const char *name)
{
	return (struct flow_link){ name, name ? (int)if_nametoindex(name) : 0 };
}

/* The interface by which this machine's own packets to a leave. */
static struct flow_link link_to(const struct firewall *f, const struct addr *a)
{
	struct look_route r = { .to = *a };

	if (!f->d->pass)
		return (struct flow_link){ 0 };
	look_routes(f->d->kernel, &r, 1);
	return firewall_link(r.error || r.local ? NULL : r.out);
}

/* ---- the tunnel's own packets ----------------------------------------------------------- */

struct listener {
	const struct wireguard_interface *wg;
	const struct endpoint *endpoints[2]; /* the first of each family; NULL: none */
};

static void note_endpoints(const struct doctor *d, struct listener *l)
{
	const struct state *want = d->pass ? &d->pass->want : NULL;

	for (size_t i = 0; want && i < want->count; i++) {
		const struct item *it = &want->items[i];
		const struct endpoint *e = &it->peer.endpoint;

		if (it->type != ITEM_PEER || !e->address.family ||
		    strcmp(it->link, l->wg->object.name) != 0)
			continue;
		if (!l->endpoints[e->address.family == AF_INET6])
			l->endpoints[e->address.family == AF_INET6] = e;
	}
}

static void walk_listener(struct firewall *f, const struct listener *l, bool v6,
			  struct found *found, const char **inward)
{
	static const struct addr anywhere[] = {
		/* RFC 5737, RFC 3849: by the default route, if any */
		{ AF_INET, 32, { 192, 0, 2, 1 } },
		{ AF_INET6, 128, { 0x20, 0x01, 0x0d, 0xb8 } },
	};
	const struct flow_link others[] = { firewall_link("lo"),
					    firewall_link(l->wg->object.name) };
	const struct endpoint *e = l->endpoints[v6];
	struct flow w = { .hook = HOOK_INPUT,
			  .family = v6 ? AF_INET6 : AF_INET,
			  .out.name = "",
			  .others = others,
			  .other_count = 2,
			  .protocol = IPPROTO_UDP,
			  .source_port = e ? e->port : (int)l->wg->port,
			  .destination_port = (int)l->wg->port };
	struct flow_link in = link_to(f, e ? &e->address : &anywhere[v6]);

	if (e)
		w.source = e->address;
	if (in.name && strcmp(in.name, l->wg->object.name) != 0) {
		w.in = in;
		*inward = in.name;
	}
	firewall_walk(f, &w, found);
}

static void check_listener(struct firewall *f, const struct wireguard_interface *wg)
{
	struct listener l = { .wg = wg };
	struct found found = { 0 };
	const char *in = NULL;

	note_endpoints(f->d, &l);
	if (l.endpoints[0] || !l.endpoints[1])
		walk_listener(f, &l, false, &found, &in);
	if (l.endpoints[1])
		walk_listener(f, &l, true, &found, &in);
	report(f, "listen-port",
	       arena_printf(f->d->arena, "%s's UDP to port %u%s%s", wg->object.name, wg->port,
			    in ? " from " : " from outside", in ? in : ""),
	       &found);
}

/* ---- what is forwarded ------------------------------------------------------------------ */

/* Between an interface and a tunnel. */
struct pair {
	const char *link; /* NULL: any but the tunnel */
	const char *tunnel;
	struct addr near, far; /* who talks to whom; family 0: anybody */
	bool cloud, azure;     /* this side is one: addresses are captured by its fabric */
};

static int by_links(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;
	int r = strcmp(a->tunnel, b->tunnel);

	r = r ? r : strcmp(a->link ? a->link : "", b->link ? b->link : "");
	r = r ? r : addr_compare(&a->far, &b->far);
	return r ? r : addr_compare(&a->near, &b->near);
}

/* The interface with an address in whose subnet a lies. */
static const char *link_near(const struct firewall *f, const struct addr *a, const char *tunnel)
{
	for (const struct ifaddrs *i = f->addresses; i; i = i->ifa_next) {
		struct in_addr own, mask, wanted;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !i->ifa_netmask ||
		    strcmp(i->ifa_name, tunnel) == 0)
			continue;
		own = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
		mask = ((const struct sockaddr_in *)(const void *)i->ifa_netmask)->sin_addr;
		memcpy(&wanted, a->bytes, sizeof(wanted));
		if (mask.s_addr != INADDR_NONE && mask.s_addr &&
		    (own.s_addr & mask.s_addr) == (wanted.s_addr & mask.s_addr))
			return i->ifa_name;
	}
	return NULL;
}

static struct pair pair_of_claim(const struct firewall *f, const struct address_claim *a)
{
	const struct mobility_domain *domain = (const void *)a->domain.to;
	const struct cloud_provider *cloud = (const void *)a->provider.to;
	struct pair p = { .link = a->link.name,
			  .tunnel = claim_peer(a)->link.name,
			  .near = domain->prefix,
			  .far = a->address,
			  .cloud = strcmp(a->capture, "provider-secondary-ip") == 0 };

	if (!p.link)
		p.link = link_near(f, &a->address, p.tunnel);
	p.azure = p.cloud && cloud && cloud->provider && strcmp(cloud->provider, "azure") == 0;
	return p;
}

static struct pair pair_of_route(const struct hybrid_route *h)
{
	const struct overlay_peer *p = (const void *)h->peer.to;

	return (struct pair){ .tunnel = p->link.name,
			      .far = *(const struct addr *)h->destinations.items };
}

/* Each pair of interfaces once, whatever the number of claims. */
static size_t collect(const struct firewall *f, struct pair **ret)
{
	const struct config *c = f->d->config;
	struct pair *all = arena_alloc(f->d->arena, (c->count + 1) * sizeof(*all));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (c->objects[i]->kind == &kind_address_claim)
			all[n++] = pair_of_claim(f, (const void *)c->objects[i]);
		if (c->objects[i]->kind == &kind_hybrid_route)
			all[n++] = pair_of_route((const void *)c->objects[i]);
	}
	if (n)
		qsort(all, n, sizeof(*all), by_links);
	for (size_t i = 0; i < n; i++) {
		struct pair *last = kept ? &all[kept - 1] : NULL;

		if (!last || strcmp(last->tunnel, all[i].tunnel) != 0 ||
		    strcmp(last->link ? last->link : "", all[i].link ? all[i].link : "") != 0) {
			all[kept++] = all[i];
			continue;
		}
		last->cloud |= all[i].cloud;
		last->azure |= all[i].azure;
	}
	*ret = all;
	return kept;
}

struct flow firewall_forward(const char *in, const char *out, const struct addr *from,
			     const struct addr *to)
{
	return (struct flow){ .hook = HOOK_FORWARD,
			      .family = AF_INET,
			      .in = firewall_link(in),
			      .out = firewall_link(out),
			      .source = *from,
			      .destination = *to,
			      .protocol = IPPROTO_TCP,
			      .source_port = HIGH_PORT,
			      .destination_port = NO_PORT };
}

static struct flow forwarded(const struct pair *p, bool back)
{
	return back ? firewall_forward(p->tunnel, p->link, &p->far, &p->near)
		    : firewall_forward(p->link, p->tunnel, &p->near, &p->far);
}

static void check_pair(struct firewall *f, const struct pair *p)
{
	const struct flow_link others[] = { firewall_link("lo"), firewall_link(p->tunnel) };
	struct found found = { 0 };

	if (p->link && !if_nametoindex(p->link)) {
		doctor_add(
		    f->d, AREA, "forward", CHECK_SKIP,
		    arena_printf(f->d->arena, "routerctl doctor%s hybrid", f->d->files),
		    "this machine has no interface '%s', so nothing is forwarded between "
		    "it and %s; area hybrid tells which could be meant",
		    p->link, p->tunnel);
		return;
	}
	for (int back = 0; back < 2; back++) {
		struct flow w = forwarded(p, back);

		w.others = others;
		w.other_count = 2;
		firewall_walk(f, &w, &found);
	}
	report(f, "forward",
	       arena_printf(f->d->arena, "what is forwarded between %s and %s",
			    p->link ? p->link : "other interfaces", p->tunnel),
	       &found);
}

/* ---- the cloud's metadata --------------------------------------------------------------- */

static enum verdict reachable(struct firewall *f, const struct pair *p, const char *address,
			      bool from_tunnel, struct place *ret)
{
	const struct flow_link others[] = { firewall_link("lo"), firewall_link(p->tunnel) };
	struct flow w = forwarded(p, from_tunnel);

	(void)addr_parse(address, &w.destination);
	w.destination_port = 80;
	w.others = others;
	w.other_count = 2;
	w.out = link_to(f, &w.destination);
	return ruleset_verdict(&f->rs, &w, NULL, 0, ret);
}

/* Dropping in any base chain is final, so a table of its own does it on every system; but
 * who keeps a firewall by iptables looks for it there. */
static void add_guard(struct firewall *f, const char *address, struct remedy *ret)
{
	const char *save;

	for (size_t i = 0; i < f->rs.chain_count; i++) {
		const struct rule_chain *c = f->rs.chains[i];
		const char *program = ruleset_is_iptables(c) && c->hook == HOOK_FORWARD
					  ? table_program(f->d, c->table)
					  : NULL;

		if (!program || c->table->family != FAMILY_IPV4 ||
		    strcmp(c->table->name, "filter") != 0)
			continue;
		add_command(f, ret,
			    arena_printf(f->d->arena, "%s -I FORWARD 1 -d %s -j REJECT",
					 program, address));
		save = table_save(f->d, c->table);
		if (save)
			add_command(f, ret, save);
		return;
	}
	add_command(
	    f, ret,
	    arena_printf(f->d->arena,
			 "nft 'add table inet metadata_guard; add chain inet metadata_guard "
			 "forward { type filter hook forward priority -10; }; add rule inet "
			 "metadata_guard forward ip daddr %s drop'",
			 address));
}

static void check_metadata(struct firewall *f, const char *address, const struct pair *pairs,
			   size_t count)
{
	struct place p = { 0 }, doubt = { 0 };
	struct remedy remedy = { 0 };
	bool open = false;

	for (size_t i = 0; i < 2 * count && !open; i++) {
		const struct pair *pair = &pairs[i / 2];
		enum verdict v =
		    pair->cloud ? reachable(f, pair, address, i % 2, &p) : VERDICT_BLOCK;

		open = v == VERDICT_PASS;
		if (v == VERDICT_UNSURE)
			doubt = p;
	}
	add_guard(f, address, &remedy);
	if (open)
		doctor_add(f->d, AREA, "metadata", CHECK_WARN, remedy.text,
			   "clients can reach %s through this router: the cloud's metadata, "
			   "and with it what this machine may do there",
			   address);
	else if (doubt.chain)
		doctor_add(f->d, AREA, "metadata", CHECK_SKIP, NULL,
			   "whether clients can reach %s, the cloud's metadata, through this "
			   "router depends on %s, which asks for something doctor cannot judge",
			   address, place_text(f->d, &doubt));
	else
		doctor_add(f->d, AREA, "metadata", CHECK_PASS, NULL,
			   "clients cannot reach %s through this router", address);
}

static void check_pairs(struct firewall *f)
{
	struct pair *pairs;
	size_t n = collect(f, &pairs);
	bool cloud = false, azure = false;

	for (size_t i = 0; i < n; i++) {
		check_pair(f, &pairs[i]);
		cloud |= pairs[i].cloud;
		azure |= pairs[i].azure;
	}
	if (cloud)
		check_metadata(f, METADATA, pairs, n);
	if (azure)
		check_metadata(f, FABRIC, pairs, n);
	if (!cloud)
		doctor_add(f->d, AREA, "metadata", CHECK_SKIP, NULL,
			   "no address is captured by a cloud here, so there is no cloud's "
			   "metadata to keep clients from");
}

/* for CLEAN() */
static void free_addresses(struct ifaddrs **a)
{
	if (*a)
		freeifaddrs(*a);
}

void doctor_firewall(struct doctor *d)
{
	CLEAN(free_addresses) struct ifaddrs *addresses = NULL;
	struct firewall f = { .d = d };

	if (!d->config) {
		doctor_add(d, AREA, "rules", CHECK_SKIP, NULL,
			   "without a sound configuration it is not known what must get "
			   "through the firewall");
		return;
	}
	if (!tables_read(d, AREA, "rules", &f.rs))
		return;
	if (getifaddrs(&addresses) == 0) /* without, an interface is any */
		f.addresses = addresses;
	for (size_t i = 0; i < d->config->count; i++)
		if (d->config->objects[i]->kind == &kind_wireguard_interface)
			check_listener(&f, (const void *)d->config->objects[i]);
	check_pairs(&f);
}
