#include "keys/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clean.h"
#include "base/file.h"

#define TRIES 100 /* names for one second */

static int stamp(int64_t time, char buf[static 20])
{
	time_t when = time;
	struct tm tm;

	return gmtime_r(&when, &tm) && strftime(buf, 20, "%Y%m%dT%H%M%SZ", &tm) ? 0 : -ERANGE;
}

int aside_move(const char *path, const char *ending, const char *why, int64_t time,
	       char ret[static PATH_MAX])
{
	char from[PATH_MAX], to[PATH_MAX], when[20], again[16] = "";
	int r = stamp(time, when);

	if (snprintf(from, PATH_MAX, "%s%s", path, ending) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (int i = 2; r == 0 && i < TRIES; i++) {
		if (snprintf(to, PATH_MAX, "%s.%s-%s%s%s", path, why, when, again, ending) >=
		    PATH_MAX)
			return -ENAMETOOLONG;
		if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
			snprintf(ret, PATH_MAX, "%s", to);
			return file_sync_folder_of(to);
		}
		if (errno != EEXIST)
			return -errno;
		snprintf(again, sizeof(again), "-%d", i);
	}
	return r < 0 ? r : -EEXIST;
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
