/* log.h - one line on standard error, with the journal's priority before it, but on
 * a terminal.
 *
 * Only main, the daemon's loop and the commands log, and each thing once: an error needs a
 * person, a warning went on without, info is start, stop, reload and each op. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_ERROR = 3, /* sd-daemon(3), SD_ERR */
	LOG_WARNING = 4,
	LOG_INFO = 6,
	LOG_DEBUG = 7,
};

void log_debug_on(bool on); /* off at start: debug lines are dropped */
/* Control characters in what is said are escaped; no newline is needed. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Each line of a text, but for those after the first most: how many those are, and hint. */
void log_text(enum log_level level, const char *text, size_t most, const char *hint);
/* A line on the machine's console, too, for who has no other way to see it; waits 2 s at most
 * for one that is full. */
void log_console(enum log_level level, const char *line);
