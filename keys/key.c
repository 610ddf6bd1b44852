#include "keys/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clean.h"
#include "base/file.h"
#include "keys/aside.h"

void key_wipe(struct key *k)
{
	sodium_memzero(k, sizeof(*k));
}

bool key_equal(const struct key *a, const struct key *b)
{
	return sodium_memcmp(a, b, sizeof(*a)) == 0;
}

bool key_given(const struct key *k)
{
	return !sodium_is_zero(k->bytes, KEY_BYTES);
}

const char *key_print(const struct key *k, char buf[static KEY_STRLEN])
{
	return sodium_bin2base64(buf, KEY_STRLEN, k->bytes, KEY_BYTES,
				 sodium_base64_VARIANT_ORIGINAL);
}

int key_parse(const char *text, struct key *ret)
{
	struct key k;
	size_t n;
	int r = sodium_base642bin(k.bytes, KEY_BYTES, text, strlen(text), NULL, &n, NULL,
				  sodium_base64_VARIANT_ORIGINAL);

	if (r == 0 && n == KEY_BYTES)
		*ret = k;
	key_wipe(&k);
	return r == 0 && n == KEY_BYTES ? 0 : -EINVAL;
}

int key_public(const struct key *private, struct key *ret)
{
	return crypto_scalarmult_base(ret->bytes, private->bytes) < 0 ? -EINVAL : 0;
}

bool key_is_usable(const struct key *public)
{
	static const unsigned char any[KEY_BYTES] = { 8 };
	unsigned char shared[KEY_BYTES];

	return crypto_scalarmult(shared, any, public->bytes) == 0;
}

const char *key_hide(const char *text)
{
	CLEAN(key_wipe) struct key k = { 0 };

	return key_parse(text, &k) == 0 ? "(a key)" : text;
}

void key_id(const struct key *k, uint8_t ret[static KEY_ID_BYTES])
{
	crypto_generichash(ret, KEY_ID_BYTES, k->bytes, KEY_BYTES, NULL, 0);
}

const char *key_fingerprint(const struct key *public, char buf[static KEY_FINGERPRINT_STRLEN])
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	char *to = buf;

	crypto_hash_sha256(sum, public->bytes, KEY_BYTES);
	for (int i = 0; i < 10; i += 2)
		to += sprintf(to, "%s%02x%02x", i ? "-" : "", sum[i], sum[i + 1]);
	return buf;
}

bool key_looks_private(const struct key *k)
{
	return (k->bytes[0] & 7) == 0 && (k->bytes[31] & 0xc0) == 0x40;
}

static void key_make(struct key *k)
{
	struct key public;

	do {
		randombytes_buf(k->bytes, KEY_BYTES); /* getrandom(2): waits for its seed */
		k->bytes[0] &= 248; /* clamp: RFC 7748 section 5, decodeScalar25519 */
		k->bytes[31] = (k->bytes[31] & 127) | 64;
	} while (key_public(k, &public) < 0 || key_looks_private(&public));
}

static int mode_fault(const struct stat *st)
{
	return st->st_mode & (S_IRWXO | S_IWGRP) ? -EPERM : 0;
}

int key_check_mode(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -errno : mode_fault(&st);
}

static int open_key(const char *path)
{
	/* O_NONBLOCK: a FIFO must not hold us up. */
	CLEAN(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r = S_ISREG(st.st_mode) ? mode_fault(&st) : -EINVAL;
	return r < 0 ? r : take_fd(&fd);
}

static int read_key(int fd, struct key *ret)
{
	CLEAN(key_wipe) struct key k = { 0 };
	char text[KEY_STRLEN + 2];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int r;

	if (n < 0)
		return -errno;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	r = key_parse(text, &k);
	if (r == 0 && sodium_is_zero(k.bytes, KEY_BYTES))
		r = -EINVAL; /* WireGuard takes it for "none" */
	if (r == 0)
		*ret = k;
	sodium_memzero(text, sizeof(text));
	return r;
}

int key_load(const char *path, struct key *ret)
{
	CLEAN(close_fd) int fd = open_key(path);

	return fd < 0 ? fd : read_key(fd, ret);
}

int key_load_public(const char *path, struct key *ret)
{
	CLEAN(key_wipe) struct key private = { 0 };
	int r = key_load(path, &private);

	return r < 0 ? r : key_public(&private, ret);
}

bool key_is_own(const char *path, const struct key *k)
{
	CLEAN(key_wipe) struct key own = { 0 };

	return key_load(path, &own) == 0 && key_equal(&own, k);
}

/* The file itself is locked, not its folder: a folder anybody may read anybody may lock. */
int key_lock(const char *path)
{
	for (;;) {
		CLEAN(close_fd) int fd = open_key(path);
		struct stat locked, named;

		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX) < 0 || fstat(fd, &locked) < 0 || stat(path, &named) < 0)
			return -errno;
		if (locked.st_dev == named.st_dev && locked.st_ino == named.st_ino)
			return take_fd(&fd);
	}
}

