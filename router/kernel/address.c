/* address.c - IPv4 addresses on links. Ours carry IFA_PROTO; besides those only what a
 * configuration says must be absent is removed, exactly that address. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "kernel/kernel.h"

bool address_read(struct nlmsghdr *h, struct item *ret, int *ret_index)
{
	struct ifaddrmsg *ifa = nlmsg_data(h);
	struct nlattr *at[IFA_MAX + 1];

	if (h->nlmsg_type != RTM_NEWADDR || ifa->ifa_family != AF_INET ||
	    nlmsg_parse(h, sizeof(*ifa), at, IFA_MAX, NULL) < 0 || !at[IFA_LOCAL] ||
	    nla_len(at[IFA_LOCAL]) < 4)
		return false;
	*ret = (struct item){ .type = ITEM_ADDRESS, .link = "" };
	ret->address = addr_from(AF_INET, nla_data(at[IFA_LOCAL]), ifa->ifa_prefixlen);
	ret->ours = at[IFA_PROTO] && nla_get_u8(at[IFA_PROTO]) == KERNEL_PROTO;
	memcpy(ret->ifa.far, nla_data(at[IFA_ADDRESS] ? at[IFA_ADDRESS] : at[IFA_LOCAL]), 4);
	ret->ifa.primary = !(ifa->ifa_flags & IFA_F_SECONDARY);
	*ret_index = (int)ifa->ifa_index;
	return true;
}

static void each_address(struct nlmsghdr *h, void *arg)
{
	struct observation *look = arg;
	struct item it;
	int index;

	if (!address_read(h, &it, &index))
		return;
	it.link = kernel_link_name(look->k, index);
	if (it.link)
		state_add(look->have, &it); /* all: absences and exclusive ask for any */
}

static int address_observe(struct kernel *k, struct state *have)
{
	struct ifaddrmsg ifa = { .ifa_family = AF_INET };
	struct observation look = { k, have };

	return netlink_dump(k->route, netlink_new(0, RTM_GETADDR, 0, &ifa, sizeof(ifa)),
			    each_address, &look);
}

static void request(struct netlink *nl, struct arena *a, struct op *op, const struct item *it,
		    int index, int type, int flags)
{
	struct ifaddrmsg ifa = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = it->address.bits,
		.ifa_index = (unsigned)index,
	};
	struct nl_msg *m = netlink_new(64, type, flags, &ifa, sizeof(ifa));

	nla_put(m, IFA_LOCAL, 4, it->address.bytes);
	nla_put(m, IFA_ADDRESS, 4, type == RTM_DELADDR ? it->ifa.far : it->address.bytes);
	if (type == RTM_NEWADDR)
		nla_put_u8(m, IFA_PROTO, KERNEL_PROTO);
	netlink_queue(nl, a, op, m);
}

static void address_put(struct kernel *k, struct op *op)
{
	int index = kernel_link_index(k, op->want->link);

	if (index)
		request(k->route, k->arena, op, op->want, index, RTM_NEWADDR,
			NLM_F_CREATE | NLM_F_EXCL);
	else
		kernel_no_link(k, op, op->want->link);
}

/* Without promote_secondaries the kernel drops a primary's secondaries with it
 * (__inet_del_ifa(), net/ipv4/devinet.c): then it is switched on for this one request. */
void address_remove(struct netlink *nl, struct arena *a, struct op *op, int index)
{
	const struct item *h = op->have;
	CLEAN(close_fd) int fd = -1;
	char path[128], before = '1';

	if (h->ifa.primary) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/promote_secondaries",
			 h->link);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || pread(fd, &before, 1, 0) != 1 ||
		    (before == '0' && pwrite(fd, "1", 1, 0) != 1)) {
			kernel_fail(op, -errno,
				    arena_printf(a,
						 "%s: cannot protect the other addresses "
						 "of %s, so nothing was removed",
						 path, h->link));
			return;
		}
	}
	request(nl, a, op, h, index, RTM_DELADDR, 0);
	if (before != '0')
		return;
	netlink_flush(nl);
	if (pwrite(fd, "0", 1, 0) != 1)
		op->note = arena_printf(a, "%s stayed 1", path);
}

static void address_del(struct kernel *k, struct op *op)
{
	int index = kernel_link_index(k, op->have->link);

	if (index)
		address_remove(k->route, k->arena, op, index);
	else
		kernel_no_link(k, op, op->have->link);
}

/* Whoever took it off before us did what was asked. */
static void address_flush(struct kernel *k, struct op *ops, size_t count)
{
	(void)k;
	for (size_t i = 0; i < count; i++)
		if (ops[i].verb == VERB_DELETE && ops[i].error == -EADDRNOTAVAIL) {
			kernel_fail(&ops[i], 0, NULL);
			ops[i].moot = true;
		}
}

const struct driver address_driver = { address_observe, address_put, address_del,
				       address_flush };
