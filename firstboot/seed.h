/* seed.h - what user-data asks first boot for.
 *
 * User-data may be gzip, base64 (by those who encode it once more than needed), MIME
 * multi-part, #cloud-config with a mapping routerd: or with that mapping as the content of a
 * file SEED_FILE in its write_files, that mapping alone, or a routerd configuration as it is.
 * What belongs to others, as cloud-init's own keys or a shell script, is passed over unread.
 *
 * A private key has no business here: whoever can ask the metadata service can read it. What
 * looks like one is refused, and is neither kept nor shown. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"

#define SEED_BYTES (4 * 1024 * 1024) /* of user-data, also once unpacked */
#define SEED_FILE  "/etc/routerd/first-boot.yaml"

/* NULL: not given. All in the arena. */
struct seed {
	const char *form; /* "#cloud-config", "routerd configuration", for people; NULL: nothing
			   * in it is for us */
	const char *node; /* this node's name: node, hostname, node_name */
	const char *role; /* node_role; told, and otherwise without effect */
	const char *config; /* a configuration, inline */
	size_t config_len;
	const char *config_url;
	const char *config_digest;  /* SHA-256, 64 lower-case digits */
	const char *config_ca_file; /* PEM: instead of the system's CAs */
	const char *exchange;	    /* exchange.yaml for routerd-exchange */
	size_t exchange_len;
	bool no_install; /* install_packages: false */
};

/* Faults go to d, with the places in user-data that they are at; what is faulty is not in
 * *ret. False: there was an error, and nothing in *ret is to be used. */
bool seed_read(struct arena *a, const char *bytes, size_t len, struct seed *ret,
	       struct diag *d);
