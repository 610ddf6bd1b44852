/* wireguard.c - peers and allowed IPs. What is on a link of ours is ours; other people's
 * links are not even looked at. */
#include "kernel/wireguard.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/clean.h"

#define RESOLVE_SECONDS 10 /* for all names of a pass together */

int wg_set(struct kernel *k, const struct wg_change *c, const char **ret_why)
{
	return wg_user_has(c->link) ? wg_user_set(k, c, ret_why) : wg_kernel_set(k, c, ret_why);
}

/* ---- look ------------------------------------------------------------------------------- */

static void prepare_link(struct item *w)
{
	w->wg.key_error = key_load_public(w->wg.key_file, &w->wg.public);
	w->wg.keyed = w->wg.key_error == 0;
}

static void prepare_peer(struct item *w)
{
	CLEAN(key_wipe) struct key psk = { 0 };

	w->peer.psk_error = key_load(w->peer.psk_file, &psk);
	w->peer.psk_unknown = w->peer.psk_error != 0;
	if (!w->peer.psk_unknown)
		key_id(&psk, w->peer.psk);
}

void wg_prepare(struct kernel *k, struct state *want)
{
	for (size_t i = 0; i < want->count; i++) {
		struct item *w = &want->items[i];

		if (w->type == ITEM_LINK && w->wg.kind == LINK_WIREGUARD) {
			w->wg.userspace = !k->wg_family;
			prepare_link(w);
		}
		if (w->type == ITEM_PEER && w->peer.psk_file)
			prepare_peer(w);
	}
}

static int64_t last_used(const struct state *have, const char *link, const struct key *k)
{
	for (size_t i = 0; i < have->count; i++) {
		const struct item *h = &have->items[i];

		if (h->type == ITEM_PEER && key_equal(&h->peer.key, k) &&
		    strcmp(h->link, link) == 0)
			return h->peer.handshake;
	}
	return 0;
}

static void swap_keys(struct state *want, struct item *next, struct item *prior)
{
	prior->peer.idle = true;
	next->peer.idle = false;
	next->peer.keepalive = prior->peer.keepalive;
	prior->peer.keepalive = 0;
	for (size_t i = 0; i < want->count; i++) {
		struct item *w = &want->items[i];

		if (w->type == ITEM_ALLOWED && key_equal(&w->allowed.key, &prior->peer.key) &&
		    strcmp(w->link, next->link) == 0)
			w->allowed.key = next->peer.key;
	}
}

void wg_prefer(struct state *want, const struct state *have)
{
	for (size_t i = 0; i < want->count; i++) {
		struct item *w = &want->items[i], key = *w;
		int64_t used;

		if (w->type != ITEM_PEER || !w->peer.prior)
			continue;
		key.peer.key = *w->peer.prior;
		used = last_used(have, w->link, &w->peer.key);
		if (used && used >= last_used(have, w->link, w->peer.prior))
			swap_keys(want, w, (struct item *)state_find(want, &key));
	}
}

void wg_see_device(struct wg_seen *s, const struct key *public, uint16_t port)
{
	struct item *link = &s->have->items[s->link];
	struct item *want = (struct item *)state_find(s->k->want, link);

	/* None is made for a link that has one. */
	if (want && public && want->wg.key_error == -ENOENT)
		want->wg.key_error = -ENOKEY;
	if (want && public && want->wg.key_error == -EINVAL)
		want->wg.key_error = -EKEYREJECTED;
	link->wg.port = port;
	link->wg.keyed = public != NULL;
	link->wg.blank = public == NULL;
	if (public)
		link->wg.public = *public;
}

void wg_see_peer(struct wg_seen *s, const struct item *peer)
{
	struct item *link = &s->have->items[s->link], it = *peer;

	link->wg.blank = false;
	it.type = ITEM_PEER;
	it.ours = link->ours;
	it.link = link->link;
	state_add(s->have, &it);
}

void wg_see_allowed(struct wg_seen *s, const struct key *public, const struct addr *a)
{
	const struct item *link = &s->have->items[s->link];

	state_add(s->have, &(struct item){ .type = ITEM_ALLOWED,
					   .ours = link->ours,
					   .link = link->link,
					   .address = *a,
					   .allowed = { *public } });
}

