/* graph.c - what a picture of the overlay shows, collected from a configuration and what is
 * seen of it. */
#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/fabric.h"
#include "config/hybrid.h"

#define HANDSHAKE_OLD 180 /* seconds; the tunnel's keys are not used for longer */
#define SUBNETS	      4	  /* told in the legend */
#define NODE_LINES    64  /* of one node */

const struct graph_style graph_styles[GRAPH_STATES] = {
	[GRAPH_UNKNOWN] = { "#6b6b6b", "#f4f4f4", NULL, "solid", 1, "unknown",
			    "state not known here" },
	[GRAPH_GOOD] = { "#009e73", "#e6f5f1", NULL, "solid", 3, "good",
			 "tunnel up, handshake within 180 s, or all captures ready" },
	[GRAPH_WAITING] = { "#0072b2", "#e6f1f8", "10 6", "dashed", 2, "waiting",
			    "waiting for key" },
	[GRAPH_SILENT] = { "#e69f00", "#fdf5e6", "2 5", "dotted", 3, "silent",
			   "tunnel silent, no handshake within 180 s" },
	[GRAPH_FAILED] = { "#d55e00", "#fbefe6", "14 4 2 4", "dashed,bold", 3, "failed",
			   "not in force, or captures not ready" },
};

/* ---- what is collected --------------------------------------------------------------------
 */

/* A node, as somebody speaks of it. */
struct body {
	const char *name, *site, *role;
	struct addr overlay; /* family 0: not known */
	size_t order;	     /* in which it was met; of its site, in site_order */
	size_t site_order;
	enum graph_state state;
	const char *tunnel; /* words on it; NULL: none */
	struct graph_spans owned;
	size_t owned_count;
};

struct owned {
	struct addr address;
	const struct body *owner;
	size_t pool; /* of the fabric; its pool_count: of none */
};

/* A node's membership of a pool. */
struct seat {
	const struct body *body;
	const struct pool_member *member;
	const char *capture;
	size_t pool;
};

/* What the daemon says of an object. */
struct seen {
	const char *kind, *name;
	const struct node *object;
};

/* A claim of this node, and how it fares. */
struct capture {
	const struct address_claim *claim;
	enum graph_state state;
	const char *words;
};

struct work {
	struct arena *arena;
	struct config *c;
	struct graph *g;
	struct fabric fabric;
	const char *self;
	struct body *bodies; /* sorted by site once all are met */
	size_t count, room;
	struct body **by_name;
	struct seen *seen;
	size_t seen_count;
	bool live;
	size_t hidden; /* tunnels that are not drawn */
	size_t tunnel_room;
};

static const void *object_of(const struct config *c, size_t i, const struct kind *k)
{
	return c->objects[i]->kind == k ? c->objects[i] : NULL;
}

/* ---- how objects fare ---------------------------------------------------------------------
 */

static int by_object(const void *pa, const void *pb)
{
	const struct seen *a = pa, *b = pb;
	int r = strcmp(a->kind, b->kind);

	return r ? r : strcmp(a->name, b->name);
}

static void collect_seen(struct work *w, const struct node *live)
{
	size_t room = 0;

	w->live = live != NULL;
	for (const struct node *n = live ? live->child : NULL; n; n = n->next) {
		struct seen s = { node_text(n, "kind"), node_text(n, "name"), n };

		if (!s.kind || !s.name)
			continue;
		w->seen = arena_grow(w->arena, w->seen, w->seen_count, &room, sizeof(*w->seen));
		w->seen[w->seen_count++] = s;
	}
	if (w->seen_count)
		qsort(w->seen, w->seen_count, sizeof(*w->seen), by_object);
}

static const struct node *seen_object(const struct work *w, const struct object *o)
{
	struct seen key = { .kind = o->kind->name, .name = o->name };
	struct seen *s =
	    w->seen_count ? bsearch(&key, w->seen, w->seen_count, sizeof(*w->seen), by_object)
			  : NULL;

	return s ? s->object : NULL;
}

static const struct node *ready(const struct node *object)
{
	const struct node *list = node_get(object, "conditions");
	const char *type;

	for (const struct node *n = list ? list->child : NULL; n; n = n->next)
		if ((type = node_text(n, "type")) && strcmp(type, "Ready") == 0)
			return n;
	return NULL;
}

