/* provider.h - the platforms this may run on: which is it, and what does it say of us?
 *
 * Each platform is one file and one row of providers[]. Detection looks at the firmware's
 * tables and at disks' labels only: an address that any neighbour could answer at is never
 * asked who we are. Reading ends within a deadline, with facts or with words.
 *
 * Everything lives in the caller's arena. What came over the wire is a stranger's: bounded,
 * checked, and no part of it is trusted to be there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/facts.h"

/* A machine, or a test's picture of one. */
struct place {
	const char *root;    /* before every path: "" or a folder */
	const char *service; /* "http://127.0.0.1:8080" in the metadata service's stead; NULL */
	unsigned deadline;   /* s, in the platform's stead; 0 */
};

/* What a platform says. */
struct told {
	struct facts facts;
	const char *user_data; /* with a NUL after it, which it may hold, too; NULL: none */
	size_t user_data_len;
	const char *warnings; /* a line each; NULL: none */
};

struct provider {
	const char *name;
	const char *cloud; /* as cloud-init names it; NULL: it is not asked of this one */
	bool (*detect)(struct arena *a, const struct place *p);
	/* 0, or -errno with one sentence of what, why, and what to do next. */
	int (*read)(struct arena *a, const struct place *p, struct told *ret,
		    const char **ret_words);
	/* What cloud-init wrote down of it; NULL: complete, else what is missing. */
	const char *(*recall)(struct arena *a, const char *bytes, size_t len, struct told *t);
	bool network;  /* reading it takes one */
	bool by_route; /* the primary NIC is the default route's: the platform does not say */
};

extern const struct provider provider_azure, provider_aws, provider_oci, provider_gcp,
    provider_nocloud, provider_configdrive;
extern const struct provider *const providers[]; /* in the order of detection; ends with NULL */

/* NULL: none that we know. A disk is waited for, as disk_wait() does, where no firmware says
 * what this is. */
const struct provider *provider_detect(struct arena *a, const struct place *p);
/* NULL, none that we know: the guest's own NICs, and nothing else. Else the platform's read(),
 * its NICs joined by MAC to the guest's interfaces; where its service does not answer, what
 * cloud-init wrote down of it in this boot, if that is complete. */
int provider_read(struct arena *a, const struct place *p, const struct provider *which,
		  struct told *ret, const char **ret_words);
