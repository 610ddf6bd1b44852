#include "serve.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/stream.h"
#include "base/log.h"
#include "notify.h"
#include "report.h"

#define AUDIT_MS     10000 /* proxies, sysctls of no event, peers: nobody tells of them */
#define FOLLOW	     3	   /* audits between looks at names of silent peers */
#define DEBOUNCE     5	   /* ms from an event to its pass */
#define BUSY_SHARE   4	   /* at most one part in five of the time goes to passes */
#define SETTLE_MS    200   /* from a change of a file to its reading: editors take steps */
#define LOCK_SECONDS 5	   /* that a new configuration waits for another program */
#define LOCKED_MS    200   /* until the next try while another program changes the network */
#define LOG_LINES    100   /* ops of a pass that are logged one by one */

static int64_t now_s(void)
{
	return time(NULL);
}

/* A pass, in so many milliseconds; or later, when the last one took long. */
static void soon(struct serve *s, int64_t ms)
{
	int64_t rest = s->ended + s->took * BUSY_SHARE - now_ms();

	if (s->passing)
		s->missed = true;
	else if (!s->armed)
		timer_start(&s->soon, rest > ms ? rest : ms);
	s->armed |= !s->passing;
}

/* ---- passes ----------------------------------------------------------------------------- */

static void log_lines(enum log_level level, const char *text)
{
	size_t n = 0;

	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		if (n++ < LOG_LINES)
			log_line(level, "%.*s", (int)(end - line), line);
	if (n > LOG_LINES)
		log_line(level, "%zu more", n - LOG_LINES);
}

/* What failed is told once, not at every pass that finds it so. */
static void log_failures(struct serve *s, char *text)
{
	if (*text && (!s->failures || strcmp(s->failures, text) != 0))
		log_lines(LOG_ERROR, text);
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

		s->counters.removals += op->verb == VERB_DELETE && op->want && !op->error;
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

	s->status = status_new(was, kept, p, now_s());
	status_free(was);
	pass_free(s->pass);
	s->pass = p;
	if (s->kept != kept)
		kept_free(s->kept);
	s->kept = kept;
	s->at = now_s();
}

/* Names of silent peers, now and then: a pass sees no fault in an endpoint that moved. */
static void follow(struct serve *s, struct kernel *k)
{
	struct op *ops;
	size_t n = wg_follow(k, now_s(), &ops);

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

static void tell_manager(struct serve *s)
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

/* One that could not be brought to a pass comes into force with the next. */
static void accept_unseen(struct serve *s, struct kept *next)
{
	status_free(s->status);
	pass_free(s->pass);
	kept_free(s->kept);
	s->status = NULL;
	s->pass = NULL;
	s->kept = next;
	s->wanted = &next->want;
}

static int try(struct serve *s, struct kept *kept, const struct account *to)
{
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(close_fd) int lock =
	    reconcile_lock(RECONCILE_PASS, kept == s->kept ? 0 : LOCK_SECONDS);
	int r = lock < 0 ? lock : kernel_open(&k);

	if (r < 0)
		return r;
	k.idle_fd = s->loop.fd;
	k.idle = idle;
	k.idle_arg = s;
	k.asked = kept == s->kept; /* names that do not resolve hold up only what is new */
	s->wanted = &kept->want;
	s->passing = true;
	r = passes(s, &k, kept, to);
	s->passing = false;
	return r;
}

static void run(struct serve *s, struct kept *next, const struct account *to)
{
	int64_t start = now_ms();
	int r = try(s, next ? next : s->kept, to);

	if (r == -EAGAIN && next)
		fputs("another routerctl is changing this network; this is done when it ends\n",
		      to->failed);
	else if (r < 0 && r != -EAGAIN)
		fprintf(to->failed, "the kernel could not be asked: %s\n", strerror(-r));
	if (next && s->kept != next)
		accept_unseen(s, next);
	s->ended = now_ms();
	s->took = s->ended - start;
	if (s->missed || r < 0)
		soon(s, r < 0 ? LOCKED_MS : DEBOUNCE);
	s->missed = false;
}

void serve_pass(struct serve *s, struct kept *next, struct out *ops, FILE *failed)
{
	uint64_t version = s->status ? s->status->version : 0;
	CLEAN(stream_done) struct stream done = { 0 };
	CLEAN(stream_done) struct stream not_done = { 0 };
	const struct account to = { ops, stream_open(&done), stream_open(&not_done) };

	run(s, next, &to);
	log_lines(LOG_INFO, stream_text(&done));
	if (failed)
		fputs(stream_text(&not_done), failed);
	log_failures(s, stream_take(&not_done));
	if (s->status && s->status->version != version) {
		tell_manager(s);
		control_changed(s->control);
	}
	(void)malloc_trim(0); /* the month until the next change needs less */
}

/* ---- events ----------------------------------------------------------------------------- */

static void soon_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	timer_stop(&s->soon);
	s->armed = false;
	if (s->passing)
		s->missed = true;
	else if (s->kept)
		serve_pass(s, NULL, NULL, NULL);
}

