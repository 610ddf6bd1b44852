/* secret.h - what two sites share: it seals their documents, and their preshared key follows
 * from it.
 *
 * Its file is base64, 32 to 64 bytes of it, as 'openssl rand -base64 32' prints. It lives in
 * the file and, for the length of one run, in a struct secret on the stack. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "keys/key.h"

#define SECRET_MIN 32 /* bytes */
#define SECRET_MAX 64 /* bytes: the longest key BLAKE2b takes, RFC 7693 section 2.1 */

#define SECRET_PSK "/etc/routerd/keys/psk-%s.key" /* with the other node's name */

struct secret {
	uint8_t bytes[SECRET_MAX];
	size_t len;
};

void secret_wipe(struct secret *s); /* for CLEAN() */
/* -ENOENT; -EPERM when anybody but the owner may touch it; -EINVAL when it is not base64 or
 * not a plain file; -ERANGE when it has less than SECRET_MIN bytes or more than SECRET_MAX;
 * or open(2)'s errors. */
int secret_load(const char *path, struct secret *ret);
/* Names a secret without giving it away: equal secrets have equal ids. */
void secret_id(const struct secret *s, uint8_t ret[static KEY_ID_BYTES]);
/* WireGuard's preshared key of two nodes: the same on both, in whichever order they stand. */
void secret_psk(const struct secret *s, const char *node, const char *other, struct key *ret);
/* Makes the file at path hold k (0600), as 'wg genpsk' prints it; left alone when it does. */
int secret_settle_psk(const char *path, const struct key *k);
