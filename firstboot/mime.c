#include "firstboot/mime.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "firstboot/unpack.h"

#define BOUNDARY 70 /* RFC 2046 section 5.1.1 */

struct span {
	const char *text, *end;
};

struct headers {
	struct span type, encoding; /* values; empty: none */
	bool version;		    /* MIME-Version */
	bool too_long;
};

struct reading {
	struct arena *arena;
	struct mime *mime;
	size_t room;
};

/* ---- lines ------------------------------------------------------------------------------ */

/* The line's end without its newline; *next is where the next begins. */
static const char *end_line(const char *line, const char *end, const char **next)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	*next = newline ? newline + 1 : end;
	if (!newline)
		newline = end;
	return newline > line && newline[-1] == '\r' ? newline - 1 : newline;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
	while (s.text < s.end && strchr(" \t\r\n", *s.text))
		s.text++;
	while (s.end > s.text && strchr(" \t\r\n", s.end[-1]))
		s.end--;
	return s;
}

static bool span_is(struct span s, const char *text)
{
	size_t n = (size_t)(s.end - s.text);

	return n == strlen(text) && (n == 0 || strncasecmp(s.text, text, n) == 0);
}

/* ---- headers ---------------------------------------------------------------------------- */

/* RFC 5322 section 2.2: printable, without a colon. */
static const char *end_name(const char *line, const char *end)
{
	const char *c = line;

	while (c < end && *c > ' ' && *c < 0x7f && *c != ':')
		c++;
	return c < end && c > line && *c == ':' ? c : NULL;
}

static void keep_header(struct span name, struct span value, struct headers *h)
{
	if (span_is(name, "content-type"))
		h->type = trim(value);
	else if (span_is(name, "content-transfer-encoding"))
		h->encoding = trim(value);
	else if (span_is(name, "mime-version"))
		h->version = true;
}

/* Returns where the body begins; NULL: what stands there are no headers. */
static const char *read_headers(const char *text, const char *end, struct headers *ret)
{
	const char *begin = text, *next;

	*ret = (struct headers){ 0 };
	if (end - text > 5 && memcmp(text, "From ", 5) == 0) /* as a mailbox begins */
		(void)end_line(text, end, &text);
	while (text < end) {
		const char *stop = end_line(text, end, &next), *colon;

		if (stop == text)
			return next;
		colon = end_name(text, stop);
		if (!colon)
			return NULL;
		while (next < end && is_blank(*next)) /* folded */
			stop = end_line(next, end, &next);
		keep_header((struct span){ text, colon }, (struct span){ colon + 1, stop },
			    ret);
		text = next;
		ret->too_long = text - begin > MIME_HEADER;
		if (ret->too_long)
			return end;
	}
	return end;
}

bool mime_is_message(const char *bytes, size_t len)
{
	struct headers h;

	return read_headers(bytes, bytes + len, &h) &&
	       (h.version || memmem(h.type.text ? h.type.text : "",
				    (size_t)(h.type.end - h.type.text), "/", 1));
}

