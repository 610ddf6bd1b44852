#include "firstboot/unpack.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <zlib.h>

#include "base/clean.h"

#define WINDOW (15 + 16) /* zlib.h, inflateInit2(): the largest window, and gzip's header */
#define BLANKS " \t\r\n"

bool unpack_is_gzip(const char *bytes, size_t len)
{
	return len >= 3 && memcmp(bytes, "\x1f\x8b\x08", 3) == 0;
}

static void end_inflate(z_stream *z)
{
	(void)inflateEnd(z);
}

static bool is_zeros(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* One step further, with room for as much again. The room past max is how a reader knows that
 * there is more. */
static int grow(struct arena *a, z_stream *z, char **buf, size_t *room, size_t max)
{
	size_t used = *room - z->avail_out;
	char *grown;

	if (used > max)
		return -EFBIG;
	if (z->avail_out)
		return 0;
	*room = *room * 2 < max + 1 ? *room * 2 : max + 1;
	grown = arena_alloc(a, *room + 1);
	memcpy(grown, *buf, used);
	*buf = grown;
	z->next_out = (Bytef *)grown + used;
	z->avail_out = (uInt)(*room - used);
	return 0;
}

int unpack_gzip(struct arena *a, const char *bytes, size_t len, size_t max, char **ret,
		size_t *ret_len)
{
	CLEAN(end_inflate) z_stream z = { .next_in = (z_const Bytef *)bytes,
					  .avail_in = (uInt)len };
	size_t room = max < 4096 ? max + 1 : 4096;
	char *buf = arena_alloc(a, room + 1);
	int r = 0;

	if (len > UINT32_MAX || inflateInit2(&z, WINDOW) != Z_OK)
		return -EFBIG;
	z.next_out = (Bytef *)buf;
	z.avail_out = (uInt)room;
	while (r == 0) {
		int end = inflate(&z, Z_NO_FLUSH);

		if (end == Z_STREAM_END && unpack_is_gzip((char *)z.next_in, z.avail_in))
			end = inflateReset(&z); /* another member */
		else if (end == Z_STREAM_END)
			break;
		if (end != Z_OK && end != Z_BUF_ERROR)
			return -EBADMSG;
		if (!z.avail_in && z.avail_out)
			return -EBADMSG;
		r = grow(a, &z, &buf, &room, max);
	}
	if (r < 0 || room - z.avail_out > max)
		return -EFBIG;
	if (!is_zeros((char *)z.next_in, z.avail_in))
		return -EBADMSG;
	*ret = buf;
	*ret_len = room - z.avail_out;
	buf[*ret_len] = '\0';
	return 0;
}

int unpack_base64(struct arena *a, const char *text, size_t len, char **ret, size_t *ret_len)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL,
					sodium_base64_VARIANT_ORIGINAL_NO_PADDING };
	char *buf = arena_alloc(a, len / 4 * 3 + 4);

	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		const char *end;

		if (sodium_base642bin((unsigned char *)buf, len / 4 * 3 + 3, text, len, BLANKS,
				      ret_len, &end, variants[i]) == 0 &&
		    end == text + len) {
			buf[*ret_len] = '\0';
			*ret = buf;
			return 0;
		}
	}
	return -EBADMSG;
}

static int digit(char c)
{
	static const char digits[] = "0123456789ABCDEFabcdef";
	const char *at = c ? strchr(digits, c) : NULL;
	int n = at ? (int)(at - digits) : -1;

	return n < 16 ? n : n - 6;
}

/* The bytes of a soft line break after an '=', blanks before it included; 0: there is none. */
static size_t soft_break(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (text[n] == ' ' || text[n] == '\t' || text[n] == '\r'))
		n++;
	if (n == len)
		return n;
	return text[n] == '\n' ? n + 1 : 0;
}

int unpack_quoted(struct arena *a, const char *text, size_t len, char **ret, size_t *ret_len)
{
	char *buf = arena_alloc(a, len + 1), *to = buf;

	for (size_t i = 0; i < len; i++) {
		size_t left = len - i - 1, skip;

		if (text[i] != '=') {
			*to++ = text[i];
			continue;
		}
		skip = soft_break(text + i + 1, left);
		if (skip || !left) {
			i += skip;
		} else if (left >= 2 && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
			*to++ = (char)(digit(text[i + 1]) << 4 | digit(text[i + 2]));
			i += 2;
		} else {
			return -EBADMSG;
		}
	}
	*ret_len = (size_t)(to - buf);
	*ret = buf;
	return 0;
}