/* GRAPH_GOOD: it is Ready. *words say what it is, where that is known. */
static enum graph_state fares(const struct work *w, const struct object *o, const char **words)
{
	const struct node *object = seen_object(w, o), *is = object ? ready(object) : NULL;
	const char *status = is ? node_text(is, "status") : NULL;
	const char *reason = is ? node_text(is, "reason") : NULL;

	*words = NULL;
	if (!w->live || (status && strcmp(status, "Unknown") == 0))
		return GRAPH_UNKNOWN;
	if (status && strcmp(status, "True") == 0) {
		*words = "ready";
		return GRAPH_GOOD;
	}
	if (reason && strcmp(reason, WAITING_FOR_KEY) == 0) {
		*words = "waiting for key";
		return GRAPH_WAITING;
	}
	*words = reason ? arena_printf(w->arena, "not ready, %s", reason) : "not in force";
	return GRAPH_FAILED;
}

static enum graph_state handshake(const struct work *w, const struct wireguard_peer *p,
				  const char **words)
{
	const struct node *object = seen_object(w, &p->object);
	const struct node *status = object ? node_get(object, "status") : NULL;
	const char *age = status ? node_text(status, "handshakeAgeSeconds") : NULL;

	if (age && strtoll(age, NULL, 10) < HANDSHAKE_OLD) {
		*words = "up";
		return GRAPH_GOOD;
	}
	*words = age ? "silent" : "silent, never a handshake";
	return GRAPH_SILENT;
}

static void judge_tunnel(const struct work *w, const struct overlay_peer *p, struct body *b)
{
	const char *words;

	b->state = fares(w, &p->object, &words);
	if (b->state == GRAPH_GOOD && !p->tunnel) {
		b->state = GRAPH_UNKNOWN; /* of a plain route nobody hears */
		return;
	}
	if (b->state == GRAPH_GOOD)
		b->state = fares(w, &p->tunnel->object, &words);
	if (b->state == GRAPH_GOOD)
		b->state = handshake(w, p->tunnel, &words);
	b->tunnel = words;
}

/* ---- nodes --------------------------------------------------------------------------------
 */

static void meet(struct work *w, const struct body *b)
{
	w->bodies = arena_grow(w->arena, w->bodies, w->count, &w->room, sizeof(*w->bodies));
	w->bodies[w->count] = *b;
	w->bodies[w->count].order = w->count;
	if (!b->site)
		w->bodies[w->count].site = b->name;
	w->count++;
}

static int by_name(const void *pa, const void *pb)
{
	const struct body *a = pa, *b = pb;
	int r = strcmp(a->name, b->name);

	return r ? r : (a->order > b->order) - (a->order < b->order);
}

static int by_site(const void *pa, const void *pb)
{
	const struct body *a = pa, *b = pb;
	int r = strcmp(a->site, b->site);

	return r ? r : (a->order > b->order) - (a->order < b->order);
}

static int by_order(const void *pa, const void *pb)
{
	const struct body *a = pa, *b = pb;
	size_t x = a->site_order, y = b->site_order;

	return x != y ? (x > y) - (x < y) : (a->order > b->order) - (a->order < b->order);
}

static int by_name_at(const void *pa, const void *pb)
{
	const struct body *const *a = pa, *const *b = pb;

	return strcmp((*a)->name, (*b)->name);
}

static struct body *find_body(const struct work *w, const char *name)
{
	struct body key = { .name = name }, *at = &key, **found;

	found = w->count ? bsearch(&at, w->by_name, w->count, sizeof(*w->by_name), by_name_at)
			 : NULL;
	return found ? *found : NULL;
}

/* Its address on a tunnel; else what its peers call it. */
static struct addr own_overlay(const struct config *c)
{
	const struct static_address *s;
	const struct overlay_peer *p;

	for (size_t i = 0; i < c->count; i++)
		if ((s = object_of(c, i, &kind_static_address)) && s->link.to &&
		    s->link.to->kind == &kind_wireguard_interface)
			return s->address;
	for (size_t i = 0; i < c->count; i++)
		if ((p = object_of(c, i, &kind_overlay_peer)) && p->remote_address.family)
			return p->remote_address;
	return (struct addr){ 0 };
}