/* One that comes back a thousand times is not told a thousand times. */
static bool is_worth_a_line(unsigned n)
{
	return n <= 10 || (n & (n - 1)) == 0;
}

static void removed(void *arg, const struct op *op)
{
	struct serve *s = arg;
	char address[ADDR_STRLEN];
	unsigned times;

	addr_print(&op->have->address, address);
	if (op->error) {
		log_line(LOG_ERROR, "%s/%s: %s cannot be taken off %s: %s",
			 op->origin->kind->name, op->origin->name, address, op->have->link,
			 op->why ? op->why : strerror(-op->error));
		return;
	}
	s->counters.removals++;
	times = status_removed(s->status, op->origin, now_s());
	if (is_worth_a_line(times))
		log_line(LOG_INFO, "%s/%s: removed %s, which something had put on %s (time %u)",
			 op->origin->kind->name, op->origin->name, address, op->have->link,
			 times);
}

static void route_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	if (watch_route(&s->watch, s->wanted, removed, s))
		soon(s, DEBOUNCE);
}

static void nft_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	if (watch_nft(&s->watch))
		soon(s, DEBOUNCE);
}

/* ---- files ------------------------------------------------------------------------------ */

static void reload(struct serve *s)
{
	struct kept *next;

	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration",
		    (long long)now_us());
	if (active_reload(&s->active, &next) == 0)
		serve_pass(s, next, NULL, NULL);
	notify_send("READY=1");
	tell_manager(s);
}

static void reread_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	timer_stop(&s->reread);
	if (s->passing)
		timer_start(&s->reread, SETTLE_MS);
	else
		reload(s);
}

static const char *const folders[] = { LOAD_ROOT, LOAD_FOLDER, LOAD_PEERS };

/* True when a folder is watched that was not: it came, or came anew. */
static bool watch_files(struct serve *s)
{
	bool changed = false;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		int wd = inotify_add_watch(s->files.fd, folders[i],
					   IN_CLOSE_WRITE | IN_MOVE | IN_DELETE | IN_CREATE |
					       IN_ONLYDIR);

		changed |= wd != s->watches[i];
		s->watches[i] = wd;
	}
	return changed;
}

/* A new file is being written: IN_CLOSE_WRITE will come. Links, of both kinds, are there. */
static bool is_unfinished(const struct serve *s, const struct inotify_event *e)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (e->mask & IN_CREATE && e->wd == s->watches[i]) {
			snprintf(path, sizeof(path), "%s/%s", folders[i], e->name);
			return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
		}
	return false;
}

/* Of a file that is being written, its end is waited for; links and folders are there at
 * once. Of the root's other files, none matters. */
static bool matters(const struct serve *s, const struct inotify_event *e)
{
	const char *name = e->len ? e->name : "";

	if (e->mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_IGNORED))
		return true;
	if (e->wd == s->watches[0])
		return strcmp(name, "router.yaml") == 0 && !is_unfinished(s, e);
	return *name != '.' && !is_unfinished(s, e);
}

static void files_ready(void *arg, uint32_t events)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct serve *s = arg;
	bool any = false;
	ssize_t n;

	(void)events;
	while ((n = read(s->files.fd, buf, sizeof(buf))) > 0)
		for (char *at = buf; at < buf + n;) {
			const struct inotify_event *e = (const void *)at;

			any |= matters(s, e);
			at += sizeof(*e) + e->len;
		}
	if (!any)
		return;
	(void)watch_files(s);
	timer_start(&s->reread, SETTLE_MS);
}

/* ---- time and signals ------------------------------------------------------------------- */

static int64_t audit_ms(void)
{
	int64_t watchdog = notify_watchdog_ms();

	return watchdog && watchdog / 2 < AUDIT_MS ? watchdog / 2 : AUDIT_MS;
}

static void tick_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	timer_start(&s->tick, audit_ms());
	notify_send("WATCHDOG=1");
	if (watch_files(s))
		timer_start(&s->reread, SETTLE_MS);
	s->follow = s->ticks++ % FOLLOW == 0;
	if (!s->passing && s->kept)
		serve_pass(s, NULL, NULL, NULL);
}

