#include "reconcile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clean.h"

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

/* The namespace itself is what is locked: no file to be left behind, and no other
 * namespace has to wait. */
int reconcile_lock(int seconds)
{
	struct sigaction act = { .sa_handler = wake }, old;
	CLEAN(close_fd) int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return take_fd(&fd);
	if (sigaction(SIGALRM, &act, &old) < 0)
		return -errno;
	alarm((unsigned)seconds);
	r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	alarm(0);
	(void)sigaction(SIGALRM, &old, NULL);
	if (r == -EINTR)
		return -EAGAIN;
	return r < 0 ? r : take_fd(&fd);
}
