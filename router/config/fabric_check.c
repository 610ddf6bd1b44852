/* fabric_check.c - what contradicts itself in what is written once. */
#include <stdlib.h>
#include <string.h>

#include "config/fabric.h"
#include "config/hint.h"
#include "config/hybrid.h"

#define HINT_NODES   1000 /* looked at for a name mistyped */
#define SOURCES_MOST 16	  /* sets of one pool */

/* ---- places ----------------------------------------------------------------------------- */

static struct mark mark_of(const struct list_item *i, const char *name)
{
	const struct node *n = node_get(i->node, name);

	return n ? n->mark : i->node->mark;
}

/* "cloud-rt (fabric.yaml:9)" */
static const char *named(struct arena *a, const char *name, struct mark at)
{
	return arena_printf(a, "%s (%s:%d)", name, at.file, at.line);
}

static bool can_be_dialled(const struct sam_node *n)
{
	return n->endpoint.host || strcmp(n->role, "cloud") == 0;
}

/* ---- what is wrong with a set ------------------------------------------------------------ */

/* Two of one list have what only one may have. */
struct twin {
	const char *group, *what; /* the field, for the place; group NULL: none */
	bool (*has)(const struct sam_node *n);
	int (*compare)(const struct sam_node *a, const struct sam_node *b);
	const char *rule;
};

static int compare_names(const struct sam_node *a, const struct sam_node *b)
{
	return strcmp(a->name, b->name);
}

static int compare_overlays(const struct sam_node *a, const struct sam_node *b)
{
	return addr_compare(&a->overlay, &b->overlay);
}

static int compare_endpoints(const struct sam_node *a, const struct sam_node *b)
{
	int r = strcmp(a->endpoint.host, b->endpoint.host);

	return r ? r : a->endpoint.port - b->endpoint.port;
}

