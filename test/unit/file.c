#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/file.h"
#include "t.h"

static struct arena *arena;
static char folder[] = "/tmp/fileXXXXXX";

static const char *in(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static const char *content(const char *path)
{
	char *buf = NULL;
	size_t len;
	int r = file_read(arena, path, 1 << 20, &buf, &len);

	return r < 0 ? strerror(-r) : buf;
}

static void check_write(void)
{
	CHECK(file_write(in("a"), "one", 3, 0640) == 0, "write");
	CHECK(strcmp(content(in("a")), "one") == 0 && mode_of(in("a")) == 0640, "%s %o",
	      content(in("a")), mode_of(in("a")));
	CHECK(file_write(in("a"), "", 0, 0600) == 0, "write nothing");
	CHECK(*content(in("a")) == '\0' && mode_of(in("a")) == 0600, "%s", content(in("a")));
	CHECK(file_write(in("no/a"), "x", 1, 0600) == -ENOENT, "no folder");
	CHECK(file_write(in("a/b"), "x", 1, 0600) == -ENOTDIR, "a file is no folder");
	mkdir(in("d"), 0700);
	CHECK(file_write(in("d"), "x", 1, 0600) == -EISDIR, "a folder is no file");
	/* A reader that holds the old file goes on reading it whole. */
	{
		CLEAN(close_fd) int fd = -1;
		char old[8] = "";

		CHECK(file_write(in("a"), "old", 3, 0600) == 0, "old");
		fd = open(in("a"), O_RDONLY | O_CLOEXEC);
		CHECK(file_write(in("a"), "new", 3, 0600) == 0, "new");
		CHECK(read(fd, old, sizeof(old) - 1) == 3 && strcmp(old, "old") == 0, "%s",
		      old);
	}
}

static void check_create(void)
{
	CHECK(file_create(in("c"), "one", 3, 0600) == 0, "create");
	CHECK(file_create(in("c"), "two", 3, 0644) == -EEXIST, "overwritten");
	CHECK(strcmp(content(in("c")), "one") == 0 && mode_of(in("c")) == 0600, "%s",
	      content(in("c")));
	CHECK(symlink("nowhere", in("link")) == 0, "symlink");
	CHECK(file_create(in("link"), "x", 1, 0600) == -EEXIST, "through a dangling link");
}

static void check_read(void)
{
	size_t len = 77;
	char *buf = NULL;

	CHECK(file_write(in("r"), "12345678", 8, 0600) == 0, "write");
	CHECK(file_read(arena, in("r"), 8, &buf, &len) == 0 && len == 8 && buf[8] == '\0',
	      "as large as allowed");
	buf = NULL;
	len = 77;
	CHECK(file_read(arena, in("r"), 7, &buf, &len) == -EFBIG && !buf && len == 77,
	      "too large");
	CHECK(file_read(arena, in("none"), 8, &buf, &len) == -ENOENT && !buf, "none");
	CHECK(file_read(arena, folder, 8, &buf, &len) == -EISDIR, "a folder");
	CHECK(file_read(arena, "/dev/zero", 1 << 20, &buf, &len) == -EFBIG, "no end");
	/* Files of /proc say that they are empty. */
	CHECK(file_read(arena, "/proc/self/status", 1 << 20, &buf, &len) == 0 && len > 100,
	      "/proc");
	CHECK(truncate(in("r"), 3 << 20) == 0 &&
		  file_read(arena, in("r"), 3 << 20, &buf, &len) == 0 && len == 3 << 20,
	      "larger than one read");
}

static void check_stdin(void)
{
	char *buf = NULL;
	size_t len = 0;
	int pipes[2], keep = dup(STDIN_FILENO);
	static char big[150000];

	memset(big, 'x', sizeof(big));
	CHECK(pipe(pipes) == 0, "pipe");
	(void)fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
	CHECK(write(pipes[1], big, sizeof(big)) == sizeof(big), "the pipe is too small");
	close(pipes[1]);
	dup2(pipes[0], STDIN_FILENO);
	close(pipes[0]);
	CHECK(file_read(arena, "-", 1 << 20, &buf, &len) == 0 && len == sizeof(big) &&
		  memcmp(buf, big, len) == 0 && buf[len] == '\0',
	      "%zu", len);
	if (keep >= 0) {
		dup2(keep, STDIN_FILENO);
		close(keep);
	}
}

static void check_folders(void)
{
	char name[PATH_MAX + 8];

	CHECK(file_make_folder(in("x/y/z/file"), 0700) == 0, "make");
	CHECK(mode_of(in("x")) == 0755 && mode_of(in("x/y")) == 0755 &&
		  mode_of(in("x/y/z")) == 0700,
	      "%o %o %o", mode_of(in("x")), mode_of(in("x/y")), mode_of(in("x/y/z")));
	CHECK(file_make_folder(in("x/y/z/file"), 0700) == 0, "again");
	CHECK(access(in("x/y/z/file"), F_OK) < 0, "the file itself is not made");
	CHECK(file_make_folder(in("r/z/file"), 0700) == -ENOTDIR, "a file in the way");
	memset(name, 'a', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	CHECK(file_make_folder(name, 0700) == -ENAMETOOLONG, "too long");
	CHECK(file_write(name, "x", 1, 0600) == -ENAMETOOLONG, "too long");
}

static void close_pipe(FILE **f)
{
	if (*f)
		pclose(*f);
}

/* Only what the test made is left: nothing half-written. */
static void check_left(void)
{
	CLEAN(close_pipe) FILE *f = popen(arena_printf(arena, "ls -A %s", folder), "r");
	char got[256] = "";
	size_t n = f ? fread(got, 1, sizeof(got) - 1, f) : 0;

	got[n] = '\0';
	CHECK(strcmp(got, "a\nc\nd\nlink\nr\nx\n") == 0, "%s", got);
}

int main(void)
{
	arena = arena_new();
	(void)umask(022);
	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	check_write();
	check_create();
	check_read();
	check_stdin();
	check_folders();
	check_left();
	CHECK(system(arena_printf(arena, "rm -r %s", folder)) == 0, "%s stays", folder);
	arena_free(arena);
	return t_failed;
}
