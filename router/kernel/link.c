/* link.c - WireGuard interfaces, and what was asked of the system's own. */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "kernel/wireguard.h"

#define ALIAS_BYTES 64 /* KERNEL_MARK and 16 digits, with room */

static void kind_of(struct nlattr *info, struct item *it)
{
	struct nlattr *kind =
	    info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;
	const char *name = kind ? nla_data(kind) : "";

	it->wg.userspace = strcmp(name, "tun") == 0;
	if (strcmp(name, "wireguard") == 0 || (it->wg.userspace && wg_user_has(it->link)))
		it->wg.kind = LINK_WIREGUARD;
}

static void each_link(struct nlmsghdr *h, void *arg)
{
	struct ifinfomsg *ifi = nlmsg_data(h);
	struct nlattr *at[IFLA_MAX + 1];
	struct item it = { .type = ITEM_LINK };
	struct observation *look = arg;

	if (nlmsg_parse(h, sizeof(*ifi), at, IFLA_MAX, NULL) < 0)
		return;
	it.link = kernel_link_name(look->k, ifi->ifi_index);
	if (!it.link) /* newer than our table: an event will tell */
		return;
	it.wg.up = (ifi->ifi_flags & IFF_UP) != 0;
	it.wg.mtu = at[IFLA_MTU] ? nla_get_u32(at[IFLA_MTU]) : 0;
	kind_of(at[IFLA_LINKINFO], &it);
	if (at[IFLA_IFALIAS] && it.wg.kind == LINK_WIREGUARD) {
		const char *alias = nla_data(at[IFLA_IFALIAS]);

		it.ours = strncmp(alias, KERNEL_MARK, strlen(KERNEL_MARK)) == 0;
		if (it.ours)
			it.wg.endpoints = strtoull(alias + strlen(KERNEL_MARK), NULL, 16);
	}
	kernel_see(look->k, look->have, &it);
}

static int link_observe(struct kernel *k, struct state *have)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct observation look = { k, have };

	wg_prepare(k, k->want);
	return netlink_dump(k->route, netlink_new(0, RTM_GETLINK, 0, &ifi, sizeof(ifi)),
			    each_link, &look);
}

/* ---- make ------------------------------------------------------------------------------- */

struct nl_msg *link_request(const char *name)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m =
	    netlink_new(256, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	struct nlattr *info;

	nla_put_string(m, IFLA_IFNAME, name);
	info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "wireguard");
	nla_nest_end(m, info);
	return m;
}

static int create(struct kernel *k, struct op *op)
{
	const char *name = op->want->link;
	int r;

	netlink_queue(k->route, k->arena, op, link_request(name));
	netlink_flush(k->route);
	if (op->error != -EOPNOTSUPP) {
		if (op->error == 0 && kernel_read_links(k) < 0)
			kernel_fail(op, -EIO, "the links could not be read again");
		return op->error;
	}

	kernel_fail(op, 0, NULL);
	r = wg_user_start(name);
	if (r < 0)
		kernel_fail(
		    op, r,
		    r == -ENOENT
			? "this kernel has no WireGuard, and wireguard-go is not installed; "
			  "install wireguard-go, or a kernel with the wireguard module"
			: "this kernel has no WireGuard, and wireguard-go did not start");
	else
		op->note = "this kernel has no WireGuard: wireguard-go carries it";
	if (r == 0)
		r = kernel_read_links(k);
	return r;
}

static void put_mark(struct nl_msg *m, uint64_t endpoints)
{
	char alias[ALIAS_BYTES];

	snprintf(alias, sizeof(alias), KERNEL_MARK "%016" PRIx64, endpoints);
	nla_put(m, IFLA_IFALIAS, (int)strlen(alias), alias);
}

