#include "providers/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"

#define FIRST_ROOM  (16 * 1024) /* bytes */
#define ASKED_MOST  (24 * 3600) /* s; a Retry-After past it says the same */
#define MOST_DIGITS 15

void reply_begin(struct reply *r, size_t max)
{
	*r = (struct reply){ .max = max };
}

void reply_done(struct reply *r)
{
	free(r->body);
	r->body = NULL;
}

static int fail(struct reply *r, int error, const char *fault)
{
	r->fault = fault;
	return error;
}

/* ---- body ------------------------------------------------------------------------------- */

static void make_room(struct reply *r, size_t len)
{
	size_t room = r->room ? r->room : FIRST_ROOM;

	while (room < len + 1)
		room *= 2;
	if (room == r->room)
		return;
	r->body = must(realloc(r->body, room));
	r->room = room;
}

static int whole(struct reply *r)
{
	make_room(r, r->len);
	r->body[r->len] = '\0';
	r->state = REPLY_WHOLE;
	return 0;
}

static int expect(struct reply *r, size_t len)
{
	if (len > r->max - r->len)
		return fail(r, -EFBIG, "the reply is longer than any that it should give");
	r->left = len;
	return 0;
}

static size_t take(struct reply *r, const char *bytes, size_t len)
{
	size_t n = len < r->left ? len : r->left;

	make_room(r, r->len + n);
	memcpy(r->body + r->len, bytes, n);
	r->len += n;
	r->left -= n;
	return n;
}

/* ---- head ------------------------------------------------------------------------------- */

static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

static int read_status(struct reply *r)
{
	const char *line = r->line;

	if (strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
	    line[8] != ' ' || strspn(line + 9, "0123456789") != 3 ||
	    (line[12] != ' ' && line[12] != '\0'))
		return fail(r, -EBADMSG, "the reply is not HTTP");
	r->status = (int)strtol(line + 9, NULL, 10);
	if (r->status < 200)
		return fail(r, -EBADMSG, "the reply is an interim one, which nobody asked for");
	r->state = REPLY_HEADERS;
	return 0;
}

static int read_length(struct reply *r, const char *value)
{
	size_t digits = strspn(value, "0123456789"), length;

	if (!digits || digits > MOST_DIGITS || value[digits])
		return fail(r, -EBADMSG, "the reply has a Content-Length that is no number");
	length = strtoull(value, NULL, 10);
	if (r->sized && r->length != length)
		return fail(r, -EBADMSG, "the reply has two lengths");
	r->sized = true;
	r->length = length;
	return 0;
}

static unsigned read_seconds(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long n;

	if (!digits || value[digits])
		return 0; /* a date, which none of the services sends */
	n = digits > MOST_DIGITS ? ASKED_MOST : strtoul(value, NULL, 10);
	return n < ASKED_MOST ? (unsigned)n : ASKED_MOST;
}

static int read_header(struct reply *r)
{
	const char *value;

	if ((value = value_of(r->line, "Content-Length")))
		return read_length(r, value);
	if ((value = value_of(r->line, "Transfer-Encoding"))) {
		if (strcasecmp(value, "chunked") != 0)
			return fail(r, -EBADMSG, "the reply is encoded in an unknown way");
		r->chunked = true;
	}
	if ((value = value_of(r->line, "Retry-After")))
		r->retry_after = read_seconds(value);
	if ((value = value_of(r->line, "Metadata-Flavor")))
		r->google = strcmp(value, "Google") == 0;
	return 0;
}

static int end_head(struct reply *r)
{
	if (r->status != 200)
		return whole(r);
	if (r->sized && r->chunked)
		return fail(r, -EBADMSG, "the reply has a length and is in chunks, too");
	if (!r->sized && !r->chunked)
		return fail(r, -EBADMSG, "the reply does not say how long it is");
	if (r->chunked) {
		r->state = REPLY_CHUNK_SIZE;
		return 0;
	}
	r->state = REPLY_BODY;
	if (!r->length)
		return whole(r);
	return expect(r, r->length);
}

/* A chunk's extension, after ';', says nothing to us. */
static int read_chunk_size(struct reply *r)
{
	size_t digits = strspn(r->line, "0123456789abcdefABCDEF");
	char end = r->line[digits];

	if (!digits || digits > MOST_DIGITS || (end && end != ';' && end != ' '))
		return fail(r, -EBADMSG, "the reply has a chunk without a length");
	r->state = REPLY_CHUNK;
	if (expect(r, strtoull(r->line, NULL, 16)) < 0)
		return -EFBIG;
	if (!r->left)
		r->state = REPLY_TRAILER;
	return 0;
}

static int end_line(struct reply *r)
{
	size_t len = r->line_len;

	if (len && r->line[len - 1] == '\r')
		len--;
	r->line[len] = '\0';
	r->line_len = 0;
	if (strlen(r->line) != len)
		return fail(r, -EBADMSG, "the reply has a NUL in its head");
	while (len && (r->line[len - 1] == ' ' || r->line[len - 1] == '\t'))
		r->line[--len] = '\0';
	switch (r->state) {
	case REPLY_STATUS:
		return read_status(r);
	case REPLY_HEADERS:
		return len ? read_header(r) : end_head(r);
	case REPLY_CHUNK_SIZE:
		return read_chunk_size(r);
	case REPLY_CHUNK_END:
		if (len)
			return fail(r, -EBADMSG, "the reply has a chunk of another length");
		r->state = REPLY_CHUNK_SIZE;
		return 0;
	case REPLY_TRAILER:
		return len ? 0 : whole(r);
	case REPLY_BODY:
	case REPLY_CHUNK:
	case REPLY_WHOLE:
		break;
	}
	return 0;
}

static int take_byte(struct reply *r, char byte)
{
	if (++r->head > REPLY_HEAD)
		return fail(r, -EBADMSG, "the reply's head has no end");
	if (byte == '\n')
		return end_line(r);
	if (r->line_len == sizeof(r->line) - 1)
		return fail(r, -EBADMSG, "the reply's head has a line without an end");
	r->line[r->line_len++] = byte;
	return 0;
}

int reply_feed(struct reply *r, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t n = 1;
		int error = 0;

		if (r->state == REPLY_WHOLE)
			return r->status != 200
				   ? 1
				   : fail(r, -EBADMSG, "the reply is longer than it says");
		if (r->state == REPLY_BODY || r->state == REPLY_CHUNK)
			n = take(r, bytes, len);
		else
			error = take_byte(r, *bytes);
		if (error < 0)
			return error;
		if (r->state == REPLY_BODY && !r->left)
			(void)whole(r); /* cannot fail */
		if (r->state == REPLY_CHUNK && !r->left)
			r->state = REPLY_CHUNK_END;
		bytes += n;
		len -= n;
	}
	return r->state == REPLY_WHOLE;
}
