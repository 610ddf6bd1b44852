/* path_capture.c - how the packet of a local host gets to this node at all. */
#include <string.h>

#include "doctor/path.h"

/* Each says true where the packet ends there. */
static bool waits(struct way *w, const struct address_claim *a)
{
	struct doctor *d = w->path->d;

	if (a->object.waits)
		hop_add(w, "capture", HOP_DROP, &a->object,
			arena_printf(d->arena, "routerctl doctor%s", d->files),
			"nothing is captured for %s: it %s", object_where(d->arena, &a->object),
			a->object.waits);
	return a->object.waits;
}

static bool has_no_link(struct way *w, const struct address_claim *a)
{
	const struct mobility_domain *domain = (const void *)a->domain.to;
	struct doctor *d = w->path->d;
	const char *first, *all = hybrid_candidates(&w->path->h, &domain->prefix, &first);
	char prefix[ADDR_STRLEN];

	if (!a->link.name || hybrid_link(&w->path->h, a->link.name))
		return false;
	hop_add(w, "capture", HOP_DROP, &a->object, hybrid_edit_link(d, a, first),
		"this machine has no interface '%s', on which %s would be captured; of %s "
		"are: %s",
		a->link.name, object_where(d->arena, &a->object),
		addr_print(&domain->prefix, prefix), first ? all : "none");
	return true;
}

static bool is_down(struct way *w, const struct address_claim *a)
{
	const struct look_link *l = w->in ? hybrid_link(&w->path->h, w->in) : NULL;
	struct doctor *d = w->path->d;

	if (!l || (l->up && l->carrier))
		return false;
	hop_add(w, "capture", HOP_DROP, &a->object,
		l->up ? "by hand: look at the cable, or at the virtual machine's NIC"
		      : arena_printf(d->arena, "ip link set dev %s up && %s",
				     doctor_quote(d->arena, w->in), doctor_apply(d)),
		"%s, on which %s is captured, %s", w->in, object_where(d->arena, &a->object),
		l->up ? "has no carrier" : "is down");
	return true;
}

static bool is_astray(struct way *w, const struct address_claim *a)
{
	const struct mobility_domain *domain = (const void *)a->domain.to;
	struct doctor *d = w->path->d;
	const char *out, *first, *all;
	char prefix[ADDR_STRLEN];

	if (!a->link.name || hybrid_is_on(&w->path->h, a->link.name, &domain->prefix, &out))
		return false;
	all = hybrid_candidates(&w->path->h, &domain->prefix, &first);
	hop_add(w, "capture", strcmp(a->capture, "proxy-arp") == 0 ? HOP_DROP : HOP_UNSURE,
		&a->object, hybrid_edit_link(d, a, first),
		"%s, on which %s is captured, is not on %s, so nobody asks there; of that "
		"are: %s",
		a->link.name, object_where(d->arena, &a->object),
		addr_print(&domain->prefix, prefix), first ? all : "none");
	return way_is_dropped(w);
}

bool capture_is_held(struct way *w, const struct address_claim *a)
{
	const char *link = path_held(w->path, &a->address);
	struct doctor *d = w->path->d;

	if (link)
		hop_add(w, "capture", HOP_DROP, &a->object, doctor_apply(d),
			"%s, which %s captures, is an address of this machine's own %s, so its "
			"packets end here. Some agent, DHCP or cloud-init has put it there",
			path_host(w->path, &a->address), object_where(d->arena, &a->object),
			link);
	return link;
}

static bool has_no_proxy(struct way *w, const struct address_claim *a)
{
	struct doctor *d = w->path->d;
	struct state all = { .arena = d->arena };
	int r = strcmp(a->capture, "proxy-arp") ? 1 : look_proxies(d->kernel, &all);

	for (size_t i = 0; i < all.count && r == 0; i++)
		r = strcmp(all.items[i].link, a->link.name) == 0 &&
		    addr_compare(&all.items[i].address, &a->address) == 0;
	if (r == 0)
		hop_add(w, "capture", HOP_DROP, &a->object, doctor_apply(d),
			"nobody answers ARP for %s on %s, as %s asks",
			path_host(w->path, &a->address), a->link.name,
			object_where(d->arena, &a->object));
	return r == 0;
}

static void tell_capture(struct way *w, const struct address_claim *a)
{
	const struct cloud_provider *cloud = (const void *)a->provider.to;
	struct doctor *d = w->path->d;
	const char *in = w->in ? w->in : "some interface", *host;

	host = path_host(w->path, &a->address);
	if (strcmp(a->capture, "proxy-arp") == 0)
		hop_add(w, "capture", HOP_PASS, &a->object, NULL,
			"comes in by %s: this node answers ARP for %s there (proxy neighbour), "
			"as %s asks; no link here holds the address",
			in, host, object_name(d->arena, &a->object));
	else
		hop_add(w, "capture", HOP_PASS, &a->object, NULL,
			"comes in by %s: %s attaches %s to this node's NIC, as %s says and "
			"only the provider can tell; no link here holds the address",
			in, cloud && cloud->provider ? cloud->provider : "the provider", host,
			object_name(d->arena, &a->object));
}

void capture_walk(struct way *w)
{
	static bool (*const checks[])(struct way *, const struct address_claim *) = {
		waits, has_no_link, is_down, capture_is_held, is_astray, has_no_proxy,
	};
	const struct address_claim *a = w->to->claim;
	bool near = a && w->from->domain && a->domain.to == &w->from->domain->object;

	for (size_t i = 0; near && i < sizeof(checks) / sizeof(*checks); i++)
		if (checks[i](w, a))
			return;
	if (near)
		tell_capture(w, a);
	else
		hop_add(w, "capture", HOP_PASS, w->from->object, NULL,
			"comes in by %s, sent here by the routes of %s: nothing is captured "
			"for it",
			w->in ? w->in : "some interface",
			path_host(w->path, &w->from->address));
}
