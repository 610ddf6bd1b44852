/* kernel.h - the two doors to the kernel: look, and do.
 *
 * One driver for each item type. Nothing here is remembered between passes. Marks: routes
 * and addresses carry KERNEL_PROTO (rtm_protocol, IFA_PROTO), so do proxy neighbours
 * (NDA_PROTOCOL); links an alias, nft tables a comment that begin with KERNEL_MARK. */
#pragma once

#include <net/if.h>

#include "kernel/netlink.h"

/* 3 and up are user space's; must not be one of /etc/iproute2/rt_protos. */
#define KERNEL_PROTO 200
#define KERNEL_MARK  "routerd:v1:"

struct link {
	int index;
	char name[IFNAMSIZ];
	bool up;
};

struct kernel {
	struct netlink *route, *nft, *wg; /* nft, wg: NULL where the kernel has none */
	int wg_family;			  /* generic netlink's number for WireGuard; 0: none */
	struct arena *arena;		  /* the pass's */
	struct state *want, *have;
	/* Where a pass must wait for others, it calls this when idle_fd is readable; -1: none.
	 */
	int idle_fd;
	void (*idle)(void *arg);
	void *idle_arg;
	bool asked;    /* names were looked up, by this pass or one before */
	bool last_try; /* of the observation: what cannot be seen now is reported as such */
	/* The links of this pass, by index and by name. */
	struct link *by_index, *by_name;
	size_t links, room;
};

/* What the callback of a driver's dump works on. */
struct observation {
	struct kernel *k;
	struct state *have;
};

struct driver {
	/* What is there, of what is ours or wanted. -EPERM: only root may look. */
	int (*observe)(struct kernel *k, struct state *have);
	/* Each leaves its result in op, at once or at the flush. */
	void (*put)(struct kernel *k, struct op *op); /* add or change */
	void (*del)(struct kernel *k, struct op *op);
	/* After a run of ops of this type. NULL: the rtnetlink batch is flushed. */
	void (*flush)(struct kernel *k, struct op *ops, size_t count);
};

extern const struct driver link_driver, sysctl_driver, address_driver, peer_driver,
    allowed_driver, route_driver, proxy_driver, clamp_driver;

/* Needs no rights; what needs some fails later, or is blind. */
int kernel_open(struct kernel *k);
void kernel_close(struct kernel *k); /* for CLEAN() */

/* Observes into have what bears on want (which learns what the key files say). The arenas
 * of the two must outlive the pass. Starts again where a dump was torn. */
int kernel_observe(struct kernel *k, struct state *want, struct state *have);
/* Puts a note on each op of which it is plain that it will fail. */
void kernel_foresee(struct kernel *k, struct plan *plan);
/* Does every op, whatever fails, but those that stand on what failed (-ECANCELED); each op
 * holds its own result. Returns how many failed. */
unsigned kernel_apply(struct kernel *k, struct plan *plan);

/* wireguard.c: after an observation, at time now (seconds since 1970). A peer with an endpoint
 * by name that has been silent for WG_SILENT may have moved: the name is resolved again, and
 * its endpoint set when it leads elsewhere. An op for each that was. */
#define WG_SILENT 180 /* seconds; REJECT_AFTER_TIME, drivers/net/wireguard/messages.h */
size_t wg_follow(struct kernel *k, int64_t now, struct op **ret);

/* link.c: the request for a new WireGuard link. */
struct nl_msg *link_request(const char *name);
/* link.c: leaves on each link of ours the digest of its peers' endpoints that are set now. */
void link_seal(struct kernel *k, const struct plan *plan);

/* address.c: of an RTM_NEWADDR message, but for the link's name. False: no IPv4 address. */
bool address_read(struct nlmsghdr *h, struct item *ret, int *ret_index);
/* Takes op->have off the link of that index, and nothing else with it. Queued on nl. */
void address_remove(struct netlink *nl, struct arena *a, struct op *op, int index);

/* route.c: of an RTM_NEWROUTE message: an IPv4 route of a type that people make. */
bool route_read(struct kernel *k, struct nlmsghdr *h, struct item *ret);

/* for drivers: */
int kernel_read_links(struct kernel *k);		   /* fresh */
const char *kernel_link_name(struct kernel *k, int index); /* NULL: gone since */
int kernel_link_index(struct kernel *k, const char *name); /* 0: no such link */
bool kernel_link_up(struct kernel *k, int index);	   /* false also: gone since */
/* Into have, if it is ours or want has its key. */
void kernel_see(struct kernel *k, struct state *have, const struct item *it);
/* -ENODEV with words that help. */
void kernel_no_link(struct kernel *k, struct op *op, const char *link);
void kernel_fail(struct op *op, int error, const char *why);
