/* fabric.c - SAMNodeSet and MobilityPool: their tables, and their nodes by name. */
#include "config/fabric.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/texts.h"
#include "config/hybrid.h"

#define AT(type, member) offsetof(struct type, member)

/* ---- SAMNodeSet ------------------------------------------------------------------------- */

static const struct field wireguard_fields[] = {
	{ "publicKey", FIELD_KEY, AT(sam_node, key),
	  "its public key; left out, that of its export in the peers folder" },
	{ "endpoint", FIELD_ENDPOINT, AT(sam_node, endpoint),
	  "where the others reach it; left out, a cloud node's public address as its export "
	  "has it, and an on-premises node dials the others" },
	{ "allowedIPs", FIELD_PREFIXES, AT(sam_node, allowed),
	  "what else may come from it; its overlay address and what it owns need not be "
	  "listed" },
	{ "persistentKeepalive", FIELD_NUMBER, AT(sam_node, keepalive),
	  "seconds between keepalives of its tunnels, from both ends, 0 for none; left out, 25 "
	  "where one end has no endpoint",
	  .max = 65535 },
	{ 0 },
};

static const struct field node_fields[] = {
	{ "nodeRef", FIELD_TEXT, AT(sam_node, name), "the node's name", .required = true },
	{ "site", FIELD_TEXT, AT(sam_node, site),
	  "where it stands; there are tunnels between sites, none within one; left out, a site "
	  "of its own; azure, aws, oci and gcp tell the provider, too" },
	{ "role", FIELD_WORD, AT(sam_node, role), "which kind of site that is",
	  .required = true, .words = site_roles },
	{ "samEndpoint", FIELD_HOST4, AT(sam_node, overlay), "its overlay address",
	  .required = true },
	{ "wireGuard", FIELD_GROUP, 0, "how the others reach it", .fields = wireguard_fields },
	{ 0 },
};

static const struct field node_set_fields[] = {
	{ "nodes", FIELD_ITEMS, AT(sam_node_set, nodes), "every router of the overlay",
	  .required = true, .fields = node_fields, .size = sizeof(struct sam_node) },
	{ 0 },
};

const struct kind kind_sam_node_set = {
	.name = "SAMNodeSet",
	.api = API_MOBILITY,
	.help = "the routers of all sites, written once: the same file on every node",
	.size = sizeof(struct sam_node_set),
	.fields = node_set_fields,
};

/* ---- MobilityPool ----------------------------------------------------------------------- */

const struct field set_ref_fields[] = {
	{ "resource", FIELD_REF, AT(pool_source, set), "the SAMNodeSet", .required = true,
	  .ref = &kind_sam_node_set },
	{ 0 },
};

static const struct field member_capture_fields[] = {
	{ "type", FIELD_WORD, AT(pool_member, capture),
	  "how packets for the others' addresses reach it; left out, provider-secondary-ip in "
	  "a "
	  "cloud and proxy-arp on-premises",
	  .words = capture_types },
	{ "interface", FIELD_LINK, AT(pool_member, link),
	  "its interface on the shared subnet; left out, found on the machine",
	  .automatic = AT(pool_member, auto_link) },
	{ "gratuitousARP", FIELD_BOOL, AT(pool_member, announce),
	  "proxy-arp: tell the segment when a capture begins", .fallback = "true" },
	{ "providerRef", FIELD_REF, AT(pool_member, provider),
	  "provider-secondary-ip: the CloudProviderProfile; left out, that of the provider "
	  "which "
	  "the node's site is called after",
	  .ref = &kind_cloud_provider },
	{ "nicRef", FIELD_TEXT, AT(pool_member, nic),
	  "provider-secondary-ip: the NIC the provider attaches the addresses to; left out, "
	  "found in the machine's metadata where that tells",
	  .automatic = AT(pool_member, auto_nic) },
	{ 0 },
};

static const struct field member_fields[] = {
	{ "nodeRef", FIELD_TEXT, AT(pool_member, name), "a node of the sets in membersFrom",
	  .required = true },
	{ "staticOwnedAddresses", FIELD_HOSTS4, AT(pool_member, owned),
	  "the addresses that live at its site, and which all other members capture" },
	{ "capture", FIELD_GROUP, 0, "how it captures what the others own",
	  .fields = member_capture_fields },
	{ 0 },
};

static const struct field pool_fields[] = {
	{ "prefix", FIELD_PREFIX4, AT(mobility_pool, prefix), "the subnet the sites share",
	  .required = true },
	{ "membersFrom", FIELD_ITEMS, AT(mobility_pool, sources), "which nodes may be members",
	  .required = true, .fields = set_ref_fields, .size = sizeof(struct pool_source) },
	{ "members", FIELD_ITEMS, AT(mobility_pool, members),
	  "the routers on that subnet, one of a site", .required = true,
	  .fields = member_fields, .size = sizeof(struct pool_member) },
	{ 0 },
};

const struct kind kind_mobility_pool = {
	.name = "MobilityPool",
	.api = API_MOBILITY,
	.help = "a subnet that sites share, and which address lives where",
	.size = sizeof(struct mobility_pool),
	.fields = pool_fields,
};

/* ---- the nodes, found by name ------------------------------------------------------------ */

int fabric_place_compare(const struct node *a, const struct node *b)
{
	int r = strcmp(a->mark.file, b->mark.file);

	r = r ? r : a->mark.line - b->mark.line;
	return r ? r : a->mark.column - b->mark.column;
}

