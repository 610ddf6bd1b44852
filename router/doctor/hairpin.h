/* hairpin.h - does a network bring back to a NIC what the NIC itself sends to an address of its
 * own?
 *
 * A cloud does that by its table of addresses and NICs, whether or not the machine holds the
 * address. UDP packets that may travel two hops go out by the gateway, each from another
 * sender, up to three times; who came back is told by a cookie. Needs CAP_NET_RAW; waits a
 * second, and one more where the gateway's MAC must be asked for. */
#pragma once

#include "base/addr.h"

#define HAIRPIN_SENDERS 3

/* All IPv4. */
struct hairpin {
	const char *link;
	struct addr gateway;
	struct addr to;
	uint16_t port;
	/* The first is the NIC's own, for comparison; family 0: none. */
	struct addr senders[HAIRPIN_SENDERS];
};

/* *ret: bit i is set where what senders[i] sent came back. -EHOSTUNREACH: the gateway does not
 * answer ARP; -EPERM: this user may not; or socket(2)'s and send(2)'s errors. */
int hairpin_run(const struct hairpin *h, unsigned *ret);
