#include "keys/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/file.h"

#define FILE_MAX   128 /* bytes: the base64 of SECRET_MAX, its newlines, and some */
#define PSK_DOMAIN "routerd psk v1"

void secret_wipe(struct secret *s)
{
	sodium_memzero(s, sizeof(*s));
}

static int parse(const char *text, size_t len, struct secret *ret)
{
	const char *end;
	size_t n;
	int r;

	errno = 0;
	r = sodium_base642bin(ret->bytes, SECRET_MAX, text, len, "\n", &n, &end,
			      sodium_base64_VARIANT_ORIGINAL);
	if (r < 0 && errno == ERANGE)
		return -ERANGE;
	if (r < 0 || end != text + len)
		return -EINVAL;
	ret->len = n;
	return n < SECRET_MIN ? -ERANGE : 0;
}

int secret_load(const char *path, struct secret *ret)
{
	/* O_NONBLOCK: a FIFO must not hold us up. */
	CLEAN(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEAN(secret_wipe) struct secret s = { .len = 0 };
	char text[FILE_MAX];
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return -EPERM;
	if (st.st_size > FILE_MAX)
		return -ERANGE;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	r = parse(text, (size_t)n, &s);
	if (r == 0)
		*ret = s;
	sodium_memzero(text, sizeof(text));
	return r;
}

void secret_id(const struct secret *s, uint8_t ret[static KEY_ID_BYTES])
{
	crypto_generichash(ret, KEY_ID_BYTES, s->bytes, s->len, NULL, 0);
}

void secret_psk(const struct secret *s, const char *node, const char *other, struct key *ret)
{
	const char *first = strcmp(node, other) < 0 ? node : other;
	const char *const parts[] = { PSK_DOMAIN, first, first == node ? other : node };
	crypto_generichash_state h;

	crypto_generichash_init(&h, s->bytes, s->len, KEY_BYTES);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) /* each with its NUL */
		crypto_generichash_update(&h, (const void *)parts[i], strlen(parts[i]) + 1);
	crypto_generichash_final(&h, ret->bytes, KEY_BYTES);
	sodium_memzero(&h, sizeof(h));
}

int secret_settle_psk(const char *path, const struct key *k)
{
	CLEAN(key_wipe) struct key old = { 0 };
	char text[KEY_STRLEN + 1];
	int r;

	if (key_load(path, &old) == 0 && key_equal(&old, k))
		return 0;
	r = file_make_folder(path, 0700);
	if (r < 0)
		return r;
	key_print(k, text);
	text[KEY_STRLEN - 1] = '\n';
	r = file_write(path, text, KEY_STRLEN, 0600);
	sodium_memzero(text, sizeof(text));
	return r;
}
