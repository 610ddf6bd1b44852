#include "config/expand.h"

#include <stdlib.h>
#include <string.h>

#include "config/hint.h"
#include "config/hybrid.h"
#include "config/net.h"

struct expansion {
	struct config *c;
	struct diag *diag;
	struct fabric fabric;
	const struct fabric_node *self;
	const char *link;     /* of self's set */
	const char *provider; /* the CloudProviderProfile of self's site; NULL: none */
};

/* ---- which node this is ------------------------------------------------------------------ */

/* What a machine is called, and who says so. */
struct called {
	const char *name, *by;
	bool binding; /* a person wrote it for this: it is right, or there is a fault */
	const struct object *in; /* that by is a field of; or NULL */
};

/* Its object and field; none: of nothing. */
static struct called self_ref(const struct config *c)
{
	for (size_t i = 0; i < c->index_count; i++) {
		const struct wireguard_interface *w = (const void *)c->index[i];

		if (w->object.kind == &kind_wireguard_interface && w->self)
			return (struct called){ w->self, "selfNodeRef", true, &w->object };
	}
	return (struct called){ 0 };
}

/* A host's name may have its domain behind it: the longest that is a node. */
static const struct fabric_node *find_node(const struct expansion *x, const char *name,
					   bool whole)
{
	const struct fabric_node *n = fabric_node(&x->fabric, name);
	size_t len = strlen(name);

	while (!n && !whole && len) {
		do
			len--;
		while (len && name[len] != '.');
		n = fabric_node(&x->fabric, arena_strndup(x->c->arena, name, len));
	}
	return n;
}

/* First boot may have written there what the provider says. */
static bool is_host_name(const struct config *c, const char *name)
{
	return c->facts.name && strcmp(name, c->facts.name) == 0;
}

/* *ret: what did not help, where the answer is NULL. */
static const struct fabric_node *find_self(const struct expansion *x, const char *as,
					   struct called *ret)
{
	const struct config *c = x->c;
	const struct called names[] = {
		{ as, "--node", true, NULL },
		self_ref(c),
		{ c->node_file, CONFIG_NODE_FILE, true, NULL },
		{ c->node, "the Router document", false, NULL },
		{ c->facts.name, "its provider", false, NULL },
		{ c->host, "its host name", false, NULL },
	};

	*ret = (struct called){ "localhost", "it has no other name", false, NULL };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *name = names[i].name;
		const struct fabric_node *n =
		    name ? find_node(x, name, names[i].binding && !is_host_name(c, name))
			 : NULL;

		if (n)
			return n;
		if (names[i].name)
			*ret = names[i];
		if (names[i].name && names[i].binding)
			return NULL;
	}
	return NULL;
}

static void unknown_self(const struct expansion *x, const struct called *called)
{
	const struct object *set = &x->fabric.nodes[0].set->object;
	const struct node *field = called->in ? node_get(called->in->spec, called->by) : NULL;
	struct hint hint = { .text = called->name };
	const char *list = "";

	for (size_t i = 0; i < x->fabric.count; i++)
		hint_try(&hint, x->fabric.nodes[i].node->name);
	for (size_t i = 0; i < x->fabric.count && i < FABRIC_NAMED; i++)
		list = arena_printf(x->diag->arena, "%s%s%s", list, *list ? ", " : "",
				    x->fabric.nodes[i].node->name);
	diag_error(x->diag, field ? field->mark : set->mark,
		   "%s/%s: which of its nodes is this machine? It is called '%.60s' (%s)%s, "
		   "and the nodes are %s%s: %s, or ask with --node NAME",
		   set->kind->name, set->name, called->name, called->by,
		   hint_text(x->diag->arena, &hint), list,
		   x->fabric.count > FABRIC_NAMED ? ", ..." : "",
		   field ? "name one of them there, or remove it so that " CONFIG_NODE_FILE
			   " is asked"
			 : "write its node's name into " CONFIG_NODE_FILE);
}

