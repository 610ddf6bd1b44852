/* ctl_rotate.c - replaces the key in use, when every peer has shown that it takes the next. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clean.h"
#include "base/clock.h"
#include "ctl.h"
#include "export.h"
#include "keys/record.h"
#include "keys/rotate.h"
#include "reconcile.h"

#define PROOF_S 15  /* that peers have to shake hands with the next key */
#define LIVE_S	180 /* since its last handshake: REJECT_AFTER_TIME */
#define LOOK_MS 200

struct rotating {
	const struct ctl *o;
	struct arena *arena;
	struct state want;
	const struct self *self;
};

static const struct self *choose(const struct ctl *o, const struct self *selves, size_t n)
{
	const char *link = o->words[0];

	for (size_t i = 0; i < n; i++)
		if (link ? strcmp(selves[i].link, link) == 0 : n == 1)
			return &selves[i];
	fputs(link ? "routerctl: there is no WireGuardInterface of that name\n"
		   : "routerctl: there is not just one WireGuardInterface; name the one\n",
	      stderr);
	return NULL;
}

static enum ctl_exit fail(const struct rotating *t, const char *ending, int error,
			  const char *words)
{
	fprintf(stderr, "routerctl: %s%s: %s; %s\n", t->self->key_file, ending,
		error == -EPERM	   ? "others can read or write it: 'chmod 600' it"
		: error == -EINVAL ? "it holds no key"
				   : strerror(-error),
		words);
	return CTL_FAILED;
}

static enum ctl_exit export_failed(const struct rotating *t, int error, const char *words)
{
	fprintf(stderr, "routerctl: " EXPORT_FOLDER "/%s.yaml: %s; %s\n", t->self->node,
		strerror(-error), words);
	return CTL_FAILED;
}

static enum ctl_exit announce(const struct rotating *t)
{
	char fp[KEY_FINGERPRINT_STRLEN];
	struct key next;
	bool made;
	int r = rotate_begin(t->self->key_file, &next, &made);

	if (r == -EBUSY) {
		fputs("routerctl: the last rotation is not over: 'routerctl rotate --commit' "
		      "ends "
		      "it, 'routerctl rotate --abort' goes back\n",
		      stderr);
		return CTL_FAILED;
	}
	if (r < 0)
		return fail(t, KEY_NEXT, r, "nothing has changed");
	r = export_write(t->self, &made);
	if (r < 0)
		return export_failed(
		    t, r,
		    "there is a next key, but it is not exported, and nothing has "
		    "changed yet: put that right, and 'routerctl rotate' again");
	printf("the next key of %s has the fingerprint %s; nothing has changed yet\n"
	       "1. give " EXPORT_FOLDER "/%s.yaml to every other node\n"
	       "2. routerctl rotate --commit\n",
	       t->self->node, key_fingerprint(&next, fp), t->self->node);
	return ctl_printed(CTL_OK);
}

/* The key file is in force. */
static enum ctl_exit put_in_force(const struct rotating *t)
{
	struct ctl quiet = *t->o;

	quiet.file_count = 0;
	return reconcile_served() ? ctl_reload(&quiet) : ctl_change(&quiet, &t->want);
}

/* When each of the peers last shook hands, by either of its keys; seconds since 1970. */
static int hear(const struct rotating *t, int64_t *ret)
{
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(pass_done) struct pass *p = NULL;
	int r = kernel_open(&k);

	if (r == 0)
		r = pass_new(&k, &t->want, &p);
	for (size_t i = 0; i < t->self->peer_count && r == 0; i++) {
		const struct key *keys[] = { &t->self->peers[i].key, &t->self->peers[i].next };

		ret[i] = 0;
		for (size_t n = 0; n < sizeof(keys) / sizeof(*keys); n++) {
			const struct item key = { .type = ITEM_PEER,
						  .link = t->self->link,
						  .peer = { .key = *keys[n] } };
			const struct item *h = state_find(&p->have, &key);

			if (h && h->peer.handshake > ret[i])
				ret[i] = h->peer.handshake;
		}
	}
	return r;
}

/* Handshakes tell their second only: one before this and one after it are told apart. */
static int64_t next_second(void)
{
	time_t now = time(NULL);

	while (time(NULL) <= now)
		clock_sleep(10);
	return time(NULL);
}

static size_t silent(const struct rotating *t, const int64_t *heard, int64_t since)
{
	size_t n = 0;

	for (size_t i = 0; i < t->self->peer_count; i++)
		n += heard[i] < since;
	return n;
}

static void name_silent(const struct rotating *t, const int64_t *heard, int64_t since,
			const char *words)
{
	char fp[KEY_FINGERPRINT_STRLEN];

	for (size_t i = 0; i < t->self->peer_count; i++)
		if (heard[i] < since)
			fprintf(stderr, "routerctl: peer %s (%s) %s\n", t->self->peers[i].name,
				key_fingerprint(&t->self->peers[i].key, fp), words);
}

/* Waits for every peer, but at most PROOF_S. */
static size_t await(const struct rotating *t, int64_t *heard, int64_t since)
{
	int64_t end = clock_ms() + PROOF_S * 1000;
	size_t n;

	do {
		clock_sleep(LOOK_MS);
		n = hear(t, heard) < 0 ? t->self->peer_count : silent(t, heard, since);
	} while (n && clock_ms() < end);
	return n;
}

