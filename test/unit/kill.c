/* A key's making, stopped at every system call, and killed there: at each stop its file is
 * what it was, not there, or a whole key, and a second try brings it to its end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clean.h"
#include "base/file.h"
#include "keys/key.h"
#include "keys/record.h"
#include "t.h"

#define KEY	 "key"
#define OLD	 "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n" /* RFC 7748 section 6.1 */
#define DAMAGED	 "dwdtCnMY"
#define STOPS	 1000 /* more than any of them has */
#define TEXT_MAX 512

static const struct identity here = { "aws", "i-1", "4c4c4544-0042-3510-8052-b4c04f4d3132" },
			     there = { "aws", "i-2", "deadbeef-0042-3510-8052-b4c04f4d3132" };

static char root[] = "/tmp/killXXXXXX", folder[64], path[128], old_record[TEXT_MAX];

static const char *beside(const char *ending, char buf[static 160])
{
	snprintf(buf, 160, "%s%s", path, ending);
	return buf;
}

static void put(const char *ending, const char *text)
{
	char name[160];
	CLEAN(close_fd) int fd = open(beside(ending, name), O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", name);
}

/* "": not there. */
static const char *get(const char *name, char buf[static TEXT_MAX])
{
	CLEAN(close_fd) int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, TEXT_MAX - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

/* ---- what is done ----------------------------------------------------------------------- */

static void nothing_there(void)
{
}

static void damaged_there(void)
{
	CHECK(mkdir(folder, 0700) == 0, "%s", folder);
	put("", DAMAGED);
}

static void copy_there(void)
{
	CHECK(mkdir(folder, 0700) == 0, "%s", folder);
	put("", OLD);
	put(".next", OLD);
	put(".record", old_record);
}

static int make(void)
{
	struct key_story story;
	CLEAN(key_wipe) struct key k = { 0 };

	return key_load_or_create(path, &k, &story);
}

static int settle_and_make(void)
{
	struct record_story settled;
	struct key_story story;
	CLEAN(key_wipe) struct key k = { 0 };
	int r = record_settle(path, &there, false, &settled);

	if (r == 0)
		r = key_load_or_create(path, &k, &story);
	return r == 0 && story.made ? record_made(path, &there, 1) : r;
}

static void forbid_nameless(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(1);
}

static const struct work {
	const char *name;
	void (*before)(void);
	int (*work)(void);
	const char *was;   /* in the key's file */
	const char *aside; /* where that ends: the name's middle; NULL: nowhere */
	bool named;	   /* no O_TMPFILE: a kill may leave a temporary file */
} works[] = {
	{ "make", nothing_there, make, "", NULL, false },
	{ "make, with a temporary name", nothing_there, make, "", NULL, true },
	{ "repair", damaged_there, make, DAMAGED, ".damaged-", false },
	{ "settle a copy", copy_there, settle_and_make, OLD, ".clone-", false },
};

/* ---- what must hold --------------------------------------------------------------------- */

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* Names there may be, also when work was stopped. Records are written beside themselves. */
static bool may_be_there(const struct work *w, const char *name)
{
	return strcmp(name, KEY) == 0 || strcmp(name, KEY ".next") == 0 ||
	       begins(name, KEY ".record") || w->named ||
	       (w->aside && begins(name + strlen(KEY), w->aside));
}

/* Returns how many files are aside, and hold all that was in the key's file. */
static int check_folder(const struct work *w, int stop)
{
	CLEAN(close_folder) DIR *d = opendir(folder);
	struct stat st;
	int aside = 0;

	if (!d)
		return 0;
	CHECK(fstat(dirfd(d), &st) == 0 && (st.st_mode & 07777) == 0700, "%s, %d: %o", w->name,
	      stop, st.st_mode);
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		char name[sizeof(folder) + sizeof(e->d_name)], text[TEXT_MAX];

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);
		CHECK(may_be_there(w, e->d_name), "%s, %d: %s", w->name, stop, name);
		CHECK(stat(name, &st) == 0 && (st.st_mode & 07777) == 0600, "%s, %d: %s %o",
		      w->name, stop, name, st.st_mode);
		if (w->aside && begins(e->d_name + strlen(KEY), w->aside) &&
		    e->d_name[strlen(e->d_name) - 1] == 'Z')
			aside += strcmp(get(name, text), w->was) == 0;
	}
	return aside;
}

