/* probe.h - how big a packet gets to an address and back, tried out.
 *
 * ICMP echoes that must not be fragmented, bound to one interface, halving what is left
 * between a size that came back and one that did not, which is tried again with more patience.
 * Waits, a few seconds at the most. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct probe {
	struct addr to;	     /* IPv4 */
	const char *link;    /* packets leave by it */
	uint32_t floor, top; /* the sizes tried, bytes with the IP header; top at first */
	uint32_t step;	     /* sizes that differ by less need not be told apart */
};

/* The largest size that came back, at least floor. -ETIMEDOUT: nothing came back, not even
 * the smallest; -EPERM or -EACCES: this user may not; or socket(2)'s and send(2)'s errors. */
int probe_run(const struct probe *p, uint32_t *ret);

/* RFC 1071, as it stands in a header. */
uint16_t probe_checksum(const uint8_t *b, size_t n);
