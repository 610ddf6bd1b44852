/* settle.h - puts a file in place once for each content that is asked for.
 *
 * Who edits the file afterwards keeps his edit, until something else is asked for; then what
 * he wrote is kept beside it. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "firstboot/journal.h"

struct settle {
	const char *path;
	const char *bytes;
	size_t len;
	mode_t mode;
	enum journal_entry entry;
};

enum settled {
	SETTLED_SAME,	 /* it is so */
	SETTLED_EDITED,	 /* it was so, and somebody has changed it: it stays as it is */
	SETTLED_WRITTEN, /* and noted in the journal */
};

/* 0; or file_write()'s errors and the like: then nothing was changed, but with *ret at
 * SETTLED_WRITTEN, when only the journal could not be written. *ret_kept: where what
 * somebody else had written is now; NULL: nothing was in the way. */
int settle_file(struct arena *a, struct journal *j, const struct settle *s, enum settled *ret,
		const char **ret_kept);
