#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/clock.h"
#include "providers/disk.h"
#include "providers/place.h"

#define BOOT_WAIT 30  /* s after the machine's start that udev may take for its links */
#define LOOK	  250 /* ms between two looks where nothing tells of changes */

/* From the top: who comes late makes these first. */
static const char *const folders[] = { "/dev", "/dev/disk", "/dev/disk/by-label" };

static int64_t since_boot(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * (int64_t)1000 + t.tv_nsec / 1000000;
}

static bool is_any(const struct place *p, const char *const *labels)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	for (; *labels; labels++)
		if (disk_is_there(a, p, *labels))
			return true;
	return false;
}

/* Watches what is there of the way; what is watched already stays so. */
static bool watch(struct arena *a, int fd, const struct place *p)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		any |= inotify_add_watch(fd, place_path(a, p, folders[i]),
					 IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
	return any;
}

static void wait_change(int fd, int64_t ms)
{
	struct pollfd f = { .fd = fd, .events = POLLIN };
	char events[4096];

	if (poll(&f, fd >= 0, (int)ms) > 0 && read(fd, events, sizeof(events)) < 0)
		return; /* looked at again all the same */
}

/* Looks after it has begun to watch, so that nothing comes in between unseen. */
bool disk_wait(struct arena *a, const struct place *p, const char *const *labels)
{
	int64_t ms =
	    p->deadline ? p->deadline * (int64_t)1000 : BOOT_WAIT * 1000 - since_boot();
	int64_t end = clock_ms() + ms;
	CLEAN(close_fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	for (;;) {
		bool told = fd >= 0 && watch(a, fd, p);
		int64_t left;

		if (is_any(p, labels))
			return true;
		left = end - clock_ms();
		if (left <= 0)
			return false;
		wait_change(told ? fd : -1, told || left < LOOK ? left : LOOK);
	}
}
