#include "kernel/watch.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "base/clean.h"

#define TYPE_AT	 offsetof(struct nlmsghdr, nlmsg_type)
#define FLAGS_AT (NLMSG_HDRLEN + offsetof(struct ndmsg, ndm_flags))
#define PASS	 UINT32_MAX

/* A socket filter's loads turn bytes around; the kernel's messages are in host order. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TYPE(t) (((t) >> 8 | (t) << 8) & 0xffff)
#else
#define TYPE(t) (t)
#endif

/* Drops events of neighbours that are no proxies. */
static struct sock_filter no_neighbours[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE_AT),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE(RTM_NEWNEIGH), 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE(RTM_DELNEIGH), 1, 0),
	BPF_STMT(BPF_RET | BPF_K, PASS),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NTF_PROXY, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, PASS),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* Of a transaction, only the word that it is done. */
static struct sock_filter generations[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE_AT),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN), 0,
		 1),
	BPF_STMT(BPF_RET | BPF_K, PASS),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int fd_of(struct netlink *nl)
{
	return nl ? nl_socket_get_fd(netlink_sock(nl)) : -1;
}

int watch_route_fd(const struct watch *w)
{
	return fd_of(w->route);
}

int watch_nft_fd(const struct watch *w)
{
	return fd_of(w->nft);
}

/* Filtered first, joined then: nothing unfiltered comes in between. */
static int filter(struct netlink *nl, struct sock_filter *code, size_t n)
{
	struct sock_fprog f = { .len = (unsigned short)n, .filter = code };

	return setsockopt(fd_of(nl), SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)) < 0 ? -errno
										      : 0;
}

static int open_route(struct watch *w)
{
	static const int groups[] = { RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV4_ROUTE,   RTNLGRP_IPV4_RULE,
				      RTNLGRP_IPV4_NETCONF, RTNLGRP_NEIGH };
	int r = netlink_open(&w->route, NETLINK_ROUTE, false);

	if (r == 0)
		r = filter(w->route, no_neighbours,
			   sizeof(no_neighbours) / sizeof(*no_neighbours));
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups) && r == 0; i++)
		r = netlink_join(w->route, groups[i]);
	return r;
}

int watch_open(struct watch *w)
{
	int r;

	*w = (struct watch){ 0 };
	r = open_route(w);
	if (r == 0)
		r = netlink_open(&w->requests, NETLINK_ROUTE, false);
	/* Without it the slow timer looks after the clamp. */
	if (r == 0 && netlink_open(&w->nft, NETLINK_NETFILTER, false) == 0 &&
	    (filter(w->nft, generations, sizeof(generations) / sizeof(*generations)) < 0 ||
	     netlink_join(w->nft, NFNLGRP_NFTABLES) < 0))
		netlink_close(&w->nft);
	if (r < 0)
		watch_close(w);
	return r;
}

void watch_close(struct watch *w)
{
	netlink_close(&w->route);
	netlink_close(&w->nft);
	netlink_close(&w->requests);
}

/* ---- events ----------------------------------------------------------------------------- */

struct reading {
	struct watch *watch;
	const struct state *want;
	watch_removed *removed;
	void *arg;
	bool any;
};

/* An address that is removed again meanwhile is as good as removed. */
static void remove_at_once(struct reading *r, struct item *it, const struct item *absent,
			   int index)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct op op = { .verb = VERB_DELETE, .have = it, .want = absent };
	char name[IFNAMSIZ];

	it->link = if_indextoname((unsigned)index, name);
	if (!it->link)
		return;
	op.origin = absent->origin;
	address_remove(r->watch->requests, a, &op, index);
	netlink_flush(r->watch->requests);
	if (op.error != -EADDRNOTAVAIL && op.error != -ENODEV)
		r->removed(r->arg, &op);
}

static void each_event(struct nlmsghdr *h, void *arg)
{
	struct reading *r = arg;
	struct item it, key = { .type = ITEM_ABSENT };
	const struct item *absent;
	int index;

	r->any = true;
	if (!r->want || !address_read(h, &it, &index))
		return;
	key.address = it.address;
	absent = state_find(r->want, &key);
	if (absent)
		remove_at_once(r, &it, absent, index);
}

bool watch_route(struct watch *w, const struct state *want, watch_removed *removed, void *arg)
{
	struct reading r = { w, want, removed, arg, false };
	int e = netlink_events(w->route, each_event, &r);

	return r.any || e < 0; /* what was lost may have been anything */
}

bool watch_nft(struct watch *w)
{
	struct reading r = { .watch = w };
	int e = netlink_events(w->nft, each_event, &r);

	return r.any || e < 0;
}
