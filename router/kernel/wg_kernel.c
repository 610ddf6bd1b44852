/* wg_kernel.c - WireGuard in the kernel: generic netlink family "wireguard",
 * <linux/wireguard.h>, drivers/net/wireguard/netlink.c. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/wireguard.h"

struct reading {
	struct wg_seen *seen;
	struct key last; /* a large peer comes in several messages, its later ones bare */
	bool any;
};

static void read_endpoint(struct arena *a, struct nlattr *at, struct endpoint *ret)
{
	const struct sockaddr_in *v4 = nla_data(at);
	const struct sockaddr_in6 *v6 = nla_data(at);
	char host[ADDR_STRLEN];

	if (nla_len(at) >= (int)sizeof(*v4) && v4->sin_family == AF_INET) {
		ret->address = addr_from(AF_INET, &v4->sin_addr, 32);
		ret->port = ntohs(v4->sin_port);
	} else if (nla_len(at) >= (int)sizeof(*v6) && v6->sin6_family == AF_INET6) {
		ret->address = addr_from(AF_INET6, &v6->sin6_addr, 128);
		ret->port = ntohs(v6->sin6_port);
	} else {
		return;
	}
	addr_print_host(&ret->address, host);
	ret->host = arena_strndup(a, host, strlen(host));
}

static bool read_key(struct nlattr *at, struct key *ret)
{
	if (!at || nla_len(at) != KEY_BYTES)
		return false;
	memcpy(ret->bytes, nla_data(at), KEY_BYTES);
	return true;
}

static void read_allowed(struct reading *r, const struct key *public, struct nlattr *list)
{
	struct nlattr *e;
	int left;

	nla_for_each_nested(e, list, left)
	{
		struct nlattr *at[WGALLOWEDIP_A_MAX + 1];
		struct addr a;
		int family;

		if (nla_parse_nested(at, WGALLOWEDIP_A_MAX, e, NULL) < 0 ||
		    !at[WGALLOWEDIP_A_FAMILY] || !at[WGALLOWEDIP_A_IPADDR] ||
		    !at[WGALLOWEDIP_A_CIDR_MASK])
			continue;
		family = nla_get_u16(at[WGALLOWEDIP_A_FAMILY]);
		if (nla_len(at[WGALLOWEDIP_A_IPADDR]) != (family == AF_INET ? 4 : 16))
			continue;
		a = addr_from(family, nla_data(at[WGALLOWEDIP_A_IPADDR]),
			      nla_get_u8(at[WGALLOWEDIP_A_CIDR_MASK]));
		wg_see_allowed(r->seen, public, &a);
	}
}

static uint64_t read_u64(struct nlattr *at)
{
	return at && nla_len(at) == 8 ? nla_get_u64(at) : 0;
}

