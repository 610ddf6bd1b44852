#include "firstboot/run.h"

#include <fcntl.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/clock.h"
#include "base/file.h"

#define GRACE	2000 /* ms between asking it to end and ending it */
#define UNKNOWN 255  /* exit code of what ended unseen */

/* A file that nobody else can name, at its beginning: no pipe can fill up or break. */
static int open_input(const char *bytes, size_t len)
{
	CLEAN(close_fd) int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, bytes, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(&fd);
}

static int start(const struct run *q, int in, int out, pid_t *ret)
{
	char *const none[] = { NULL };
	char *const *env = q->env ? (char *const *)q->env : none;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t signals;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	/* A process group of its own, so that the deadline ends all that it started. */
	(void)sigemptyset(&signals);
	(void)posix_spawnattr_setsigmask(&attr, &signals);
	(void)sigaddset(&signals, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(&attr, &signals);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (r == 0 && !q->talks)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0 && !q->talks)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (r == 0)
		r = posix_spawnp(ret, q->path, &actions, &attr, (char *const *)q->args, env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* ms until then, for poll(2). */
static int until(int64_t end)
{
	int64_t left = end - clock_ms();

	return end == INT64_MAX ? -1 : left < 0 ? 0 : (int)left;
}

/* What it said, so far; the bytes are malloc()ed, and one more for a NUL. */
struct output {
	char *bytes;
	size_t len, room, max;
};

static void output_done(struct output *o)
{
	free(o->bytes);
}

static void make_room(struct output *o)
{
	if (o->len < o->room || o->room == o->max)
		return;
	o->room = o->room ? o->room * 2 : 4096;
	if (o->room > o->max)
		o->room = o->max;
	o->bytes = must(realloc(o->bytes, o->room + 1));
}

/* Reads until it closes its output, or for so long. False: it still has it open. */
static bool read_output(int fd, int64_t end, struct output *o)
{
	char dropped[4096];
	ssize_t n = 1;

	while (n != 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = poll(&p, 1, until(end));
		bool full;

		if (ready == 0)
			return false;
		if (ready < 0) /* a signal: what follows would wait past the end */
			continue;
		make_room(o);
		full = o->len == o->room;
		n = full ? read(fd, dropped, sizeof(dropped))
			 : read(fd, o->bytes + o->len, o->room - o->len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return true;
		if (n > 0 && !full)
			o->len += (size_t)n;
	}
	return true;
}

/* Whether it has ended by then: looked at now and then, for what closed its output but lives.
 */
static bool wait_until(pid_t pid, int64_t end, int *ret)
{
	pid_t done;

	for (;;) {
		done = waitpid(pid, ret, end == INT64_MAX ? 0 : WNOHANG);
		if (done == pid)
			return true;
		if (done < 0 && errno != EINTR) { /* who ignores SIGCHLD is told nothing */
			*ret = W_EXITCODE(UNKNOWN, 0);
			return true;
		}
		if (clock_ms() >= end)
			return false;
		if (done == 0)
			(void)poll(NULL, 0, 10);
	}
}

/* What it said, and how it ended, by that time. */
static void see_end(pid_t pid, int from, int64_t end, struct output *out, struct run_end *ret)
{
	if (read_output(from, end, out) && wait_until(pid, end, &ret->status))
		return;
	ret->late = true;
	(void)kill(-pid, SIGTERM);
	if (!wait_until(pid, clock_ms() + GRACE, &ret->status)) {
		(void)kill(-pid, SIGKILL);
		(void)wait_until(pid, INT64_MAX, &ret->status);
	}
	(void)kill(-pid, SIGKILL);
}

int run_program(struct arena *a, const struct run *q, struct run_end *ret)
{
	CLEAN(close_fd) int in = open_input(q->in, q->in ? q->in_len : 0);
	int64_t end = q->deadline ? clock_ms() + q->deadline * 1000LL : INT64_MAX;
	CLEAN(output_done) struct output out = { .max = q->max ? q->max : RUN_OUTPUT };
	struct run_end e = { 0 };
	int ends[2], r;
	pid_t pid;

	if (in < 0)
		return in;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r = start(q, in, ends[1], &pid);
	close(ends[1]);
	if (r == 0)
		see_end(pid, ends[0], end, &out, &e);
	close(ends[0]);
	if (r < 0)
		return r;
	e.out = arena_strndup(a, out.len ? out.bytes : "", out.len);
	e.len = out.len;
	*ret = e;
	return 0;
}

bool run_is_fine(const struct run_end *end)
{
	return !end->late && WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
}

const char *run_words(struct arena *a, const struct run *q, const struct run_end *end)
{
	if (end->late)
		return arena_printf(a, "did not end in %u s", q->deadline);
	if (WIFSIGNALED(end->status))
		return arena_printf(a, "was ended by signal %d", WTERMSIG(end->status));
	return arena_printf(a, "ended with exit code %d", WEXITSTATUS(end->status));
}

/* Installed as PREFIX/lib/routerd/PROGRAM, but routerctl; where they are built, all lie
 * together, and tests' tools beside them. */
const char *run_find(struct arena *a, const char *name)
{
	static const char *const places[] = { "../../sbin", ".", "../../bin" };
	const char *named = strcmp(name, "routerctl") == 0 ? getenv("ROUTERCTL") : NULL;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash;

	if (named)
		return named;
	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *path = arena_printf(
		    a, "%.*s/%s/%s", slash ? (int)(slash - self) : 0, self, places[i], name);

		if (access(path, X_OK) == 0)
			return path;
	}
	return name;
}

const char *const *run_proxies(struct arena *a)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
					     "all_proxy",  "ALL_PROXY",	  "no_proxy",
					     "NO_PROXY" };
	const char **env = arena_alloc(a, (sizeof(names) / sizeof(*names) + 1) * sizeof(*env));
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (getenv(names[i]))
			env[n++] = arena_printf(a, "%s=%s", names[i], getenv(names[i]));
	return env;
}
