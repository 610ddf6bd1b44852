#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_sleep(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

bool clock_read_seconds(const char *text, unsigned *ret)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > 86400)
		return false;
	*ret = (unsigned)n;
	return true;
}

const char *clock_print(int64_t t, char buf[static 24])
{
	time_t when = t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(buf, 24, "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf[0] = '\0';
	return buf;
}