static void read_peer(struct reading *r, struct nlattr *peer)
{
	static const struct key none;
	struct item it = { .type = ITEM_PEER };
	struct nlattr *at[WGPEER_A_MAX + 1], *time, *psk;
	struct key *public = &it.peer.key;

	if (nla_parse_nested(at, WGPEER_A_MAX, peer, NULL) < 0 ||
	    !read_key(at[WGPEER_A_PUBLIC_KEY], public))
		return;
	if (!r->any || !key_equal(&r->last, public)) {
		psk = at[WGPEER_A_PRESHARED_KEY];
		if (at[WGPEER_A_ENDPOINT])
			read_endpoint(r->seen->have->arena, at[WGPEER_A_ENDPOINT],
				      &it.peer.endpoint);
		if (psk && nla_len(psk) == KEY_BYTES && !key_equal(nla_data(psk), &none))
			key_id(nla_data(psk), it.peer.psk);
		if (at[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
			it.peer.keepalive =
			    nla_get_u16(at[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
		time = at[WGPEER_A_LAST_HANDSHAKE_TIME]; /* struct __kernel_timespec */
		if (time && nla_len(time) >= (int)sizeof(it.peer.handshake))
			memcpy(&it.peer.handshake, nla_data(time), sizeof(it.peer.handshake));
		it.peer.received = read_u64(at[WGPEER_A_RX_BYTES]);
		it.peer.sent = read_u64(at[WGPEER_A_TX_BYTES]);
		wg_see_peer(r->seen, &it);
		r->last = *public;
		r->any = true;
	}
	if (at[WGPEER_A_ALLOWEDIPS])
		read_allowed(r, public, at[WGPEER_A_ALLOWEDIPS]);
}

static void each_device(struct nlmsghdr *h, void *arg)
{
	struct nlattr *at[WGDEVICE_A_MAX + 1], *peer;
	struct reading *r = arg;
	struct key public;
	int left;

	if (nlmsg_parse(h, sizeof(struct genlmsghdr), at, WGDEVICE_A_MAX, NULL) < 0)
		return;
	if (at[WGDEVICE_A_LISTEN_PORT]) /* only the first message says so */
		wg_see_device(r->seen,
			      read_key(at[WGDEVICE_A_PUBLIC_KEY], &public) ? &public : NULL,
			      nla_get_u16(at[WGDEVICE_A_LISTEN_PORT]));
	if (at[WGDEVICE_A_PEERS])
		nla_for_each_nested(peer, at[WGDEVICE_A_PEERS], left) read_peer(r, peer);
}

static struct nl_msg *request(struct kernel *k, const char *link, int cmd, size_t bytes)
{
	struct genlmsghdr g = { .cmd = (uint8_t)cmd, .version = WG_GENL_VERSION };
	struct nl_msg *m = netlink_new(64 + bytes, k->wg_family, 0, &g, sizeof(g));

	nla_put_string(m, WGDEVICE_A_IFNAME, link);
	return m;
}

int wg_kernel_get(struct wg_seen *s, const char *link)
{
	struct reading r = { .seen = s };

	if (!s->k->wg_family)
		return -ENODEV;
	return netlink_dump(s->k->wg, request(s->k, link, WG_CMD_GET_DEVICE, 0), each_device,
			    &r);
}

static void put_endpoint(struct nl_msg *m, const struct endpoint *e)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(e->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(e->port) };

	memcpy(&v4.sin_addr, e->address.bytes, 4);
	memcpy(&v6.sin6_addr, e->address.bytes, 16);
	if (e->address.family == AF_INET)
		nla_put(m, WGPEER_A_ENDPOINT, sizeof(v4), &v4);
	else
		nla_put(m, WGPEER_A_ENDPOINT, sizeof(v6), &v6);
}

static void put_allowed(struct nl_msg *m, const struct wg_peer_change *p)
{
	struct nlattr *list = nla_nest_start(m, WGPEER_A_ALLOWEDIPS);

	for (size_t i = 0; i < p->count; i++) {
		struct nlattr *e = nla_nest_start(m, 0);

		nla_put_u16(m, WGALLOWEDIP_A_FAMILY, p->allowed[i].family);
		nla_put(m, WGALLOWEDIP_A_IPADDR, (int)addr_size(&p->allowed[i]),
			p->allowed[i].bytes);
		nla_put_u8(m, WGALLOWEDIP_A_CIDR_MASK, p->allowed[i].bits);
		nla_nest_end(m, e);
	}
	nla_nest_end(m, list);
}

static void put_peer(struct nl_msg *m, const struct wg_peer_change *p)
{
	struct nlattr *peer = nla_nest_start(m, 0);

	nla_put(m, WGPEER_A_PUBLIC_KEY, KEY_BYTES, p->public->bytes);
	if (p->remove)
		nla_put_u32(m, WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
	if (p->psk)
		nla_put(m, WGPEER_A_PRESHARED_KEY, KEY_BYTES, p->psk->bytes);
	if (p->endpoint)
		put_endpoint(m, p->endpoint);
	if (p->keepalive >= 0)
		nla_put_u16(m, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, (uint16_t)p->keepalive);
	if (p->count)
		put_allowed(m, p);
	nla_nest_end(m, peer);
}

int wg_kernel_set(struct kernel *k, const struct wg_change *c, const char **ret_why)
{
	size_t bytes = 128 + c->count * WG_PEER_BYTES;
	struct op op = { 0 };
	struct nl_msg *m;

	if (!k->wg_family)
		return -EOPNOTSUPP;
	for (size_t i = 0; i < c->count; i++)
		bytes += c->peers[i].count * WG_ALLOWED_BYTES;
	m = request(k, c->link, WG_CMD_SET_DEVICE, bytes);
	if (c->private)
		nla_put(m, WGDEVICE_A_PRIVATE_KEY, KEY_BYTES, c->private->bytes);
	if (c->port >= 0)
		nla_put_u16(m, WGDEVICE_A_LISTEN_PORT, (uint16_t)c->port);
	if (c->count) {
		struct nlattr *peers = nla_nest_start(m, WGDEVICE_A_PEERS);

		for (size_t i = 0; i < c->count; i++)
			put_peer(m, &c->peers[i]);
		nla_nest_end(m, peers);
	}
	netlink_queue(k->wg, k->arena, &op, m);
	netlink_flush(k->wg);
	if (op.error)
		*ret_why = op.why;
	return op.error;
}
