/* unpack.h - takes packing off that user-data comes in.
 *
 * What is unpacked lives in the caller's arena, with a NUL after it. A stranger's bytes: no
 * more than max of them come out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

bool unpack_is_gzip(const char *bytes, size_t len);
/* RFC 1952, members one after the other. -EFBIG past max bytes; -EBADMSG when it is damaged,
 * cut off, or followed by something else than zeros. */
int unpack_gzip(struct arena *a, const char *bytes, size_t len, size_t max, char **ret,
		size_t *ret_len);
/* RFC 2045 section 6.8; white space is passed over, padding may be missing. -EBADMSG: there is
 * something else in it. */
int unpack_base64(struct arena *a, const char *text, size_t len, char **ret, size_t *ret_len);
/* RFC 2045 section 6.7. -EBADMSG: an '=' that stands for nothing. */
int unpack_quoted(struct arena *a, const char *text, size_t len, char **ret, size_t *ret_len);