static enum ctl_exit go_back(const struct rotating *t)
{
	bool changed;
	int r = rotate_back(t->self->key_file);

	if (r == -ENOENT) {
		fputs("routerctl: no rotation is under way\n", stderr);
		return CTL_FAILED;
	}
	if (r < 0)
		return fail(t, KEY_PREVIOUS, r, "the key in use stays");
	r = export_write(t->self, &changed);
	if (r < 0)
		(void)export_failed(t, r, "it says what was so before");
	if (rotate_state(t->self->key_file) == ROTATION_NONE)
		puts("the next key is given up; who took its announcement may keep that");
	return put_in_force(t);
}

/* Every peer must be in touch, so that it can be asked. */
static bool is_heard(const struct rotating *t, int64_t *heard)
{
	int64_t since = time(NULL) - LIVE_S;
	int r = hear(t, heard);

	if (r < 0) {
		(void)ctl_complain("the kernel could not be asked; nothing was done", r);
		return false;
	}
	if (!silent(t, heard, since) || t->o->force)
		return true;
	name_silent(t, heard, since, "is not in touch");
	fputs("routerctl: whether they know the next key cannot be seen, and those that do not "
	      "are "
	      "cut off by it. Nothing was done: let something through the tunnel (a ping), and "
	      "try "
	      "again, or say --force\n",
	      stderr);
	return false;
}

static enum ctl_exit finish(const struct rotating *t, const int64_t *heard, int64_t since,
			    unsigned generation)
{
	static const char kept[] = "the new key is in force, the one before is kept: put that "
				   "right, and 'routerctl rotate --commit' again";
	char fp[KEY_FINGERPRINT_STRLEN];
	struct identity now;
	struct key public;
	bool changed;
	int r;

	identity_read(t->arena, &now);
	r = record_made(t->self->key_file, &now, generation);
	if (r < 0)
		return fail(t, KEY_RECORD, r, kept);
	r = rotate_finish(t->self->key_file);
	if (r < 0)
		return fail(t, KEY_PREVIOUS, r, kept);
	r = export_write(t->self, &changed);
	if (r < 0)
		return export_failed(t, r,
				     "the new key is in force, and this says the old one");
	if (key_load_public(t->self->key_file, &public) == 0)
		printf("the key of %s is now %s; %zu of %zu peers use it. Give " EXPORT_FOLDER
		       "/%s.yaml to the other nodes once more, at leisure\n",
		       t->self->node, key_fingerprint(&public, fp),
		       t->self->peer_count - silent(t, heard, since), t->self->peer_count,
		       t->self->node);
	name_silent(t, heard, since,
		    "is cut off until it takes this node's new export, with 'routerctl import "
		    "--replace' if it did not take the last one");
	return ctl_printed(CTL_OK);
}

static enum ctl_exit commit(const struct rotating *t)
{
	int64_t *heard = arena_alloc(t->arena, (t->self->peer_count + 1) * sizeof(*heard));
	struct record was = { 0 };
	int64_t since;
	bool changed;
	int r;

	if (rotate_state(t->self->key_file) == ROTATION_TRIED && go_back(t) != CTL_OK)
		return CTL_FAILED; /* a kill left it there: from the beginning */
	if (rotate_state(t->self->key_file) == ROTATION_NONE) {
		fputs("routerctl: there is no next key; 'routerctl rotate' makes one\n",
		      stderr);
		return CTL_FAILED;
	}
	r = export_write(t->self, &changed);
	if (r < 0)
		return export_failed(t, r, "so nobody can know the next key; nothing was done");
	if (!is_heard(t, heard))
		return CTL_FAILED;
	(void)record_load(t->self->key_file, &was);
	since = next_second();
	r = rotate_switch(t->self->key_file);
	if (r < 0)
		return fail(t, KEY_NEXT, r, "nothing was done");
	if (put_in_force(t) == CTL_OK && (!await(t, heard, since) || t->o->force))
		return finish(t, heard, since, was.generation + 1);
	name_silent(t, heard, since, "does not accept the next key");
	fputs(
	    "routerctl: going back to the key before. Have those nodes taken this node's "
	    "export? 'routerctl rotate --commit' tries again, with --force in spite of them\n",
	    stderr);
	(void)go_back(t);
	return CTL_FAILED;
}

enum ctl_exit ctl_rotate(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct rotating t = { .o = o, .arena = a, .want.arena = a };
	struct config c = { .arena = a };
	struct documents s;
	struct self *selves;
	size_t n;

	if (o->commit && o->abort) {
		fputs("routerctl: --commit and --abort are opposites\n", stderr);
		return CTL_USAGE;
	}
	if (!ctl_may_change() || !ctl_load(&c, &s, NULL, 0))
		return CTL_FAILED;
	config_lower(&c, &t.want);
	n = config_selves(&c, a, &selves);
	t.self = choose(o, selves, n);
	if (!t.self)
		return CTL_FAILED;
	return o->commit ? commit(&t) : o->abort ? go_back(&t) : announce(&t);
}
