#include "firstboot/exchange_round.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/yaml.h"

#define URL_BYTES    4096
#define DIGEST_BYTES 32

int round_fail(struct round *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	r->words = arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
	return -EIO;
}

const char *round_time(struct round *r, uint64_t when)
{
	char text[24];

	if (!*clock_print((int64_t)when, text))
		return arena_printf(r->arena, "%" PRIu64, when);
	return arena_printf(r->arena, "%s", text);
}

/* ---- digests ---------------------------------------------------------------------------- */

static void digest_add(crypto_generichash_state *h, const void *bytes, size_t len)
{
	uint64_t n = len; /* before each part, so that parts do not run together */

	crypto_generichash_update(h, (const void *)&n, sizeof(n));
	crypto_generichash_update(h, bytes, len);
}

static const char *digest_end(struct arena *a, crypto_generichash_state *h)
{
	unsigned char sum[DIGEST_BYTES];
	char hex[2 * DIGEST_BYTES + 1];

	crypto_generichash_final(h, sum, sizeof(sum));
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	return arena_strndup(a, hex, sizeof(hex));
}

const char *round_digest(struct arena *a, const char *bytes, size_t len)
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, DIGEST_BYTES);
	digest_add(&h, bytes, len);
	return digest_end(a, &h);
}

/* ---- keys: on the stack, and wiped ------------------------------------------------------ */

void round_wipe_means(struct round_means *m)
{
	key_wipe(&m->key);
	secret_wipe(&m->secret);
}

static int secret_fault(struct round *r, int error)
{
	static const struct {
		int error;
		const char *words;
	} faults[] = {
		{ -ENOENT, "is not there: the secret that both sites have; make it with "
			   "'openssl rand -base64 32' on one, mode 0600, and carry it over" },
		{ -EPERM,
		  "may be read by others: chmod 600, or make a new one if somebody did" },
		{ -EINVAL, "holds something else than base64: 'openssl rand -base64 32' makes "
			   "one" },
		{ -ERANGE,
		  "holds less than 32 bytes or more than 64: 'openssl rand -base64 32' "
		  "makes one" },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (faults[i].error == error)
			return round_fail(r, "secretFile %s %s", r->settings->secret_file,
					  faults[i].words);
	return round_fail(r, "secretFile %s: %s", r->settings->secret_file, strerror(-error));
}

int round_load_secret(struct round *r, struct round_means *m)
{
	int err = secret_load(r->settings->secret_file, &m->secret);

	m->with = (struct seal_with){ SEAL_HMAC, NULL, &m->secret };
	return err < 0 ? secret_fault(r, err) : 0;
}

int round_load_signing_key(struct round *r, struct round_means *m)
{
	int err = exchange_load_sign(r->arena, &m->key);

	m->with = (struct seal_with){ SEAL_ED25519, &m->key, NULL };
	if (err == -EPERM)
		return round_fail(
		    r,
		    "%s may be read by others: remove it, and pin the new one on the "
		    "other side",
		    EXCHANGE_SIGN);
	if (err < 0)
		return round_fail(r, "%s: %s", EXCHANGE_SIGN, strerror(-err));
	return 0;
}

/* What was done under other settings is not done under these: a digest of all that counts. */
const char *round_digest_settings(struct round *r, const char *url, const struct round_means *m,
				  bool preshared)
{
	const char *shown = http_show_url(r->arena, url); /* a signature may be renewed */
	uint8_t id[KEY_ID_BYTES] = { 0 };
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, DIGEST_BYTES);
	digest_add(&h, shown, strlen(shown));
	if (m->with.secret)
		secret_id(m->with.secret, id);
	if (m->with.key)
		key_id(m->with.key, id);
	digest_add(&h, &m->with.type, sizeof(m->with.type));
	digest_add(&h, id, sizeof(id));
	digest_add(&h, &preshared, sizeof(preshared));
	return digest_end(r->arena, &h);
}

/* ---- places ----------------------------------------------------------------------------- */

int round_read_url(struct round *r, const struct exchange_place *p, const char **ret)
{
	const char *fault;
	char *text;
	size_t len;
	int err;

	*ret = p->url;
	if (p->url)
		return 0;
	if (key_check_mode(p->file) == -EPERM)
		return round_fail(r, "urlFile %s may be read by others: chmod 600", p->file);
	err = file_read_plain(r->arena, p->file, URL_BYTES, &text, &len);
	if (err < 0)
		return round_fail(r, "urlFile %s: %s", p->file, strerror(-err));
	while (len && strchr("\r\n", text[len - 1]))
		text[--len] = '\0';
	fault = strlen(text) == len ? http_url_fault(r->arena, text) : "holds a NUL";
	if (fault)
		return round_fail(r, "urlFile %s: %s", p->file, fault);
	*ret = text;
	return 0;
}

int round_request(struct round *r, struct http_request *q, struct http_reply *ret)
{
	const char *words;
	int err;

	q->ca_file = r->settings->ca_file;
	q->deadline = r->options->deadline;
	err = http_run(r->arena, q, ret, &words);
	return err < 0 ? round_fail(r, "%s", words) : 0;
}

const char *round_state_path(struct round *r, const struct exchange_peer *p)
{
	return p ? arena_printf(r->arena, EXCHANGE_STATE "/%s.state", p->node)
		 : EXCHANGE_STATE "/published";
}

int round_recall(struct round *r, const char *path, struct exchange_state *ret)
{
	int err = exchange_state_read(r->arena, path, ret);

	if (err == -EINVAL)
		return round_fail(
		    r,
		    "%s is damaged; it guards against old documents: remove it when "
		    "nobody can have touched it, and the next one is taken",
		    path);
	return err < 0 ? round_fail(r, "%s: %s", path, strerror(-err)) : 0;
}

int round_remember(struct round *r, const char *path, const struct exchange_state *s)
{
	struct exchange_state old;
	int err;

	if (exchange_state_read(r->arena, path, &old) == 0 && exchange_state_equal(&old, s))
		return 0;
	err = exchange_state_write(path, s);
	return err < 0
		   ? round_fail(r,
				"it is done, but %s cannot be written: %s; it is done again "
				"next time",
				path, strerror(-err))
		   : 0;
}

/* The WireGuardPeer in a document: name and public key. */
int round_read_peer(struct round *r, const char *from, const char *text, size_t len,
		    const char **ret_name, struct key *ret_key)
{
	struct diag d = { .arena = r->arena };
	const struct node *doc = node_parse(r->arena, from, text, len, &d)->child;
	const char *kind = node_text(doc, "kind");
	const char *key = node_text(node_get(doc, "spec"), "publicKey");

	*ret_name = node_text(node_get(doc, "metadata"), "name");
	if (d.errors || !kind || strcmp(kind, "WireGuardPeer") != 0 || !*ret_name || !key ||
	    key_parse(key, ret_key) < 0)
		return round_fail(r, "%s is no WireGuardPeer with a name and a public key",
				  from);
	return 0;
}
