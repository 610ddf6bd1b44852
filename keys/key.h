/* key.h - WireGuard keys: made here, kept in files, never printed.
 *
 * A private key exists in two places: its file (0600) and, for the length of one call, a
 * struct key on the stack. Everything else, logs and status included, sees the public one. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define KEY_BYTES	       32 /* Curve25519, RFC 7748 section 5 */
#define KEY_STRLEN	       45 /* base64 with NUL, as wg(8) prints it */
#define KEY_ID_BYTES	       16
#define KEY_FINGERPRINT_STRLEN 25 /* with NUL */
#define KEY_VOUCHER_BYTES      32

/* What lies beside a key: rotate.h, record.h. */
#define KEY_NEXT     ".next"
#define KEY_PREVIOUS ".previous"
#define KEY_RECORD   ".record"

struct key {
	uint8_t bytes[KEY_BYTES];
};

void key_wipe(struct key *k); /* for CLEAN() */
bool key_equal(const struct key *a, const struct key *b);
bool key_given(const struct key *k); /* false: all zero, which stands for none */

/* What key_load_or_create() did. */
struct key_story {
	bool made;
	char aside[PATH_MAX]; /* where it moved a damaged file; "": there was none */
};

/* The private or preshared key at path. -ENOENT; -EPERM when people other than its owner
 * and group can read it, or others than its owner write it; -EINVAL when it is no key, or
 * not a plain file; or open(2)'s errors. */
int key_load(const char *path, struct key *ret);
/* The same, but makes a private key, and its folder (0700), where there is none. A plain
 * file of a key's size that holds none is moved aside first; what is longer, or what a symbolic
 * link leads to, is not. Callers
 * at once end up with one key. At every step there is a whole key at path or none.
 * *ret_story is also set when it fails. */
int key_load_or_create(const char *path, struct key *ret, struct key_story *ret_story);
/* What key_load() would refuse about the file's mode, without reading it: 0, -EPERM, or
 * -ENOENT and the like when nothing can be said. */
int key_check_mode(const char *path);
/* Keeps others from moving the file at path aside until the descriptor is closed; whatever
 * waited sees what is there then. key_load()'s errors, except that it need not hold a key. */
int key_lock(const char *path);
/* Is k the private key in that file? For who pastes it where a public one belongs. */
bool key_is_own(const char *path, const struct key *k);

int key_public(const struct key *private, struct key *ret);
/* Of the private key at path. key_load()'s errors. */
int key_load_public(const char *path, struct key *ret);
/* False for the points of low order, which agree on the same secret with everybody
 * (RFC 7748 section 6.1): no peer has such a key. */
bool key_is_usable(const struct key *public);
/* True for what 'wg genkey' prints, never for the public half of a key made here, and for
 * one in sixteen of other people's public keys: a reason to ask, not to refuse. */
bool key_looks_private(const struct key *k);
const char *key_print(const struct key *k, char buf[static KEY_STRLEN]);
int key_parse(const char *text, struct key *ret); /* 44 characters of base64; -EINVAL */
/* The text, or "(a key)": for words about what stands where no key belongs. */
const char *key_hide(const char *text);
/* Names a secret without giving it away: equal keys have equal ids. */
void key_id(const struct key *k, uint8_t ret[static KEY_ID_BYTES]);
/* For people to compare over another channel, "3f2a-91bc-77d0-1e5a-c4b2": the first 80 bits
 * of SHA-256, what 'base64 -d FILE.pub | sha256sum' begins with. */
const char *key_fingerprint(const struct key *public, char buf[static KEY_FINGERPRINT_STRLEN]);

/* A voucher shows the holder of peer's private half that the holder of the private key at
 * path announces next as his coming public key. Either of the two could have made it, so it
 * proves nothing to anybody else; it is good for this next only, and says nothing of when.
 * -EINVAL when peer or next is a point of low order, or key_load()'s errors. */
int key_vouch(const char *path, const struct key *peer, const struct key *next,
	      uint8_t ret[static KEY_VOUCHER_BYTES]);
/* The other side: the key at path is the one that from's holder made it for. -EBADMSG when it
 * does not fit; -EINVAL and key_load()'s errors as above. */
int key_vouched(const char *path, const struct key *from, const struct key *next,
		const uint8_t given[static KEY_VOUCHER_BYTES]);
