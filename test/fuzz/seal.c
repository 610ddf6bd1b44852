/* A sealed document from anywhere: any bytes. What is opened is what was sealed with the key,
 * and nothing near it is. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "keys/seal.h"

#define NODE "cloud-rt"
#define WHEN 1790000000

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

static void holds(bool what)
{
	if (!what)
		abort();
}

/* Whether buf has the mark of a seal in it, or a NUL, which no document has. */
static bool is_odd(const char *buf, size_t len)
{
	return memchr(buf, '\0', len) || memmem(buf, len, SEAL_MARK, strlen(SEAL_MARK));
}

static void check_round(const char *buf, size_t len, const struct seal_with *with,
			const struct seal_want *want)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct seal s;
	size_t sealed_len;
	char *sealed;
	int r = seal_add(a, buf, len, with, NODE, WHEN, &sealed, &sealed_len);

	holds((r == 0) == !is_odd(buf, len));
	if (r < 0)
		return;
	holds(seal_open(sealed, sealed_len, want, &s) == SEAL_OK);
	holds(s.when == WHEN && s.body >= len && s.body <= len + 1);
	holds(memcmp(sealed, buf, len) == 0);
	sealed[len * 7919 % sealed_len] ^= 1; /* any one */
	holds(seal_open(sealed, sealed_len, want, &s) != SEAL_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	static const struct key seed = { { 1 } };
	static const struct secret secret = { { 1 }, 32 };
	struct key public;
	const struct seal_with with[] = {
		{ SEAL_ED25519, &seed, NULL },
		{ SEAL_HMAC, NULL, &secret },
	};

	holds(sodium_init() >= 0);
	seal_key_public(&seed, &public);
	for (size_t i = 0; i < 2; i++) {
		const struct seal_want want = {
			{ with[i].type, &public, &secret }, NODE, 0, WHEN
		};
		struct seal s;

		/* The corpus has one of each that opens; to find another is to break it. */
		if (seal_open((const char *)buf, len, &want, &s) == SEAL_OK)
			holds(s.body < len && strcmp(s.node, NODE) == 0);
		check_round((const char *)buf, len, &with[i], &want);
	}
	return 0;
}