static int compare_keys(const struct sam_node *a, const struct sam_node *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static bool has_name(const struct sam_node *n)
{
	return n->name;
}

static bool has_key(const struct sam_node *n)
{
	return key_given(&n->key);
}

static bool has_endpoint(const struct sam_node *n)
{
	return n->endpoint.host;
}

static const struct twin twins[] = {
	{ NULL, "nodeRef", has_name, compare_names, "each node stands in a set once" },
	{ NULL, "samEndpoint", has_name, compare_overlays,
	  "each node has an overlay address of its own" },
	{ "wireGuard", "publicKey", has_key, compare_keys,
	  "no two nodes have one key: leave it out, and each node's export brings its own" },
	{ "wireGuard", "endpoint", has_endpoint, compare_endpoints,
	  "each node is reached at an address and port of its own" },
};

static int by_twin(const void *pa, const void *pb, void *arg)
{
	const struct sam_node *const *a = pa, *const *b = pb;
	const struct twin *t = arg;
	int r = t->compare(*a, *b);

	return r ? r : fabric_place_compare((*a)->item.node, (*b)->item.node);
}

static struct mark twin_mark(const struct sam_node *n, const struct twin *t)
{
	const struct node *at = t->group ? node_get(n->item.node, t->group) : n->item.node;

	at = node_get(at, t->what);
	return at ? at->mark : n->item.node->mark;
}

static void check_twins(const struct sam_node_set *s, const struct twin *t,
			const struct sam_node **list, struct diag *d)
{
	const struct sam_node *all = s->nodes.items;
	size_t n = 0;

	for (size_t i = 0; i < s->nodes.count; i++)
		if (t->has(&all[i]))
			list[n++] = &all[i];
	qsort_r(list, n, sizeof(*list), by_twin, (void *)t);
	for (size_t i = 1; i < n; i++)
		if (t->compare(list[i - 1], list[i]) == 0)
			diag_error(
			    d, twin_mark(list[i], t),
			    "%s/%s: %s of node '%s' is that of %s, too: %s",
			    s->object.kind->name, s->object.name, t->what, list[i]->name,
			    named(d->arena, list[i - 1]->name, twin_mark(list[i - 1], t)),
			    t->rule);
}

static int by_site(const void *pa, const void *pb)
{
	const struct sam_node *const *a = pa, *const *b = pb;
	int r = strcmp((*a)->site, (*b)->site);

	return r ? r : fabric_place_compare((*a)->item.node, (*b)->item.node);
}

static void check_roles(const struct sam_node_set *s, const struct sam_node **list,
			struct diag *d)
{
	for (size_t i = 0; i < s->nodes.count; i++)
		list[i] = (struct sam_node *)s->nodes.items + i;
	qsort(list, s->nodes.count, sizeof(*list), by_site);
	for (size_t i = 1; i < s->nodes.count; i++)
		if (strcmp(list[i - 1]->site, list[i]->site) == 0 &&
		    strcmp(list[i - 1]->role, list[i]->role) != 0)
			diag_error(
			    d, mark_of(&list[i]->item, "role"),
			    "%s/%s: role of node '%s' is '%s', but at the same site '%s' "
			    "that of %s is '%s': make them agree, or name two sites",
			    s->object.kind->name, s->object.name, list[i]->name, list[i]->role,
			    list[i]->site,
			    named(d->arena, list[i - 1]->name,
				  mark_of(&list[i - 1]->item, "role")),
			    list[i - 1]->role);
}

/* "Azure" is a site as any other, but hardly meant so. */
static void check_site(const struct sam_node_set *s, const struct sam_node *n, struct diag *d)
{
	struct hint hint = { .text = n->site };
	const char *words;

	for (const struct word *w = provider_words; w->word; w++) {
		if (strcmp(w->word, n->site) == 0)
			return;
		hint_try(&hint, w->word);
	}
	words = hint_text(d->arena, &hint);
	if (*words)
		diag_warn(d, mark_of(&n->item, "site"),
			  "%s/%s: site '%.60s' of node '%s' tells no provider%s",
			  s->object.kind->name, s->object.name, n->site, n->name, words);
}

static void check_set(struct config *c, struct sam_node_set *s, struct diag *d)
{
	const struct sam_node **list =
	    arena_alloc(c->arena, (s->nodes.count + 1) * sizeof(*list));
	struct sam_node *nodes = s->nodes.items;

	for (size_t i = 0; i < s->nodes.count; i++) {
		struct sam_node *n = &nodes[i];

		if (!n->site)
			n->site = n->name;
		if (!config_is_node(n->name))
			diag_error(d, mark_of(&n->item, "nodeRef"),
				   "%s/%s: nodeRef: want a name of letters, digits, '.', '_' "
				   "and '-', at most %d bytes: it is a file's name, too",
				   s->object.kind->name, s->object.name, NODE_MAX_BYTES);
		overlay_warn(&s->object, arena_printf(d->arena, "nodes[%zu].samEndpoint", i),
			     &n->overlay, d);
		if (strcmp(n->role, "cloud") == 0)
			check_site(s, n, d);
	}
	for (size_t i = 0; i < sizeof(twins) / sizeof(*twins); i++)
		check_twins(s, &twins[i], list, d);
	check_roles(s, list, d);
}

/* ---- what is wrong with a pool ----------------------------------------------------------- */

/* One member, and what is known of its node. */
struct seat {
	const struct pool_member *member;
	const struct sam_node *node;
	const struct sam_node_set *set;
};

static int by_seat_name(const void *pa, const void *pb)
{
	const struct seat *a = pa, *b = pb;
	int r = strcmp(a->member->name, b->member->name);

	return r ? r : fabric_place_compare(a->member->item.node, b->member->item.node);
}

static int by_seat_site(const void *pa, const void *pb)
{
	const struct seat *a = pa, *b = pb;
	int r = strcmp(a->node->site, b->node->site);

	return r ? r : fabric_place_compare(a->member->item.node, b->member->item.node);
}

static void unknown_member(const struct config *c, const struct fabric *f,
			   const struct mobility_pool *p, const struct pool_member *m,
			   struct diag *d)
{
	struct hint hint = { .text = m->name };

	for (size_t i = 0; i < f->count && i < HINT_NODES; i++)
		if (fabric_is_source(c, p, f->nodes[i].set))
			hint_try(&hint, f->nodes[i].node->name);
	diag_error(d, mark_of(&m->item, "nodeRef"),
		   "%s/%s: nodeRef: no set of its membersFrom has a node '%.60s'%s",
		   p->object.kind->name, p->object.name, m->name, hint_text(d->arena, &hint));
}

static void check_seats(const struct mobility_pool *p, struct seat *seats, size_t n,
			struct diag *d)
{
	qsort(seats, n, sizeof(*seats), by_seat_name);
	for (size_t i = 1; i < n; i++)
		if (strcmp(seats[i - 1].member->name, seats[i].member->name) == 0)
			diag_error(d, mark_of(&seats[i].member->item, "nodeRef"),
				   "%s/%s: nodeRef: '%s' is a member already, in line %d: put "
				   "its addresses together",
				   p->object.kind->name, p->object.name, seats[i].member->name,
				   seats[i - 1].member->item.node->mark.line);
	qsort(seats, n, sizeof(*seats), by_seat_site);
	for (size_t i = 1; i < n; i++)
		if (strcmp(seats[i - 1].node->site, seats[i].node->site) == 0 &&
		    seats[i - 1].node != seats[i].node)
			diag_error(d, mark_of(&seats[i].member->item, "nodeRef"),
				   "%s/%s: '%s' stands at site '%s', as %s does: of a pool one "
				   "router captures at a site; give it the addresses of both, "
				   "or the other a pool of its own",
				   p->object.kind->name, p->object.name, seats[i].member->name,
				   seats[i].node->site,
				   named(d->arena, seats[i - 1].member->name,
					 seats[i - 1].member->item.node->mark));
}

/* A set is one overlay: there is no tunnel from one to another. */
static void check_sets(const struct mobility_pool *p, const struct seat *seats, size_t n,
		       struct diag *d)
{
	for (size_t i = 1; i < n; i++)
		if (seats[i].set != seats[0].set)
			diag_error(d, mark_of(&seats[i].member->item, "nodeRef"),
				   "%s/%s: node '%s' stands in SAMNodeSet/%s and %s in "
				   "SAMNodeSet/%s, and between two sets there is no tunnel: "
				   "put the nodes of a pool into one",
				   p->object.kind->name, p->object.name, seats[i].node->name,
				   seats[i].set->object.name,
				   named(d->arena, seats[0].node->name,
					 seats[0].member->item.node->mark),
				   seats[0].set->object.name);
}

/* Two sites that cannot call each other have no tunnel, so neither can deliver to the other. */
static void check_reach(const struct mobility_pool *p, const struct seat *seats, size_t n,
			struct diag *d)
{
	const struct seat *last = NULL;
	const char *list = "";
	size_t mute = 0;

	for (size_t i = 0; i < n; i++) {
		if (can_be_dialled(seats[i].node))
			continue;
		last = &seats[i];
		if (++mute <= FABRIC_NAMED)
			list = arena_printf(
			    d->arena, "%s%s%s", list, *list ? ", " : "",
			    named(d->arena, last->node->name, last->node->item.node->mark));
	}
	if (mute > 1)
		diag_error(d, last->node->item.node->mark,
			   "%s/%s: %zu of its sites cannot reach each other, as none of these "
			   "nodes has a wireGuard.endpoint: %s%s; give all but one of them one "
			   "(behind NAT, a forwarded UDP port), or put them into different "
			   "pools",
			   p->object.kind->name, p->object.name, mute, list,
			   mute > FABRIC_NAMED ? ", ..." : "");
}

static int by_overlay(const void *pa, const void *pb)
{
	const struct sam_node *const *a = pa, *const *b = pb;

	return addr_compare(&(*a)->overlay, &(*b)->overlay);
}

/* overlays is sorted. */
static void check_overlays(const struct mobility_pool *p, const struct sam_node **overlays,
			   size_t n, struct diag *d)
{
	char text[ADDR_STRLEN], prefix[ADDR_STRLEN];
	struct addr start = p->prefix;
	size_t low = 0, high = n;

	start.bits = 32;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (addr_compare(&overlays[mid]->overlay, &start) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < n && addr_contains(&p->prefix, &overlays[low]->overlay); low++)
		diag_error(d, mark_of(&overlays[low]->item, "samEndpoint"),
			   "samEndpoint of node '%s', %s, lies in %s, the prefix of %s: an "
			   "overlay address is none of the shared subnet; take one from "
			   "elsewhere in 10.0.0.0/8",
			   overlays[low]->name, addr_print_host(&overlays[low]->overlay, text),
			   addr_print(&p->prefix, prefix), object_where(d->arena, &p->object));
}

static void check_capture(const struct mobility_pool *p, const struct pool_member *m,
			  struct diag *d)
{
	const struct node *capture = node_get(m->item.node, "capture");
	bool proxy = m->capture && strcmp(m->capture, "proxy-arp") == 0;
	const char *word = m->nic || m->auto_nic ? "nicRef" : "providerRef";

	if (proxy && (m->provider.name || m->nic || m->auto_nic))
		diag_error(d, node_get(capture, word)->mark,
			   "%s/%s: capture.%s belongs to type provider-secondary-ip, not to "
			   "proxy-arp",
			   p->object.kind->name, p->object.name, word);
}

/* What a member says, and what its node is. */
static void check_node(const struct mobility_pool *p, const struct pool_member *m,
		       const struct sam_node *n, struct diag *d)
{
	bool cloud = strcmp(n->role, "cloud") == 0;
	char prefix[ADDR_STRLEN];

	if (m->capture && cloud == (strcmp(m->capture, "proxy-arp") == 0))
		diag_warn(d, node_get(node_get(m->item.node, "capture"), "type")->mark,
			  "%s/%s: capture.type is '%s', and the role of node '%s' is '%s': %s",
			  p->object.kind->name, p->object.name, m->capture, m->name, n->role,
			  cloud ? "a cloud goes by its own table, and asks nobody by ARP"
				: "only a cloud attaches addresses to a NIC");
	if (n->endpoint.address.family && addr_contains(&p->prefix, &n->endpoint.address))
		diag_error(
		    d, n->item.node->mark,
		    "%s/%s: wireGuard.endpoint of node '%s', %s, lies in the shared prefix "
		    "%s: the tunnel's own packets would go into the tunnel; give an "
		    "address by which the other sites reach it",
		    p->object.kind->name, p->object.name, n->name, n->endpoint.host,
		    addr_print(&p->prefix, prefix));
}

static void check_owned(const struct mobility_pool *p, const struct pool_member *m,
			struct diag *d)
{
	const struct node *list = node_get(m->item.node, "staticOwnedAddresses");
	const struct node *at = list ? list->child : NULL;
	const struct addr *owned = m->owned.items;

	for (size_t i = 0; i < m->owned.count && at; i++, at = at->next) {
		const char *fault = address_fault(d->arena, &p->prefix, &owned[i]);

		if (fault)
			diag_error(d, at->mark, "%s/%s: node '%s' cannot own that address: %s",
				   p->object.kind->name, p->object.name, m->name, fault);
	}
}

/* False: not every member has a node; where a set is missing, it is that which will be told. */
static bool check_pool(const struct config *c, const struct fabric *f,
		       const struct mobility_pool *p, struct diag *d)
{
	struct seat *seats = arena_alloc(c->arena, (p->members.count + 1) * sizeof(*seats));
	const struct pool_source *from = p->sources.items;
	bool known = true;
	size_t n = 0;

	for (size_t i = 0; i < p->sources.count; i++)
		known &= config_find(c, &kind_sam_node_set, from[i].set.name) != NULL;
	for (size_t i = 0; i < p->members.count; i++) {
		const struct pool_member *m = (struct pool_member *)p->members.items + i;
		const struct fabric_node *node = fabric_member(c, f, p, m);

		if (node)
			seats[n++] = (struct seat){ m, node->node, node->set };
		else if (known && d->errors < DIAG_MAX)
			unknown_member(c, f, p, m, d);
		if (node)
			check_node(p, m, node->node, d);
		check_capture(p, m, d);
		check_owned(p, m, d);
	}
	if (p->sources.count > SOURCES_MOST)
		object_error(&p->object, "membersFrom", d, "more than %d sets", SOURCES_MOST);
	check_seats(p, seats, n, d);
	check_sets(p, seats, n, d);
	check_reach(p, seats, n, d);
	if (p->members.count == 1)
		object_warn(&p->object, "members", d,
			    "one member alone has nobody to capture for: add the nodes of the "
			    "other sites");
	return n == p->members.count;
}

/* ---- an address has one owner ------------------------------------------------------------ */

struct owned {
	struct addr address;
	const struct mobility_pool *pool;
	const struct pool_member *member;
	struct mark mark;
};

static int by_address(const void *pa, const void *pb)
{
	const struct owned *a = pa, *b = pb;
	int r = addr_compare(&a->address, &b->address);

	if (r == 0)
		r = strcmp(a->mark.file, b->mark.file);
	if (r == 0)
		r = a->mark.line - b->mark.line;
	return r ? r : a->mark.column - b->mark.column;
}

static size_t add_owned(struct owned *all, size_t n, const struct mobility_pool *p)
{
	for (size_t i = 0; i < p->members.count; i++) {
		const struct pool_member *m = (struct pool_member *)p->members.items + i;
		const struct node *list = node_get(m->item.node, "staticOwnedAddresses");
		const struct node *at = list ? list->child : NULL;

		for (size_t k = 0; k < m->owned.count && at; k++, at = at->next)
			all[n++] = (struct owned){ ((struct addr *)m->owned.items)[k], p, m,
						   at->mark };
	}
	return n;
}

static void owned_twice(const struct owned *first, const struct owned *again, struct diag *d)
{
	const struct object *pool = &again->pool->object;
	char text[ADDR_STRLEN];

	addr_print_host(&again->address, text);
	if (first->member == again->member)
		diag_error(d, again->mark, "%s/%s: %s of node '%s' is here twice",
			   pool->kind->name, pool->name, text, again->member->name);
	else
		diag_error(d, again->mark,
			   "%s/%s: %s is owned by node '%s', and by %s, too: an address lives "
			   "at one site; leave it with one of them",
			   pool->kind->name, pool->name, text, again->member->name,
			   named(d->arena, first->member->name, first->mark));
}

static void check_owners(const struct config *c, const struct fabric *f, struct diag *d)
{
	size_t room = 0, n = 0;
	struct owned *all;

	for (size_t i = 0; i < f->pool_count; i++) {
		const struct mobility_pool *p = (const void *)f->pools[i];

		for (size_t k = 0; k < p->members.count; k++)
			room += ((struct pool_member *)p->members.items)[k].owned.count;
	}
	all = arena_alloc(c->arena, (room + 1) * sizeof(*all));
	for (size_t i = 0; i < f->pool_count; i++)
		n = add_owned(all, n, (const void *)f->pools[i]);
	qsort(all, n, sizeof(*all), by_address);
	for (size_t i = 1; i < n; i++)
		if (addr_compare(&all[i - 1].address, &all[i].address) == 0)
			owned_twice(&all[i - 1], &all[i], d);
}

bool fabric_check(struct config *c, struct fabric *f, struct diag *d)
{
	const struct sam_node **overlays;
	unsigned before = d->errors;
	bool whole = true;

	for (size_t i = 0; i < c->index_count; i++) {
		if (fabric_is(c->index[i]) && c->index[i]->faulty)
			return false;
		if (c->index[i]->kind == &kind_sam_node_set)
			check_set(c, (void *)c->index[i], d);
	}
	fabric_collect(c, f);
	for (size_t i = 1; i < f->count; i++)
		if (f->nodes[i - 1].set != f->nodes[i].set &&
		    strcmp(f->nodes[i - 1].node->name, f->nodes[i].node->name) == 0)
			diag_error(d, mark_of(&f->nodes[i].node->item, "nodeRef"),
				   "%s/%s: node '%s' stands in SAMNodeSet/%s, too, in %s:%d: a "
				   "set is one overlay, and a node stands in one",
				   f->nodes[i].set->object.kind->name,
				   f->nodes[i].set->object.name, f->nodes[i].node->name,
				   f->nodes[i - 1].set->object.name,
				   f->nodes[i - 1].node->item.node->mark.file,
				   f->nodes[i - 1].node->item.node->mark.line);
	overlays = arena_alloc(c->arena, (f->count + 1) * sizeof(*overlays));
	for (size_t i = 0; i < f->count; i++)
		overlays[i] = f->nodes[i].node;
	qsort(overlays, f->count, sizeof(*overlays), by_overlay);
	for (size_t i = 0; i < f->pool_count; i++) {
		whole &= check_pool(c, f, (const void *)f->pools[i], d);
		check_overlays((const void *)f->pools[i], overlays, f->count, d);
	}
	check_owners(c, f, d);
	return whole && d->errors == before;
}