/* The link's alias holds the sum for the peers of its last apply. Is it the sum for those
 * that are there now, taken as they are configured now (as they are, where they are no
 * longer wanted)? Then nobody's endpoint was edited: peers were only added or removed. */
static void judge_endpoints(struct kernel *k, struct state *have, size_t link, size_t first)
{
	uint64_t sum = 0;

	for (size_t i = first; i < have->count; i++) {
		const struct item *h = &have->items[i], *w;

		if (h->type != ITEM_PEER)
			continue;
		w = state_find(k->want, h);
		sum += endpoint_digest(&h->peer.key, w ? &w->peer.endpoint : &h->peer.endpoint);
	}
	for (size_t i = first; i < have->count; i++)
		if (have->items[i].type == ITEM_PEER)
			have->items[i].peer.stale = sum != have->items[link].wg.endpoints;
}

static int peer_observe(struct kernel *k, struct state *have)
{
	size_t links = have->count;
	int result = 0;

	for (size_t i = 0; i < links; i++) {
		struct wg_seen seen = { k, have, i };
		const struct item *it = &have->items[i];
		size_t first = have->count;
		int r;

		if (it->type != ITEM_LINK || it->wg.kind != LINK_WIREGUARD)
			continue;
		r = it->wg.userspace ? wg_user_get(&seen, it->link)
				     : wg_kernel_get(&seen, it->link);
		if (r == -EPERM || r == -EACCES) {
			have->items[i].wg.hidden = true;
			result = -EPERM;
		} else if (r < 0 && r != -ETIMEDOUT && !k->last_try) {
			return -EINTR; /* it may be on its way out: look again */
		} else if (r < 0) {
			have->items[i].wg.mute = true;
		}
		judge_endpoints(k, have, i, first);
	}
	return result;
}

/* Seen with the peers, or as little as they. */
static int allowed_observe(struct kernel *k, struct state *have)
{
	(void)k;
	return have->blind >> ITEM_PEER & 1 ? -EPERM : 0;
}

/* ---- peers ------------------------------------------------------------------------------ */

bool wg_is_own_key(struct kernel *k, const struct item *peer)
{
	const struct item key = { .type = ITEM_LINK, .link = peer->link };
	const struct item *it = state_find(k->want, &key);

	return it && it->wg.keyed && key_equal(&it->wg.public, &peer->peer.key);
}

static void put_peer(struct kernel *k, struct op *op, const struct endpoint *endpoint)
{
	const struct item *w = op->want, *h = op->have;
	CLEAN(key_wipe) struct key psk = { 0 };
	struct wg_peer_change p = { .public = &w->peer.key, .keepalive = w->peer.keepalive };
	struct wg_change c = { .link = w->link, .port = -1, .peers = &p, .count = 1 };
	static const uint8_t none[KEY_ID_BYTES];
	int r;

	if (wg_is_own_key(k, w)) {
		kernel_fail(op, -EINVAL,
			    "its publicKey is this router's own; it should be the "
			    "other side's");
		return;
	}
	if (endpoint && endpoint->address.family &&
	    (!h || !h->peer.endpoint.host || h->peer.stale))
		p.endpoint = endpoint;
	if (w->peer.psk_file) {
		r = key_load(w->peer.psk_file, &psk);
		if (r < 0) {
			kernel_fail(
			    op, r,
			    arena_printf(k->arena, "presharedKeyFile %s: %s", w->peer.psk_file,
					 r == -ENOENT ? "is not there; 'wg genpsk' makes one, "
							"the same for both sides"
					 : r == -EINVAL ? "holds no key, as 'wg genpsk' prints"
					 : r == -EPERM	? "can be read or written by others: "
							  "'chmod 600' it"
							: strerror(-r)));
			return;
		}
		p.psk = &psk;
	} else if (h && memcmp(h->peer.psk, none, sizeof(none)) != 0) {
		p.psk = &psk; /* all zero: none any more */
	}
	op->error = wg_set(k, &c, &op->why);
}

