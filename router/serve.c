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
#include "base/file.h"
#include "base/log.h"
#include "export.h"
#include "base/notify.h"
#include "peers.h"

#define AUDIT_MS    10000 /* proxies, sysctls of no event, peers: nobody tells of them */
#define FOLLOW	    3	  /* audits between looks at names of silent peers */
#define REVERT_MS   5000  /* until the next try to put files back */
#define PATIENCE_MS 2000  /* that changes may follow each other before they are read */
#define SETTLE_MS   200	  /* from a change of a file to its reading: editors take steps */

/* ---- events ----------------------------------------------------------------------------- */

static void soon_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	timer_stop(&s->soon);
	s->armed = false;
	if (s->passing)
		s->missed = true;
	else if (s->kept || s->next)
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
	times = status_removed(s->status, op->origin, time(NULL));
	if (is_worth_a_line(times))
		log_line(LOG_INFO, "%s/%s: removed %s, which something had put on %s (time %u)",
			 op->origin->kind->name, op->origin->name, address, op->have->link,
			 times);
}

static void reread(struct serve *s);

static void route_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	if (!watch_route(&s->watch, s->wanted, removed, s))
		return;
	serve_soon(s, SERVE_DEBOUNCE);
	if (s->kept && s->kept->wants_facts)
		reread(s);
}

static void nft_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	if (watch_nft(&s->watch))
		serve_soon(s, SERVE_DEBOUNCE);
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
	serve_tell_manager(s);
}

/* A while after the last of the changes, but not for ever after the first. */
static void reread(struct serve *s)
{
	int64_t now = now_ms();

	if (!s->changed)
		s->changed = now;
	timer_start(&s->reread, now - s->changed < PATIENCE_MS ? SETTLE_MS : 0);
}

static void reread_ready(void *arg, uint32_t events)
{
	struct serve *s = arg;

	(void)events;
	timer_stop(&s->reread);
	s->changed = 0;
	if (s->passing)
		timer_start(&s->reread, SETTLE_MS);
	else
		reload(s);
}

/* The last is watched for what first boot writes of the machine. */
static const char *const folders[] = { LOAD_ROOT, LOAD_FOLDER, LOAD_PEERS, FACTS_FOLDER };

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
		return (strcmp(name, "router.yaml") == 0 || strcmp(name, "node") == 0) &&
		       !is_unfinished(s, e);
	if (e->wd == s->watches[3])
		return strcmp(name, FACTS_NAME) == 0 && !is_unfinished(s, e);
	return (e->wd == s->watches[2] ? peers_reads(name) : load_reads(name)) &&
	       !is_unfinished(s, e);
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
	reread(s);
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
	struct kept *next;

	(void)events;
	timer_start(&s->tick, audit_ms());
	notify_send("WATCHDOG=1");
	if (watch_files(s))
		reread(s);
	s->follow = s->ticks++ % FOLLOW == 0;
	if (s->passing)
		return;
	active_tick(&s->active, &next);
	if (next || s->kept || s->next)
		serve_pass(s, next, NULL, NULL);
}

static void confirm_ready(void *arg, uint32_t events)
{
	CLEAN(free_text) char *faults = NULL;
	struct serve *s = arg;
	bool again = s->active.reverting;
	struct kept *next;
	int r;

	(void)events;
	timer_stop(&s->confirm);
	if (s->passing) {
		timer_start(&s->confirm, SETTLE_MS);
		return;
	}
	if (!again)
		log_line(LOG_WARNING, "the change was not confirmed in time: going back");
	r = active_rollback(&s->active, &next, &faults);
	if (next)
		serve_pass(s, next, NULL, NULL);
	if (s->active.reverting)
		timer_start(&s->confirm, REVERT_MS);
	if (r < 0 && !again)
		log_line(LOG_ERROR, "the files before the change cannot be put back: %s%s",
			 strerror(-r),
			 s->active.reverting ? "; what they say is in force, and it is tried "
					       "again"
					     : "");
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
	kept_free(s->next);
	free(s->active.faults);
	free(s->active.warnings);
	free(s->failures);
	free(s->wrong);
}

/* Where we write files of our own. */
static const char *const written[] = { LOAD_PEERS, PEERS_KNOWN, EXPORT_FOLDER };

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

int serve_run(bool adopt)
{
	CLEAN(close_all) struct serve s = { .loop.fd = -1,
					    .signals.fd = -1,
					    .files.fd = -1,
					    .tick.fd = -1,
					    .soon.fd = -1,
					    .reread.fd = -1,
					    .confirm.fd = -1,
					    .adopt = adopt,
					    .started = time(NULL) };
	CLEAN(close_fd) int lock =
	    reconcile_lock(RECONCILE_SERVE, 1); /* or some routerctl asks */
	struct kept *first;
	int r = lock < 0 ? lock : open_all(&s);

	if (r == 0)
		r = control_open(&s.control, &s.loop, CONTROL_SOCKET, serve_description,
				 serve_calls, &s);
	if (r < 0)
		return refuse(r);
	/* What an arena lets go is the system's again, not a hole in the heap: mallopt(3). */
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	log_line(LOG_INFO, "routerd " VERSION " starts");
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
		file_sweep(written[i]);
	active_start(&s.active, &first);
	(void)watch_files(&s);
	if (first)
		serve_pass(&s, first, NULL, NULL);
	notify_send("READY=1");
	serve_tell_manager(&s);
	timer_start(&s.tick, audit_ms());
	serve_arm_confirm(&s);
	while (!s.loop.ended)
		loop_turn(&s.loop, -1);
	notify_send("STOPPING=1");
	log_line(LOG_INFO, "routerd ends; the network stays as it is");
	return 0;
}
