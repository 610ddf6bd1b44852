#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clean.h"
#include "base/out.h"

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
	fprintf(stderr, "<%d>", level);
	out_escape(stderr, text);
	fputc('\n', stderr);
	funlockfile(stderr);
}