/* What this machine has says nothing of another one. */
static bool settle_self(struct expansion *x)
{
	struct config *c = x->c;
	struct called called, other;

	x->self = find_self(x, c->as, &called);
	c->stranger = !x->self;
	if (!x->self) {
		unknown_self(x, &called);
		return false;
	}
	c->self = x->self->node->name;
	c->elsewhere = c->as && !c->facts_as && find_self(x, NULL, &other) != x->self;
	if (c->elsewhere)
		c->facts = (struct facts){ 0 };
	return true;
}

/* ---- objects ----------------------------------------------------------------------------- */

/* The object that was written, or NULL. */
static struct object *written(const struct config *c, const struct kind *k, const char *name)
{
	struct object *o = (struct object *)config_find(c, k, name);

	return o && !o->imported ? o : NULL;
}

/* NULL: there is one that was written. */
static void *make(const struct expansion *x, const struct kind *k, const char *name,
		  const struct object *from, struct mark mark)
{
	struct config *c = x->c;
	struct object *o;

	if (written(c, k, name) || c->count > CONFIG_OBJECTS)
		return NULL;
	if (c->count == CONFIG_OBJECTS)
		diag_error(x->diag, mark, "more than %d resources, expanded ones included",
			   CONFIG_OBJECTS);
	o = arena_alloc(c->arena, k->size);
	o->kind = k;
	o->name = name;
	o->from = from;
	o->mark = mark;
	decode_defaults(c->arena, o);
	object_add(c, o);
	return o;
}

/* ---- a set: the tunnels -------------------------------------------------------------------
 */

/* The WireGuardInterface that names the set; else the one of the name it would have. */
static struct wireguard_interface *link_of(const struct config *c, const struct sam_node_set *s)
{
	for (size_t i = 0; i < c->index_count; i++) {
		struct wireguard_interface *w = (void *)c->index[i];
		const struct pool_source *from;

		if (w->object.kind != &kind_wireguard_interface || w->object.faulty)
			continue;
		from = w->sources.items;
		for (size_t k = 0; k < w->sources.count; k++)
			if (strcmp(from[k].set.name, s->object.name) == 0)
				return w;
	}
	return (void *)config_find(c, &kind_wireguard_interface, EXPAND_LINK);
}

static bool is_of_others(const struct wireguard_interface *w, const struct sam_node_set *s)
{
	const struct pool_source *from = w->sources.items;

	for (size_t i = 0; i < w->sources.count; i++)
		if (strcmp(from[i].set.name, s->object.name) == 0)
			return false;
	return w->sources.count > 0;
}

/* What an interface that was written leaves out is the node's. */
static void describe_link(struct wireguard_interface *w, const struct sam_node *n)
{
	if (!w->self)
		w->self = n->name;
	if (w->endpoint.host || w->auto_endpoint)
		return;
	w->endpoint = n->endpoint;
	w->auto_endpoint = !n->endpoint.host && strcmp(n->role, "cloud") == 0;
}

static void expand_link(struct expansion *x)
{
	const struct object *set = &x->self->set->object;
	const struct sam_node *n = x->self->node;
	struct wireguard_interface *w = link_of(x->c, x->self->set);
	struct static_address *a;

	if (w && !w->object.faulty && is_of_others(w, x->self->set)) {
		object_error(&w->object, "peersFrom", x->diag,
			     "names other sets than %s, which has this node and no "
			     "WireGuardInterface: name it there, or in another one",
			     object_where(x->diag->arena, set));
		return;
	}
	if (!w) {
		w = make(x, &kind_wireguard_interface, EXPAND_LINK, set, n->item.node->mark);
		if (!w)
			return;
		w->key_file = EXPAND_KEY_FILE;
		if (n->endpoint.host)
			w->port = n->endpoint.port;
	}
	describe_link(w, n);
	x->link = w->object.name;
	a = make(x, &kind_static_address, x->link, set, n->item.node->mark);
	if (!a)
		return;
	a->link.text = x->link;
	a->address = n->overlay;
}

static bool says_keepalive(const struct sam_node *n)
{
	return node_get(node_get(n->item.node, "wireGuard"), "persistentKeepalive") != NULL;
}

static uint32_t keepalive(const struct sam_node *self, const struct sam_node *n)
{
	if (says_keepalive(self))
		return self->keepalive;
	if (says_keepalive(n))
		return n->keepalive;
	return self->endpoint.host && n->endpoint.host ? 0 : EXPAND_KEEPALIVE;
}

