#include "keys/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/file.h"

void key_wipe(struct key *k)
{
	sodium_memzero(k, sizeof(*k));
}

bool key_equal(const struct key *a, const struct key *b)
{
	return sodium_memcmp(a, b, sizeof(*a)) == 0;
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

void key_id(const struct key *k, uint8_t ret[static KEY_ID_BYTES])
{
	crypto_generichash(ret, KEY_ID_BYTES, k->bytes, KEY_BYTES, NULL, 0);
}

static void key_make(struct key *k)
{
	randombytes_buf(k->bytes, KEY_BYTES); /* getrandom(2), which waits for its seed */
	k->bytes[0] &= 248;		      /* clamp: RFC 7748 section 5, decodeScalar25519 */
	k->bytes[31] = (k->bytes[31] & 127) | 64;
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

int key_load(const char *path, struct key *ret)
{
	/* O_NONBLOCK: a FIFO must not hold us up. */
	CLEAN(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEAN(key_wipe) struct key k = { 0 };
	char text[KEY_STRLEN + 2];
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = mode_fault(&st);
	if (r < 0)
		return r;
	n = read(fd, text, sizeof(text) - 1);
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

int key_load_or_create(const char *path, struct key *ret, bool *ret_made)
{
	char text[KEY_STRLEN + 1];
	int r;

	*ret_made = false;
	if (sodium_init() < 0)
		return -ENOSYS;
	r = key_load(path, ret);
	if (r != -ENOENT)
		return r;
	r = file_make_folder(path, 0700);
	if (r < 0)
		return r;
	key_make(ret);
	key_print(ret, text);
	text[KEY_STRLEN - 1] = '\n';
	r = file_create(path, text, KEY_STRLEN, 0600);
	sodium_memzero(text, sizeof(text));
	if (r == -EEXIST)
		return key_load(path, ret);
	*ret_made = r == 0;
	return r;
}
