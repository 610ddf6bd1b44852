/* peers.c - does anybody answer at the other ends of the tunnel, and can they be found? */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/net.h"
#include "doctor/doctor.h"
#include "kernel/wireguard.h"

#define AREA	   "wireguard"
#define OLD	   180 /* seconds; REJECT_AFTER_TIME, WireGuard's paper, section 6 */
#define NAMES_WAIT 4   /* seconds, for all names */

static const struct wireguard_peer *peer_of(const struct object *o)
{
	return (const void *)o;
}

static const struct item *find_link(const struct state *s, const char *link)
{
	const struct item key = { .type = ITEM_LINK, .link = link };

	return state_find(s, &key);
}

static const struct item *find_peer(const struct state *s, const struct wireguard_peer *p)
{
	const struct item key = { .type = ITEM_PEER,
				  .link = p->link.to->name,
				  .peer = { .key = p->key } };

	return state_find(s, &key);
}

const char *doctor_own_key(const struct doctor *d, const struct item *it)
{
	const struct item key = { .type = ITEM_PEER,
				  .link = it->link,
				  .peer = { .key = it->type == ITEM_ALLOWED ? it->allowed.key
									    : it->peer.key } };
	const struct item *w;
	struct mark at;

	if (it->type != ITEM_PEER && it->type != ITEM_ALLOWED)
		return NULL;
	w = state_find(&d->pass->want, &key);
	if (!w || !wg_is_own_key(d->kernel, w))
		return NULL;
	at = object_mark(w->origin, "publicKey");
	return arena_printf(d->arena, "set spec.publicKey: KEY in %s/%s (%s:%d), then %s",
			    w->origin->kind->name, w->origin->name, at.file, at.line,
			    doctor_apply(d));
}

static const char *own_key(struct doctor *d, const char *link)
{
	const struct item *w = find_link(&d->pass->want, link);
	char key[KEY_STRLEN];

	if (!w || !w->wg.keyed)
		return "this router's";
	return arena_strndup(d->arena, key_print(&w->wg.public, key), KEY_STRLEN - 1);
}

const char *peer_silence(struct doctor *d, const char *link, const struct item *h)
{
	char ep[ENDPOINT_STRLEN];

	if (!h->peer.endpoint.host)
		return arena_printf(d->arena,
				    "by hand: on the other side set this router's address and "
				    "UDP port as endpoint and "
				    "publicKey %s, and let that port in here",
				    own_key(d, link));
	return arena_printf(
	    d->arena,
	    "by hand: check in this order: that %s is right and lets UDP in (provider and host "
	    "firewall); that the other side's peer for this router has publicKey %s; that "
	    "publicKey here is the other side's",
	    endpoint_print(&h->peer.endpoint, ep), own_key(d, link));
}

enum heard peer_heard(const struct item *h, long long *ret_age)
{
	*ret_age = (long long)time(NULL) - h->peer.handshake;
	if (!h->peer.handshake)
		return HEARD_NEVER;
	if (*ret_age < -OLD)
		return HEARD_AHEAD;
	return *ret_age > OLD && h->peer.keepalive ? HEARD_OLD : HEARD_LATELY;
}

static void check_handshake(struct doctor *d, struct tally *t, const struct object *o)
{
	const struct wireguard_peer *p = peer_of(o);
	const struct item *h = find_peer(&d->pass->have, p);
	const struct item *w = find_peer(&d->pass->want, p);
	const char *edit = w ? doctor_own_key(d, w) : NULL;
	long long age;

	if (edit) {
		tally_bad(t, CHECK_FAIL, edit,
			  "publicKey of %s is this router's own, so it cannot be applied; "
			  "'wg show %s public-key' on the other side tells the right one",
			  object_where(d->arena, o), p->link.to->name);
		return;
	}
	if (!h) {
		tally_bad(t, CHECK_FAIL, doctor_apply(d), "%s is not on %s",
			  object_where(d->arena, o), p->link.to->name);
		return;
	}
	switch (peer_heard(h, &age)) {
	case HEARD_LATELY:
		t->good++;
		break;
	case HEARD_NEVER:
		tally_bad(t, CHECK_WARN, peer_silence(d, p->link.to->name, h),
			  "%s: there was never a handshake; %llu bytes sent, %llu received",
			  object_where(d->arena, o), (unsigned long long)h->peer.sent,
			  (unsigned long long)h->peer.received);
		break;
	case HEARD_AHEAD:
		tally_bad(
		    t, CHECK_WARN, doctor_set_clock(),
		    "%s: the last handshake lies %lld s ahead: the clock was set back, and "
		    "the peer refuses new ones until that time comes again",
		    object_where(d->arena, o), -age);
		break;
	case HEARD_OLD:
		tally_bad(
		    t, CHECK_WARN, peer_silence(d, p->link.to->name, h),
		    "%s: the last handshake was %lld s ago, and with keepalives every %u s "
		    "it should be less than %d",
		    object_where(d->arena, o), age, h->peer.keepalive, OLD);
		break;
	}
}