static void confirm_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;
	struct kept *next;
	int r;

	(void)events;
	timer_stop(&s->confirm);
	if (s->passing) {
		timer_start(&s->confirm, SETTLE_MS);
		return;
	}
	log_line(LOG_WARNING, "the change was not confirmed in time: going back");
	r = active_rollback(&s->active, &next);
	if (r == 0)
		serve_pass(s, next, NULL, NULL);
	else
		log_line(LOG_ERROR,
			 "the configuration before the change cannot be restored: %s",
			 strerror(-r));
}

void serve_arm_confirm(struct serve *s)
{
	if (s->active.confirm_until)
		timer_start(&s->confirm, s->active.confirm_until - now_ms());
	else
		timer_stop(&s->confirm);
}

static void signal_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		timer_start(&s->reread, 0);
	else
		s->loop.ended = true;
}

/* ---- start and end ---------------------------------------------------------------------- */

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int listen_to(struct serve *s, struct source *source, int fd,
		     void (*ready)(void *arg, uint32_t events))
{
	*source = (struct source){ fd, ready, s };
	return fd < 0 ? -errno : loop_add(&s->loop, source, EPOLLIN);
}

static int add_timer(struct serve *s, struct source *source,
		     void (*ready)(void *arg, uint32_t events))
{
	*source = (struct source){ -1, ready, s };
	return timer_add(&s->loop, source);
}

static int open_all(struct serve *s)
{
	int r = loop_open(&s->loop);

	if (r == 0)
		r = listen_to(s, &s->signals, open_signals(), signal_ready);
	if (r == 0)
		r = listen_to(s, &s->files, inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
			      files_ready);
	if (r == 0)
		r = add_timer(s, &s->tick, tick_ready);
	if (r == 0)
		r = add_timer(s, &s->soon, soon_ready);
	if (r == 0)
		r = add_timer(s, &s->reread, reread_ready);
	if (r == 0)
		r = add_timer(s, &s->confirm, confirm_ready);
	if (r == 0)
		r = watch_open(&s->watch);
	if (r == 0)
		r = listen_to(s, &s->route, watch_route_fd(&s->watch), route_ready);
	if (r == 0 && s->watch.nft)
		r = listen_to(s, &s->nft, watch_nft_fd(&s->watch), nft_ready);
	return r;
}

/* Sockets of the watch are closed with it. */
static void close_all(struct serve *s)
{
	control_close(&s->control);
	watch_close(&s->watch);
	loop_remove(&s->loop, &s->signals);
	loop_remove(&s->loop, &s->files);
	loop_remove(&s->loop, &s->tick);
	loop_remove(&s->loop, &s->soon);
	loop_remove(&s->loop, &s->reread);
	loop_remove(&s->loop, &s->confirm);
	loop_close(&s->loop);
	status_free(s->status);
	pass_free(s->pass);
	kept_free(s->kept);
	free(s->active.faults);
	free(s->failures);
}

static int refuse(int r)
{
	if (r == -EAGAIN)
		log_line(LOG_ERROR, "another routerd serves this network already; "
				    "'routerctl status' shows it");
	else if (r == -EADDRINUSE)
		log_line(LOG_ERROR, CONTROL_SOCKET " is served by another routerd, of another "
						   "network namespace: give each a /run of its "
						   "own");
	else
		log_line(LOG_ERROR, "cannot start: %s", strerror(-r));
	return 1;
}

int serve_run(void)
{
	CLEAN(close_all) struct serve s = { .loop.fd = -1,
					    .signals.fd = -1,
					    .files.fd = -1,
					    .tick.fd = -1,
					    .soon.fd = -1,
					    .reread.fd = -1,
					    .confirm.fd = -1,
					    .started = now_s() };
	CLEAN(close_fd) int lock =
	    reconcile_lock(RECONCILE_SERVE, 1); /* or some routerctl asks */
	struct kept *first;
	int r = lock < 0 ? lock : open_all(&s);

	if (r == 0)
		r = control_open(&s.control, &s.loop, CONTROL_SOCKET, serve_description,
				 serve_calls, &s);
	if (r < 0)
		return refuse(r);
	log_line(LOG_INFO, "routerd " VERSION " starts");
	active_start(&s.active, &first);
	(void)watch_files(&s);
	if (first)
		serve_pass(&s, first, NULL, NULL);
	notify_send("READY=1");
	tell_manager(&s);
	timer_start(&s.tick, audit_ms());
	while (!s.loop.ended)
		loop_turn(&s.loop, -1);
	notify_send("STOPPING=1");
	log_line(LOG_INFO, "routerd ends; the network stays as it is");
	return 0;
}