static void peer_put(struct kernel *k, struct op *op)
{
	(void)k, (void)op; /* all at once, for their names */
}

static void peer_del(struct kernel *k, struct op *op)
{
	const struct item *h = op->have;
	struct wg_peer_change p = { .public = &h->peer.key, .remove = true, .keepalive = -1 };
	struct wg_change c = { .link = h->link, .port = -1, .peers = &p, .count = 1 };

	op->error = wg_set(k, &c, &op->why);
}

/* A keepalive that is turned on is sent at once: set_peer(), drivers/net/wireguard/netlink.c;
 * wireguard-go does the same. */
static void set_keepalives(struct kernel *k, const char *link, size_t from, size_t to,
			   int every)
{
	struct wg_peer_change *peers = arena_alloc(k->arena, (to - from) * sizeof(*peers));
	struct wg_change c = { .link = link, .port = -1, .peers = peers };
	const char *why;

	for (size_t i = from; i < to; i++) {
		const struct item *h = &k->have->items[i];

		if (h->type == ITEM_PEER && strcmp(h->link, link) == 0)
			peers[c.count++] = (struct wg_peer_change){
				.public = &h->peer.key,
				.keepalive = every < 0 ? h->peer.keepalive : every,
			};
	}
	if (c.count)
		(void)wg_set(k, &c, &why); /* without it they begin later */
}

void wg_wake(struct kernel *k, const char *link)
{
	static const int steps[] = { 0, 1, -1 };

	for (size_t i = 0; i < k->have->count; i += WG_BATCH) {
		size_t end = i + WG_BATCH < k->have->count ? i + WG_BATCH : k->have->count;

		for (size_t n = 0; n < sizeof(steps) / sizeof(*steps); n++)
			set_keepalives(k, link, i, end, steps[n]);
	}
}

/* Names are looked up together first, so that one dead server costs its time once. A peer
 * whose name does not resolve is made all the same: it may dial us. */
static void peer_flush(struct kernel *k, struct op *ops, size_t count)
{
	struct endpoint *resolved = arena_alloc(k->arena, count * sizeof(*resolved));
	struct endpoint **asked = arena_alloc(k->arena, count * sizeof(struct endpoint *));
	const char **errors = arena_alloc(k->arena, count * sizeof(char *));
	size_t names = 0, name = 0;

	if (ops[0].verb == VERB_DELETE)
		return;
	for (size_t i = 0; i < count; i++) {
		resolved[i] = ops[i].want->peer.endpoint;
		if (resolved[i].host && !resolved[i].address.family)
			asked[names++] = &resolved[i];
	}
	if (names)
		resolve_endpoints(k, asked, errors, names, k->asked ? 1 : RESOLVE_SECONDS);
	k->asked |= names > 0; /* a second pass does not wait as long again */
	for (size_t i = 0; i < count; i++) {
		bool named = name < names && asked[name] == &resolved[i];

		put_peer(k, &ops[i], resolved[i].host ? &resolved[i] : NULL);
		if (named && ops[i].error == 0 && !resolved[i].address.family)
			kernel_fail(&ops[i], -EHOSTUNREACH,
				    arena_printf(k->arena,
						 "endpoint %s: %s; the peer is made "
						 "without it, apply again when the name "
						 "resolves",
						 resolved[i].host, errors[name]));
		name += named;
	}
}

const struct driver peer_driver = { peer_observe, peer_put, peer_del, peer_flush };

/* Sets one peer's endpoint where its name now leads; false: nothing is to be told. */
static bool follow(struct kernel *k, struct op *op, const struct endpoint *now)
{
	struct wg_peer_change p = { .public = &op->want->peer.key,
				    .endpoint = now,
				    .keepalive = -1 };
	struct wg_change c = { .link = op->want->link, .port = -1, .peers = &p, .count = 1 };
	const struct endpoint *was = &op->have->peer.endpoint;
	char text[ADDR_STRLEN];

	if (!now->address.family ||
	    (was->port == now->port && addr_compare(&was->address, &now->address) == 0))
		return false;
	op->error = wg_set(k, &c, &op->why);
	op->note = arena_printf(k->arena, "its name now leads to %s",
				addr_print_host(&now->address, text));
	return true;
}

