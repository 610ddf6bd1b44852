/* exchange.h - one round of the exchange of public keys between sites: our export document to
 * where peers read it, theirs from where they put it.
 *
 * What comes is verified here and handed to routerctl import; nothing is installed here. What
 * was done is remembered only when it is done, so what failed is tried again. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "firstboot/exchange_settings.h"

#define EXCHANGE_EXPORT	  "/var/lib/routerd/export"
#define EXCHANGE_STATE	  "/var/lib/routerd/exchange"
#define EXCHANGE_SIGN	  SEAL_KEY_FILE
#define EXCHANGE_DOCUMENT (64 * 1024) /* bytes, sealed */

struct exchange_options {
	bool again;	   /* put and get, whatever is remembered */
	unsigned deadline; /* s, for a request; 0: HTTP_DEADLINE */
};

/* Logs each thing done and each thing that failed, and goes on after it. Returns how many
 * failed. */
unsigned exchange_run(struct arena *a, const struct exchange_settings *s,
		      const struct exchange_options *o);
/* The seed of the key that signs our documents, to be wiped; made, with a word to the log,
 * where there is none, or only one of the machine that this disk is a copy of. */
int exchange_load_sign(struct arena *a, struct key *ret);
