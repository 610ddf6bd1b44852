#include "firstboot/exchange_import.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"

/* Installed as PREFIX/lib/routerd/routerd-exchange; where it is built, both lie together. */
static const char *find_routerctl(struct arena *a)
{
	static const char *const places[] = { "../../sbin/routerctl", "routerctl" };
	const char *named = getenv("ROUTERCTL"), *path;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (named)
		return named;
	self[n < 0 ? 0 : n] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *slash = strrchr(self, '/');

		path = arena_printf(a, "%.*s/%s", slash ? (int)(slash - self) : 0, self,
				    places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return "/usr/sbin/routerctl";
}

/* A file that nobody else can name, at its beginning: no pipe can fill up or break. */
static int open_document(const char *text, size_t len)
{
	CLEAN(close_fd) int fd = memfd_create("document", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, text, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(&fd);
}

static int start(const char *path, const char *const *args, int fd, pid_t *ret)
{
	char *const none[] = { NULL };
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (r == 0)
		r = posix_spawn(ret, path, &actions, NULL, (char *const *)args, none);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int wait_for(pid_t pid, int *ret)
{
	pid_t done;

	do
		done = waitpid(pid, ret, 0);
	while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : 0;
}

static int explain(struct arena *a, const char *path, int status, const char **ret_words)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		*ret_words =
		    arena_printf(a, "%s import was ended by signal %d", path, WTERMSIG(status));
	else
		*ret_words = arena_printf(a,
					  "%s import does not take the document (exit %d): its "
					  "words are above; it is tried again next time",
					  path, WEXITSTATUS(status));
	return -EIO;
}

int exchange_import(struct arena *a, const char *node, bool preshared, const char *text,
		    size_t len, const char **ret_words)
{
	const char *path = find_routerctl(a);
	const char *args[] = { "routerctl", "import", "--node", node, "--replace",
			       NULL,	    NULL,     NULL,	NULL };
	CLEAN(close_fd) int fd = open_document(text, len);
	size_t n = 5;
	int status = 0, r;
	pid_t pid;

	if (preshared)
		args[n++] = "--preshared-key";
	args[n] = "-";
	r = fd < 0 ? fd : start(path, args, fd, &pid);
	if (r == 0)
		r = wait_for(pid, &status);
	if (r < 0) {
		*ret_words = arena_printf(a, "%s cannot be run: %s: is it installed?", path,
					  strerror(-r));
		return r;
	}
	return explain(a, path, status, ret_words);
}
