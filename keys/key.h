/* key.h - WireGuard keys: made here, kept in files, never printed.
 *
 * A private key exists in two places: its file (0600) and, for the length of one call, a
 * struct key on the stack. Everything else, logs and status included, sees the public one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KEY_BYTES    32 /* Curve25519, RFC 7748 section 5 */
#define KEY_STRLEN   45 /* base64 with NUL, as wg(8) prints it */
#define KEY_ID_BYTES 16

struct key {
	uint8_t bytes[KEY_BYTES];
};

void key_wipe(struct key *k); /* for CLEAN() */
bool key_equal(const struct key *a, const struct key *b);

/* The private or preshared key at path. -ENOENT; -EPERM when people other than its owner
 * and group can read it, or others than its owner write it; -EINVAL when it is no key, or
 * not a plain file; or open(2)'s errors. */
int key_load(const char *path, struct key *ret);
/* The same, but makes a private key, and its folder (0700), where there is none. Two
 * callers at once end up with the same key. *ret_made says whether this one made it. */
int key_load_or_create(const char *path, struct key *ret, bool *ret_made);
/* What key_load() would refuse about the file's mode, without reading it: 0, -EPERM, or
 * -ENOENT and the like when nothing can be said. */
int key_check_mode(const char *path);

int key_public(const struct key *private, struct key *ret);
/* False for the points of low order, which agree on the same secret with everybody
 * (RFC 7748 section 6.1): no peer has such a key. */
bool key_is_usable(const struct key *public);
const char *key_print(const struct key *k, char buf[static KEY_STRLEN]);
int key_parse(const char *text, struct key *ret); /* 44 characters of base64; -EINVAL */
/* Names a secret without giving it away: equal keys have equal ids. */
void key_id(const struct key *k, uint8_t ret[static KEY_ID_BYTES]);
