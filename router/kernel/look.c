#include "kernel/look.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/* Answers on the way at once: each takes a kilobyte of a receive buffer that without root
 * holds 400 (net.core.rmem_max). */
#define AHEAD 64

/* ---- links ------------------------------------------------------------------------------ */

struct links {
	struct kernel *k;
	struct look_link *list;
	size_t count, room;
};

static void each_link(struct nlmsghdr *h, void *arg)
{
	struct ifinfomsg *ifi = nlmsg_data(h);
	struct nlattr *at[IFLA_MAX + 1];
	struct links *all = arg;
	struct look_link *l;

	if (nlmsg_parse(h, sizeof(*ifi), at, IFLA_MAX, NULL) < 0 || !at[IFLA_IFNAME])
		return;
	all->list =
	    arena_grow(all->k->arena, all->list, all->count, &all->room, sizeof(*all->list));
	l = &all->list[all->count++];
	*l = (struct look_link){ .index = ifi->ifi_index,
				 .up = (ifi->ifi_flags & IFF_UP) != 0,
				 .carrier = (ifi->ifi_flags & IFF_RUNNING) != 0,
				 .ether = ifi->ifi_type == ARPHRD_ETHER,
				 .mtu = at[IFLA_MTU] ? nla_get_u32(at[IFLA_MTU]) : 0 };
	strncpy(l->name, nla_data(at[IFLA_IFNAME]), sizeof(l->name) - 1);
}

static int by_name(const void *pa, const void *pb)
{
	const struct look_link *a = pa, *b = pb;

	return strcmp(a->name, b->name);
}

int look_links(struct kernel *k, struct look_link **ret, size_t *ret_count)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = netlink_new(0, RTM_GETLINK, 0, &ifi, sizeof(ifi));
	struct links all = { .k = k };
	int r = netlink_dump(k->route, m, each_link, &all);

	if (r < 0)
		return r;
	if (all.count)
		qsort(all.list, all.count, sizeof(*all.list), by_name);
	*ret = all.list;
	*ret_count = all.count;
	return 0;
}

const struct look_link *look_link(const struct look_link *links, size_t n, const char *name)
{
	struct look_link key = { 0 };

	strncpy(key.name, name, sizeof(key.name) - 1);
	return n ? bsearch(&key, links, n, sizeof(key), by_name) : NULL;
}

/* ---- routes ----------------------------------------------------------------------------- */

struct question {
	struct op op; /* first: the answer comes with it */
	struct kernel *k;
	struct look_route *route;
	struct item *winner;
	unsigned neighbour; /* NUD_* */
};

static uint32_t metric_mtu(struct nlattr *metrics)
{
	struct nlattr *mtu =
	    metrics ? nla_find(nla_data(metrics), nla_len(metrics), RTAX_MTU) : NULL;

	return mtu && nla_len(mtu) == 4 ? nla_get_u32(mtu) : 0;
}

static struct addr host_of(int family, struct nlattr *at)
{
	struct addr a = { .family = (uint8_t)family };

	if (!at || nla_len(at) < (int)addr_size(&a))
		return (struct addr){ 0 };
	return addr_from(family, nla_data(at), addr_size(&a) * 8);
}

static void each_answer(struct nlmsghdr *h, void *arg)
{
	struct rtmsg *rt = nlmsg_data(h);
	struct nlattr *at[RTA_MAX + 1];
	struct question *q = arg;
	const char *out;

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rt), at, RTA_MAX, NULL) < 0)
		return;
	out = at[RTA_OIF] ? kernel_link_name(q->k, (int)nla_get_u32(at[RTA_OIF])) : NULL;
	q->route->out = out ? out : "";
	q->route->table = at[RTA_TABLE] ? nla_get_u32(at[RTA_TABLE]) : rt->rtm_table;
	q->route->mtu = metric_mtu(at[RTA_METRICS]);
	q->route->local = rt->rtm_type == RTN_LOCAL;
	q->route->gateway = host_of(rt->rtm_family, at[RTA_GATEWAY]);
	q->route->source = host_of(rt->rtm_family, at[RTA_PREFSRC]);
}

/* inet_rtm_getroute(), net/ipv4/route.c: with RTA_IIF it does what a packet that comes in
 * there would meet, the reverse path filter included. */
