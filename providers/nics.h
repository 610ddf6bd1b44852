/* nics.h - the network interfaces that this guest has, as its kernel tells.
 *
 * Those of a device; where there is none at all, as in a container, those of Ethernet that are
 * nothing made up, as a bridge is. Of two with one MAC, as Azure's accelerated networking makes
 * them, the one that the other is a part of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/facts.h"

#define NICS_MAC       18  /* bytes, "00:0d:3a:e5:1c:c0" with its NUL */
#define NICS_MOST      64  /* more than any provider gives a machine */
#define NICS_ADDRESSES 256 /* of one */

/* "000D3AE51CC0", "00-0D-3A-E5-1C-C0" and the like, to "00:0d:3a:e5:1c:c0". */
bool nics_mac(const char *text, char ret[static NICS_MAC]);
/* In the order the kernel numbers them; with their own addresses, which are the network
 * namespace's that this runs in, whatever root is. */
void nics_read(struct arena *a, const char *root, struct facts_nic **ret, size_t *ret_count);
/* Only hosts, and not past NICS_ADDRESSES. */
void nics_add(struct arena *a, struct facts_nic *nic, const struct addr *address);
/* Makes the NIC of that interface the first; the others keep their order. */
void nics_put_first(struct facts *f, const char *name);
/* What the guest knows of those that the provider lists, by MAC: name, and MTU where the
 * provider does not say it. */
void nics_join(struct facts *f, const struct facts_nic *guest, size_t count);
