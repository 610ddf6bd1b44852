/* join.c - what the peers folder brings: keys for those who wait for one, and peers. */
#include <stdlib.h>
#include <string.h>

#include "base/texts.h"
#include "config/config.h"
#include "config/hybrid.h"

/* The configuration's own objects that an import may be about, to be found by name. */
struct names {
	struct object **peers, **links;
	struct object **overlays, **named; /* those with a nodeID: by that, and by name */
	size_t peer_count, link_count, overlay_count;
};

static int by_name(const void *pa, const void *pb)
{
	struct object *const *a = pa, *const *b = pb;

	return strcmp((*a)->name, (*b)->name);
}

static const char *node_of(const struct object *o)
{
	return ((const struct overlay_peer *)(const void *)o)->node;
}

static int by_node(const void *pa, const void *pb)
{
	struct object *const *a = pa, *const *b = pb;

	return strcmp(node_of(*a), node_of(*b));
}

static void collect(const struct config *c, struct names *n)
{
	size_t bytes = (c->count + 1) * sizeof(struct object *);

	n->peers = arena_alloc(c->arena, bytes);
	n->links = arena_alloc(c->arena, bytes);
	n->overlays = arena_alloc(c->arena, bytes);
	n->named = arena_alloc(c->arena, bytes);
	for (size_t i = 0; i < c->count; i++) {
		struct object *o = c->objects[i];

		if (o->imported || o->faulty)
			continue;
		if (o->kind == &kind_wireguard_peer)
			n->peers[n->peer_count++] = o;
		else if (o->kind == &kind_wireguard_interface)
			n->links[n->link_count++] = o;
		else if (o->kind == &kind_overlay_peer && node_of(o))
			n->overlays[n->overlay_count++] = o;
	}
	memcpy(n->named, n->overlays, n->overlay_count * sizeof(*n->named));
	qsort(n->peers, n->peer_count, sizeof(*n->peers), by_name);
	qsort(n->links, n->link_count, sizeof(*n->links), by_name);
	qsort(n->overlays, n->overlay_count, sizeof(*n->overlays), by_node);
	qsort(n->named, n->overlay_count, sizeof(*n->named), by_name);
}

static struct object *find(struct object **list, size_t count, const char *name)
{
	const struct object key = { .name = name };
	const struct object *const p = &key;
	struct object **at = bsearch(&p, list, count, sizeof(*list), by_name);

	return at ? *at : NULL;
}

/* By nodeID; NULL: no OverlayPeer names the node. */
static const struct object *find_overlay(const struct names *n, const char *node)
{
	const struct overlay_peer key = { .node = node };
	const struct object *const p = &key.object;
	struct object **at =
	    bsearch(&p, n->overlays, n->overlay_count, sizeof(*n->overlays), by_node);

	return at ? *at : NULL;
}

/* The WireGuardPeer that is a node's: the namesake of its OverlayPeer, or its own namesake,
 * unless that is another node's. */
static struct wireguard_peer *find_peer(const struct names *n, const char *node)
{
	const struct object *overlay = find_overlay(n, node), *namesake;

	if (overlay && find(n->peers, n->peer_count, overlay->name))
		return (void *)find(n->peers, n->peer_count, overlay->name);
	namesake = find(n->named, n->overlay_count, node);
	if (namesake && strcmp(node_of(namesake), node) != 0)
		return NULL;
	return (void *)find(n->peers, n->peer_count, node);
}

/* Where there is one WireGuardInterface it need not be named; and another node's name for its
 * own says nothing here. */
static void settle_link(const struct names *n, struct wireguard_peer *p)
{
	bool known = p->link.name &&
		     (!p->object.imported || find(n->links, n->link_count, p->link.name));

	if (!known && n->link_count == 1)
		p->link.name = n->links[0]->name;
}

static void name_node(const struct names *n, struct wireguard_peer *p)
{
	const struct object *overlay = find(n->named, n->overlay_count, p->object.name);

	p->node = overlay ? node_of(overlay) : NULL;
}

static bool clashes(const struct wireguard_peer *to, const struct wireguard_peer *from,
		    struct diag *d)
{
	char ours[KEY_FINGERPRINT_STRLEN], theirs[KEY_FINGERPRINT_STRLEN];