static const char *peer_name(const struct overlay_peer *p)
{
	return p->node ? p->node : p->object.name;
}

static void meet_all(struct work *w)
{
	const struct config *c = w->c;
	const struct sam_node_set *s;
	const struct overlay_peer *p;

	for (size_t i = 0; i < c->count; i++) {
		if (!(s = object_of(c, i, &kind_sam_node_set)))
			continue;
		for (size_t k = 0; k < s->nodes.count; k++) {
			const struct sam_node *n = (struct sam_node *)s->nodes.items + k;

			meet(w, &(struct body){ n->name, n->site, n->role, n->overlay });
		}
	}
	if (!w->self)
		return;
	meet(w, &(struct body){ .name = w->self, .overlay = own_overlay(c) });
	for (size_t i = 0; i < c->count; i++)
		if ((p = object_of(c, i, &kind_overlay_peer)))
			meet(w, &(struct body){ .name = peer_name(p),
						.role = p->role,
						.overlay = p->address });
}

/* Each once, as it was met first; those of a site together. */
static void sort_bodies(struct work *w)
{
	size_t n = 0;

	if (w->count)
		qsort(w->bodies, w->count, sizeof(*w->bodies), by_name);
	for (size_t i = 0; i < w->count; i++)
		if (!n || strcmp(w->bodies[n - 1].name, w->bodies[i].name) != 0)
			w->bodies[n++] = w->bodies[i];
	w->count = n;
	if (n)
		qsort(w->bodies, n, sizeof(*w->bodies), by_site);
	for (size_t i = 0; i < n; i++) {
		bool same = i && strcmp(w->bodies[i - 1].site, w->bodies[i].site) == 0;

		w->bodies[i].site_order =
		    same ? w->bodies[i - 1].site_order : w->bodies[i].order;
	}
	if (n)
		qsort(w->bodies, n, sizeof(*w->bodies), by_order);
	w->by_name = arena_alloc(w->arena, (n + 1) * sizeof(*w->by_name));
	for (size_t i = 0; i < n; i++)
		w->by_name[i] = &w->bodies[i];
	if (n)
		qsort(w->by_name, n, sizeof(*w->by_name), by_name_at);
}

/* ---- tunnels ------------------------------------------------------------------------------
 */

static void add_tunnel(struct work *w, const struct body *a, const struct body *b,
		       enum graph_state state)
{
	size_t x = (size_t)(a - w->bodies), y = (size_t)(b - w->bodies);
	struct graph *g = w->g;

	if (x == y)
		return;
	g->tunnels = arena_grow(w->arena, g->tunnels, g->tunnel_count, &w->tunnel_room,
				sizeof(*g->tunnels));
	g->tunnels[g->tunnel_count++] =
	    (struct graph_tunnel){ x < y ? x : y, x < y ? y : x, state };
}

static void own_tunnels(struct work *w, const struct body *self)
{
	const struct overlay_peer *p;

	for (size_t i = 0; i < w->c->count; i++) {
		struct body *b;

		if (!(p = object_of(w->c, i, &kind_overlay_peer)))
			continue;
		b = find_body(w, peer_name(p));
		judge_tunnel(w, p, b);
		add_tunnel(w, self, b, b->state);
	}
}

/* Between the nodes of a set that stand at different sites; this node's own are known better.
 */
static void set_tunnels(struct work *w, const struct sam_node_set *s, const struct body *self)
{
	const struct sam_node *nodes = s->nodes.items;

	for (size_t i = 0; i < s->nodes.count; i++) {
		const struct body *a = find_body(w, nodes[i].name);

		for (size_t k = i + 1; k < s->nodes.count && a != self; k++) {
			const struct body *b = find_body(w, nodes[k].name);

			if (b != self && strcmp(nodes[i].site, nodes[k].site) != 0)
				add_tunnel(w, a, b, GRAPH_UNKNOWN);
		}
	}
}