static int node_by_name(const void *pa, const void *pb)
{
	const struct fabric_node *a = pa, *b = pb;
	int r = strcmp(a->node->name, b->node->name);

	return r ? r : fabric_place_compare(a->node->item.node, b->node->item.node);
}

void fabric_collect(const struct config *c, struct fabric *f)
{
	size_t nodes = 0;

	for (size_t i = 0; i < c->index_count; i++)
		if (c->index[i]->kind == &kind_sam_node_set)
			nodes += ((struct sam_node_set *)(void *)c->index[i])->nodes.count;
	f->nodes = arena_alloc(c->arena, (nodes + 1) * sizeof(*f->nodes));
	f->pools = arena_alloc(c->arena, (c->index_count + 1) * sizeof(struct object *));
	for (size_t i = 0; i < c->index_count; i++) {
		const struct object *o = c->index[i];
		const struct sam_node_set *s = (const void *)o;

		if (o->kind == &kind_mobility_pool)
			f->pools[f->pool_count++] = o;
		for (size_t k = 0; o->kind == &kind_sam_node_set && k < s->nodes.count; k++)
			f->nodes[f->count++] =
			    (struct fabric_node){ s, (struct sam_node *)s->nodes.items + k };
	}
	qsort(f->nodes, f->count, sizeof(*f->nodes), node_by_name);
}

const struct fabric_node *fabric_node(const struct fabric *f, const char *name)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(f->nodes[mid].node->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->count && strcmp(f->nodes[low].node->name, name) == 0 ? &f->nodes[low]
									     : NULL;
}

bool fabric_is_source(const struct config *c, const struct mobility_pool *p,
		      const struct sam_node_set *s)
{
	const struct pool_source *from = p->sources.items;

	for (size_t i = 0; i < p->sources.count; i++)
		if (config_find(c, &kind_sam_node_set, from[i].set.name) == &s->object)
			return true;
	return false;
}

const struct fabric_node *fabric_member(const struct config *c, const struct fabric *f,
					const struct mobility_pool *p,
					const struct pool_member *m)
{
	const struct fabric_node *n = fabric_node(f, m->name);

	for (; n && n < f->nodes + f->count && strcmp(n->node->name, m->name) == 0; n++)
		if (fabric_is_source(c, p, n->set))
			return n;
	return NULL;
}

const char *fabric_capture(const struct sam_node *n, const struct pool_member *m)
{
	if (m->capture)
		return m->capture;
	return strcmp(n->role, "cloud") == 0 ? "provider-secondary-ip" : "proxy-arp";
}

bool fabric_is(const struct object *o)
{
	return o->kind == &kind_sam_node_set || o->kind == &kind_mobility_pool;
}

size_t config_nodes(const struct config *c, struct arena *a, const char *const **ret)
{
	size_t n = 0, room = 0;
	const char **names = NULL;

	for (size_t i = 0; i < c->index_count; i++) {
		const struct sam_node_set *s = (const void *)c->index[i];

		if (s->object.kind != &kind_sam_node_set)
			continue;
		for (size_t k = 0; k < s->nodes.count; k++) {
			names = arena_grow(a, names, n, &room, sizeof(*names));
			names[n++] = ((struct sam_node *)s->nodes.items)[k].name;
		}
	}
	*ret = names;
	return texts_sort(names, n);
}

size_t config_examples(const struct config *c, const char *ret[static CONFIG_ROLES])
{
	const char *roles[CONFIG_ROLES] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < c->index_count; i++) {
		const struct sam_node_set *s = (const void *)c->index[i];
		const struct sam_node *nodes;

		if (s->object.kind != &kind_sam_node_set)
			continue;
		nodes = s->nodes.items;
		for (size_t k = 0; k < s->nodes.count && n < CONFIG_ROLES; k++) {
			if (n && strcmp(roles[0], nodes[k].role) == 0)
				continue;
			roles[n] = nodes[k].role;
			ret[n++] = nodes[k].name;
		}
	}
	return n;
}

/* ---- the digest -------------------------------------------------------------------------- */

#define DIGEST_BYTES 8

static void digest_text(crypto_generichash_state *s, char type, const char *text)
{
	crypto_generichash_update(s, (const unsigned char *)&type, 1);
	if (text)
		crypto_generichash_update(s, (const unsigned char *)text, strlen(text) + 1);
}

static void digest_node(crypto_generichash_state *s, const struct node *n)
{
	static const char types[] = {
		[NODE_SCALAR] = 's', [NODE_MAP] = 'm', [NODE_LIST] = 'l'
	};

	if (!n)
		return;
	digest_text(s, types[n->type], n->text);
	for (const struct node *e = n->child; e; e = e->next) {
		digest_text(s, 'k', e->key);
		digest_node(s, e);
	}
	digest_text(s, 'e', NULL);
}

const char *fabric_digest(const struct config *c, struct arena *a)
{
	unsigned char digest[crypto_generichash_BYTES_MIN];
	char hex[2 * DIGEST_BYTES + 1];
	crypto_generichash_state s;

	crypto_generichash_init(&s, NULL, 0, sizeof(digest));
	for (size_t i = 0; i < c->index_count; i++) {
		const struct object *o = c->index[i];

		if (!fabric_is(o))
			continue;
		digest_text(&s, 'K', o->kind->name);
		digest_text(&s, 'N', o->name);
		digest_node(&s, o->spec);
	}
	crypto_generichash_final(&s, digest, sizeof(digest));
	sodium_bin2hex(hex, sizeof(hex), digest, DIGEST_BYTES);
	return arena_printf(a, "%s", hex);
}
