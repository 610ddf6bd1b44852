/* mtu.c - do TCP's segments fit through the tunnel? */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "config/mss.h"
#include "doctor/mtu.h"
#include "doctor/probe.h"

#define AREA	      "mtu"
#define PROBE_SECONDS 30  /* for all peers together */
#define SILENT	      180 /* seconds; REJECT_AFTER_TIME, WireGuard's paper, section 6 */
#define SMALLEST      576 /* bytes; RFC 791: every host takes as much */

static const struct overlay_peer *overlay_of(const struct object *o)
{
	return (const void *)o;
}

/* ---- the clamp -------------------------------------------------------------------------- */

static void check_clamp(struct doctor *d)
{
	struct tally t = { .d = d, .area = AREA, .name = "clamp" };
	const struct plan *plan = &d->pass->plan;

	for (size_t i = 0; i < plan->count; i++) {
		const struct op *op = &plan->ops[i];

		if (op_item(op)->type != ITEM_CLAMP)
			continue;
		if (!op->want)
			tally_bad(&t, CHECK_WARN, doctor_apply(d),
				  "table inet routerd_mss holds what nobody asks for: %s",
				  item_text(d->arena, op->have));
		else
			tally_bad(&t, CHECK_FAIL, doctor_apply(d),
				  "%s is not clamped to MSS %u in both directions%s: large "
				  "packets of TCP may stall where ping works",
				  op->want->link, op->want->clamp.mss,
				  op->have ? arena_printf(d->arena, ", but by '%s'",
							  item_text(d->arena, op->have))
					   : "");
	}
	for (size_t i = 0; i < d->pass->want.count; i++)
		t.good += d->pass->want.items[i].type == ITEM_CLAMP;
	tally_end(&t, "tunnels clamped in both directions: %zu", t.good);
}

/* ---- what fits -------------------------------------------------------------------------- */

/* The MSS that TCP through this peer's tunnel is held to. */
static uint16_t clamped(struct doctor *d, const struct overlay_peer *p)
{
	const struct item key = { .type = ITEM_CLAMP, .link = p->link.name };
	const struct item *w = state_find(&d->pass->want, &key);

	return w ? w->clamp.mss : 0;
}

static uint32_t overhead(const struct overlay_peer *p)
{
	if (!p->tunnel)
		return 0;
	/* As overlay_mtu() reckons: what it makes of the edit must come out right. */
	return p->tunnel->endpoint.address.family == AF_INET ? MSS_WG_OVERHEAD4
							     : MSS_WG_OVERHEAD6;
}

const char *underlay_edit(struct doctor *d, const struct overlay_peer *p, uint32_t inner)
{
	struct mark at = object_mark(&p->object, "underlay.mtu");
	uint32_t fits = p->tunnel ? inner & ~15U : inner;

	return arena_printf(
	    d->arena, "set spec.underlay.mtu: %u in OverlayPeer/%s (%s:%d), then %s",
	    fits + overhead(p), p->object.name, at.file, at.line, doctor_apply(d));
}

const struct item *underlay_peer(struct doctor *d, const struct overlay_peer *p)
{
	const struct item key = { .type = ITEM_PEER,
				  .link = p->link.name,
				  .peer = { .key = p->tunnel->key } };

	return state_find(&d->pass->have, &key);
}

bool underlay_look(struct doctor *d, const struct overlay_peer *p,
		   const struct look_link *links, size_t n, struct underlay *ret)
{
	const struct item *h = p->tunnel ? underlay_peer(d, p) : NULL;
	const struct look_link *l;

	*ret = (struct underlay){ 0 };
	if (p->tunnel)
		ret->to = h && h->peer.endpoint.address.family ? h->peer.endpoint.address
							       : p->tunnel->endpoint.address;
	if (!ret->to.family)
		return false;
	ret->route.to = ret->to;
	look_routes(d->kernel, &ret->route, 1);
	if (ret->route.error)
		return true;
	l = look_link(links, n, ret->route.out);
	ret->mtu = ret->route.mtu ? ret->route.mtu : l ? l->mtu : 0;
	if (ret->mtu < SMALLEST)
		ret->mtu = 0;
	else
		ret->inner = mss_wireguard_mtu(
		    ret->mtu, ret->to.family == AF_INET ? MSS_WG_OVERHEAD4 : MSS_WG_OVERHEAD6);
	return true;
}

/* What the first hop takes, and what the kernel has learnt of the path since. */
static void check_underlay(struct doctor *d, struct tally *t, const struct overlay_peer *p,
			   const struct look_link *links, size_t n)
{
	uint16_t mss = clamped(d, p);
	struct underlay u;
	char text[ADDR_STRLEN];

	if (!mss || !underlay_look(d, p, links, n, &u))
		return;
	addr_print_host(&u.to, text);
	if (u.route.error) {
		tally_bad(
		    t, CHECK_FAIL,
		    arena_printf(
			d->arena,
			"by hand: give this machine a route to %s; 'ip route get %s' tests "
			"it",
			text, text),
		    "%s, the endpoint of %s, cannot be reached: %s", text,
		    object_where(d->arena, &p->object), strerror(-u.route.error));
		return;
	}
	if (strcmp(u.route.out, p->link.name) == 0) {
		tally_bad(t, CHECK_FAIL,
			  arena_printf(d->arena,
				       "by hand: give this machine a route to %s past %s", text,
				       p->link.name),
			  "%s, the endpoint of %s, is routed into its own tunnel", text,
			  object_where(d->arena, &p->object));
		return;
	}
	if (!u.mtu)
		return;
	if (mss + 40U > u.inner)
		tally_bad(
		    t, CHECK_WARN, underlay_edit(d, p, u.inner),
		    "TCP to %s is held to MSS %u, but %u bytes of %s towards %s leave room "
		    "for %u only",
		    object_where(d->arena, &p->object), mss, u.mtu, u.route.out, text,
		    mss_of_mtu(u.inner));
	else
		t->good++;
}