static int by_ends(const void *pa, const void *pb)
{
	const struct graph_tunnel *a = pa, *b = pb;

	return a->a != b->a ? (a->a > b->a) - (a->a < b->a) : (a->b > b->b) - (a->b < b->b);
}

/* Two sets may hold the same two nodes. Returns how many are left. */
static size_t sort_tunnels(struct graph_tunnel *t, size_t count)
{
	size_t n = 0;

	if (count)
		qsort(t, count, sizeof(*t), by_ends);
	for (size_t i = 0; i < count; i++)
		if (!n || by_ends(&t[n - 1], &t[i]) != 0)
			t[n++] = t[i];
	return n;
}

static void collect_tunnels(struct work *w)
{
	const struct body *self = w->self ? find_body(w, w->self) : NULL;
	struct graph *g = w->g;
	size_t others;

	for (size_t i = 0; i < w->c->count; i++) {
		const struct sam_node_set *s = object_of(w->c, i, &kind_sam_node_set);

		if (s)
			set_tunnels(w, s, self);
	}
	others = sort_tunnels(g->tunnels, g->tunnel_count);
	w->hidden = others > GRAPH_TUNNELS ? others : 0;
	g->tunnel_count = others - w->hidden;
	if (self)
		own_tunnels(w, self);
	g->tunnel_count = sort_tunnels(g->tunnels, g->tunnel_count);
	for (size_t i = 0; i < g->tunnel_count; i++)
		g->shows[g->tunnels[i].state] = true;
}

/* ---- addresses ----------------------------------------------------------------------------
 */

static int by_address(const void *pa, const void *pb)
{
	const struct owned *a = pa, *b = pb;
	int r = addr_compare(&a->address, &b->address);

	if (r == 0)
		r = (a->owner > b->owner) - (a->owner < b->owner);
	return r ? r : (a->pool > b->pool) - (a->pool < b->pool);
}

struct addresses {
	struct owned *items;
	size_t count, room;
	struct seat *seats; /* by node */
	size_t seat_count, seat_room;
	size_t *totals; /* addresses of each pool */
};

static void own(struct work *w, struct addresses *all, const struct addr *list, size_t n,
		const struct body *owner, size_t pool)
{
	for (size_t i = 0; i < n; i++) {
		all->items = arena_grow(w->arena, all->items, all->count, &all->room,
					sizeof(*all->items));
		all->items[all->count++] = (struct owned){ list[i], owner, pool };
	}
}

static void collect_pool(struct work *w, size_t pool, struct addresses *all)
{
	const struct mobility_pool *p = (const void *)w->fabric.pools[pool];

	for (size_t i = 0; i < p->members.count; i++) {
		const struct pool_member *m = (struct pool_member *)p->members.items + i;
		const struct fabric_node *n = fabric_member(w->c, &w->fabric, p, m);
		const struct body *b = find_body(w, m->name);

		own(w, all, m->owned.items, m->owned.count, b, pool);
		all->totals[pool] += m->owned.count;
		all->seats = arena_grow(w->arena, all->seats, all->seat_count, &all->seat_room,
					sizeof(*all->seats));
		all->seats[all->seat_count++] =
		    (struct seat){ b, m, fabric_capture(n->node, m), pool };
	}
}

static int by_body(const void *pa, const void *pb)
{
	const struct seat *a = pa, *b = pb;

	return (a->body > b->body) - (a->body < b->body);
}

static void collect_addresses(struct work *w, struct addresses *all)
{
	size_t none = w->fabric.pool_count, n = 0;

	all->totals = arena_alloc(w->arena, (none + 1) * sizeof(*all->totals));
	for (size_t i = 0; i < none; i++)
		collect_pool(w, i, all);
	for (size_t i = 0; i < w->c->count && w->self; i++) {
		const struct mobility_domain *d = object_of(w->c, i, &kind_mobility_domain);
		const struct address_claim *a = object_of(w->c, i, &kind_address_claim);

		if (d)
			own(w, all, d->owned.items, d->owned.count, find_body(w, w->self),
			    none);
		if (a)
			own(w, all, &a->address, 1, find_body(w, peer_name(claim_peer(a))),
			    none);
	}
	if (all->count)
		qsort(all->items, all->count, sizeof(*all->items), by_address);
	for (size_t i = 0; i < all->count; i++)
		if (!n || all->items[n - 1].owner != all->items[i].owner ||
		    addr_compare(&all->items[n - 1].address, &all->items[i].address) != 0)
			all->items[n++] = all->items[i];
	all->count = n;
	for (size_t i = 0; i < n; i++) {
		struct body *b = &w->bodies[all->items[i].owner - w->bodies];

		(void)graph_spans_add(&b->owned, &all->items[i].address);
		b->owned_count++;
	}
	if (all->seat_count)
		qsort(all->seats, all->seat_count, sizeof(*all->seats), by_body);
}