static void check_peers(struct doctor *d, const struct object **list, size_t n)
{
	struct tally shaken = { .d = d, .area = AREA, .name = "handshake" };
	size_t bare = 0;

	for (size_t i = 0; i < n; i++) {
		if (find_link(&d->pass->have, peer_of(list[i])->link.to->name))
			check_handshake(d, &shaken, list[i]);
		bare += peer_of(list[i])->endpoint.host && !peer_of(list[i])->keepalive;
	}
	tally_end(&shaken, "peers heard of lately, or idle: %zu", shaken.good);
	if (bare)
		doctor_add(d, AREA, "keepalive", CHECK_PASS, NULL,
			   "%zu peers have an endpoint and no persistentKeepalive: right, "
			   "unless this router is behind NAT (then 25)",
			   bare);
}

/* ---- names ------------------------------------------------------------------------------ */

static void check_names(struct doctor *d, const struct object **list, size_t n)
{
	struct tally t = { .d = d, .area = AREA, .name = "endpoint-names" };
	struct endpoint *found = arena_alloc(d->arena, (n + 1) * sizeof(*found));
	struct endpoint **ask = arena_alloc(d->arena, (n + 1) * sizeof(struct endpoint *));
	const struct object **of = arena_alloc(d->arena, (n + 1) * sizeof(struct object *));
	const char **errors = arena_alloc(d->arena, (n + 1) * sizeof(char *));
	struct kernel nobody = { .idle_fd = -1 }; /* has anything to do meanwhile */
	size_t names = 0;

	for (size_t i = 0; i < n; i++) {
		found[i] = peer_of(list[i])->endpoint;
		if (!found[i].host || found[i].address.family)
			continue;
		of[names] = list[i];
		ask[names++] = &found[i];
	}
	if (!names)
		return;
	resolve_endpoints(&nobody, ask, errors, names, NAMES_WAIT);
	for (size_t i = 0; i < names; i++) {
		struct mark at = object_mark(of[i], "endpoint");

		if (ask[i]->address.family)
			t.good++;
		else
			tally_bad(&t, CHECK_WARN,
				  arena_printf(
				      d->arena,
				      "by hand: mend DNS ('getent hosts %s' tests it), or set "
				      "spec.endpoint to an address (%s:%d); then %s",
				      doctor_quote(d->arena, ask[i]->host), at.file, at.line,
				      doctor_apply(d)),
				  "%s of %s does not resolve: %s", ask[i]->host,
				  object_where(d->arena, of[i]), errors[i]);
	}
	tally_end(&t, "names that resolve: %zu", t.good);
}

/* ---- is what was written once the same at both ends? --------------------------------------
 */

static void check_fabrics(struct doctor *d, const struct object **list, size_t n)
{
	struct tally t = { .d = d, .area = AREA, .name = "fabric" };
	const char *own = d->config ? d->config->fabric : NULL;

	if (!own)
		return;
	for (size_t i = 0; i < n; i++) {
		const char *its = peer_of(list[i])->fabric;

		if (!its)
			continue;
		if (strcmp(its, own) == 0)
			t.good++;
		else
			tally_bad(
			    &t, CHECK_WARN,
			    "by hand: copy the newer SAMNodeSet and MobilityPool to both "
			    "nodes; if they are the same already, its export is older: "
			    "'routerctl import' a fresh one",
			    "%s: its node's SAMNodeSet and MobilityPool were others (%.16s) "
			    "than this one's (%s) when it was exported",
			    object_where(d->arena, list[i]), its, own);
	}
	if (t.good)
		tally_end(&t, "nodes with the same SAMNodeSet and MobilityPool: %zu", t.good);
}

void doctor_peers(struct doctor *d)
{
	size_t n;
	const struct object **list = doctor_objects(d, &kind_wireguard_peer, &n);

	if (doctor_sees(d, ITEM_PEER, AREA, "handshake"))
		check_peers(d, list, n);
	check_names(d, list, n);
	check_fabrics(d, list, n);
}
