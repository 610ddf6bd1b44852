/* wireguard.c - the tunnel: who carries it, its keys, what may go through it; peers.c has
 * those at its other ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/hybrid.h"
#include "doctor/doctor.h"
#include "kernel/wireguard.h"
#include "keys/aside.h"

#define AREA	 "wireguard"
#define LONG_AGO 1704067200 /* 2024-01-01: no clock that is right says less */

static const struct wireguard_interface *interface_of(const struct object *o)
{
	return (const void *)o;
}

static const struct item *find(const struct state *s, enum item_type type, const char *link)
{
	const struct item key = { .type = type, .link = link };

	return state_find(s, &key);
}

static bool carried_by_program(void)
{
	static const char *const paths[] = { "/usr/bin/wireguard-go",
					     "/usr/local/bin/wireguard-go",
					     "/usr/sbin/wireguard-go" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (access(paths[i], X_OK) == 0)
			return true;
	return false;
}

static void check_carrier(struct doctor *d)
{
	if (d->kernel->wg_family)
		doctor_add(d, AREA, "carrier", CHECK_PASS, NULL, "the kernel's own WireGuard");
	else if (carried_by_program())
		doctor_add(d, AREA, "carrier", CHECK_PASS, NULL,
			   "this kernel has no WireGuard; wireguard-go carries it, slower");
	else
		doctor_add(d, AREA, "carrier", CHECK_FAIL, "apt-get install wireguard-go",
			   "this kernel has no WireGuard, and wireguard-go is not installed");
}

/* ---- the interface ---------------------------------------------------------------------- */

/* Does a socket of this kind hold the port? /proc/net/udp: "sl local_address ...", the
 * address in hex, a colon, the port in hex. */
static bool in_table(const char *path, unsigned port)
{
	FILE *f = fopen(path, "re");
	bool found = false;
	char line[512];
	unsigned got;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, " %*[0-9]: %*[0-9A-Fa-f]:%4x ", &got) == 1 && got == port;
	fclose(f);
	return found;
}

static bool port_taken(unsigned port)
{
	return in_table("/proc/net/udp", port) || in_table("/proc/net/udp6", port);
}

static void check_link(struct doctor *d, struct tally *t, const struct object *o)
{
	const struct wireguard_interface *w = interface_of(o);
	const struct item *h = find(&d->pass->have, ITEM_LINK, o->name);
	const char *where = object_where(d->arena, o);
	const char *anew = arena_printf(d->arena, "ip link del dev %s && %s",
					doctor_quote(d->arena, o->name), doctor_apply(d));
	struct mark at = object_mark(o, "listenPort");

	if ((!h || (!h->wg.hidden && h->wg.port != w->port)) && port_taken(w->port))
		tally_bad(t, CHECK_FAIL,
			  arena_printf(
			      d->arena,
			      "by hand: stop the program that 'ss -ulpn sport = :%u' names, or "
			      "set spec.listenPort to a free one (%s:%d), then %s",
			      w->port, at.file, at.line, doctor_apply(d)),
			  "UDP port %u of %s is in use by another program", w->port, where);
	else if (!h)
		tally_bad(t, CHECK_FAIL, doctor_apply(d), "%s is not there", where);
	else if (h->wg.mute)
		tally_bad(t, CHECK_FAIL, anew,
			  "%s is there, but wireguard-go, which carries it, does not answer",
			  where);
	else if (h->wg.kind != LINK_WIREGUARD || (!h->ours && !h->wg.blank))
		tally_bad(t, CHECK_FAIL, anew,
			  "there is a '%s' that routerd did not make, so %s cannot be", o->name,
			  where);
	else if (!h->wg.up)
		tally_bad(t, CHECK_FAIL, doctor_apply(d), "%s is down", where);
	else if (!h->wg.hidden && h->wg.port != w->port)
		tally_bad(t, CHECK_FAIL, doctor_apply(d),
			  "%s listens on UDP port %u, not %u: the others look for it there",
			  where, h->wg.port, w->port);
	else
		t->good++;
}

/* Until somebody has seen it, and taken it away. */
static void check_aside(struct doctor *d, struct tally *t, const struct object *o)
{
	static const struct {
		const char *why, *words;
	} asides[] = {
		{ "clone",
		  "this disk is a copy of another machine's, whose key that is: the other "
		  "nodes must learn this one's new key" },
		{ "damaged", "it held no key: the other nodes must learn the new one" },
	};

	for (size_t i = 0; i < sizeof(asides) / sizeof(*asides); i++) {
		const char *path =
		    aside_find(d->arena, interface_of(o)->key_file, asides[i].why);

		if (path)
			tally_bad(t, CHECK_WARN,
				  arena_printf(d->arena,
					       "by hand: 'routerctl export' for them, then "
					       "'rm %s'",
					       doctor_quote(d->arena, path)),
				  "%s of %s was set aside: %s", path, object_where(d->arena, o),
				  asides[i].words);
	}
}