size_t wg_follow(struct kernel *k, int64_t now, struct op **ret)
{
	struct op *ops = arena_alloc(k->arena, (k->want->count + 1) * sizeof(*ops));
	struct endpoint *resolved =
	    arena_alloc(k->arena, (k->want->count + 1) * sizeof(*resolved));
	struct endpoint **asked =
	    arena_alloc(k->arena, (k->want->count + 1) * sizeof(struct endpoint *));
	const char **errors = arena_alloc(k->arena, (k->want->count + 1) * sizeof(char *));
	size_t n = 0, told = 0;

	for (size_t i = 0; i < k->want->count; i++) {
		const struct item *w = &k->want->items[i];
		const struct item *h = w->type == ITEM_PEER ? state_find(k->have, w) : NULL;

		if (!h || !w->peer.endpoint.host || w->peer.endpoint.address.family ||
		    now - h->peer.handshake < WG_SILENT)
			continue;
		ops[n] = (struct op){
			.verb = VERB_CHANGE, .want = w, .have = h, .origin = w->origin
		};
		resolved[n] = w->peer.endpoint;
		asked[n] = &resolved[n];
		n++;
	}
	if (n)
		resolve_endpoints(k, asked, errors, n, RESOLVE_SECONDS);
	for (size_t i = 0; i < n; i++)
		if (follow(k, &ops[i], &resolved[i]))
			ops[told++] = ops[i];
	*ret = ops;
	return told;
}

/* ---- allowed IPs ------------------------------------------------------------------------ */

static void allowed_op(struct kernel *k, struct op *op)
{
	(void)k, (void)op; /* many in one request */
}

/* Kernels before 6.16 cannot take one allowed IP from a peer. Every kernel moves it to the
 * peer that asks last: so a peer that lives for this request takes them, and goes. */
static void remove_batch(struct kernel *k, const char *link, const struct addr *a, size_t n,
			 const char **why, int *error)
{
	struct key thief;
	struct wg_peer_change peers[] = {
		{ .public = &thief, .keepalive = -1, .allowed = a, .count = n },
		{ .public = &thief, .keepalive = -1, .remove = true },
	};
	struct wg_change c = { .link = link, .port = -1, .peers = peers, .count = 2 };

	randombytes_buf(&thief, sizeof(thief));
	*error = wg_set(k, &c, why);
}

/* Runs of one peer's addresses become one entry; requests hold WG_BATCH addresses. */
static void add_batch(struct kernel *k, struct op *ops, const struct addr *a, size_t n,
		      const char **why, int *error)
{
	struct wg_peer_change *peers = arena_alloc(k->arena, n * sizeof(*peers));
	struct wg_change c = { .link = ops[0].want->link, .port = -1, .peers = peers };

	for (size_t i = 0; i < n; i++) {
		const struct key *key = &ops[i].want->allowed.key;

		if (i == 0 || !key_equal(peers[c.count - 1].public, key))
			peers[c.count++] = (struct wg_peer_change){ .public = key,
								    .keepalive = -1,
								    .allowed = &a[i] };
		peers[c.count - 1].count++;
	}
	*error = wg_set(k, &c, why);
}

static void allowed_flush(struct kernel *k, struct op *ops, size_t count)
{
	struct addr *a = arena_alloc(k->arena, WG_BATCH * sizeof(*a));
	size_t n;

	for (size_t i = 0; i < count; i += n) {
		const char *link = op_item(&ops[i])->link, *why = NULL;
		int error;

		for (n = 0; i + n < count && n < WG_BATCH; n++) {
			if (strcmp(op_item(&ops[i + n])->link, link) != 0)
				break;
			a[n] = op_item(&ops[i + n])->address;
		}
		if (ops[i].verb == VERB_DELETE)
			remove_batch(k, link, a, n, &why, &error);
		else
			add_batch(k, &ops[i], a, n, &why, &error);
		for (size_t j = i; j < i + n; j++)
			kernel_fail(&ops[j], error, why);
	}
}

const struct driver allowed_driver = { allowed_observe, allowed_op, allowed_op, allowed_flush };
