/* mtu.h - what of a tunnel's underlay bears on the size of packets, for mtu.c's own checks and
 * for path.c. */
#pragma once

#include "config/hybrid.h"
#include "doctor/doctor.h"
#include "kernel/look.h"

struct underlay {
	struct addr to; /* the endpoint: where the kernel sends them now, else as configured */
	struct look_route route;
	uint32_t mtu;	/* bytes that the first hop takes; 0: not known */
	uint32_t inner; /* bytes of the largest packet in the tunnel that fits that */
};

/* Where the packets of a peer's tunnel go. False: its endpoint is not known. */
bool underlay_look(struct doctor *d, const struct overlay_peer *p,
		   const struct look_link *links, size_t n, struct underlay *ret);
/* The peer of an overlay's tunnel, as the kernel has it; NULL: it has none. */
const struct item *underlay_peer(struct doctor *d, const struct overlay_peer *p);
/* The edit after which no segment is larger than an inner packet of this many bytes. */
const char *underlay_edit(struct doctor *d, const struct overlay_peer *p, uint32_t inner);
