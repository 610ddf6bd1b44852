#include "reconcile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"

#define LOCK_FOLDER "/run/routerd"

int reconcile_plan(struct kernel *k, struct pass *p)
{
	int r;

	state_sort(&p->want, NULL, NULL);
	r = kernel_observe(k, &p->want, &p->have);
	if (r == 0)
		state_diff(&p->have, &p->want, &p->plan);
	return r;
}

void reconcile_apply(struct kernel *k, struct pass *p)
{
	p->failed = kernel_apply(k, &p->plan);
}

static void wake(int signal)
{
	(void)signal; /* only flock() is to be interrupted */
}

/* A file of root's for each namespace: the namespace itself, under /proc, anybody may lock. */
static int open_lock(void)
{
	char path[64];
	struct stat st;
	int fd;

	if (stat("/proc/self/ns/net", &st) < 0 ||
	    (mkdir(LOCK_FOLDER, 0755) < 0 && errno != EEXIST))
		return -errno;
	snprintf(path, sizeof(path), LOCK_FOLDER "/netns-%ju.lock", (uintmax_t)st.st_ino);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int reconcile_lock(int seconds)
{
	struct sigaction act = { .sa_handler = wake }, old;
	CLEAN(close_fd) int fd = open_lock();
	sigset_t set;
	int r;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return take_fd(&fd);
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
