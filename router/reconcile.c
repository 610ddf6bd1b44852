#include "reconcile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clean.h"

#define LOCK_FOLDER "/run/routerd"

int pass_new(struct kernel *k, const struct state *want, struct pass **ret)
{
	struct arena *a = arena_new();
	struct pass *p = arena_alloc(a, sizeof(*p));
	int r;

	p->arena = p->want.arena = p->have.arena = a;
	p->want.items = arena_alloc(a, (want->count + 1) * sizeof(*want->items));
	p->want.count = want->count;
	p->want.room = want->count + 1;
	if (want->count)
		memcpy(p->want.items, want->items, want->count * sizeof(*want->items));
	state_sort(&p->want, NULL, NULL);
	r = kernel_observe(k, &p->want, &p->have);
	if (r < 0) {
		pass_free(p);
		return r;
	}
	state_diff(&p->have, &p->want, &p->plan);
	*ret = p;
	return 0;
}

void pass_apply(struct kernel *k, struct pass *p)
{
	p->failed = kernel_apply(k, &p->plan);
	p->applied = true;
}

void pass_free(struct pass *p)
{
	if (p)
		arena_free(p->arena);
}

/* An op without an answer may have been done. */
bool pass_again(const struct pass *p)
{
	for (size_t i = 0; i < p->plan.count; i++)
		if (p->plan.ops[i].error == 0 || p->plan.ops[i].error == -ENOBUFS)
			return true;
	return false;
}

static void wake(int signal)
{
	(void)signal; /* only flock() is to be interrupted */
}

/* A file of root's for each namespace: the namespace itself, under /proc, anybody may lock. */
static int open_lock(enum reconcile_lock which)
{
	static const char *const names[] = {
		[RECONCILE_PASS] = "netns",
		[RECONCILE_SERVE] = "serve",
	};
	char path[64];
	struct stat st;
	int fd;

	if (stat("/proc/self/ns/net", &st) < 0 ||
	    (mkdir(LOCK_FOLDER, 0755) < 0 && errno != EEXIST))
		return -errno;
	snprintf(path, sizeof(path), LOCK_FOLDER "/%s-%ju.lock", names[which],
		 (uintmax_t)st.st_ino);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int reconcile_lock(enum reconcile_lock which, int seconds)
{
	struct sigaction act = { .sa_handler = wake }, old;
	CLEAN(close_fd) int fd = open_lock(which);
	sigset_t set;
	int r;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return take_fd(&fd);
	if (errno != EWOULDBLOCK || seconds == 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	if (sigaction(SIGALRM, &act, &old) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0)
		return -errno;
	alarm((unsigned)seconds);
	r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	alarm(0);
	(void)sigaction(SIGALRM, &old, NULL);
	if (r == -EINTR)
		return -EAGAIN;
	return r < 0 ? r : take_fd(&fd);
}

bool reconcile_served(void)
{
	CLEAN(close_fd) int fd = open_lock(RECONCILE_SERVE);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool reconcile_allowed(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	return syscall(SYS_capget, &h, d) == 0 && (d[0].effective >> CAP_NET_ADMIN & 1);
}
