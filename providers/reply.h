/* reply.h - one HTTP/1.1 reply, taken in as it comes: a function of its bytes alone.
 *
 * Of a reply that is not 200 only the head counts. A body has a Content-Length or comes in
 * chunks (RFC 9112, section 6), else nobody could tell a whole one from one that was cut. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define REPLY_LINE 4096	       /* bytes of one line of the head */
#define REPLY_HEAD (32 * 1024) /* bytes of all lines, those around chunks included */

enum reply_state {
	REPLY_STATUS,
	REPLY_HEADERS,
	REPLY_BODY,
	REPLY_CHUNK_SIZE,
	REPLY_CHUNK,
	REPLY_CHUNK_END,
	REPLY_TRAILER,
	REPLY_WHOLE,
};

struct reply {
	size_t max; /* bytes of the body */
	int status;
	bool google;	      /* Metadata-Flavor: Google */
	unsigned retry_after; /* s; 0: not said */
	char *body;	      /* the reply's own; with a NUL after it once it is whole */
	size_t len;
	const char *fault; /* static words; NULL: none so far */

	enum reply_state state;
	bool sized, chunked;
	size_t length, left; /* of the body as announced; of it or of a chunk, to come */
	size_t room, head, line_len;
	char line[REPLY_LINE];
};

void reply_begin(struct reply *r, size_t max);
/* 1: whole; 0: more is to come; -EBADMSG, -EFBIG: not to be used, and fault says why. */
int reply_feed(struct reply *r, const char *bytes, size_t len);
void reply_done(struct reply *r); /* for CLEAN(), also of a zeroed one */
