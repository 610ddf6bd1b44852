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
};

static inline const struct address_claim *claim_of(const struct object *o)
{
	return (const void *)o;
}

/* One cause, one row: what was lost is not looked at again. */
void hybrid_lose(struct hybrid *h, const struct addr *a);
bool hybrid_is_lost(struct hybrid *h, const struct addr *a);
const struct look_link *hybrid_link(const struct hybrid *h, const char *name); /* NULL: none */

/* deliver.c: the routes of claims and HybridRoutes, and whether they win. */
void hybrid_routes(struct hybrid *h);
void hybrid_lookup(struct hybrid *h);
