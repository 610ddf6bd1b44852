/* look.h - questions to the kernel that no reconcile pass needs: for those who explain.
 *
 * Nothing is changed, and no rights are needed. What comes back lives in the kernel's arena
 * (k->arena), until the next pass. Functions return 0 or a negative errno. */
#pragma once

#include "kernel/kernel.h"

struct look_link {
	int index;
	char name[IFNAMSIZ];
	bool up, carrier, ether;
	uint32_t mtu; /* bytes */
};

/* Where a packet would go. */
struct look_route {
	struct addr to;
	struct addr from; /* family 0: the kernel's choice; needed with in */
	const char *in;	  /* the link it comes in by; NULL: it is this machine's own */
	const char *by;	  /* the link it must leave by; NULL: any */

	int error;	     /* negative errno: why it would not go anywhere */
	const char *out;     /* link; "" where error */
	uint32_t table;	     /* whose route won */
	struct addr gateway; /* family 0: none */
	struct addr source;  /* what the kernel would choose; family 0: not told */
	uint32_t mtu; /* of the route, a path MTU that was learnt included; 0: the link's */
	bool local;   /* it would be kept by this machine */
};

/* All links, sorted by name. */
int look_links(struct kernel *k, struct look_link **ret, size_t *ret_count);
const struct look_link *look_link(const struct look_link *links, size_t n, const char *name);
/* The route that wins for r, of which only the question is read, as ITEM_ROUTE; type
 * ITEM_TYPES where there is none, or only this machine's own address. */
void look_winner(struct kernel *k, const struct look_route *r, struct item *ret);
/* The routes that an address is in, of every table and whoever made them, as ITEM_ROUTE, the
 * longest prefix first. */
int look_fib(struct kernel *k, const struct addr *a, struct state *ret);
enum look_neighbour {
	NEIGHBOUR_UNKNOWN, /* nobody asked for it lately */
	NEIGHBOUR_KNOWN,
	NEIGHBOUR_ASKED,
	NEIGHBOUR_SILENT, /* it did not answer ARP */
};
/* What is known of a host on a link. */
enum look_neighbour look_neighbour(struct kernel *k, const char *link, const struct addr *a);
/* n of them, a few dozen on the way at a time. */
void look_routes(struct kernel *k, struct look_route *routes, size_t n);
/* Every proxy neighbour for IPv4 there is, whoever made it, as ITEM_PROXY. */
int look_proxies(struct kernel *k, struct state *ret);