static void check_underlays(struct doctor *d, const struct object **list, size_t n)
{
	struct tally t = { .d = d, .area = AREA, .name = "underlay" };
	struct look_link *links;
	size_t count;

	if (look_links(d->kernel, &links, &count) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		check_underlay(d, &t, overlay_of(list[i]), links, count);
	tally_end(&t, "endpoints whose first hop takes what the clamp lets through: %zu",
		  t.good);
}

/* ---- the path, tried out ---------------------------------------------------------------- */

static uint32_t tunnel_mtu(const struct overlay_peer *p, const struct look_link *l)
{
	return l ? l->mtu : overlay_mtu(p, &(const char *){ NULL });
}

/* Has the tunnel's peer not been heard of for so long that nothing can get through? */
static bool is_silent(struct doctor *d, const struct overlay_peer *p)
{
	const struct item *h = p->tunnel ? underlay_peer(d, p) : NULL;

	return h && time(NULL) - h->peer.handshake > SILENT;
}

static void no_answer(struct doctor *d, struct tally *t, const struct overlay_peer *p, int r)
{
	char text[ADDR_STRLEN];

	addr_print_host(&p->address, text);
	if (r == -EPERM || r == -EACCES)
		tally_bad(t, CHECK_SKIP, NULL, "only root may send probes: run it as root");
	else if (r == -ETIMEDOUT && is_silent(d, p))
		tally_bad(t, CHECK_WARN,
			  arena_printf(d->arena, "routerctl doctor%s wireguard", d->files),
			  "the path to %s is dead: not even small packets come back through "
			  "%s, and its peer made no handshake for %d s; area wireguard tells "
			  "what to look at",
			  object_where(d->arena, &p->object), p->link.name, SILENT);
	else
		tally_bad(
		    t, CHECK_SKIP,
		    arena_printf(
			d->arena,
			"by hand: look at area wireguard first; then give the other side "
			"an address and each side an IPv4Route to the other's "
			"overlay address, device %s",
			p->link.name),
		    "%s of %s did not answer through %s, so the path could not be measured: "
		    "the tunnel does not work, the address is not on the other router, or "
		    "that has no route back into the tunnel",
		    text, object_where(d->arena, &p->object), p->link.name);
}

static void probe_peer(struct doctor *d, struct tally *t, const struct overlay_peer *p,
		       const struct look_link *l)
{
	struct probe probe = { .to = p->address,
			       .link = p->link.name,
			       .floor = 64,
			       .top = tunnel_mtu(p, l),
			       .step = p->tunnel ? 16 : 1 };
	uint16_t mss = clamped(d, p);
	uint32_t inner;
	int r = probe_run(&probe, &inner);

	if (r < 0)
		no_answer(d, t, p, r);
	else if (mss && mss + 40U > inner)
		tally_bad(
		    t, CHECK_WARN, underlay_edit(d, p, inner),
		    "packets of %u bytes get through %s to %s and back, larger ones do not; "
		    "TCP is held to MSS %u, which makes %u: it stalls where ping works",
		    inner, p->link.name, object_where(d->arena, &p->object), mss, mss + 40U);
	else
		t->good++;
}

static void check_path(struct doctor *d, const struct object **list, size_t n)
{
	struct tally t = { .d = d, .area = AREA, .name = "path" };
	time_t end = time(NULL) + PROBE_SECONDS;
	struct look_link *links;
	size_t count, late = 0;

	if (!d->probe) {
		doctor_add(d, AREA, "path", CHECK_SKIP,
			   arena_printf(d->arena, "routerctl doctor --probe%s mtu", d->files),
			   "the path was not measured, as that sends packets: ask for it with "
			   "--probe");
		return;
	}
	if (look_links(d->kernel, &links, &count) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct overlay_peer *p = overlay_of(list[i]);

		if (!p->address.family)
			continue;
		if (time(NULL) >= end)
			late++;
		else
			probe_peer(d, &t, p, look_link(links, count, p->link.name));
	}
	if (late)
		doctor_add(d, AREA, "path", CHECK_SKIP, NULL,
			   "%zu peers were not measured, as the others took %d s", late,
			   PROBE_SECONDS);
	tally_end(&t, "peers that all that the clamp lets through gets to and back from: %zu",
		  t.good);
}

void doctor_mtu(struct doctor *d)
{
	const struct object **list;
	size_t n;

	if (!doctor_can(d, AREA))
		return;
	list = doctor_objects(d, &kind_overlay_peer, &n);
	if (!n) {
		doctor_add(d, AREA, "all", CHECK_SKIP, NULL,
			   "no OverlayPeer is configured, or all wait for a key, so nothing is "
			   "clamped");
		return;
	}
	if (doctor_sees(d, ITEM_CLAMP, AREA, "clamp"))
		check_clamp(d);
	check_underlays(d, list, n);
	check_path(d, list, n);
}