/* Up, MTU and our mark. */
static void configure(struct kernel *k, struct op *op, bool up)
{
	const struct item *w = op->want;
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
				 .ifi_index = kernel_link_index(k, w->link) };
	struct nl_msg *m;

	if (!ifi.ifi_index) {
		kernel_no_link(k, op, w->link);
		return;
	}
	if (up)
		ifi.ifi_flags = ifi.ifi_change = IFF_UP;
	m = netlink_new(256, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
	if (w->wg.mtu)
		nla_put_u32(m, IFLA_MTU, w->wg.mtu);
	if (w->wg.kind == LINK_WIREGUARD && !(op->have && op->have->ours))
		put_mark(m, 0);
	netlink_queue(k->route, k->arena, op, m);
	netlink_flush(k->route);
}

static const char *key_words(struct arena *a, const char *path, int r)
{
	if (r == -EPERM)
		return arena_printf(a,
				    "%s can be read or written by others: run 'chmod 600 %s', "
				    "and consider the key known",
				    path, path);
	if (r == -EINVAL)
		return arena_printf(
		    a,
		    "%s is no plain file with a WireGuard key; move it away, and the "
		    "next apply makes one",
		    path);
	return arena_printf(a, "%s: %s", path, strerror(-r));
}

/* A tunnel that works is not given another key, which no peer knows. */
static const char *gone_words(struct arena *a, const struct item *w)
{
	return arena_printf(
	    a,
	    "%s is %s, but %s still has the key: '(umask 077; wg show %s private-key >%s)' "
	    "writes it back; 'ip link del %s' lets a new one be made, which every peer must "
	    "learn",
	    w->wg.key_file, w->wg.key_error == -ENOKEY ? "gone" : "damaged", w->link, w->link,
	    w->wg.key_file, w->link);
}

/* What may not be touched: words, or NULL. */
static const char *not_ours(struct kernel *k, const struct item *h)
{
	if (h->wg.kind != LINK_WIREGUARD && h->wg.userspace && wg_user_starting(h->link))
		return NULL;
	if (h->wg.kind != LINK_WIREGUARD)
		return arena_printf(
		    k->arena,
		    "there is a '%s' that is no WireGuard interface; remove it, or "
		    "name the WireGuardInterface otherwise",
		    h->link);
	if (!h->ours && !h->wg.blank)
		return arena_printf(
		    k->arena,
		    "there is a '%s' that routerd did not make: 'ip link del %s' "
		    "removes it, 'ip link set %s alias " KERNEL_MARK "' hands it over",
		    h->link, h->link, h->link);
	return NULL;
}

static void add_note(struct kernel *k, struct op *op, const char *note)
{
	op->note = arena_printf(k->arena, "%s%s%s", op->note ? op->note : "",
				op->note ? "; " : "", note);
}

static void note_key(struct kernel *k, struct op *op, const struct key_story *story,
		     const struct key *public)
{
	const char *path = op->want->wg.key_file;
	char text[KEY_STRLEN];

	if (*story->aside)
		add_note(
		    k, op,
		    arena_printf(k->arena, "moved the damaged %s to %s", path, story->aside));
	if (story->made)
		add_note(k, op,
			 arena_printf(k->arena, "made the key %s; its public half is %s", path,
				      key_print(public, text)));
}

/* The private key's whole life is this frame. A new link is marked before anything else can
 * fail, and comes up last, when its port is opened. */
