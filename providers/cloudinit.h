/* cloudinit.h - what cloud-init left of its own look at the provider, in this boot.
 *
 * A second source, where the provider's service does not answer; only where cloud-init found
 * the same provider. Its folders in /run are of this boot. */
#pragma once

#include "providers/provider.h"

/* Its instance-data of that cloud ("azure"); NULL: there is none. */
const char *cloudinit_document(struct arena *a, const struct place *p, const char *cloud,
			       size_t *ret_len);
/* The instance that such a document is of; NULL: it does not say. */
const char *cloudinit_instance(struct arena *a, const char *bytes, size_t len);
/* Is that the instance? On Azure of the first generation cloud-init may know its UUID with the
 * bytes of the first three fields the other way round. */
bool cloudinit_is_instance(const char *kept, const char *instance);
/* The user-data that it was given, raw; NULL: none, or not of that cloud. */
const char *cloudinit_user_data(struct arena *a, const struct place *p, const char *cloud,
				size_t *ret_len);
