/* cost COMMAND [ARGUMENT]...: runs it, and prints CPU time (ms), time (ms) and the largest
 * resident memory (KiB) of it and of all that it waited for. A program, not a script: what
 * starts another counts until then, and an interpreter is larger than what is measured. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static long long ms(const struct timeval *t)
{
	return t->tv_sec * 1000LL + t->tv_usec / 1000;
}

int main(int argc, char **argv)
{
	int64_t begin = clock_ms();
	struct rusage used;
	int status;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
		    dup2(null, STDERR_FILENO) >= 0)
			execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 1;
	printf("%lld %lld %ld\n", ms(&used.ru_utime) + ms(&used.ru_stime),
	       (long long)(clock_ms() - begin), used.ru_maxrss);
	return 0;
}