/* "text/cloud-config; charset=utf-8" without what follows. */
static const char *type_of(struct arena *a, const struct headers *h)
{
	struct span s = h->type;
	const char *semicolon = s.text ? memchr(s.text, ';', (size_t)(s.end - s.text)) : NULL;
	char *type;

	if (semicolon)
		s.end = semicolon;
	s = trim(s);
	if (s.end - s.text > MIME_TYPE)
		return "";
	type = arena_strndup(a, s.text ? s.text : "", (size_t)(s.end - s.text));
	for (char *c = type; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return type;
}

/* RFC 2045 section 5.1: "; boundary=token" or "; boundary="any text"". Backslashes in it would
 * be an escape; nobody writes one. */
static struct span boundary_of(const struct headers *h)
{
	static const char name[] = "boundary";
	const char *c = h->type.text, *end = h->type.end;

	while (c < end && (c = memchr(c, ';', (size_t)(end - c)))) {
		struct span key = { c + 1, memchr(c, '=', (size_t)(end - c)) }, value;
		bool quoted;

		c++;
		if (!key.end || !span_is(trim(key), name))
			continue;
		value = trim((struct span){ key.end + 1, end });
		quoted = value.text < end && *value.text == '"';
		value.text += quoted;
		for (c = value.text; c < end && !strchr(quoted ? "\"" : "; \t\r\n", *c); c++)
			;
		return (struct span){ value.text, c };
	}
	return (struct span){ NULL, NULL };
}

/* ---- leaves ----------------------------------------------------------------------------- */

static const char *decode(struct reading *r, const struct headers *h, struct span body,
			  struct mime_part *p)
{
	static const char *const as_is[] = { "7bit", "8bit", "binary", "" };
	size_t len = (size_t)(body.end - body.text);
	struct span encoding = h->encoding;
	char *text;

	if (h->too_long)
		return arena_printf(r->arena, "its headers are longer than %d bytes",
				    MIME_HEADER);
	if (span_is(encoding, "base64")) {
		if (unpack_base64(r->arena, body.text, len, &text, &p->len) < 0)
			return "it says Content-Transfer-Encoding: base64, and is none: cut "
			       "off, or encoded otherwise";
		p->bytes = text;
		return NULL;
	}
	if (span_is(encoding, "quoted-printable")) {
		if (unpack_quoted(r->arena, body.text, len, &text, &p->len) < 0)
			return "it says Content-Transfer-Encoding: quoted-printable, and is "
			       "none: an '=' without two digits after it";
		p->bytes = text;
		return NULL;
	}
	p->bytes = arena_strndup(r->arena, body.text, len);
	p->len = len;
	for (size_t i = 0; i < sizeof(as_is) / sizeof(*as_is); i++)
		if (span_is(encoding, as_is[i]))
			return NULL;
	return "its Content-Transfer-Encoding is not known: use base64";
}

static void add_part(struct reading *r, const struct headers *h, const char *type,
		     struct span body)
{
	struct mime *m = r->mime;
	struct mime_part *p;

	if (m->count == MIME_PARTS) {
		m->fault = arena_printf(r->arena, "more than %d parts", MIME_PARTS);
		return;
	}
	m->parts = arena_grow(r->arena, m->parts, m->count, &r->room, sizeof(*m->parts));
	p = &m->parts[m->count++];
	*p = (struct mime_part){ .type = type, .bytes = "" };
	p->fault = decode(r, h, body, p);
}

/* ---- multi-parts ------------------------------------------------------------------------ */

static void read_entity(struct reading *r, struct span s, int level);

/* 1: a line between parts; 2: the last one; 0: another line. */
static int is_delimiter(const char *line, const char *end, struct span boundary)
{
	size_t n = (size_t)(boundary.end - boundary.text);
	int is = 1;

	if ((size_t)(end - line) < n + 2 || memcmp(line, "--", 2) != 0 ||
	    memcmp(line + 2, boundary.text, n) != 0)
		return 0;
	line += n + 2;
	if (end - line >= 2 && memcmp(line, "--", 2) == 0) {
		line += 2;
		is = 2;
	}
	while (line < end && is_blank(*line))
		line++;
	return line == end ? is : 0;
}

/* The newline before a delimiter belongs to that. */
static struct span part_of(const char *begin, const char *delimiter)
{
	if (delimiter > begin && delimiter[-1] == '\n')
		delimiter--;
	if (delimiter > begin && delimiter[-1] == '\r')
		delimiter--;
	return (struct span){ begin, delimiter };
}

static void read_parts(struct reading *r, struct span body, struct span boundary, int level)
{
	const char *part = NULL, *next;

	for (const char *line = body.text; line < body.end && !r->mime->fault; line = next) {
		int is = is_delimiter(line, end_line(line, body.end, &next), boundary);

		if (is && part)
			read_entity(r, part_of(part, line), level + 1);
		if (is == 2)
			return;
		if (is)
			part = next;
	}
	if (part && !r->mime->fault)
		read_entity(r, (struct span){ part, body.end }, level + 1);
	if (!r->mime->fault)
		r->mime->fault =
		    arena_printf(r->arena,
				 "its last line, --%.*s--, is missing: it was cut "
				 "off, or that line was forgotten",
				 (int)(boundary.end - boundary.text), boundary.text);
}

static void read_entity(struct reading *r, struct span s, int level)
{
	struct headers h;
	const char *body = read_headers(s.text, s.end, &h), *type;
	struct span boundary;

	if (!body) { /* RFC 2046 section 5.1: a part without headers begins with an empty line
		      */
		h = (struct headers){ 0 };
		body = s.text;
	}
	type = type_of(r->arena, &h);
	if (strncmp(type, "multipart/", 10) != 0) {
		add_part(r, &h, type, (struct span){ body, s.end });
		return;
	}
	boundary = boundary_of(&h);
	if (level == MIME_LEVELS)
		r->mime->fault = "multi-parts within multi-parts, too many";
	else if (boundary.text == boundary.end || boundary.end - boundary.text > BOUNDARY)
		r->mime->fault = "a multi-part whose Content-Type names no boundary, or one of "
				 "more than 70 bytes";
	else
		read_parts(r, (struct span){ body, s.end }, boundary, level);
}

void mime_read(struct arena *a, const char *bytes, size_t len, struct mime *ret)
{
	struct reading r = { .arena = a, .mime = ret };

	*ret = (struct mime){ 0 };
	read_entity(&r, (struct span){ bytes, bytes + len }, 0);
}
