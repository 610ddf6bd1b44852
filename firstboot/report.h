/* report.h - how first boot went: a file, the console, the service manager's one line. */
#pragma once

#include "firstboot/boot.h"

/* On the console, each line once for each boot and whenever it is another: the node and its
 * keys, as soon as they are published; nobody knows how long the rest takes. */
void report_keys(struct boot *b);
/* Writes FACTS_REPORT, and in the same way on the console, after the keys: what came of it, and
 * what is to be done next. False: the report could not be written. */
bool report_boot(struct boot *b, const struct boot_result results[static BOOT_STEPS],
		 enum boot_end end, long long ms);
/* For people, on standard output. */
void report_print(const struct boot *b, const struct boot_result results[static BOOT_STEPS]);
