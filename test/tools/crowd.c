/* crowd.c - many clients of a socket at once, none of them well-behaved.
 *
 *	crowd PATH COUNT SECONDS
 *
 * One in ten asks a hundred times and reads nothing, one in ten sends half a message, the
 * others say nothing. Prints how many connected, then stays for the time given. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char question[] = "{\"method\":\"io.routerd.Get\"}";

int main(int argc, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct rlimit files = { 65536, 65536 };
	int count = argc == 4 ? atoi(argv[2]) : 0, connected = 0;

	if (!count || strlen(argv[1]) >= sizeof(to.sun_path)) {
		fputs("usage: crowd PATH COUNT SECONDS\n", stderr);
		return 2;
	}
	memcpy(to.sun_path, argv[1], strlen(argv[1]));
	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < count; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (void *)&to, sizeof(to)) < 0) {
			perror("connect");
			return 1;
		}
		connected++;
		for (int n = 0; n < 100 && i % 10 == 0; n++)
			(void)send(fd, question, sizeof(question), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (i % 10 == 1)
			(void)send(fd, question, sizeof(question) / 2, MSG_NOSIGNAL);
	}
	printf("%d\n", connected);
	fflush(stdout);
	sleep((unsigned)atoi(argv[3]));
	return 0;
}
