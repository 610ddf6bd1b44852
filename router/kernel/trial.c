#include "kernel/trial.h"

#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "kernel/kernel.h"

#define MSS 1300 /* any */

/* A child's errno is its exit code. */
static int try_apart(int (*try)(struct kernel *k))
{
	CLEAN(kernel_close) struct kernel k = { 0 };
	int status, r;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		r = unshare(CLONE_NEWNET) < 0 ? -errno : kernel_open(&k);
		if (r == 0) {
			k.arena = arena_new();
			r = try(&k);
		}
		_exit(-r);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int make_link(struct kernel *k)
{
	struct op op = { 0 };

	netlink_queue(k->route, k->arena, &op, link_request("trial"));
	netlink_flush(k->route);
	return op.error;
}

static int make_clamp(struct kernel *k)
{
	struct item clamp = { .type = ITEM_CLAMP, .link = "trial", .clamp.mss = MSS };
	struct state want = { .arena = k->arena };
	struct op op = { .want = &clamp };

	state_add(&want, &clamp);
	k->want = &want;
	clamp_driver.flush(k, &op, 1);
	return op.error;
}

int trial_wireguard(void)
{
	return try_apart(make_link);
}

int trial_clamp(void)
{
	int r = try_apart(make_clamp);

	/* Without nf_tables, or without one of the expressions of a clamp. */
	return r == -EPROTONOSUPPORT || r == -EAFNOSUPPORT || r == -ENOENT ? -EOPNOTSUPP : r;
}
