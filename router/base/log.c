#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/out.h"
#include "base/stream.h"

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

void log_console(enum log_level level, const char *line)
{
	/* One that nobody reads must not hold us up; nor may it become our terminal. */
	CLEAN(close_fd) int fd =
	    open("/dev/console", O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	CLEAN(stream_done) struct stream text = { 0 };
	FILE *out = stream_open(&text);

	log_line(level, "%s", line);
	fputs("routerd: ", out);
	out_escape(out, line);
	fputs("\r\n", out);
	stream_text(&text);
	if (fd >= 0 && write(fd, text.bytes, text.len) < 0)
		return; /* the log has it */
}