static struct nl_msg *request(struct kernel *k, const struct look_route *r)
{
	struct rtmsg rt = { .rtm_family = r->to.family,
			    .rtm_dst_len = r->to.bits,
			    .rtm_flags = RTM_F_LOOKUP_TABLE };
	struct nl_msg *m = netlink_new(96, RTM_GETROUTE, 0, &rt, sizeof(rt));

	nla_put(m, RTA_DST, (int)addr_size(&r->to), r->to.bytes);
	if (r->from.family) {
		((struct rtmsg *)nlmsg_data(nlmsg_hdr(m)))->rtm_src_len = r->from.bits;
		nla_put(m, RTA_SRC, (int)addr_size(&r->from), r->from.bytes);
	}
	if (r->in)
		nla_put_u32(m, RTA_IIF, (uint32_t)kernel_link_index(k, r->in));
	if (r->by)
		nla_put_u32(m, RTA_OIF, (uint32_t)kernel_link_index(k, r->by));
	return m;
}

void look_routes(struct kernel *k, struct look_route *routes, size_t n)
{
	struct question asked[AHEAD];
	size_t now;

	for (size_t i = 0; i < n; i += now) {
		now = n - i < AHEAD ? n - i : AHEAD;
		for (size_t j = 0; j < now; j++) {
			struct look_route *r = &routes[i + j];

			r->out = "";
			asked[j] = (struct question){ .k = k, .route = r };
			netlink_queue(k->route, k->arena, &asked[j].op, request(k, r));
		}
		netlink_flush_each(k->route, each_answer);
		for (size_t j = 0; j < now; j++)
			asked[j].route->error = asked[j].op.error;
	}
}

static void each_winner(struct nlmsghdr *h, void *arg)
{
	struct question *q = arg;
	struct item it;

	if (route_read(q->k, h, &it))
		*q->winner = it;
}

void look_winner(struct kernel *k, const struct look_route *r, struct item *ret)
{
	struct question q = { .k = k, .winner = ret };
	struct nl_msg *m = request(k, r);

	((struct rtmsg *)nlmsg_data(nlmsg_hdr(m)))->rtm_flags |= RTM_F_FIB_MATCH;
	ret->type = ITEM_TYPES;
	netlink_queue(k->route, k->arena, &q.op, m);
	netlink_flush_each(k->route, each_winner);
}

/* ---- who could win ---------------------------------------------------------------------- */

struct fib {
	struct kernel *k;
	const struct addr *to;
	struct state *found;
};

static void each_fib(struct nlmsghdr *h, void *arg)
{
	struct fib *f = arg;
	struct item it;

	if (route_read(f->k, h, &it) && addr_contains(&it.address, f->to))
		state_add(f->found, &it);
}

static int by_length(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->address.bits != b->address.bits)
		return b->address.bits - a->address.bits;
	return (a->route.metric > b->route.metric) - (a->route.metric < b->route.metric);
}

int look_fib(struct kernel *k, const struct addr *a, struct state *ret)
{
	struct rtmsg rt = { .rtm_family = AF_INET };
	struct fib f = { k, a, ret };
	int r = netlink_dump(k->route, netlink_new(0, RTM_GETROUTE, 0, &rt, sizeof(rt)),
			     each_fib, &f);

	if (r == 0 && ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_length);
	return r;
}

/* ---- neighbours ------------------------------------------------------------------------- */

static void each_state(struct nlmsghdr *h, void *arg)
{
	struct question *q = arg;

	if (h->nlmsg_type == RTM_NEWNEIGH)
		q->neighbour = ((struct ndmsg *)nlmsg_data(h))->ndm_state;
}

enum look_neighbour look_neighbour(struct kernel *k, const char *link, const struct addr *a)
{
	struct ndmsg nd = { .ndm_family = a->family,
			    .ndm_ifindex = kernel_link_index(k, link) };
	struct nl_msg *m = netlink_new(32, RTM_GETNEIGH, 0, &nd, sizeof(nd));
	struct question q = { .k = k };

	nla_put(m, NDA_DST, (int)addr_size(a), a->bytes);
	netlink_queue(k->route, k->arena, &q.op, m);
	netlink_flush_each(k->route, each_state);
	if (q.neighbour & NUD_FAILED)
		return NEIGHBOUR_SILENT;
	if (q.neighbour & NUD_INCOMPLETE)
		return NEIGHBOUR_ASKED;
	return q.neighbour & ~NUD_NOARP ? NEIGHBOUR_KNOWN : NEIGHBOUR_UNKNOWN;
}