	if (!key_given(&to->key) || key_equal(&to->key, &from->key))
		return false;
	object_error(&from->object, "publicKey", d,
		     "its fingerprint is %s, but that of %s is %s: whoever is right, make the "
		     "other one agree",
		     key_fingerprint(&from->key, theirs), object_where(d->arena, &to->object),
		     key_fingerprint(&to->key, ours));
	return true;
}

/* What the configuration says stands; what it leaves out is the export's. */
static bool join(const struct names *n, const struct wireguard_peer *from, struct diag *d)
{
	struct wireguard_peer *to = find_peer(n, from->object.name);

	if (!to || clashes(to, from, d))
		return false;
	to->key = from->key;
	if (!key_given(&to->next))
		to->next = from->next;
	if (!to->fabric)
		to->fabric = from->fabric;
	if (!to->endpoint.host)
		to->endpoint = from->endpoint;
	if (!to->allowed.count)
		to->allowed = from->allowed;
	if (!to->psk_file)
		to->psk_file = from->psk_file;
	return true;
}

/* A key of a peer: in use, or the next. */
struct claim {
	const struct key *key;
	struct wireguard_peer *peer;
};

static int by_key(const void *pa, const void *pb)
{
	const struct claim *a = pa, *b = pb;
	int r = memcmp(a->key, b->key, sizeof(*a->key));

	return r ? r : (int)a->peer->object.imported - (int)b->peer->object.imported;
}

/* No two nodes have one key: an import that has another's is a copy of it. */
static void check_copies(const struct config *c, struct diag *d)
{
	struct claim *all = arena_alloc(c->arena, (2 * c->count + 1) * sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct wireguard_peer *p = (void *)c->objects[i];

		if (p->object.kind != &kind_wireguard_peer)
			continue;
		if (key_given(&p->key))
			all[n++] = (struct claim){ &p->key, p };
		if (key_given(&p->next))
			all[n++] = (struct claim){ &p->next, p };
	}
	qsort(all, n, sizeof(*all), by_key);
	for (size_t i = 1; i < n; i++) {
		struct wireguard_peer *first = all[i - 1].peer, *p = all[i].peer;

		if (!p->object.imported || p == first || !key_equal(all[i].key, all[i - 1].key))
			continue;
		p->object.faulty = true;
		object_error(
		    &p->object, all[i].key == &p->next ? "nextPublicKey" : "publicKey", d,
		    "it is the key of %s, too: no two nodes have one key, so one of the "
		    "two files is a copy",
		    object_where(d->arena, &first->object));
	}
}

/* Where all nodes are written down, an import is one of theirs: nobody else is let in. */
static bool is_strange(const struct config *c, const char *const *nodes, size_t n,
		       const struct object *o, struct diag *d)
{
	if (!c->self || o->faulty)
		return false;
	if (strcmp(o->name, c->self) == 0)
		diag_warn(d, o->mark,
			  "left out: it is of node '%s', as this machine is called, and has "
			  "another key: two machines have one name",
			  c->self);
	else if (!texts_have(nodes, n, o->name))
		diag_warn(d, o->mark,
			  "left out: no SAMNodeSet has a node '%s', and no object is about it: "
			  "add it there, or remove the file",
			  o->name);
	return true; /* of the own site: there is no tunnel within one */
}

void peers_join(struct config *c, struct diag *d)
{
	const char *const *nodes = NULL;
	size_t node_count = c->self ? config_nodes(c, c->arena, &nodes) : 0;
	struct names n = { 0 };
	size_t kept = 0;

	collect(c, &n);
	for (size_t i = 0; i < c->count; i++) {
		struct object *o = c->objects[i];
		bool peer = o->kind == &kind_wireguard_peer;

		if (peer) {
			settle_link(&n, (void *)o);
			name_node(&n, (void *)o);
		}
		if (peer && o->imported && !o->faulty &&
		    (join(&n, (void *)o, d) || is_strange(c, nodes, node_count, o, d)))
			continue;
		c->objects[kept++] = o;
	}
	c->count = kept;
	check_copies(c, d);
}
