#include "firstboot/exchange.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/log.h"
#include "firstboot/exchange_round.h"
#include "keys/record.h"

/* ---- this node -------------------------------------------------------------------------- */

/* The one document of the folder: NAME.yaml. NULL after words about it. */
static const char *find_export(struct round *r)
{
	CLEAN(close_folder) DIR *dir = opendir(EXCHANGE_EXPORT);
	const char *found = NULL;

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		const char *dot = strrchr(e->d_name, '.');

		if (*e->d_name == '.' || !dot || strcmp(dot, ".yaml") != 0)
			continue;
		if (found) {
			(void)round_fail(r,
					 "%s holds %s and %s: remove the one that is not this "
					 "node's",
					 EXCHANGE_EXPORT, found, e->d_name);
			return NULL;
		}
		found = arena_strndup(r->arena, e->d_name, strlen(e->d_name));
	}
	if (!found)
		(void)round_fail(r,
				 "there is no " EXCHANGE_EXPORT "/NODE.yaml: routerd writes it "
				 "when it has a WireGuard key; does it run (systemctl status "
				 "routerd)?");
	return found;
}

static int read_export(struct round *r)
{
	const char *file = find_export(r), *path, *name;
	struct key key;
	char *text;
	int err;

	if (!file)
		return -EIO;
	path = arena_printf(r->arena, EXCHANGE_EXPORT "/%s", file);
	err = file_read_plain(r->arena, path, EXCHANGE_DOCUMENT - SEAL_LINE, &text,
			      &r->export_len);
	if (err < 0)
		return round_fail(r, "%s: %s", path, strerror(-err));
	if (round_read_peer(r, path, text, r->export_len, &name, &key) < 0)
		return -EIO;
	if (strlen(name) + strlen(".yaml") != strlen(file) ||
	    strncmp(name, file, strlen(name)) != 0 || !seal_node_is_valid(name))
		return round_fail(
		    r,
		    "%s names the node %s: want the same name, of letters, digits, "
		    "'.', '_' and '-'",
		    path, name);
	r->export = text;
	r->self = name;
	return 0;
}

/* ---- ours ------------------------------------------------------------------------------- */

/* Later than all before, or peers would take it for an old document. A clock that is far behind
 * them is wrong now, or was wrong then, and only a person can tell. */
static int sealing_time(struct round *r, uint64_t *last)
{
	if (*last > r->now + SEAL_AHEAD)
		return round_fail(
		    r,
		    "this machine's clock says %s, and said %s when it published "
		    "before: set it (timedatectl), or if it was wrong then, remove "
		    "%s",
		    round_time(r, r->now), round_time(r, *last), round_state_path(r, NULL));
	*last = *last < r->now ? r->now : *last + 1;
	return 0;
}

static int put(struct round *r, const char *url, const struct round_means *m,
	       struct exchange_state *state)
{
	struct http_request q = { .url = url, .type = "application/yaml" };
	struct http_reply reply;
	char *text;

	if (sealing_time(r, &state->sealed) < 0)
		return -EIO;
	if (seal_add(r->arena, r->export, r->export_len, &m->with, r->self, state->sealed,
		     &text, &q.len) < 0)
		return round_fail(r,
				  EXCHANGE_EXPORT "/%s.yaml holds '" SEAL_MARK
						  "' or a NUL, which "
						  "it must not",
				  r->self);
	q.body = text;
	if (round_request(r, &q, &reply) < 0 ||
	    round_remember(r, round_state_path(r, NULL), state) < 0)
		return -EIO;
	log_line(LOG_INFO, "%s: published at %s, sealed by %s", r->self,
		 http_show_url(r->arena, url), seal_type_name(m->with.type));
	return 0;
}

static int publish(struct round *r)
{
	CLEAN(round_wipe_means) struct round_means m = { 0 };
	const char *url, *settings, *document;
	struct exchange_state state;
	bool by_secret = r->settings->seal == EXCHANGE_SECRET;

	if (round_read_url(r, &r->settings->place, &url) < 0 ||
	    (by_secret ? round_load_secret(r, &m) : round_load_signing_key(r, &m)) < 0 ||
	    round_recall(r, round_state_path(r, NULL), &state) < 0)
		return -EIO;
	settings = round_digest_settings(r, url, &m, false);
	document = round_digest(r->arena, r->export, r->export_len);
	if (!r->options->again && state.settings && state.document &&
	    strcmp(state.settings, settings) == 0 && strcmp(state.document, document) == 0)
		return 0;
	state.settings = settings;
	state.document = document;
	return put(r, url, &m, &state);
}

/* A copied disk must not sign as the machine that it was copied from. */
static int settle_sign(struct arena *a)
{
	struct record_story story;
	struct identity now;
	int r;

	identity_read(a, &now);
	r = record_settle(EXCHANGE_SIGN, &now, false, &story);
	if (story.end == RECORD_CLONE)
		log_line(
		    LOG_WARNING,
		    "this is a copy of another machine (its %s differs): its signing key is "
		    "now %s, and a new one is made, to be pinned on the other side",
		    story.changed, story.aside);
	return r;
}

int exchange_load_sign(struct arena *a, struct key *ret)
{
	struct key_story story = { 0 };
	int r = settle_sign(a);

	if (r == 0 || r == -EINVAL)
		r = key_load_or_create(EXCHANGE_SIGN, ret, &story);
	if (*story.aside)
		log_line(LOG_WARNING, "%s was damaged, and is now %s", EXCHANGE_SIGN,
			 story.aside);
	if (story.made)
		log_line(LOG_INFO,
			 "made %s; 'routerd-exchange --show' prints the public half, which the "
			 "other side names as signingKey",
			 EXCHANGE_SIGN);
	return r;
}

/* ---- all of it -------------------------------------------------------------------------- */

static bool needs_self(const struct exchange_settings *s)
{
	bool needs = s->publish;

	for (size_t i = 0; i < s->count; i++)
		needs = needs || s->peers[i].preshared;
	return needs;
}

static unsigned failed(const struct round *r, const char *what)
{
	log_line(LOG_ERROR, "%s: %s", what, r->words);
	return 1;
}

unsigned exchange_run(struct arena *a, const struct exchange_settings *s,
		      const struct exchange_options *o)
{
	struct round r = { a, s, o, .now = (uint64_t)time(NULL) };
	unsigned faults = 0;

	if (needs_self(s) && read_export(&r) < 0)
		faults += failed(&r, "export");
	if (s->publish && r.self && publish(&r) < 0)
		faults += failed(&r, "publish");
	for (size_t i = 0; i < s->count; i++)
		if (round_fetch(&r, &s->peers[i]) < 0)
			faults += failed(&r, s->peers[i].node);
	return faults;
}