/* A whole key that was not there before, or false. */
static bool is_new(const struct work *w)
{
	CLEAN(key_wipe) struct key k = { 0 };
	char text[TEXT_MAX];

	return strcmp(get(path, text), w->was) != 0 && key_load(path, &k) == 0;
}

/* What was there is never in two places, never in none. An old key has its old record. */
static void check_stop(const struct work *w, int stop)
{
	char text[TEXT_MAX], record[160];
	bool there_still = *w->was && strcmp(get(path, text), w->was) == 0;
	int aside = check_folder(w, stop);

	CHECK(there_still || access(path, F_OK) < 0 || is_new(w), "%s, %d: part of a key: '%s'",
	      w->name, stop, get(path, text));
	CHECK(!w->aside || aside + there_still == 1, "%s, %d: %d and %d of it", w->name, stop,
	      aside, there_still);
	if (there_still && w->work == settle_and_make)
		CHECK(strcmp(get(beside(".record", record), text), old_record) == 0,
		      "%s, %d: the old key with the record '%s'", w->name, stop, text);
}

static void check_end(const struct work *w, int stop)
{
	struct record_story settled;

	CHECK(is_new(w), "%s, %d: no key", w->name, stop);
	CHECK(check_folder(w, stop) == (w->aside != NULL), "%s, %d: not aside", w->name, stop);
	if (w->work == settle_and_make)
		CHECK(record_settle(path, &there, false, &settled) == 0 &&
			  settled.end == RECORD_SAME,
		      "%s, %d: settled as %d", w->name, stop, settled.end);
}

/* ---- stopping and killing ------------------------------------------------------------------
 */

static pid_t start(const struct work *w, bool traced)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (w->named)
		forbid_nameless();
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
	}
	_exit(w->work() < 0);
}

static void check_status(const struct work *w, int stop, int status)
{
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s, %d: ended with %x", w->name,
	      stop, status);
}

/* Runs it up to this many stops, looking at each when asked. True: it ended before. */
static bool run_to(const struct work *w, int stops, bool look)
{
	pid_t pid = start(w, true);
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "%x", status);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int stop = 0; stop < stops; stop++) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
			check_status(w, stop, status);
			return true;
		}
		if (look)
			check_stop(w, stop);
	}
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "%x", status);
	return false;
}

static void again(const struct work *w, int stop)
{
	pid_t pid = start(w, false);
	int status = -1;

	CHECK(waitpid(pid, &status, 0) == pid, "%s", w->name);
	check_status(w, stop, status);
}

static void new_room(const struct work *w)
{
	static int rooms;

	snprintf(folder, sizeof(folder), "%s/%d", root, rooms++);
	snprintf(path, sizeof(path), "%s/" KEY, folder);
	w->before();
}

static void check_work(const struct work *w)
{
	char first[TEXT_MAX], second[TEXT_MAX];
	bool ended = false;

	new_room(w);
	CHECK(run_to(w, STOPS, true), "%s: too many stops", w->name);
	check_end(w, STOPS);
	for (int stop = 1; stop < STOPS && !ended; stop++) {
		bool made;

		new_room(w);
		ended = run_to(w, stop, false);
		check_stop(w, stop);
		made = is_new(w);
		get(path, first);
		again(w, stop);
		check_end(w, stop);
		CHECK(!made || strcmp(get(path, second), first) == 0,
		      "%s, %d: another key than the first try's", w->name, stop);
	}
}

/* The record of a key on its first machine. */
static void make_old_record(void)
{
	char record[160];

	snprintf(folder, sizeof(folder), "%s/old", root);
	snprintf(path, sizeof(path), "%s/" KEY, folder);
	CHECK(mkdir(folder, 0700) == 0, "%s", folder);
	put("", OLD);
	CHECK(record_made(path, &here, 1) == 0, "made");
	CHECK(*get(beside(".record", record), old_record), "%s", record);
}

int main(void)
{
	char command[64];

	(void)umask(0); /* it must not need one */
	CHECK(sodium_init() >= 0, "sodium");
	CHECK(mkdtemp(root) != NULL, "mkdtemp");
	make_old_record();
	for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++)
		check_work(&works[i]);
	snprintf(command, sizeof(command), "rm -r %s", root);
	CHECK(system(command) == 0, "%s stays", root);
	return t_failed;
}