static void put_wireguard(struct kernel *k, struct op *op)
{
	const struct item *w = op->want, *h = op->have;
	CLEAN(key_wipe) struct key private = { 0 };
	struct wg_change c = { .link = w->link, .port = -1 };
	const char *why = h ? not_ours(k, h) : NULL;
	struct key_story story = { 0 };
	struct key public;
	int r;

	if (why) {
		kernel_fail(op, -EEXIST, why);
		return;
	}
	if (h && h->wg.mute) {
		kernel_fail(op, -ETIMEDOUT,
			    arena_printf(
				k->arena,
				"wireguard-go, which carries it, does not answer; 'ip link del "
				"%s' ends it, and the next apply starts it anew",
				w->link));
		return;
	}
	if (w->wg.key_error == -ENOKEY || w->wg.key_error == -EKEYREJECTED) {
		kernel_fail(op, -ENOENT, gone_words(k->arena, w));
		return;
	}
	r = h && h->wg.keyed ? key_load(w->wg.key_file, &private)
			     : key_load_or_create(w->wg.key_file, &private, &story);
	if (r == 0)
		r = key_public(&private, &public);
	if (r < 0) {
		kernel_fail(op, r, key_words(k->arena, w->wg.key_file, r));
		return;
	}
	if (!h && create(k, op) < 0)
		return;
	note_key(k, op, &story, &public);
	if (!h)
		configure(k, op, false);
	if (!h || !h->wg.keyed || !key_equal(&h->wg.public, &public))
		c.private = &private;
	if (!h || h->wg.port != w->wg.port)
		c.port = w->wg.port;
	if (op->error == 0 && c.port >= 0 && wg_user_has(w->link))
		op->error = wg_user_port_free(w->wg.port);
	if (op->error == 0 && (c.private || c.port >= 0))
		op->error = wg_set(k, &c, &op->why);
	if (op->error == 0 && h && h->wg.keyed && c.private)
		wg_wake(k, w->link);
	if (op->error == 0)
		configure(k, op, true);
	if (op->error == -EADDRINUSE)
		op->why =
		    arena_printf(k->arena,
				 "UDP port %u is in use by another program: 'ss -ulpn sport "
				 "= :%u' names it",
				 w->wg.port, w->wg.port);
}

static void link_put(struct kernel *k, struct op *op)
{
	if (op->want->wg.kind == LINK_WIREGUARD)
		put_wireguard(k, op);
	else
		configure(k, op, op->want->wg.up);
}

static void link_del(struct kernel *k, struct op *op)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
				 .ifi_index = kernel_link_index(k, op->have->link) };

	netlink_queue(k->route, k->arena, op,
		      netlink_new(0, RTM_DELLINK, 0, &ifi, sizeof(ifi)));
}

static void link_flush(struct kernel *k, struct op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ops[i].verb == VERB_DELETE && ops[i].have->wg.userspace)
			wg_user_gone(ops[i].have->link);
	(void)kernel_read_links(k); /* what fails now fails later, with an object's name */
}

/* What failed does not count: it is to be found different the next time. */
static void discount(struct kernel *k, const struct op *op)
{
	const struct item key = { .type = ITEM_LINK, .link = op_item(op)->link };
	struct item *link = (struct item *)state_find(k->want, &key);

	if (!op->error || !op->want || !link)
		return;
	if (op->want->type == ITEM_LINK)
		link->wg.mute = true;
	else if (op->want->type == ITEM_PEER && op->error != -EHOSTUNREACH)
		link->wg.endpoints -=
		    endpoint_digest(&op->want->peer.key, &op->want->peer.endpoint);
}

/* Last of all, or a kill in between would leave the digest of what was never set. */
void link_seal(struct kernel *k, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		discount(k, &plan->ops[i]);
	for (size_t i = 0; i < k->want->count; i++) {
		const struct item *w = &k->want->items[i], *h = state_find(k->have, w);
		struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
		struct op op = { .want = w };
		struct nl_msg *m;

		if (w->type != ITEM_LINK || w->wg.kind != LINK_WIREGUARD || w->wg.mute ||
		    (h && h->ours && h->wg.endpoints == w->wg.endpoints))
			continue;
		ifi.ifi_index = kernel_link_index(k, w->link);
		m = netlink_new(ALIAS_BYTES + 16, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
		put_mark(m, w->wg.endpoints);
		netlink_queue(k->route, k->arena, &op, m);
		netlink_flush(k->route); /* op lives here; one that fails is noted next time */
	}
}

const struct driver link_driver = { link_observe, link_put, link_del, link_flush };