/* Its overlay address, and what its node says. */
static struct list allowed(struct arena *a, const struct sam_node *n)
{
	struct list l = { .count = n->allowed.count + 1 };
	struct addr *items = arena_alloc(a, l.count * sizeof(*items));

	items[0] = n->overlay;
	if (n->allowed.count)
		memcpy(items + 1, n->allowed.items, n->allowed.count * sizeof(*items));
	l.items = items;
	return l;
}

static void expand_peer(const struct expansion *x, const struct sam_node *n)
{
	const struct object *set = &x->self->set->object;
	const struct sam_node *self = x->self->node;
	struct mark mark = n->item.node->mark;
	struct wireguard_peer *p = make(x, &kind_wireguard_peer, n->name, set, mark);
	struct overlay_peer *o = make(x, &kind_overlay_peer, n->name, set, mark);
	struct route *r = make(x, &kind_route, n->name, set, mark);

	if (p) {
		p->link.name = x->link;
		p->key = n->key;
		p->endpoint = n->endpoint;
		p->allowed = allowed(x->c->arena, n);
		p->keepalive = keepalive(self, n);
	}
	if (o) {
		o->role = n->role;
		o->node = n->name;
		o->type = "wireguard";
		o->link.text = x->link;
		o->address = n->overlay;
		o->remote_node = self->name;
		o->remote_address = self->overlay;
	}
	if (r) {
		r->destination = n->overlay;
		r->device.text = x->link;
	}
}

static void expand_set(struct expansion *x)
{
	const struct sam_node_set *s = x->self->set;
	const struct sam_node *nodes = s->nodes.items;

	expand_link(x);
	for (size_t i = 0; i < s->nodes.count && x->link; i++)
		if (strcmp(nodes[i].site, x->self->node->site) != 0)
			expand_peer(x, &nodes[i]);
}

/* ---- a pool: the claims -------------------------------------------------------------------
 */

static bool knows_nics(const struct config *c)
{
	for (size_t i = 0; i < c->facts.nic_count; i++)
		if (c->facts.nics[i].ref)
			return true;
	return false;
}

/* A site that is called as a provider is at that one. */
static void expand_profile(struct expansion *x)
{
	const struct sam_node *n = x->self->node;
	const struct word *w = provider_words;
	struct cloud_provider *made;

	while (w->word && strcmp(w->word, n->site) != 0)
		w++;
	if (!w->word || strcmp(n->role, "cloud") != 0)
		return;
	x->provider = w->word;
	made =
	    make(x, &kind_cloud_provider, w->word, &x->self->set->object, n->item.node->mark);
	if (made)
		made->provider = w->word;
}

static void capture(const struct expansion *x, const struct pool_member *m,
		    struct address_claim *a)
{
	bool proxy;

	a->capture = fabric_capture(x->self->node, m);
	proxy = strcmp(a->capture, "proxy-arp") == 0;
	a->link.text = m->link.text;
	a->auto_link = !m->link.text;
	a->announce = proxy && m->announce;
	a->provider.name = proxy || m->provider.name ? m->provider.name : x->provider;
	a->nic = m->nic;
	a->auto_nic = m->auto_nic || (!m->nic && !proxy && knows_nics(x->c));
}

static void expand_claims(const struct expansion *x, const struct mobility_pool *p,
			  const struct pool_member *self, const struct pool_member *m)
{
	const struct fabric_node *owner = fabric_member(x->c, &x->fabric, p, m);
	const struct node *list = node_get(m->item.node, "staticOwnedAddresses");
	const struct node *at = list ? list->child : NULL;
	const struct addr *owned = m->owned.items;
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < m->owned.count && at; i++, at = at->next) {
		const char *name = addr_print_host(&owned[i], text);
		struct address_claim *a =
		    make(x, &kind_address_claim, arena_strndup(x->c->arena, name, strlen(name)),
			 &p->object, at->mark);

		if (!a)
			continue;
		a->domain.name = p->object.name;
		a->address = owned[i];
		a->owner = owner->node->role;
		a->peer.name = owner->node->name;
		capture(x, self, a);
	}
}

