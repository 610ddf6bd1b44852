/* notify.h - words to the service manager, sd_notify(3), without its library. */
#pragma once

#include <stdint.h>

/* "READY=1\nSTATUS=..."; nothing happens when nobody listens. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How often it wants to hear from us: WATCHDOG_USEC in ms, sd_watchdog_enabled(3); 0: never. */
int64_t notify_watchdog_ms(void);
