#include "config/self.h"

#include <string.h>

#include "config/hybrid.h"

static bool is_link(const struct object *o, const struct wireguard_interface *w)
{
	return o == &w->object;
}

/* How the peers on a link call this node, if they all call it the same. */
static const char *called(const struct config *c, const struct wireguard_interface *w)
{
	const char *name = NULL;

	for (size_t i = 0; i < c->count; i++) {
		const struct overlay_peer *p = (const void *)c->objects[i];

		if (p->object.kind != &kind_overlay_peer || !is_link(p->link.to, w) ||
		    !p->remote_node)
			continue;
		if (name && strcmp(name, p->remote_node) != 0)
			return NULL;
		name = p->remote_node;
	}
	return name;
}

static const char *name_of(const struct config *c, const struct wireguard_interface *w,
			   bool several, struct arena *a)
{
	const char *known[] = { w->self, c->node_file,	called(c, w),
				c->node, c->facts.name, c->host };

	if (c->self && w->self && strcmp(c->self, w->self) == 0)
		return arena_strndup(a, c->self, strlen(c->self));
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] && config_is_node(known[i]))
			return several ? arena_printf(a, "%s-%s", known[i], w->object.name)
				       : arena_strndup(a, known[i], strlen(known[i]));
	return arena_printf(a, "%s", w->object.name);
}

static void allow(struct arena *a, struct self *s, size_t *room, struct addr address)
{
	address.bits = 32;
	s->allowed = arena_grow(a, s->allowed, s->allowed_count, room, sizeof(*s->allowed));
	s->allowed[s->allowed_count++] = address;
}

static bool is_delivered(const struct mobility_domain *dom, const struct wireguard_interface *w,
			 bool several)
{
	const struct overlay_peer *p = (const void *)dom->peer.to;

	return p ? is_link(p->link.to, w) : !several;
}

/* The addresses on the link, then those of the domains that are delivered over it. */
static void collect_allowed(const struct config *c, const struct wireguard_interface *w,
			    bool several, struct arena *a, struct self *s)
{
	size_t room = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct static_address *sa = (const void *)c->objects[i];

		if (sa->object.kind == &kind_static_address && is_link(sa->link.to, w))
			allow(a, s, &room, sa->address);
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct mobility_domain *dom = (const void *)c->objects[i];

		if (dom->object.kind == &kind_mobility_domain && is_delivered(dom, w, several))
			for (size_t k = 0; k < dom->owned.count; k++)
				allow(a, s, &room, ((const struct addr *)dom->owned.items)[k]);
	}
}

static void collect_peers(const struct config *c, const struct wireguard_interface *w,
			  struct arena *a, struct self *s)
{
	size_t room = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct wireguard_peer *p = (const void *)c->objects[i];

		if (p->object.kind != &kind_wireguard_peer || p->link.to != &w->object ||
		    !key_given(&p->key))
			continue;
		s->peers = arena_grow(a, s->peers, s->peer_count, &room, sizeof(*s->peers));
		s->peers[s->peer_count++] =
		    (struct self_peer){ arena_strndup(a, p->object.name,
						      strlen(p->object.name)),
					p->key, p->next };
	}
}

size_t config_selves(const struct config *c, struct arena *a, struct self **ret)
{
	struct self *all = arena_alloc(a, (c->count + 1) * sizeof(*all));
	size_t links = 0, n = 0;

	for (size_t i = 0; i < c->count; i++)
		links += c->objects[i]->kind == &kind_wireguard_interface;
	for (size_t i = 0; i < c->count; i++) {
		const struct wireguard_interface *w = (const void *)c->objects[i];
		struct self *s = &all[n];

		if (w->object.kind != &kind_wireguard_interface)
			continue;
		n++;
		s->node = name_of(c, w, links > 1, a);
		s->link = arena_strndup(a, w->object.name, strlen(w->object.name));
		s->key_file = arena_strndup(a, w->key_file, strlen(w->key_file));
		s->endpoint = w->endpoint;
		if (w->endpoint.host)
			s->endpoint.host =
			    arena_strndup(a, w->endpoint.host, strlen(w->endpoint.host));
		s->fabric = c->fabric ? arena_strndup(a, c->fabric, strlen(c->fabric)) : NULL;
		collect_allowed(c, w, links > 1, a, s);
		collect_peers(c, w, a, s);
	}
	*ret = all;
	return n;
}
