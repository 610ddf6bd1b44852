#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clean.h"

#define FIRST_READ (64 * 1024) /* bytes, where the size is not known */

static int read_open(struct arena *a, int fd, size_t max, char **ret, size_t *ret_len)
{
	size_t n = 0, room = FIRST_READ;
	struct stat st;
	char *buf;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && (size_t)st.st_size > max)
		return -EFBIG;
	if (S_ISREG(st.st_mode))
		room = (size_t)st.st_size + 1; /* a read past the end says that it is one */
	buf = arena_alloc(a, room + 1);
	for (;;) {
		ssize_t got = read(fd, buf + n, room - n);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		n += got > 0 ? (size_t)got : 0;
		if (n > max)
			return -EFBIG;
		if (n == room) {
			char *grown = arena_alloc(a, room * 2 + 1);

			memcpy(grown, buf, n);
			buf = grown;
			room *= 2;
		}
	}
	*ret = buf;
	*ret_len = n;
	return 0;
}

int file_read(struct arena *a, const char *path, size_t max, char **ret, size_t *ret_len)
{
	bool in = strcmp(path, "-") == 0;
	CLEAN(close_fd) int fd = in ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : read_open(a, fd, max, ret, ret_len);
}

int file_read_plain(struct arena *a, const char *path, size_t max, char **ret, size_t *ret_len)
{
	CLEAN(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? read_open(a, fd, max, ret, ret_len) : -EINVAL;
}

int file_write_all(int fd, const char *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int open_folder_of(const char *path)
{
	char folder[PATH_MAX];
	int fd;

	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int fill(int fd, const void *buf, size_t len, mode_t mode)
{
	return fchmod(fd, mode) < 0 ? -errno : file_write_all(fd, buf, len);
}

#define UNFINISHED   ".new-" /* what file_sweep() knows them by */
#define UNFINISHED_S 60	     /* that one may take to be written */

static int name_beside(const char *path, char ret[static PATH_MAX])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int n = snprintf(ret, PATH_MAX, "%.*s.%s" UNFINISHED "XXXXXX", (int)(name - path), path,
			 name);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int replace(const char *path, const void *buf, size_t len, mode_t mode, bool may_exist)
{
	char tmp[PATH_MAX];
	CLEAN(close_fd) int fd = -1;
	int r = name_beside(path, tmp);

	if (r < 0)
		return r;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fill(fd, buf, len, mode);
	if (r == 0 && (may_exist ? rename(tmp, path) : link(tmp, path)) < 0)
		r = -errno;
	if (r < 0 || !may_exist)
		unlink(tmp);
	return r;
}

/* Nobody ever sees a part of it, and a kill leaves nothing behind. Where /proc or the file
 * system does not help, it fails in a way of its own: open(2), O_TMPFILE. */
static int create_nameless(int folder, const char *path, const void *buf, size_t len,
			   mode_t mode)
{
	CLEAN(close_fd) int fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char name[32];
	int r;

	if (fd < 0)
		return -errno;
	r = fill(fd, buf, len, mode);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (r == 0 && linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
		r = -errno;
	return r;
}

int file_write(const char *path, const void *buf, size_t len, mode_t mode)
{
	CLEAN(close_fd) int folder = open_folder_of(path);
	int r = folder < 0 ? folder : replace(path, buf, len, mode, true);

	return r == 0 && fsync(folder) < 0 ? -errno : r;
}

int file_create(const char *path, const void *buf, size_t len, mode_t mode)
{
	CLEAN(close_fd) int folder = open_folder_of(path);
	int r = folder < 0 ? folder : create_nameless(folder, path, buf, len, mode);

	if (folder >= 0 && r < 0 && r != -EEXIST)
		r = replace(path, buf, len, mode, false);
	return r == 0 && fsync(folder) < 0 ? -errno : r;
}

int file_make_folder(const char *path, mode_t mode)
{
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	for (char *p = strchr(folder + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(folder, strchr(p + 1, '/') ? 0755 : mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

int file_sync_folder(const char *path)
{
	CLEAN(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_sync_folder_of(const char *path)
{
	CLEAN(close_fd) int fd = open_folder_of(path);

	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_lock(const char *path)
{
	CLEAN(close_fd) int fd = -1;
	int r = file_make_folder(path, 0755);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return take_fd(&fd);
}

static bool is_unfinished(const char *name)
{
	const char *end = strstr(name, UNFINISHED);

	return end && strlen(end) == strlen(UNFINISHED) + 6; /* mkostemp(3)'s letters */
}

void file_sweep(const char *folder)
{
	CLEAN(close_folder) DIR *dir = opendir(folder);
	time_t now = time(NULL);
	const struct dirent *e;
	char path[PATH_MAX];
	struct stat st;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] == '.' && is_unfinished(e->d_name) &&
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) < PATH_MAX &&
		    lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    now - st.st_mtime > UNFINISHED_S)
			(void)unlink(path);
}
