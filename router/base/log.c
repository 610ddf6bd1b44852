#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/out.h"
#include "base/stream.h"

enum {
	CONSOLE_SECONDS = 2,
	CONSOLE_PAUSE = 20, /* ms */
};

static bool debug;

void log_debug_on(bool on)
{
	debug = on;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	CLEAN(free_text) char *text = NULL;
	va_list ap;
	int n;

	if (level == LOG_DEBUG && !debug)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return; /* nowhere left to say so */
	flockfile(stderr);
	if (!isatty(STDERR_FILENO))
		fprintf(stderr, "<%d>", level);
	out_escape(stderr, text);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void log_text(enum log_level level, const char *text, size_t most, const char *hint)
{
	size_t n = 0;

	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		if (n++ < most)
			log_line(level, "%.*s", (int)(end - line), line);
	if (n > most)
		log_line(level, "%zu more%s", n - most, hint);
}

/* A console is full for a moment, or another writes to it, as cloud-init at length: tty_write()
 * in drivers/tty/tty_io.c has EAGAIN for both. */
static void write_patiently(int fd, const char *bytes, size_t len)
{
	const struct timespec pause = { .tv_nsec = CONSOLE_PAUSE * 1000000L };

	for (int tries = CONSOLE_SECONDS * 1000 / CONSOLE_PAUSE; len && tries;) {
		ssize_t n = write(fd, bytes, len);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			nanosleep(&pause, NULL);
			tries--;
		} else if (errno != EINTR) {
			return; /* the log has it */
		}
	}
}

void log_console(enum log_level level, const char *line)
{
	/* One that nobody reads must not hold us up for long; nor may it become our terminal.
	 */
	CLEAN(close_fd) int fd =
	    open("/dev/console", O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	CLEAN(stream_done) struct stream text = { 0 };
	FILE *out = stream_open(&text);

	log_line(level, "%s", line);
	fputs("routerd: ", out);
	out_escape(out, line);
	fputs("\r\n", out);
	stream_text(&text);
	if (fd >= 0)
		write_patiently(fd, text.bytes, text.len);
}
