/* What a metadata service may send: any bytes, in pieces of any size. However they are cut, the
 * reply is the same. The first byte chooses the size of the pieces. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "providers/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

#define MOST 4096

static int feed(struct reply *r, const char *bytes, size_t len, size_t step)
{
	int end = 0;

	reply_begin(r, MOST);
	for (size_t at = 0; at < len && end == 0; at += step)
		end = reply_feed(r, bytes + at, len - at < step ? len - at : step);
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(reply_done) struct reply whole = { 0 }, pieces = { 0 };
	const char *bytes = (const char *)buf + 1;
	int a, b;

	if (len < 2)
		return 0;
	a = feed(&whole, bytes, len - 1, len - 1);
	b = feed(&pieces, bytes, len - 1, (size_t)buf[0] + 1);
	if (whole.len > MOST || (a < 0) != (whole.fault != NULL))
		abort();
	/* In pieces what comes after the end is not seen any more. */
	if (a != b && !(a == -EBADMSG && b == 1))
		abort();
	if (b == 1 && (!pieces.body || strlen(pieces.body) > pieces.len))
		abort();
	if (a == 1 && (whole.status != pieces.status || whole.len != pieces.len ||
		       memcmp(whole.body, pieces.body, whole.len) != 0))
		abort();
	return 0;
}
