/* provider.h - what the checks of area provider share: provider.c compares what is configured
 * with this machine, source.c tries what only the provider knows. */
#pragma once

#include "base/facts.h"
#include "doctor/hybrid.h"

struct here {
	struct facts facts; /* all zero: unknown */
	const char *list;   /* the NICs' names and references, for people */
};

/* NULL: the claim names none. */
static inline const struct cloud_provider *profile_of(const struct address_claim *a)
{
	return (const void *)a->provider.to;
}

/* source.c: does the provider let through what a capturing NIC sends for others? */
void provider_sources(struct doctor *d, const struct object **list, size_t n,
		      const struct here *h);
