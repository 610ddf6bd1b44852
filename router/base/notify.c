#include "base/notify.h"

#include <stddef.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clean.h"

void notify_send(const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	CLEAN(close_fd) int fd = -1;
	char text[512];
	va_list ap;
	size_t n = path ? strlen(path) : 0, len;

	if (n < 2 || n >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (*path == '@')
		to.sun_path[0] = '\0'; /* the abstract namespace, unix(7) */
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	len = strlen(text);
	text[len++] = '\n';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) /* a manager that does not listen loses a word, no more */
		(void)sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT, (void *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

int64_t notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoll(usec, NULL, 10) / 1000;
}