static void check_key(struct doctor *d, struct tally *t, const struct object *o)
{
	const struct item *w = find(&d->pass->want, ITEM_LINK, o->name);
	const struct item *h = find(&d->pass->have, ITEM_LINK, o->name);
	const char *file = interface_of(o)->key_file, *where = object_where(d->arena, o);
	const char *quoted = doctor_quote(d->arena, file);
	const char *anew = "apply makes a new one, whose public half the others must learn";
	const char *saved = arena_printf(d->arena, "(umask 077; wg show %s private-key >%s)",
					 doctor_quote(d->arena, o->name), quoted);

	if (!w)
		return;
	switch (w->wg.key_error) {
	case 0:
		if (h && !h->wg.hidden && h->wg.keyed &&
		    !key_equal(&h->wg.public, &w->wg.public))
			tally_bad(t, CHECK_FAIL, doctor_apply(d),
				  "%s uses another key than the one in %s", where, file);
		else
			t->good++;
		break;
	case -ENOENT:
		tally_bad(t, CHECK_FAIL, doctor_apply(d),
			  "%s, the private key of %s, is not there; %s", file, where, anew);
		break;
	case -ENOKEY:
		tally_bad(t, CHECK_FAIL, saved,
			  "%s, the private key of %s, is not there; the interface still has it",
			  file, where);
		break;
	case -EKEYREJECTED:
		tally_bad(t, CHECK_FAIL, saved,
			  "%s of %s holds no WireGuard key; the interface still has it", file,
			  where);
		break;
	case -EACCES:
		tally_bad(t, CHECK_SKIP, NULL, "%s may be read by root only: run it as root",
			  file);
		break;
	case -EPERM:
		tally_bad(t, CHECK_FAIL, arena_printf(d->arena, "chmod 600 %s", quoted),
			  "%s, the private key of %s, can be read or written by others", file,
			  where);
		break;
	case -EINVAL:
		tally_bad(t, CHECK_FAIL, doctor_apply(d),
			  "%s of %s holds no WireGuard key; apply moves it aside and makes a "
			  "new one, whose public half the others must learn",
			  file, where);
		break;
	default:
		tally_bad(t, CHECK_FAIL, NULL, "%s of %s cannot be read: %s", file, where,
			  strerror(-w->wg.key_error));
	}
}

static void check_interfaces(struct doctor *d)
{
	struct tally links = { .d = d, .area = AREA, .name = "interface" };
	struct tally keyed = { .d = d, .area = AREA, .name = "private-key" };
	struct tally aside = { .d = d, .area = AREA, .name = "set-aside" };
	size_t n;
	const struct object **list = doctor_objects(d, &kind_wireguard_interface, &n);

	for (size_t i = 0; i < n; i++)
		check_link(d, &links, list[i]);
	tally_end(&links, "there, up%s: %zu",
		  d->pass->have.blind >> ITEM_PEER & 1 ? "" : " and on the configured port",
		  links.good);
	for (size_t i = 0; i < n; i++) {
		check_key(d, &keyed, list[i]);
		check_aside(d, &aside, list[i]);
	}
	tally_end(&keyed, "readable by root alone, and in use");
	if (aside.bad)
		tally_end(&aside, "none");
}

/* ---- allowed IPs ------------------------------------------------------------------------ */

static const char *shadow(struct doctor *d, const struct op *op)
{
	char key[KEY_STRLEN];
	const struct item *other =
	    op->have ? op->have
		     : state_allowed(&d->pass->have, op->want->link, &op->want->address);

	return other ? arena_printf(d->arena, "; peer %s gets its packets instead",
				    key_print(&other->allowed.key, key))
		     : ": its packets are dropped, both ways";
}

