/* suppress.h - keeps cloud-init from putting captured addresses into the guest.
 *
 * On Azure and AWS it adds a NIC's secondary addresses at boot. routerd takes them off again
 * the moment they come; this keeps them from coming at all, where the installed version has a
 * setting for it: one file of ours in /etc/cloud/cloud.cfg.d, and nothing else is touched. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

#define SUPPRESS_FILE "/etc/cloud/cloud.cfg.d/95-routerd-addresses.cfg"

/* provider: as in facts; NULL: none. *ret_words: what was done, or why nothing was, for people;
 * never NULL. *ret_changed: the file was written or removed, or would be; it counts once
 * cloud-init drops what it keeps of its settings, in /var/lib/cloud/instance/obj.pkl. 0; or the
 * error of reading, writing or removing it. */
int suppress_addresses(struct arena *a, const char *root, const char *provider, bool dry_run,
		       bool *ret_changed, const char **ret_words);
