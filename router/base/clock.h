/* clock.h - time that passes, and time as people write it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

int64_t clock_ms(void); /* CLOCK_MONOTONIC: for waits; see loop.h for what spans a sleep */
void clock_sleep(int64_t ms); /* whatever signals come */
/* "90": 1 s to a day. */
bool clock_read_seconds(const char *text, unsigned *ret);
/* "2026-08-01T12:00:00Z", of seconds since 1970. */
const char *clock_print(int64_t t, char buf[static 24]);