static void check_allowed(struct doctor *d)
{
	struct tally t = { .d = d, .area = AREA, .name = "allowed-ips" };
	const struct plan *plan = &d->pass->plan;
	char text[ADDR_STRLEN], key[KEY_STRLEN];
	size_t waiting = 0, misled = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct op *op = &plan->ops[i];
		const struct item *it = op_item(op);

		if (it->type != ITEM_ALLOWED)
			continue;
		if (op->want && doctor_own_key(d, op->want)) {
			misled++;
			continue;
		}
		addr_print(&it->address, text);
		if (!find(&d->pass->have, ITEM_LINK, it->link))
			waiting++;
		else if (op->verb == VERB_DELETE)
			tally_bad(
			    &t, CHECK_WARN, doctor_apply(d),
			    "peer %s of %s is allowed %s, which nobody asks for: it takes "
			    "these packets from who should have them",
			    key_print(&it->allowed.key, key), it->link, text);
		else
			tally_bad(
			    &t, CHECK_FAIL, doctor_apply(d),
			    "%s of %s is not among the allowed IPs of its peer %s on %s%s",
			    text, object_where(d->arena, op->origin),
			    key_print(&it->allowed.key, key), it->link, shadow(d, op));
	}
	for (size_t i = 0; i < d->pass->want.count && !waiting && !misled; i++)
		t.good += d->pass->want.items[i].type == ITEM_ALLOWED;
	if (misled)
		doctor_add(d, AREA, "allowed-ips", CHECK_SKIP, NULL,
			   "%zu wait for their peer's publicKey to be the other side's",
			   misled);
	if (waiting)
		doctor_add(d, AREA, "allowed-ips", CHECK_SKIP, NULL,
			   "%zu wait for their interface, which is not there", waiting);
	tally_end(&t, "prefixes that are with their peers: %zu", t.good);
}

/* Nothing delivers to it, but pings and health checks go there. */
static void check_overlay(struct doctor *d)
{
	struct tally t = { .d = d, .area = AREA, .name = "overlay-address" };
	size_t n;
	const struct object **list = doctor_objects(d, &kind_overlay_peer, &n);

	for (size_t i = 0; i < n; i++) {
		const struct overlay_peer *p = (const void *)list[i];
		const struct item *it;
		char text[ADDR_STRLEN];
		struct mark at;

		if (!p->tunnel || !p->address.family)
			continue;
		it = state_allowed(&d->pass->want, p->link.name, &p->address);
		if (it && key_equal(&it->allowed.key, &p->tunnel->key)) {
			t.good++;
			continue;
		}
		addr_print(&p->address, text);
		at = object_mark(&p->tunnel->object, "allowedIPs");
		tally_bad(
		    &t, CHECK_WARN,
		    arena_printf(d->arena,
				 "edit spec.allowedIPs in %s/%s (%s:%d): add %s, then %s",
				 p->tunnel->object.kind->name, p->tunnel->object.name, at.file,
				 at.line, text, doctor_apply(d)),
		    "%s of %s is not among the allowed IPs of %s, so it cannot be reached",
		    text, object_where(d->arena, list[i]),
		    object_where(d->arena, &p->tunnel->object));
	}
	tally_end(&t, "OverlayPeers whose address is allowed: %zu", t.good);
}

/* A handshake's timestamp may not go back (WireGuard's paper, section 5.1): after a start
 * with a clock that is years behind, peers refuse us until it is right. */
static void check_clock(struct doctor *d)
{
	if (time(NULL) < LONG_AGO)
		doctor_add(
		    d, AREA, "clock", CHECK_FAIL,
		    "timedatectl set-ntp true && systemctl restart systemd-timesyncd",
		    "the clock is years behind: peers that knew this router before refuse "
		    "its handshakes");
	else
		doctor_add(d, AREA, "clock", CHECK_PASS, NULL, "the year is plausible");
}

/* For another node's export, and not only with what does. */
static bool waits_itself(const struct object *o)
{
	const struct overlay_peer *p = (const void *)o;

	return o->waits && (o->kind == &kind_wireguard_peer ||
			    (o->kind == &kind_overlay_peer && !p->tunnel));
}

static void check_waiting(struct doctor *d)
{
	struct tally t = { .d = d, .area = AREA, .name = "peer-keys" };

	for (size_t i = 0; i < d->config->count; i++) {
		const struct object *o = d->config->objects[i];

		if (waits_itself(o))
			tally_bad(&t, CHECK_FAIL,
				  "by hand: copy that node's /var/lib/routerd/export/NODE.yaml "
				  "to /etc/routerd/peers here",
				  "%s %s", object_where(d->arena, o), o->waits);
		else if (o->kind == &kind_wireguard_peer)
			t.good++;
	}
	tally_end(&t, "peers whose key is known: %zu", t.good);
}

void doctor_wireguard(struct doctor *d)
{
	size_t n;

	if (!doctor_can(d, AREA))
		return;
	doctor_objects(d, &kind_wireguard_interface, &n);
	if (!n) {
		doctor_add(d, AREA, "all", CHECK_SKIP, NULL,
			   "no WireGuardInterface is configured");
		return;
	}
	check_carrier(d);
	check_interfaces(d);
	check_waiting(d);
	if (doctor_sees(d, ITEM_ALLOWED, AREA, "allowed-ips"))
		check_allowed(d);
	check_overlay(d);
	doctor_peers(d);
	check_clock(d);
}
