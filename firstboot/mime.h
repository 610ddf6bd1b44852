/* mime.h - the parts of a MIME message, RFC 2045 and 2046, as user-data may be one.
 *
 * Multi-parts within multi-parts are walked through; each leaf is a part, in order. Text is
 * taken as UTF-8. A stranger's bytes: bounded, and what is too much or broken is a fault of
 * the part, so that one for somebody else spoils nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define MIME_LEVELS 8
#define MIME_PARTS  256
#define MIME_HEADER (16 * 1024) /* bytes, of all headers of a part */
#define MIME_TYPE   128		/* bytes, of a Content-Type without its parameters */

struct mime_part {
	const char *type;  /* lower case, "text/cloud-config"; "": none is said */
	const char *bytes; /* decoded */
	size_t len;
	const char *fault; /* NULL: none; else bytes are not to be used */
};

struct mime {
	struct mime_part *parts;
	size_t count;
	const char *fault; /* of the message: it ends too early, or is too much; NULL */
};

/* Does it begin with headers that make it a message? */
bool mime_is_message(const char *bytes, size_t len);
void mime_read(struct arena *a, const char *bytes, size_t len, struct mime *ret);
