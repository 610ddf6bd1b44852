#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/log.h"
#include "firstboot/exchange_import.h"
#include "firstboot/exchange_round.h"

struct fetch {
	const struct exchange_peer *peer;
	struct round_means means;
	const char *path; /* of the state */
	struct exchange_state state;
	const char *url, *settings;
	bool known; /* the state is of these settings */
};

static void fetch_wipe(struct fetch *f)
{
	round_wipe_means(&f->means);
}

static int load_means(struct round *r, struct fetch *f)
{
	struct round_means *m = &f->means;

	switch (f->peer->seal) {
	case EXCHANGE_SECRET:
		return round_load_secret(r, m);
	case EXCHANGE_SIGNATURE:
		m->key = f->peer->signing_key;
		m->with = (struct seal_with){ SEAL_ED25519, &m->key, NULL };
		break;
	case EXCHANGE_UNSEALED:
		break;
	}
	return 0;
}

static int get(struct round *r, struct fetch *f, struct http_reply *ret)
{
	bool all = r->options->again || !f->known;
	struct http_request q = {
		.url = f->url,
		.max = EXCHANGE_DOCUMENT,
		.etag = all ? NULL : f->state.etag,
		.modified = all ? NULL : f->state.modified,
	};

	return round_request(r, &q, ret);
}

static int refuse(struct round *r, const struct fetch *f, enum seal_verdict v,
		  const struct seal *s)
{
	switch (v) {
	case SEAL_NONE:
		return round_fail(r, "its document has no seal as its last line: is it what "
				     "routerd-exchange publishes there?");
	case SEAL_TWO:
		return round_fail(r, "its document has more than one seal, so it is not what "
				     "routerd-exchange publishes");
	case SEAL_MALFORMED:
		return round_fail(r, "its document's seal is not of a form known here: is the "
				     "program there newer?");
	case SEAL_OTHER_NODE:
		return round_fail(
		    r, "the document is sealed as that of node %s: is the URL right?", s->node);
	case SEAL_OTHER_TYPE:
		return round_fail(
		    r,
		    "its document is sealed by %s, and %s is wanted: see seal there "
		    "and the peer's settings here",
		    seal_type_name(s->type), seal_type_name(f->means.with.type));
	case SEAL_FORGED:
		return round_fail(
		    r,
		    "its document's seal does not fit: it was changed, or sealed with "
		    "another %s than is named here",
		    f->means.with.key ? "key ('routerd-exchange --show' there)" : "secret");
	case SEAL_OLD:
		return round_fail(r,
				  "an old document, sealed %s, after one of %s was accepted: "
				  "somebody plays it back, or its clock went back; if it did, "
				  "remove %s",
				  round_time(r, s->when), round_time(r, f->state.sealed),
				  f->path);
	case SEAL_FUTURE:
		return round_fail(
		    r,
		    "its document is sealed %s, more than a day from now: check both "
		    "clocks (timedatectl)",
		    round_time(r, s->when));
	case SEAL_OK:
		break;
	}
	return 0;
}

/* The preshared key that the secret gives, where one is asked for, in its file. */
static int settle_psk(struct round *r, const struct fetch *f)
{
	CLEAN(key_wipe) struct key k = { 0 };
	const char *path;
	int err;

	if (!f->peer->preshared)
		return 0;
	path = arena_printf(r->arena, SECRET_PSK, f->peer->node);
	secret_psk(&f->means.secret, r->self, f->peer->node, &k);
	err = secret_settle_psk(path, &k);
	return err < 0 ? round_fail(r, "%s: %s", path, strerror(-err)) : 0;
}

static int take(struct round *r, struct fetch *f, const struct http_reply *reply, size_t len,
		const char *document)
{
	const char *words;

	if (settle_psk(r, f) < 0)
		return -EIO;
	if (exchange_import(r->arena, f->peer->node, f->peer->preshared, reply->body, len,
			    &words) < 0)
		return round_fail(r, "%s", words);
	f->state.document = document;
	if (round_remember(r, f->path, &f->state) < 0)
		return -EIO;
	log_line(LOG_INFO, "%s: its document, sealed %s, is handed to routerctl import",
		 f->peer->node, round_time(r, f->state.sealed));
	return 0;
}

static bool is_same(const struct round *r, const struct fetch *f, const char *document)
{
	return !r->options->again && f->known && f->state.document &&
	       strcmp(f->state.document, document) == 0;
}

static int accept_sealed(struct round *r, struct fetch *f, const struct http_reply *reply)
{
	const struct seal_want want = { f->means.with, f->peer->node, f->state.sealed, r->now };
	const char *document;
	struct seal seal;
	enum seal_verdict v = seal_open(reply->body, reply->len, &want, &seal);

	if (v != SEAL_OK)
		return refuse(r, f, v, &seal);
	document = round_digest(r->arena, reply->body, seal.body);
	f->state.sealed = seal.when;
	f->state.etag = reply->etag;
	f->state.modified = reply->modified;
	if (!is_same(r, f, document))
		return take(r, f, reply, seal.body, document);
	if (settle_psk(r, f) < 0)
		return -EIO;
	return round_remember(r, f->path, &f->state);
}

static int keep_offer(struct round *r, struct fetch *f, const struct http_reply *reply)
{
	const char *path = arena_printf(r->arena, EXCHANGE_STATE "/%s.offer", f->peer->node);
	const char *document = round_digest(r->arena, reply->body, reply->len), *name;
	bool same = is_same(r, f, document);
	char print[KEY_FINGERPRINT_STRLEN];
	struct key key;
	int err;

	if (round_read_peer(r, "its document", reply->body, reply->len, &name, &key) < 0)
		return -EIO;
	if (strcmp(name, f->peer->node) != 0)
		return round_fail(r, "the document is that of node %s: is the URL right?",
				  name);
	same = same && access(path, F_OK) == 0;
	err = same ? 0 : file_write(path, reply->body, reply->len, 0644);
	if (err < 0)
		return round_fail(r, "%s: %s", path, strerror(-err));
	f->state.document = document;
	f->state.etag = reply->etag;
	f->state.modified = reply->modified;
	if (round_remember(r, f->path, &f->state) < 0)
		return -EIO;
	if (!same)
		log_line(LOG_WARNING,
			 "%s: its document is not authenticated, and kept as an offer; its key "
			 "is %s: if that is what they read there, run 'routerctl import "
			 "--expect %s %s'",
			 f->peer->node, key_fingerprint(&key, print), print, path);
	return 0;
}

int round_fetch(struct round *r, const struct exchange_peer *p)
{
	CLEAN(fetch_wipe) struct fetch f = { .peer = p, .path = round_state_path(r, p) };
	struct http_reply reply;

	if (r->self && strcmp(r->self, p->node) == 0)
		return round_fail(r, "that is this node itself");
	if (p->preshared && !r->self)
		return round_fail(
		    r, "preshared: this node's own name is not known yet, see above");
	if (round_read_url(r, &p->place, &f.url) < 0 || load_means(r, &f) < 0 ||
	    round_recall(r, f.path, &f.state) < 0)
		return -EIO;
	f.settings = round_digest_settings(r, f.url, &f.means, p->preshared);
	f.known = f.state.settings && strcmp(f.state.settings, f.settings) == 0;
	f.state.settings = f.settings;
	if (get(r, &f, &reply) < 0)
		return -EIO;
	if (reply.unchanged)
		return settle_psk(r, &f);
	return p->seal == EXCHANGE_UNSEALED ? keep_offer(r, &f, &reply)
					    : accept_sealed(r, &f, &reply);
}
