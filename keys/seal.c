#include "keys/seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/file.h"

#define START  "# " SEAL_MARK
#define LEAD   START " v1 "
#define DIGITS 11 /* of a time: until the year 5138 */
#define PROOF  crypto_sign_BYTES

_Static_assert(crypto_auth_hmacsha256_BYTES <= PROOF, "room for either");
_Static_assert(crypto_sign_SEEDBYTES == KEY_BYTES, "a seed is a key");
_Static_assert(crypto_sign_PUBLICKEYBYTES == KEY_BYTES, "its public half, too");

static const struct type {
	const char *name;
	size_t bytes; /* of the proof */
} types[] = {
	[SEAL_ED25519] = { "ed25519", crypto_sign_BYTES },
	[SEAL_HMAC] = { "hmac-sha256", crypto_auth_hmacsha256_BYTES },
};

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NUMBERS "0123456789"

const char *seal_type_name(enum seal_type type)
{
	return types[type].name;
}

bool seal_node_is_valid(const char *node)
{
	size_t n = strspn(node, LETTERS NUMBERS "._-");

	return n > 0 && n <= SEAL_NODE && !node[n] && !strchr("._-", *node);
}

/* ---- proofs: over text, whose last bytes are the line up to the proof ------------------- */

/* Ed25519 reads its message twice, so it has to stand in one piece. */
static unsigned char *message(const char *text, size_t len, size_t *ret_len)
{
	unsigned char *m = must(malloc(sizeof(SEAL_DOMAIN) + len));

	memcpy(m, SEAL_DOMAIN, sizeof(SEAL_DOMAIN));
	memcpy(m + sizeof(SEAL_DOMAIN), text, len);
	*ret_len = sizeof(SEAL_DOMAIN) + len;
	return m;
}

static void authenticate(const struct secret *s, const unsigned char *m, size_t len,
			 unsigned char ret[static crypto_auth_hmacsha256_BYTES])
{
	crypto_auth_hmacsha256_state h;

	crypto_auth_hmacsha256_init(&h, s->bytes, s->len);
	crypto_auth_hmacsha256_update(&h, m, len);
	crypto_auth_hmacsha256_final(&h, ret);
	sodium_memzero(&h, sizeof(h));
}

static void prove(const struct seal_with *with, const char *text, size_t len,
		  unsigned char ret[static PROOF])
{
	unsigned char public[crypto_sign_PUBLICKEYBYTES], private[crypto_sign_SECRETKEYBYTES];
	size_t n;
	CLEAN(free_ptr) unsigned char *m = message(text, len, &n);

	switch (with->type) {
	case SEAL_ED25519:
		crypto_sign_seed_keypair(public, private, with->key->bytes);
		crypto_sign_detached(ret, NULL, m, n, private);
		sodium_memzero(private, sizeof(private));
		break;
	case SEAL_HMAC:
		authenticate(with->secret, m, n, ret);
		break;
	}
}

static bool is_proven(const struct seal_with *with, const char *text, size_t len,
		      const unsigned char proof[static PROOF])
{
	unsigned char wanted[crypto_auth_hmacsha256_BYTES];
	bool same = false;
	size_t n;
	CLEAN(free_ptr) unsigned char *m = message(text, len, &n);

	switch (with->type) {
	case SEAL_ED25519:
		return crypto_sign_verify_detached(proof, m, n, with->key->bytes) == 0;
	case SEAL_HMAC:
		authenticate(with->secret, m, n, wanted);
		same = sodium_memcmp(wanted, proof, sizeof(wanted)) == 0;
		sodium_memzero(wanted, sizeof(wanted));
	}
	return same;
}

/* ---- reading the line ------------------------------------------------------------------- */

struct reading {
	struct seal seal;
	unsigned char proof[PROOF];
	size_t signed_len; /* bytes of the text that the proof is over, but for the domain */
};

/* It is the first of its kind in text, and the last. */
static bool stands_alone(const char *text, size_t len, const char *mark)
{
	size_t rest = len - (size_t)(mark + 1 - text);

	return memmem(text, len, SEAL_MARK, strlen(SEAL_MARK)) == mark &&
	       !memmem(mark + 1, rest, SEAL_MARK, strlen(SEAL_MARK));
}

/* The last line, when it is a seal by its lead; NULL. */
static const char *last_line(const char *text, size_t len)
{
	const char *before = len > 1 ? memrchr(text, '\n', len - 1) : NULL;
	const char *line = before ? before + 1 : text;
	size_t n = len - (size_t)(line - text);

	return n > strlen(START) && memcmp(line, START, strlen(START)) == 0 ? line : NULL;
}

