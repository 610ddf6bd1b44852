/* proxy.c - proxy neighbours: NTF_PROXY entries, ip-neighbour(8) "proxy".
 *
 * They answer ARP for an address whose route leaves by another interface, without
 * proxy_arp=1 (arp_process(), net/ipv4/arp.c). The kernel sends no event for them. */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clean.h"
#include "kernel/kernel.h"
#include "kernel/look.h"

static bool read_neighbour(struct nlmsghdr *h, struct kernel *k, struct item *ret)
{
	struct ndmsg *nd = nlmsg_data(h);
	struct nlattr *at[NDA_MAX + 1];
	const char *link;

	if (h->nlmsg_type != RTM_NEWNEIGH || !(nd->ndm_flags & NTF_PROXY) ||
	    nd->ndm_family != AF_INET || nlmsg_parse(h, sizeof(*nd), at, NDA_MAX, NULL) < 0 ||
	    !at[NDA_DST])
		return false;
	link = kernel_link_name(k, nd->ndm_ifindex);
	if (!link)
		return false;
	*ret = (struct item){ .type = ITEM_PROXY, .link = link };
	ret->address = addr_from(AF_INET, nla_data(at[NDA_DST]), 32);
	ret->ours = at[NDA_PROTOCOL] && nla_get_u8(at[NDA_PROTOCOL]) == KERNEL_PROTO;
	ret->proxy.down = !kernel_link_up(k, nd->ndm_ifindex);
	return true;
}

static void each_neighbour(struct nlmsghdr *h, void *arg)
{
	struct observation *look = arg;
	struct item it;

	if (read_neighbour(h, look->k, &it))
		kernel_see(look->k, look->have, &it);
}

static void each_proxy(struct nlmsghdr *h, void *arg)
{
	struct observation *look = arg;
	struct item it;

	if (read_neighbour(h, look->k, &it))
		state_add(look->have, &it);
}

static int dump(struct kernel *k, struct state *have, netlink_each *each)
{
	/* neigh_dump_info() looks at ndm_flags only when the header is this long. */
	struct ndmsg nd = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	struct observation look = { k, have };

	return netlink_dump(k->route, netlink_new(0, RTM_GETNEIGH, 0, &nd, sizeof(nd)), each,
			    &look);
}

static int proxy_observe(struct kernel *k, struct state *have)
{
	return dump(k, have, each_neighbour);
}

int look_proxies(struct kernel *k, struct state *ret)
{
	return dump(k, ret, each_proxy);
}

static void request(struct kernel *k, struct op *op, const struct item *it, int type, int flags)
{
	struct ndmsg nd = {
		.ndm_family = AF_INET,
		.ndm_ifindex = kernel_link_index(k, it->link),
		.ndm_flags = NTF_PROXY,
	};
	struct nl_msg *m;

	if (!nd.ndm_ifindex) {
		kernel_no_link(k, op, it->link);
		return;
	}
	m = netlink_new(32, type, flags, &nd, sizeof(nd));
	nla_put(m, NDA_DST, 4, it->address.bytes);
	if (type == RTM_NEWNEIGH)
		nla_put_u8(m, NDA_PROTOCOL, KERNEL_PROTO);
	netlink_queue(k->route, k->arena, op, m);
}

static void proxy_put(struct kernel *k, struct op *op)
{
	request(k, op, op->want, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
}

static void proxy_del(struct kernel *k, struct op *op)
{
	request(k, op, op->have, RTM_DELNEIGH, 0);
}

/* One ARP announcement (RFC 5227 section 3): who has the address cached learns where it is
 * now. Best effort: a host that misses it asks again when its entry grows old. */
static int announce(int fd, int index, const unsigned char mac[ETH_ALEN], const uint8_t ip[4])
{
	struct ether_arp arp = {
		.ea_hdr = { htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, 4,
			    htons(ARPOP_REQUEST) },
	};
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETHERTYPE_ARP),
				  .sll_ifindex = index,
				  .sll_halen = ETH_ALEN };

	memset(to.sll_addr, 0xff, ETH_ALEN);
	memcpy(arp.arp_sha, mac, ETH_ALEN);
	memcpy(arp.arp_spa, ip, 4);
	memcpy(arp.arp_tpa, ip, 4);
	return sendto(fd, &arp, sizeof(arp), 0, (void *)&to, sizeof(to)) < 0 ? -errno : 0;
}

static void proxy_flush(struct kernel *k, struct op *ops, size_t count)
{
	CLEAN(close_fd) int fd = -1;
	struct ifreq ifr = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct item *w = ops[i].want;
		int r;

		if (!w || !w->proxy.announce || ops[i].error || ops[i].verb == VERB_DELETE)
			continue;
		if (fd < 0)
			fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			ops[i].note = arena_printf(k->arena, "was not announced by ARP: %s",
						   strerror(errno));
			continue;
		}
		if (strcmp(ifr.ifr_name, w->link) != 0) {
			strncpy(ifr.ifr_name, w->link, IFNAMSIZ - 1);
			if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
				return;
		}
		if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
			continue;
		r = announce(fd, kernel_link_index(k, w->link),
			     (unsigned char *)ifr.ifr_hwaddr.sa_data, w->address.bytes);
		if (r < 0)
			ops[i].note = arena_printf(k->arena, "was not announced by ARP: %s",
						   strerror(-r));
	}
}

const struct driver proxy_driver = { proxy_observe, proxy_put, proxy_del, proxy_flush };
