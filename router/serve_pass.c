/* serve_pass.c - one pass of the daemon: what it does, what it says of it, and when the next
 * one is due. */
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clean.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/notify.h"
#include "own.h"
#include "report.h"
#include "serve.h"

#define BUSY_SHARE 4	/* at most one part in five of the time goes to passes ... */
#define REST_MS	   1000 /* ... but one that had to wait holds up the next no longer */
#define LOCKED_MS  200	/* until the next try while another program changes the network */
#define KEY_MS	   500	/* between looks for the first use of a peer's next key */
#define LOG_LINES  100	/* ops of a pass that are logged one by one */

void serve_soon(struct serve *s, int64_t ms)
{
	int64_t rest = s->took * BUSY_SHARE;

	rest = s->ended + (rest < REST_MS ? rest : REST_MS) - now_ms();
	if (s->passing)
		s->missed = true;
	else if (!s->armed)
		timer_start(&s->soon, rest > ms ? rest : ms);
	s->armed |= !s->passing;
}

/* ---- passes ----------------------------------------------------------------------------- */

/* What failed is told once, not at every pass that finds it so. */
static void log_failures(struct serve *s, char *text)
{
	if (*text && (!s->failures || strcmp(s->failures, text) != 0))
		log_text(LOG_ERROR, text, LOG_LINES, "");
	else if (!*text && s->failures && *s->failures)
		log_line(LOG_INFO, "what failed before has been put right");
	free(s->failures);
	s->failures = text;
}

static void count(struct serve *s, const struct pass *p)
{
	s->counters.passes++;
	s->counters.failures += p->failed;
	s->counters.changes += p->plan.count - p->failed;
	for (size_t i = 0; i < p->plan.count; i++) {
		const struct op *op = &p->plan.ops[i];

		s->counters.removals +=
		    op->verb == VERB_DELETE && op->want && !op->error && !op->moot;
	}
}

static void idle(void *arg)
{
	struct serve *s = arg;

	loop_turn(&s->loop, 0);
}

static void put_into_force(struct serve *s, struct kept *kept, struct pass *p)
{
	struct status *was = s->status;

	s->status = status_new(was, kept, p, time(NULL));
	status_free(was);
	pass_free(s->pass);
	s->pass = p;
	if (s->kept != kept)
		kept_free(s->kept);
	s->kept = kept;
}

/* Names of silent peers, now and then: a pass sees no fault in an endpoint that moved. */
static void follow(struct serve *s, struct kernel *k)
{
	struct op *ops;
	size_t n = wg_follow(k, time(NULL), &ops);

	for (size_t i = 0; i < n; i++)
		log_line(ops[i].error ? LOG_WARNING : LOG_INFO, "%s: %s%s%s",
			 object_name(s->pass->arena, ops[i].origin), ops[i].note,
			 ops[i].error ? ": " : "", ops[i].error ? strerror(-ops[i].error) : "");
}

/* Where a run reports. */
struct account {
	struct out *ops; /* or NULL */
	FILE *done, *failed;
};

static int passes(struct serve *s, struct kernel *k, struct kept *kept,
		  const struct account *to)
{
	bool again = true;
	int r = 0;

	for (int i = 0; i < PASSES && again && r == 0; i++) {
		struct pass *p;

		r = pass_new(k, &kept->want, &p);
		if (r < 0)
			break;
		pass_apply(k, p);
		count(s, p);
		report_plan(&p->plan, &p->have, REPORT_TABLE, to->done);
		again = i + 1 < PASSES && pass_again(p);
		if (!again)
			report_failures(&p->plan, to->failed);
		if (to->ops)
			report_ops(&p->plan, !again, to->ops);
		put_into_force(s, kept, p);
	}
	if (r == 0 && s->follow)
		follow(s, k);
	s->follow = false;
	return r;
}

