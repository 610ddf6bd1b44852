/* named.h - which private keys a configuration names, without reading more of it. */
#pragma once

#include <stddef.h>

#include "base/arena.h"

#define NAMED_MOST 16

/* privateKeyFile of each WireGuardInterface, at most NAMED_MOST; returns how many. A text that
 * is no configuration names none. */
size_t named_keys(struct arena *a, const char *bytes, size_t len,
		  const char *ret[static NAMED_MOST]);
