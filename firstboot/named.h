/* named.h - which private keys a configuration names, without reading more of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define NAMED_MOST 256

/* privateKeyFile of each WireGuardInterface, at most NAMED_MOST; returns how many. A text that
 * is no configuration names none. */
size_t named_keys(struct arena *a, const char *bytes, size_t len,
		  const char *ret[static NAMED_MOST]);
/* The same of all that is in place: /etc/routerd/router.yaml and conf.d. */
size_t named_in_place(struct arena *a, const char *ret[static NAMED_MOST]);
/* Is there any of it? */
bool named_is_in_place(void);
bool named_has_folder(void); /* anything in conf.d */
#define NAMED_FILE   "/etc/routerd/router.yaml"
#define NAMED_FOLDER "/etc/routerd/conf.d"
