/* path.h - how a packet travels through this node, hop by hop, until it is through or dropped.
 *
 * The packet's way first, then the way of what answers it. path.c finds out who talks to whom,
 * path_hops.c what becomes of the packet at each place; of that path_capture.c has what brings
 * it here, and path_tunnel.c what carries it away.
 * Looks as doctor does: changes nothing, runs no program. */
#pragma once

#include "doctor/firewall.h"
#include "doctor/hybrid.h"

struct path_request {
	const char *const *files; /* none: those of load.h */
	size_t file_count;
	struct addr to, from; /* IPv4 hosts; from's family 0: one that fits */
	enum report_format format;
	bool colour;
};

/* Prints to out; what hinders from looking at all, to standard error. True: it passes. */
bool path_run(const struct path_request *q, FILE *out);

/* ---- for the parts of it ---- */

enum hop_verdict {
	HOP_PASS,
	HOP_UNSURE, /* it could not be seen, or judged, or some packets pass and some do not */
	HOP_DROP,
};

struct hop {
	const char *step;
	enum hop_verdict verdict;
	const char *detail, *object, *remedy; /* object "KIND/NAME" or ""; remedy as check's */
};

enum end_kind {
	END_STRANGER, /* nobody here knows it */
	END_SELF,     /* this machine's own */
	END_LAN,      /* on this side of the tunnels */
	END_FAR,      /* behind a tunnel */
};

/* Who sends, or gets, the packet. */
struct end {
	enum end_kind kind;
	struct addr address;
	const struct object *object;	      /* how it is known; NULL: it is not */
	const struct address_claim *claim;    /* object, where it is one */
	const struct overlay_peer *peer;      /* END_FAR: behind whose tunnel */
	const struct mobility_domain *domain; /* in whose prefix; NULL: none */
	const char *link;		      /* where it is; NULL: not known */
	bool chosen; /* nobody named it: perhaps there is no such host */
};

struct path {
	struct doctor *d;
	struct hybrid h;
	struct firewall firewall;
	const char *unseen; /* why the firewall could not be read; NULL: it was */
	struct end from, to;
	struct hop *hops;
	size_t count, room;
};

/* One direction. */
struct way {
	struct path *path;
	const struct end *from, *to;
	bool reply;
	const char *in, *out;	 /* links it should come in and leave by; NULL: none, unknown */
	struct look_route route; /* what the kernel says, once it was asked */
};

void hop_add(struct way *w, const char *step, enum hop_verdict verdict, const struct object *o,
	     const char *remedy, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
bool way_is_dropped(const struct way *w);
/* Every hop of one direction, up to the one that drops. */
void way_walk(struct way *w);
/* Does this machine hold an address? The link; NULL: none does. */
const char *path_held(const struct path *p, const struct addr *a);
/* "10.77.60.9" */
const char *path_host(const struct path *p, const struct addr *a);
/* What brings the packet of a local host here. */
void capture_walk(struct way *w);
/* Does this machine hold the address itself, which a hop says then? */
bool capture_is_held(struct way *w, const struct address_claim *a);
/* There is none, or it does not work, which a hop says then. */
bool tunnel_is_lost(struct way *w, const struct end *far);
/* Through the tunnel that the far end is behind: the link, the peer, what carries it. */
void tunnel_walk(struct way *w, const struct end *far);
/* How large TCP's segments may be. */
void tunnel_mss(struct way *w, const struct end *far);

/* path_print.c */
enum hop_verdict path_verdict(const struct path *p);
void path_print(const struct path *p, enum report_format format, bool colour, FILE *out);
