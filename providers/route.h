/* route.h - by which interface this machine reaches the world, as its routes say. */
#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "base/arena.h"

/* The interface of the default route with the lowest metric, of IPv4. */
bool route_default(struct arena *a, const char *root, char ret[static IF_NAMESIZE]);
/* The one interface that routes to an IPv4 address go by; false also where there are two. */
bool route_only(struct arena *a, const char *root, const char *address,
		char ret[static IF_NAMESIZE]);
/* As route_default(), of IPv6. */
bool route_default6(struct arena *a, const char *root, char ret[static IF_NAMESIZE]);
