/* exchange_state.h - what is remembered of one document from run to run, in a file each.
 *
 * It saves transfers, and it holds the time before which no document of a node is accepted
 * any more. So a file that cannot be read is an error, not a beginning anew. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct exchange_state {
	const char *settings;	     /* digest: what follows was so under these; NULL: never */
	const char *document;	     /* digest */
	uint64_t sealed;	     /* Unix s: the highest */
	const char *etag, *modified; /* of the server; NULL: none */
};

/* All empty when there is no file. -EINVAL when it holds something else; open(2)'s errors. */
int exchange_state_read(struct arena *a, const char *path, struct exchange_state *ret);
bool exchange_state_equal(const struct exchange_state *a, const struct exchange_state *b);
int exchange_state_write(const char *path, const struct exchange_state *s);
