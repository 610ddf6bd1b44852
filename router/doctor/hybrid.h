/* hybrid.h - what the checks of area hybrid share: hybrid.c looks at what is captured,
 * deliver.c at where it goes. */
#pragma once

#include "config/hybrid.h"
#include "doctor/doctor.h"
#include "kernel/look.h"

struct hybrid {
	struct doctor *d;
	const struct object **claims;
	size_t count;
	struct look_link *links;
	size_t link_count;
	struct state lost; /* ITEM_ABSENT: addresses a row tells of already */
	struct state held; /* ITEM_ABSENT: this machine's own; filled when asked for */
};

static inline const struct address_claim *claim_of(const struct object *o)
{
	return (const void *)o;
}

/* Asks for the claims and the links. False: the kernel did not list its interfaces. */
bool hybrid_open(struct hybrid *h, struct doctor *d);
/* The links that hold an address of the subnet, for people. *ret is the first, or NULL. */
const char *hybrid_candidates(struct hybrid *h, const struct addr *prefix, const char **ret);
/* Where the name of a claim's interface is written, and what to write there; NULL: NAME. */
const char *hybrid_edit_link(struct doctor *d, const struct address_claim *a, const char *name);
/* Has the link an address of the prefix, or would the kernel look for its hosts there? If
 * not, *ret_out is where else; NULL: nowhere. */
bool hybrid_is_on(struct hybrid *h, const char *link, const struct addr *prefix,
		  const char **ret_out);

/* One cause, one row: what was lost is not looked at again. */
void hybrid_lose(struct hybrid *h, const struct addr *a);
bool hybrid_is_lost(struct hybrid *h, const struct addr *a);
const struct look_link *hybrid_link(const struct hybrid *h, const char *name); /* NULL: none */

/* deliver.c: a host of the subnet that is neither claimed nor this machine's: what a client's
 * packet would come from, which the kernel asks where it lives (fib_validate_source()).
 * Family 0: there is none. */
struct addr hybrid_host(struct hybrid *h, const struct addr *prefix);
/* Where packets for a claim come in: a cloud's claim may name no interface, and then it is
 * where this machine holds an address of the domain. NULL: nowhere that can be told. */
const char *hybrid_way_in(const struct hybrid *h, const struct address_claim *a);
/* The interface that is up and holds an address of the subnet; never the tunnel. NULL: none. */
const char *hybrid_near(const struct hybrid *h, const struct addr *prefix, const char *tunnel);
/* Would it not even come in by that link, for rp_filter's sake? */
bool route_is_filtered(const struct doctor *d, const struct look_route *r);
/* What the kernel would do with a packet, after "would". */
const char *route_words(struct doctor *d, const struct look_route *r);
/* What to do where that is not what was asked for. */
const char *route_remedy(struct doctor *d, const struct look_route *r);
/* What takes a foreign route away that stands where ours should. */
const char *route_remove(struct doctor *d, const struct item *it);
/* The routes of claims and HybridRoutes, and whether they win. */
void hybrid_routes(struct hybrid *h);
void hybrid_lookup(struct hybrid *h);