/* No key is as long, nor two of them: that is somebody's file, named by mistake. */
#define DAMAGED_MOST 100 /* bytes */

/* -ENOENT: there is none now. 0: another caller put it right meanwhile. */
static int move_damaged(const char *path, struct key *ret, char ret_aside[static PATH_MAX])
{
	CLEAN(close_fd) int fd = key_lock(path);
	struct stat st;
	int r = fd < 0 ? fd : read_key(fd, ret);

	if (fd < 0 || r != -EINVAL)
		return r;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > DAMAGED_MOST)
		return -EINVAL;
	r = aside_move(path, "", "damaged", time(NULL), ret_aside);
	return r < 0 ? r : -ENOENT;
}

static int create(const char *path, struct key *ret)
{
	CLEAN(key_wipe) struct key k = { 0 };
	char text[KEY_STRLEN + 1];
	int r = file_make_folder(path, 0700);

	if (r < 0)
		return r;
	key_make(&k);
	key_print(&k, text);
	text[KEY_STRLEN - 1] = '\n';
	r = file_create(path, text, KEY_STRLEN, 0600);
	sodium_memzero(text, sizeof(text));
	if (r == 0)
		*ret = k;
	return r;
}

int key_load_or_create(const char *path, struct key *ret, struct key_story *ret_story)
{
	int r;

	*ret_story = (struct key_story){ 0 };
	if (sodium_init() < 0)
		return -ENOSYS;
	r = key_load(path, ret);
	if (r == -EINVAL)
		r = move_damaged(path, ret, ret_story->aside);
	if (r != -ENOENT)
		return r;
	r = create(path, ret);
	if (r == -EEXIST)
		return key_load(path, ret);
	ret_story->made = r == 0;
	return r;
}

/* ---- vouchers --------------------------------------------------------------------------- */

#define LABEL "routerd voucher v1"

/* All that must not outlive a call. */
struct agreed {
	struct key private, mac_key;
	uint8_t seed[KEY_BYTES + sizeof(LABEL) - 1]; /* the secret of the two, LABEL */
};

static void agreed_wipe(struct agreed *s)
{
	sodium_memzero(s, sizeof(*s));
}

/* From the holder of the key at path to that of other, or the other way. */
static int voucher(const char *path, const struct key *other, bool to_other,
		   const struct key *next, uint8_t ret[static KEY_VOUCHER_BYTES])
{
	CLEAN(agreed_wipe) struct agreed s = { 0 };
	struct key said[3] = { [2] = *next }; /* from, to, next */
	int r = key_load(path, &s.private);

	if (r < 0)
		return r;
	if (!key_is_usable(next) || key_public(&s.private, &said[to_other ? 0 : 1]) < 0 ||
	    crypto_scalarmult(s.seed, s.private.bytes, other->bytes) < 0)
		return -EINVAL;
	said[to_other ? 1 : 0] = *other;
	memcpy(s.seed + KEY_BYTES, LABEL, sizeof(LABEL) - 1);
	crypto_generichash(s.mac_key.bytes, KEY_BYTES, s.seed, sizeof(s.seed), NULL, 0);
	crypto_generichash(ret, KEY_VOUCHER_BYTES, (uint8_t *)said, sizeof(said),
			   s.mac_key.bytes, KEY_BYTES);
	return 0;
}

int key_vouch(const char *path, const struct key *peer, const struct key *next,
	      uint8_t ret[static KEY_VOUCHER_BYTES])
{
	return voucher(path, peer, true, next, ret);
}

int key_vouched(const char *path, const struct key *from, const struct key *next,
		const uint8_t given[static KEY_VOUCHER_BYTES])
{
	uint8_t want[KEY_VOUCHER_BYTES];
	int r = voucher(path, from, false, next, want);

	if (r == 0 && sodium_memcmp(want, given, KEY_VOUCHER_BYTES) != 0)
		r = -EBADMSG;
	sodium_memzero(want, sizeof(want));
	return r;
}
