/* sysctl.c - settings under /proc/sys. They carry no mark and have no owner: what was set
 * stays when nobody asks for it any more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "kernel/kernel.h"

#define VALUE_BYTES 4096 /* one page, the most proc_dostring() gives */

static int open_key(const char *key, int flags)
{
	char path[512];
	int fd;

	if (snprintf(path, sizeof(path), "/proc/sys/%s", key) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The value without white space at its end; negative errno. */
static int read_key(const char *key, char value[static VALUE_BYTES])
{
	CLEAN(close_fd) int fd = open_key(key, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, value, VALUE_BYTES - 1);

	if (n < 0)
		return fd < 0 ? fd : -errno;
	while (n > 0 && strchr(" \t\n", value[n - 1]))
		n--;
	value[n] = '\0';
	return 0;
}

static int sysctl_observe(struct kernel *k, struct state *have)
{
	for (size_t i = 0; i < k->want->count; i++) {
		const struct item *w = &k->want->items[i];
		struct item it = *w;
		char value[VALUE_BYTES];
		int r;

		if (w->type != ITEM_SYSCTL)
			continue;
		r = read_key(w->sysctl.key, value);
		if (r == -ENOENT && w->sysctl.optional)
			state_add(have, w);
		if (r < 0)
			continue; /* the put says why */
		it.origin = NULL;
		it.sysctl.value = arena_strndup(have->arena, value, strlen(value));
		state_add(have, &it);
	}
	return 0;
}

/* A value that does not stay as it was written would be written at every pass. */
static void read_back(struct kernel *k, struct op *op)
{
	struct item got = *op->want;
	char value[VALUE_BYTES];
	int r = read_key(op->want->sysctl.key, value);

	got.sysctl.value = value;
	if (r < 0)
		kernel_fail(
		    op, r,
		    arena_printf(k->arena,
				 "/proc/sys/%s cannot be read, so it cannot be kept: %s",
				 op->want->sysctl.key, strerror(-r)));
	else if (!item_agree(&got, op->want))
		kernel_fail(op, -EINVAL,
			    arena_printf(k->arena,
					 "the kernel took '%s' and shows '%s'; write it so",
					 op->want->sysctl.value, value));
}

static void sysctl_put(struct kernel *k, struct op *op)
{
	const char *key = op->want->sysctl.key, *value = op->want->sysctl.value;
	CLEAN(close_fd) int fd = open_key(key, O_WRONLY);

	if (fd == -ENOENT && *op->want->link && !kernel_link_index(k, op->want->link)) {
		kernel_no_link(k, op, op->want->link);
		return;
	}
	if (fd >= 0) {
		if (write(fd, value, strlen(value)) < 0)
			kernel_fail(op, -errno,
				    arena_printf(k->arena,
						 "the kernel does not take '%s' for "
						 "/proc/sys/%s: %s",
						 value, key, strerror(errno)));
		else
			read_back(k, op);
		return;
	}
	kernel_fail(op, fd,
		    fd == -ENOENT
			? arena_printf(k->arena,
				       "there is no /proc/sys/%s: no such interface, or a "
				       "kernel without it (then 'optional: true')",
				       key)
			: arena_printf(k->arena, "/proc/sys/%s: %s", key, strerror(-fd)));
}

static void sysctl_del(struct kernel *k, struct op *op)
{
	(void)k, (void)op; /* never ours, so never asked */
}

const struct driver sysctl_driver = { sysctl_observe, sysctl_put, sysctl_del, NULL };
