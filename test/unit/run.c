/* Programs that end well, badly, late, unseen, and while signals come. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "firstboot/run.h"
#include "t.h"

static struct arena *arena;

static const struct {
	const char *script, *in;
	unsigned deadline;
	bool fine, late;
	const char *out, *words;
} cases[] = {
	{ "echo yes; echo no >&2", NULL, 0, true, false, "yes\nno\n",
	  "ended with exit code 0" },
	{ "cat", "what is in", 10, true, false, "what is in", "ended with exit code 0" },
	{ "exit 3", NULL, 10, false, false, "", "ended with exit code 3" },
	{ "kill -9 $$", NULL, 10, false, false, "", "was ended by signal 9" },
	{ "echo a; sleep 60", NULL, 1, false, true, "a\n", "did not end in 1 s" },
	/* Those it started go with it, and so does one that minds no request. */
	{ "sleep 60 & wait", NULL, 1, false, true, "", "did not end in 1 s" },
	{ "trap '' TERM; sleep 60 & wait; wait", NULL, 1, false, true, "",
	  "did not end in 1 s" },
	{ "exec >&- 2>&-; sleep 60", NULL, 1, false, true, "", "did not end in 1 s" },
	{ "echo \"$A$HOME\"", NULL, 10, true, false, "b\n", "ended with exit code 0" },
	/* Nothing of ours stays open in it. */
	{ "ls /proc/self/fd | wc -l", NULL, 10, true, false, "4\n", "ended with exit code 0" },
};

static int run(const char *script, const char *in, unsigned deadline, struct run_end *ret)
{
	const char *const args[] = { "sh", "-c", script, NULL };
	const char *const env[] = { "A=b", "PATH=/usr/bin:/bin", NULL };
	struct run q = { .path = "sh", .args = args, .env = env, .deadline = deadline };

	q.in = in;
	q.in_len = in ? strlen(in) : 0;
	return run_program(arena, &q, ret);
}

static void check_case(size_t i)
{
	struct run q = { .deadline = cases[i].deadline };
	int64_t begin = clock_ms();
	struct run_end end;
	int r = run(cases[i].script, cases[i].in, cases[i].deadline, &end);

	CHECK(r == 0, "%zu: %d", i, r);
	if (r < 0)
		return;
	CHECK(run_is_fine(&end) == cases[i].fine, "%zu", i);
	CHECK(end.late == cases[i].late, "%zu", i);
	CHECK(strcmp(end.out, cases[i].out) == 0, "%zu: '%s'", i, end.out);
	CHECK(strcmp(run_words(arena, &q, &end), cases[i].words) == 0, "%zu: %s", i,
	      run_words(arena, &q, &end));
	CHECK(clock_ms() - begin < 20000, "%zu", i);
}

static void check_much(void)
{
	struct run_end end;

	CHECK(run("head -c 1000000 /dev/zero | tr '\\0' x", NULL, 20, &end) == 0, "run");
	CHECK(run_is_fine(&end) && end.len == RUN_OUTPUT && strlen(end.out) == end.len, "%zu",
	      end.len);
}

static void check_none(void)
{
	const char *const args[] = { "none", NULL };
	struct run q = { .path = "/nonexistent/none", .args = args };
	struct run_end end;

	CHECK(run_program(arena, &q, &end) == -ENOENT, "none");
	q.path = "/etc/passwd";
	CHECK(run_program(arena, &q, &end) == -EACCES, "passwd");
}

static void nothing(int signal)
{
	(void)signal;
}

/* One signal, at which nothing is to be restarted but the wait. */
static void check_signal(void)
{
	struct sigaction act = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	int64_t begin = clock_ms();
	struct run_end end;

	CHECK(sigaction(SIGALRM, &act, NULL) == 0, "sigaction");
	alarm(1);
	CHECK(run("sleep 30", NULL, 2, &end) == 0, "run");
	CHECK(end.late && clock_ms() - begin < 20000, "%lld ms",
	      (long long)(clock_ms() - begin));
}

/* Of a child that the kernel reaps by itself nobody knows how it ended. */
static void check_unseen(void)
{
	struct run_end end;

	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR, "signal");
	CHECK(run("exit 1", NULL, 10, &end) == 0, "run");
	CHECK(!run_is_fine(&end) && !end.late, "%d", end.status);
	CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR, "signal");
}

int main(void)
{
	arena = arena_new();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_case(i);
	check_much();
	check_none();
	check_signal();
	check_unseen();
	arena_free(arena);
	return t_failed;
}
