/* route.c - IPv4 routes, any table. Ours carry rtm_protocol KERNEL_PROTO; a foreign route to
 * the same destination is left as it is, and satisfies when it says the same. */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "kernel/kernel.h"

/* Local and broadcast routes come and go with addresses. */
static bool is_static_type(int type)
{
	return type == RTN_UNICAST || type == RTN_BLACKHOLE || type == RTN_UNREACHABLE ||
	       type == RTN_PROHIBIT || type == RTN_THROW;
}

bool route_read(struct kernel *k, struct nlmsghdr *h, struct item *ret)
{
	struct rtmsg *rt = nlmsg_data(h);
	struct nlattr *at[RTA_MAX + 1];
	static const uint8_t any[4];
	struct item it = { .type = ITEM_ROUTE };
	const char *link;

	if (h->nlmsg_type != RTM_NEWROUTE || rt->rtm_family != AF_INET || rt->rtm_tos ||
	    !is_static_type(rt->rtm_type) || nlmsg_parse(h, sizeof(*rt), at, RTA_MAX, NULL) < 0)
		return false;
	it.address =
	    addr_from(AF_INET, at[RTA_DST] ? nla_data(at[RTA_DST]) : any, rt->rtm_dst_len);
	it.ours = rt->rtm_protocol == KERNEL_PROTO;
	it.route.protocol = rt->rtm_protocol;
	it.route.table = at[RTA_TABLE] ? nla_get_u32(at[RTA_TABLE]) : rt->rtm_table;
	it.route.metric = at[RTA_PRIORITY] ? nla_get_u32(at[RTA_PRIORITY]) : 0;
	it.route.blackhole = rt->rtm_type != RTN_UNICAST;
	it.route.other = it.route.blackhole && rt->rtm_type != RTN_BLACKHOLE;
	if (at[RTA_GATEWAY])
		it.route.gateway = addr_from(AF_INET, nla_data(at[RTA_GATEWAY]), 32);
	link = at[RTA_OIF] ? kernel_link_name(k, (int)nla_get_u32(at[RTA_OIF])) : NULL;
	it.link = link ? link : "";
	*ret = it;
	return true;
}

static void each_route(struct nlmsghdr *h, void *arg)
{
	struct observation *look = arg;
	struct item it;

	if (route_read(look->k, h, &it))
		kernel_see(look->k, look->have, &it);
}

static int route_observe(struct kernel *k, struct state *have)
{
	struct rtmsg rt = { .rtm_family = AF_INET };
	struct observation look = { k, have };

	return netlink_dump(k->route, netlink_new(0, RTM_GETROUTE, 0, &rt, sizeof(rt)),
			    each_route, &look);
}

static struct nl_msg *request(const struct item *it, int index, int type, int flags)
{
	struct rtmsg rt = {
		.rtm_family = AF_INET,
		.rtm_dst_len = it->address.bits,
		.rtm_table = it->route.table < 256 ? (uint8_t)it->route.table : RT_TABLE_UNSPEC,
		.rtm_protocol = KERNEL_PROTO,
		.rtm_type = it->route.blackhole ? RTN_BLACKHOLE : RTN_UNICAST,
		.rtm_scope = it->route.blackhole || it->route.gateway.family ? RT_SCOPE_UNIVERSE
									     : RT_SCOPE_LINK,
	};
	struct nl_msg *m;

	if (type == RTM_DELROUTE) { /* any: fib_table_delete() */
		rt.rtm_scope = RT_SCOPE_NOWHERE;
		rt.rtm_type = RTN_UNSPEC;
	}
	m = netlink_new(96, type, flags, &rt, sizeof(rt));
	nla_put_u32(m, RTA_TABLE, it->route.table);
	nla_put(m, RTA_DST, 4, it->address.bytes);
	if (it->route.metric)
		nla_put_u32(m, RTA_PRIORITY, it->route.metric);
	if (it->route.gateway.family)
		nla_put(m, RTA_GATEWAY, 4, it->route.gateway.bytes);
	if (index)
		nla_put_u32(m, RTA_OIF, (uint32_t)index);
	return m;
}

static void route_put(struct kernel *k, struct op *op)
{
	const struct item *w = op->want, *h = op->have;
	int index = kernel_link_index(k, w->link);

	if (h && !h->ours) {
		kernel_fail(op, -EEXIST,
			    arena_printf(k->arena,
					 "there is another '%s', of protocol %u and not "
					 "routerd's; remove it, or give one of them another "
					 "metric",
					 item_text(k->arena, h), h->route.protocol));
		return;
	}
	if (!index && !w->route.blackhole) {
		kernel_no_link(k, op, w->link);
		return;
	}
	netlink_queue(
	    k->route, k->arena, op,
	    request(w, index, RTM_NEWROUTE, NLM_F_CREATE | (h ? NLM_F_REPLACE : NLM_F_EXCL)));
}

static void route_del(struct kernel *k, struct op *op)
{
	const struct item *h = op->have;

	netlink_queue(k->route, k->arena, op,
		      request(h, kernel_link_index(k, h->link), RTM_DELROUTE, 0));
}

const struct driver route_driver = { route_observe, route_put, route_del, NULL };
