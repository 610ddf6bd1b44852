/* identity.h - which machine this is, as far as anybody told.
 *
 * Nothing is asked over the network: the firmware's word, and what first boot wrote down of
 * the provider's metadata. */
#pragma once

#include "base/arena.h"

/* NULL: not known. */
struct identity {
	const char *provider; /* "aws", "nocloud" */
	const char *instance; /* the provider's name for this machine */
	const char *uuid;     /* SMBIOS, lower case; never one that many boards share */
};

/* From /sys/class/dmi/id/product_uuid, root's to read, and facts.h's file. */
void identity_read(struct arena *a, struct identity *ret);
void identity_read_from(struct arena *a, const char *uuid_file, const char *node_file,
			struct identity *ret);
