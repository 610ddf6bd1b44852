#include "keys/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"

#define TRIES 100 /* names for one second */

static int stamp(int64_t time, char buf[static 20])
{
	time_t when = time;
	struct tm tm;

	return gmtime_r(&when, &tm) && strftime(buf, 20, "%Y%m%dT%H%M%SZ", &tm) ? 0 : -ERANGE;
}

static int move(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

static int name_again(const char *from, const char *to)
{
	return link(from, to) < 0 ? -errno : 0;
}

/* Gives path + ending its new name, the first that is free. */
static int rename_free(const char *path, const char *ending, const char *why, int64_t time,
		       int (*give)(const char *from, const char *to), char ret[static PATH_MAX])
{
	char from[PATH_MAX], to[PATH_MAX], when[20], again[16] = "";
	int r = stamp(time, when);

	if (r < 0)
		return r;
	if (snprintf(from, PATH_MAX, "%s%s", path, ending) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = -EEXIST;
	for (int i = 2; r == -EEXIST && i < TRIES; i++) {
		if (snprintf(to, PATH_MAX, "%s.%s-%s%s%s", path, why, when, again, ending) >=
		    PATH_MAX)
			return -ENAMETOOLONG;
		r = give(from, to);
		snprintf(again, sizeof(again), "-%d", i);
	}
	if (r < 0)
		return r;
	snprintf(ret, PATH_MAX, "%s", to);
	return file_sync_folder_of(to);
}

int aside_move(const char *path, const char *ending, const char *why, int64_t time,
	       char ret[static PATH_MAX])
{
	return rename_free(path, ending, why, time, move, ret);
}

int aside_link(const char *path, const char *why, int64_t time, char ret[static PATH_MAX])
{
	return rename_free(path, "", why, time, name_again, ret);
}

const char *aside_find(struct arena *a, const char *path, const char *why)
{
	const char *slash = strrchr(path, '/'), *found = NULL;
	const char *folder =
	    arena_printf(a, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	const char *start = arena_printf(a, "%s.%s-", slash ? slash + 1 : path, why);
	CLEAN(close_folder) DIR *dir = opendir(folder);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, start, strlen(start)) == 0 &&
		    !strchr(e->d_name + strlen(start), '.') &&
		    (!found || strcmp(e->d_name, found) > 0))
			found = arena_printf(a, "%s", e->d_name);
	return found ? arena_printf(a, "%s/%s", folder, found) : NULL;
}