/* ---- what stands in a node's box ----------------------------------------------------------
 */

static void add_line(const struct work *w, struct graph_node *n, const char *text)
{
	if (n->line_count < NODE_LINES)
		n->lines[n->line_count++] = graph_label(w->arena, text);
}

static void add_capture(const struct work *w, struct graph_node *n, const struct graph_spans *s,
			size_t total, const char *how, const char *words)
{
	struct arena *a = w->arena;

	if (!total)
		return;
	add_line(w, n, arena_printf(a, "captures %s", graph_spans_text(a, s, total)));
	add_line(w, n,
		 arena_printf(a, "by %s%s%s", how, words ? ": " : "", words ? words : ""));
}

static int same_words(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int by_fate(const struct capture *a, const struct capture *b)
{
	int r = strcmp(a->claim->capture, b->claim->capture);

	return r ? r : same_words(a->words, b->words);
}

static int by_capture(const void *pa, const void *pb)
{
	const struct capture *a = pa, *b = pb;
	int r = by_fate(a, b);

	return r ? r : addr_compare(&a->claim->address, &b->claim->address);
}

/* This node's are its claims: those that fare alike, together. */
static void own_captures(const struct work *w, struct graph_node *n)
{
	struct capture *all = arena_alloc(w->arena, (w->c->count + 1) * sizeof(*all));
	size_t count = 0, end;

	for (size_t i = 0; i < w->c->count; i++) {
		struct capture *a = &all[count];

		if (!(a->claim = object_of(w->c, i, &kind_address_claim)))
			continue;
		a->state = fares(w, &a->claim->object, &a->words);
		n->state = a->state > n->state ? a->state : n->state;
		count++;
	}
	if (count)
		qsort(all, count, sizeof(*all), by_capture);
	for (size_t i = 0; i < count; i = end) {
		struct graph_spans spans = { 0 };

		for (end = i; end < count && by_fate(&all[i], &all[end]) == 0; end++)
			(void)graph_spans_add(&spans, &all[end].claim->address);
		add_capture(w, n, &spans, end - i, all[i].claim->capture, all[i].words);
	}
}

/* Another node's are what the other members of its pools own. */
static void other_captures(const struct work *w, const struct addresses *all,
			   const struct seat *seats, size_t count, const char *how,
			   struct graph_node *n)
{
	bool *mine = arena_alloc(w->arena, w->fabric.pool_count + 1);
	struct graph_spans spans = { 0 };
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		if (strcmp(seats[i].capture, how) == 0) {
			mine[seats[i].pool] = true;
			total += all->totals[seats[i].pool] - seats[i].member->owned.count;
		}
	for (size_t i = 0; i < all->count && total; i++)
		if (mine[all->items[i].pool] && all->items[i].owner != seats->body &&
		    !graph_spans_add(&spans, &all->items[i].address))
			break;
	add_capture(w, n, &spans, total, how, NULL);
}

static void describe(const struct work *w, const struct addresses *all, const struct body *b,
		     struct graph_node *n)
{
	struct seat key = { .body = b };
	const struct seat *first, *end;
	bool self = w->self && strcmp(b->name, w->self) == 0;
	char overlay[ADDR_STRLEN] = "";
	struct arena *a = w->arena;

	if (b->overlay.family)
		addr_print_host(&b->overlay, overlay);
	*n = (struct graph_node){ graph_label(a, b->name),
				  arena_alloc(a, NODE_LINES * sizeof(*n->lines)), 0, b->state };
	add_line(w, n,
		 arena_printf(a, "%s%s%s%s%s", b->role ? b->role : "",
			      b->role && *overlay ? ", " : "", overlay,
			      self && (b->role || *overlay) ? ", " : "",
			      self ? "this node" : ""));
	if (b->tunnel)
		add_line(w, n, arena_printf(a, "tunnel %s", b->tunnel));
	if (b->owned_count)
		add_line(
		    w, n,
		    arena_printf(a, "owns %s", graph_spans_text(a, &b->owned, b->owned_count)));
	if (self) {
		own_captures(w, n);
		return;
	}
	first = all->seat_count
		    ? bsearch(&key, all->seats, all->seat_count, sizeof(key), by_body)
		    : NULL;
	if (!first)
		return;
	while (first > all->seats && first[-1].body == b)
		first--;
	for (end = first; end < all->seats + all->seat_count && end->body == b;)
		end++;
	for (const struct word *t = capture_types; t->word; t++)
		other_captures(w, all, first, (size_t)(end - first), t->word, n);
}

static void describe_all(struct work *w)
{
	struct addresses all = { 0 };
	struct graph *g = w->g;

	collect_addresses(w, &all);
	g->nodes = arena_alloc(w->arena, (w->count + 1) * sizeof(*g->nodes));
	g->sites = arena_alloc(w->arena, (w->count + 1) * sizeof(*g->sites));
	for (size_t i = 0; i < w->count; i++) {
		const struct body *b = &w->bodies[i];

		if (!i || b[-1].site_order != b->site_order)
			g->sites[g->site_count++] =
			    (struct graph_site){ graph_label(w->arena, b->site), i, 0 };
		g->sites[g->site_count - 1].count++;
		describe(w, &all, b, &g->nodes[g->node_count++]);
		g->shows[g->nodes[i].state] = true;
	}
}

/* ---- the rest -----------------------------------------------------------------------------
 */

static void add_note(struct work *w, const char *text)
{
	w->g->notes[w->g->note_count++] = graph_label(w->arena, text);
}

static void add_notes(struct work *w)
{
	struct arena *a = w->arena;
	char prefix[ADDR_STRLEN];
	size_t n = 0;

	w->g->notes = arena_alloc(a, (SUBNETS + 2) * sizeof(*w->g->notes));
	for (size_t i = 0; i < w->c->count; i++) {
		const struct mobility_pool *p = object_of(w->c, i, &kind_mobility_pool);
		const struct mobility_domain *d = object_of(w->c, i, &kind_mobility_domain);

		if ((!p && (!d || d->object.from || !w->self)) || n++ >= SUBNETS)
			continue;
		addr_print(p ? &p->prefix : &d->prefix, prefix);
		add_note(w, arena_printf(a, "shared subnet %s (%s)", prefix,
					 p ? p->object.name : d->object.name));
	}
	if (n > SUBNETS)
		add_note(w, arena_printf(a, "and %zu more subnets", n - SUBNETS));
	if (w->hidden)
		add_note(
		    w, arena_printf(a, "%zu tunnels between other nodes not drawn", w->hidden));
}

static const char *counted(struct arena *a, size_t n, const char *what)
{
	return arena_printf(a, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

int graph_collect(struct config *c, const char *self, const struct node *live,
		  struct graph *ret)
{
	struct arena *a = c->arena;
	struct work w = { .arena = a, .c = c, .g = ret, .self = self };
	struct diag again = { .arena = a };

	*ret = (struct graph){ .arena = a };
	(void)fabric_check(c, &w.fabric, &again); /* it went well before */
	collect_seen(&w, live);
	meet_all(&w);
	sort_bodies(&w);
	if (w.count > GRAPH_NODES)
		return -E2BIG;
	collect_tunnels(&w);
	describe_all(&w);
	add_notes(&w);
	ret->title =
	    arena_printf(a, "%s, %s, %s%s%s", counted(a, ret->site_count, "site"),
			 counted(a, ret->node_count, "node"),
			 counted(a, ret->tunnel_count + w.hidden, "tunnel"),
			 self ? ", as read by " : "", self ? graph_label(a, self) : "");
	return 0;
}
