/* nicref.h - how each provider names a network interface, and what people paste instead.
 *
 * Rules only: nothing is looked up. From the documentation of their makers:
 * Azure Resource Manager ids, EC2 resource ids, OCI's OCIDs, Proxmox VE's qm(1). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum nicref {
	NICREF_OK,
	NICREF_WRONG,
	NICREF_PROVIDER, /* there are no rules for this provider */
};

/* *ret_is: what text is instead, as "the id of an instance", or NULL when it is nothing
 * known. *ret_want: what it should be, with an example. Both static. */
enum nicref nicref_check(const char *provider, const char *text, const char **ret_is,
			 const char **ret_want);
/* Do two of this provider's name the same NIC? Azure's ids are not case-sensitive. */
bool nicref_equal(const char *provider, const char *a, const char *b);
