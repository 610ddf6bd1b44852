/* report.h - how first boot went: a file, the console, the service manager's one line. */
#pragma once

#include "firstboot/boot.h"

/* Writes FACTS_REPORT, and on the console, once for each boot and whenever it is another: the
 * node, its key, what came of it, and what is to be done next. */
/* False: the report could not be written. */
bool report_boot(const struct boot *b, const struct boot_result results[static BOOT_STEPS],
		 enum boot_end end, long long ms);
/* For people, on standard output. */
void report_print(const struct boot *b, const struct boot_result results[static BOOT_STEPS]);
