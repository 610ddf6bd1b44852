/* ctl_rotate.c - one key after another, by way of one at which all peers are asked. */
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

#define PROOF_S 15  /* that peers have to shake hands with the new key */
#define LIVE_S	180 /* since its last handshake: REJECT_AFTER_TIME */
#define LOOK_NS 200000000

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
	if (r == 0)
		r = export_write(t->self, &made);
	if (r < 0)
		return ctl_complain(t->self->key_file, r);
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

/* Peers of the link whose last handshake was at since or later, into the arena. */
static size_t shaken(const struct rotating *t, int64_t since, struct key **ret)
{
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(pass_done) struct pass *p = NULL;
	struct key *keys;
	size_t n = 0;

	*ret = NULL;
	if (kernel_open(&k) < 0 || pass_new(&k, &t->want, &p) < 0)
		return 0;
	keys = arena_alloc(t->arena, (p->have.count + 1) * sizeof(*keys));
	for (size_t i = 0; i < p->have.count; i++) {
		const struct item *h = &p->have.items[i];

		if (h->type == ITEM_PEER && strcmp(h->link, t->self->link) == 0 &&
		    h->peer.handshake && h->peer.handshake >= since)
			keys[n++] = h->peer.key;
	}
	*ret = keys;
	return n;
}

/* Handshakes tell their second only: one before this and one after it are told apart. */
static int64_t next_second(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	time_t now = time(NULL);

	while (time(NULL) <= now)
		nanosleep(&pause, NULL);
	return time(NULL);
}

static bool holds(const struct key *keys, size_t n, const struct key *k)
{
	for (size_t i = 0; i < n; i++)
		if (key_equal(&keys[i], k))
			return true;
	return false;
}

/* Waits for each of the peers that were live; those that stay silent are told. */
static size_t await(const struct rotating *t, const struct key *live, size_t n, int64_t since)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	int64_t end = clock_ms() + PROOF_S * 1000;
	char fp[KEY_FINGERPRINT_STRLEN];
	struct key *now;
	size_t count, silent;

	do {
		nanosleep(&pause, NULL);
		count = shaken(t, since, &now);
		silent = 0;
		for (size_t i = 0; i < n; i++)
			silent += !holds(now, count, &live[i]);
	} while (silent && clock_ms() < end);
	for (size_t i = 0; i < n; i++)
		if (!holds(now, count, &live[i]))
			fprintf(stderr, "routerctl: peer %s does not accept the new key\n",
				key_fingerprint(&live[i], fp));
	return silent;
}

static enum ctl_exit go_back(const struct rotating *t)
{
	bool changed;
	int r = rotate_back(t->self->key_file);

	if (r == -ENOENT) {
		fputs("routerctl: no rotation is under way\n", stderr);
		return CTL_FAILED;
	}
	if (r == 0)
		r = export_write(t->self, &changed);
	return r < 0 ? ctl_complain(t->self->key_file, r) : put_in_force(t);
}

static int finish(const struct rotating *t, unsigned generation)
{
	struct identity now;
	bool changed;
	int r;

	identity_read(t->arena, &now);
	r = record_made(t->self->key_file, &now, generation);
	if (r == 0)
		r = rotate_finish(t->self->key_file);
	return r < 0 ? r : export_write(t->self, &changed);
}

static enum ctl_exit commit(const struct rotating *t)
{
	struct record was = { 0 };
	char fp[KEY_FINGERPRINT_STRLEN];
	struct key *live, next;
	size_t n;
	int64_t since;
	int r;

	if (rotate_state(t->self->key_file) == ROTATION_NONE) {
		fputs("routerctl: there is no next key; 'routerctl rotate' makes one\n",
		      stderr);
		return CTL_FAILED;
	}
	(void)record_load(t->self->key_file, &was);
	n = shaken(t, time(NULL) - LIVE_S, &live);
	since = next_second();
	r = rotate_switch(t->self->key_file);
	if (r < 0)
		return ctl_complain(t->self->key_file, r);
	if (put_in_force(t) != CTL_OK || (await(t, live, n, since) > 0 && !t->o->force)) {
		fputs("routerctl: going back to the key before; have those nodes taken this "
		      "node's export? 'routerctl rotate --commit' tries again, with --force in "
		      "spite of them\n",
		      stderr);
		(void)go_back(t);
		return CTL_FAILED;
	}
	r = finish(t, was.generation + 1);
	if (r < 0)
		return ctl_complain(t->self->key_file, r);
	if (export_public(t->self, &next) == 0)
		printf("the key of %s is now %s; %zu peers use it. Give " EXPORT_FOLDER
		       "/%s.yaml to the other nodes once more, at leisure\n",
		       t->self->node, key_fingerprint(&next, fp), n, t->self->node);
	return ctl_printed(CTL_OK);
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