/* One word and the space after it: the word ends at a NUL instead. NULL when there is none. */
static char *word(char **rest)
{
	char *w = *rest, *end = strchr(w, ' ');

	if (!end || end == w)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return w;
}

static bool read_time(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, NUMBERS);

	if (n == 0 || n > DIGITS || text[n] || (n > 1 && *text == '0'))
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}

static bool read_type(const char *text, enum seal_type *ret)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, text) == 0) {
			*ret = (enum seal_type)i;
			return true;
		}
	return false;
}

static bool read_line(const char *line, size_t len, struct reading *ret)
{
	char copy[SEAL_LINE + 1], *rest = copy + strlen(LEAD);
	const char *node, *when, *type;
	size_t n;

	if (len < strlen(LEAD) || len > SEAL_LINE || memcmp(line, LEAD, strlen(LEAD)) != 0 ||
	    line[len - 1] != '\n' || memchr(line, '\0', len))
		return false;
	memcpy(copy, line, len - 1);
	copy[len - 1] = '\0';
	node = word(&rest);
	when = node ? word(&rest) : NULL;
	type = when ? word(&rest) : NULL;
	if (!type || !seal_node_is_valid(node) || !read_time(when, &ret->seal.when) ||
	    !read_type(type, &ret->seal.type))
		return false;
	memcpy(ret->seal.node, node, strlen(node) + 1);
	ret->signed_len = ret->seal.body + (size_t)(rest - copy);
	return sodium_base642bin(ret->proof, PROOF, rest, strlen(rest), NULL, &n, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       n == types[ret->seal.type].bytes;
}

static enum seal_verdict read_seal(const char *text, size_t len, struct reading *ret)
{
	const char *line = last_line(text, len);

	if (!line)
		return SEAL_NONE;
	ret->seal.body = (size_t)(line - text);
	if (!stands_alone(text, len, line + 2))
		return SEAL_TWO;
	if (!read_line(line, len - ret->seal.body, ret))
		return SEAL_MALFORMED;
	return SEAL_OK;
}

static enum seal_verdict judge(const char *text, const struct reading *r,
			       const struct seal_want *want)
{
	if (strcmp(r->seal.node, want->node) != 0)
		return SEAL_OTHER_NODE;
	if (r->seal.type != want->with.type)
		return SEAL_OTHER_TYPE;
	if (!is_proven(&want->with, text, r->signed_len, r->proof))
		return SEAL_FORGED;
	if (r->seal.when < want->newest)
		return SEAL_OLD;
	return r->seal.when > want->now + SEAL_AHEAD ? SEAL_FUTURE : SEAL_OK;
}

enum seal_verdict seal_open(const char *text, size_t len, const struct seal_want *want,
			    struct seal *ret)
{
	struct reading r = { 0 };
	enum seal_verdict verdict = read_seal(text, len, &r);

	*ret = r.seal;
	return verdict == SEAL_OK ? judge(text, &r, want) : verdict;
}

/* ---- making it -------------------------------------------------------------------------- */

int seal_add(struct arena *a, const char *text, size_t len, const struct seal_with *with,
	     const char *node, uint64_t when, char **ret, size_t *ret_len)
{
	char b64[sodium_base64_ENCODED_LEN(PROOF, sodium_base64_VARIANT_ORIGINAL)];
	unsigned char proof[PROOF];
	const char *end = len && text[len - 1] != '\n' ? "\n" : "";
	char *s;

	if (!seal_node_is_valid(node) || memchr(text, '\0', len))
		return -EINVAL;
	if (memmem(text, len, SEAL_MARK, strlen(SEAL_MARK)))
		return -EEXIST;
	s = arena_printf(a, "%.*s%s" LEAD "%s %llu %s ", (int)len, text, end, node,
			 (unsigned long long)when, types[with->type].name);
	prove(with, s, strlen(s), proof);
	sodium_bin2base64(b64, sizeof(b64), proof, types[with->type].bytes,
			  sodium_base64_VARIANT_ORIGINAL);
	*ret = arena_printf(a, "%s%s\n", s, b64);
	*ret_len = strlen(*ret);
	return 0;
}

void seal_key_public(const struct key *seed, struct key *ret)
{
	unsigned char private[crypto_sign_SECRETKEYBYTES];

	crypto_sign_seed_keypair(ret->bytes, private, seed->bytes);
	sodium_memzero(private, sizeof(private));
}