void serve_tell_manager(struct serve *s)
{
	static const char *const sources[] = {
		[ACTIVE_NONE] = "waiting for a configuration",
		[ACTIVE_FILES] = "",
		[ACTIVE_LAST_GOOD] = "; the files have faults, the last good ones are in force",
	};
	const char *faults = s->active.source == ACTIVE_FILES && s->active.faults
				 ? "; the files have faults, what was in force stays"
				 : "";

	if (s->status && s->kept)
		notify_send("STATUS=%zu of %zu objects ready, %zu degraded%s%s",
			    s->status->ready, s->status->count, s->status->degraded,
			    sources[s->active.source], faults);
	else
		notify_send("STATUS=%s", sources[s->active.source]);
}

/* Good news at once; of what is wrong only what was not told after the last pass. */
static void say(void *arg, enum log_level level, const char *line)
{
	struct stream *wrong = arg;

	if (level == LOG_INFO)
		log_console(level, line);
	else
		fprintf(wrong->file, "%s\n", line);
}

static void say_wrong(struct serve *s, char *text)
{
	if (*text && (!s->wrong || strcmp(s->wrong, text) != 0))
		for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			log_console(LOG_WARNING, line);
			*end = '\n';
		}
	free(s->wrong);
	s->wrong = text;
}

static int try(struct serve *s, struct kept *kept, const struct account *to)
{
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(close_fd) int lock = reconcile_lock(RECONCILE_PASS, 0);
	CLEAN(stream_done) struct stream wrong = { 0 };
	const struct voice voice = { say, &wrong };
	int r = lock < 0 ? lock : kernel_open(&k);

	if (r < 0)
		return r;
	k.idle_fd = s->loop.fd;
	k.idle = idle;
	k.idle_arg = s;
	k.asked = kept == s->kept; /* names that do not resolve hold up only what is new */
	s->wanted = &kept->want;
	s->passing = true;
	(void)stream_open(&wrong);
	if (kept != s->kept)
		own_settle(kept->selves, kept->self_count, s->adopt, &voice);
	r = passes(s, &k, kept, to);
	s->adopt = false;
	own_publish(kept->selves, kept->self_count, &voice);
	say_wrong(s, stream_take(&wrong));
	s->passing = false;
	s->wanted = s->kept ? &s->kept->want : NULL;
	return r;
}

/* Of a handshake with a peer's next key nobody tells. */
static bool awaits_key(const struct pass *p)
{
	for (size_t i = 0; p && i < p->want.count; i++)
		if (p->want.items[i].type == ITEM_PEER && p->want.items[i].peer.prior &&
		    p->want.items[i].peer.idle)
			return true;
	return false;
}

static void run(struct serve *s, const struct account *to)
{
	int64_t start = now_ms();
	int r = try(s, s->next ? s->next : s->kept, to);

	if (r == -EAGAIN && s->next)
		fputs("another routerctl is changing this network; this is done when it ends\n",
		      to->failed);
	else if (r < 0 && r != -EAGAIN)
		fprintf(to->failed, "the kernel could not be asked: %s\n", strerror(-r));
	if (s->kept == s->next)
		s->next = NULL;
	s->ended = now_ms();
	s->took = s->ended - start;
	if (r == 0)
		s->at = time(NULL);
	if (s->missed || r < 0)
		serve_soon(s, r < 0 ? LOCKED_MS : SERVE_DEBOUNCE);
	s->missed = false;
	if (r == 0 && awaits_key(s->pass))
		serve_soon(s, KEY_MS);
}

void serve_pass(struct serve *s, struct kept *next, struct out *ops, FILE *failed)
{
	uint64_t version = s->status ? s->status->version : 0;
	CLEAN(stream_done) struct stream done = { 0 };
	CLEAN(stream_done) struct stream not_done = { 0 };
	const struct account to = { ops, stream_open(&done), stream_open(&not_done) };

	assert(!s->passing); /* whoever may be called in a pass has looked */
	if (next) {
		kept_free(s->next);
		s->next = next;
	}
	run(s, &to);
	log_text(LOG_INFO, stream_text(&done), LOG_LINES, "");
	if (failed)
		fputs(stream_text(&not_done), failed);
	log_failures(s, stream_take(&not_done));
	if (s->status && s->status->version != version) {
		serve_tell_manager(s);
		control_changed(s->control);
	}
	(void)malloc_trim(0); /* the month until the next change needs less */
}
