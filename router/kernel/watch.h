/* watch.h - what happens in the kernel, as it happens.
 *
 * Events are not read for what they say: something changed, so look. The one exception is a
 * wanted absence: an address that has come back is taken off at once. */
#pragma once

#include "kernel/kernel.h"

struct watch {
	struct netlink *route, *nft; /* nft: NULL where the kernel has none */
	struct netlink *requests;    /* for removals, also in the middle of a pass */
};

int watch_open(struct watch *w); /* 0 or a negative errno */
void watch_close(struct watch *w);
int watch_route_fd(const struct watch *w);
int watch_nft_fd(const struct watch *w); /* -1: none */

/* An address that want has as absent was there, and was removed: op->error says how that
 * went, op->want is the absence. */
typedef void watch_removed(void *arg, const struct op *op);

/* Reads what has come. True when something changed. Links, IPv4 addresses, routes, rules,
 * settings of interfaces (NETCONF), and of neighbours only proxies: others change all the
 * time. want may be NULL. */
bool watch_route(struct watch *w, const struct state *want, watch_removed *removed, void *arg);
bool watch_nft(struct watch *w); /* a generation of nf_tables has passed */
