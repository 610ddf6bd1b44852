/* journal.h - what first boot has done on this machine for good, and for which inputs.
 *
 * Most steps look at the machine and find their own work done. A few must not be done again
 * although they could be: a configuration that was installed and then edited by hand, a
 * service that was disabled, packages that were removed. Those are noted here, each with a
 * digest of what it was done for; another digest is another matter. Written after the deed:
 * who is killed in between does it again, and finds it done. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

#define JOURNAL_FILE   "/var/lib/routerd/firstboot.json"
#define JOURNAL_DIGEST 65 /* SHA-256, hexadecimal, and a NUL */

enum journal_entry {
	JOURNAL_NODE,	  /* /etc/routerd/node, as we wrote it; and so on */
	JOURNAL_EXCHANGE, /* /etc/routerd/exchange.yaml */
	JOURNAL_CONFIG,	  /* /etc/routerd/router.yaml */
	JOURNAL_KEY,	  /* the key, under the name that a configuration has for it */
	JOURNAL_PACKAGES,
	JOURNAL_SERVICE,
	JOURNAL_ENTRIES,
};

struct journal {
	char digest[JOURNAL_ENTRIES][JOURNAL_DIGEST]; /* "": not done */
};

/* None, or one that is damaged, is an empty one. */
void journal_read(struct arena *a, struct journal *ret);
bool journal_has(const struct journal *j, enum journal_entry e, const char *digest);
/* Notes it and writes the file. file_write()'s errors. */
int journal_note(struct journal *j, enum journal_entry e, const char *digest);
