/* auto.h - what a file leaves to the machine: 'auto', found in what first boot wrote down.
 *
 * The file stays as it was written; the value is found anew at each reading. */
#pragma once

#include "base/facts.h"
#include "config/config.h"
#include "config/hybrid.h"

/* Of the machine's interfaces, the one on prefix; where none is, the only one there is.
 * NULL: *ret_words say why, as the end of a sentence. */
const struct facts_nic *auto_nic(const struct config *c, const struct addr *prefix,
				 struct arena *a, const char **ret_words);
/* Fills in what the object leaves to the machine. What cannot be found and cannot be done
 * without makes the object wait; what only others want to know is left out, with a warning. */
void auto_claim(const struct config *c, struct address_claim *claim, struct diag *d);
void auto_endpoint(const struct config *c, struct wireguard_interface *w, struct diag *d);