static const struct pool_member *member_of(const struct mobility_pool *p, const char *name)
{
	const struct pool_member *members = p->members.items;

	for (size_t i = 0; i < p->members.count; i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

static void expand_pool(const struct expansion *x, const struct mobility_pool *p)
{
	const struct pool_member *members = p->members.items;
	const struct pool_member *self = member_of(p, x->self->node->name);
	struct mobility_domain *dom;

	if (!self)
		return;
	dom = make(x, &kind_mobility_domain, p->object.name, &p->object, p->object.mark);
	if (dom) {
		dom->prefix = p->prefix;
		dom->owned = self->owned;
	}
	for (size_t i = 0; i < p->members.count; i++)
		if (&members[i] != self)
			expand_claims(x, p, self, &members[i]);
	if (x->c->elsewhere && !self->link.text &&
	    strcmp(fabric_capture(x->self->node, self), "proxy-arp") == 0)
		diag_warn(
		    x->diag, self->item.node->mark,
		    "%s/%s: node '%s' finds its capture.interface on the machine itself, so "
		    "what stands on that is left out here",
		    p->object.kind->name, p->object.name, self->name);
}

/* ---- what is about this node, and was written for the others ----------------------------- */

static void pass_over(struct object *o, bool is)
{
	if (o && is)
		o->for_others = true;
}

/* There is no tunnel to a node of the own site, this one among them. */
static void pass_over_node(const struct config *c, const struct sam_node *n)
{
	struct object *route = written(c, &kind_route, n->name);

	pass_over(written(c, &kind_wireguard_peer, n->name), true);
	pass_over(written(c, &kind_overlay_peer, n->name), true);
	pass_over(route, route && addr_compare(&((struct route *)(void *)route)->destination,
					       &n->overlay) == 0);
}

/* Nothing is captured of a pool that this node is no member of, nor what it owns itself. */
static void pass_over_claims(const struct config *c, const struct fabric *f)
{
	for (size_t i = 0; i < c->index_count; i++) {
		struct address_claim *a = (void *)c->index[i];
		const struct object *pool;

		if (a->object.kind != &kind_address_claim || a->object.imported ||
		    a->object.faulty)
			continue;
		pool = config_find(c, &kind_mobility_pool, a->domain.name);
		pass_over(&a->object,
			  pool && !config_find(c, &kind_mobility_domain, a->domain.name) &&
			      !member_of((const void *)pool, c->self));
	}
	for (size_t i = 0; i < f->pool_count; i++) {
		const struct mobility_pool *p = (const void *)f->pools[i];
		const struct pool_member *m = member_of(p, c->self);
		char text[ADDR_STRLEN];

		for (size_t k = 0; m && k < m->owned.count; k++) {
			const struct addr *own = (struct addr *)m->owned.items + k;
			struct object *o =
			    written(c, &kind_address_claim, addr_print_host(own, text));

			pass_over(
			    o, o && addr_compare(&((struct address_claim *)(void *)o)->address,
						 own) == 0);
		}
	}
}

static void pass_over_own(const struct expansion *x)
{
	const struct sam_node *nodes = x->self->set->nodes.items;
	struct config *c = x->c;
	size_t kept = 0;

	for (size_t i = 0; i < x->self->set->nodes.count; i++)
		if (strcmp(nodes[i].site, x->self->node->site) == 0)
			pass_over_node(c, &nodes[i]);
	pass_over_claims(c, &x->fabric);
	for (size_t i = 0; i < c->count; i++)
		if (!c->objects[i]->for_others)
			c->objects[kept++] = c->objects[i];
	c->count = kept;
}

bool config_expand(struct config *c, struct diag *d)
{
	struct expansion x = { .c = c, .diag = d };

	if (!fabric_check(c, &x.fabric, d))
		return false;
	if (!x.fabric.count)
		return true;
	if (!settle_self(&x))
		return false;
	pass_over_own(&x);
	c->fabric = fabric_digest(c, c->arena);
	expand_set(&x);
	if (x.fabric.pool_count)
		expand_profile(&x);
	for (size_t i = 0; i < x.fabric.pool_count; i++)
		expand_pool(&x, (const void *)x.fabric.pools[i]);
	return true;
}
