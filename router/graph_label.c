/* graph_label.c - text that is fit to be shown, and how much room it takes. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clean.h"
#include "base/stream.h"
#include "graph.h"

#define SPANS_COLUMNS 48 /* of a list of addresses, " and N more" left out */

int graph_decode(const char **text)
{
	const unsigned char *t = (const void *)*text;
	size_t n = *t < 0x80		 ? 1
		   : (*t & 0xe0) == 0xc0 ? 2
		   : (*t & 0xf0) == 0xe0 ? 3
		   : (*t & 0xf8) == 0xf0 ? 4
					 : 0;
	static const int first[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* none is overlong */
	int c = n < 2 ? *t : *t & (0xff >> (n + 1));

	(*text)++;
	for (size_t i = 1; i < n; i++) {
		if ((t[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (t[i] & 0x3f);
	}
	if (n == 0 || c < first[n] || c > 0x10ffff)
		return -1;
	*text += n - 1;
	return c;
}

/* What is not seen, ends a line, turns the direction, or is no character: Unicode's categories
 * Cc, Cf, Cs, Zl, Zp and Cn, as far as they do harm. */
static const struct {
	int first, last;
} hidden[] = {
	{ 0, 0x1f },	      { 0x7f, 0x9f },	    { 0xad, 0xad },	  { 0x61c, 0x61c },
	{ 0x180e, 0x180e },   { 0x200b, 0x200f },   { 0x2028, 0x202e },	  { 0x2060, 0x206f },
	{ 0xd800, 0xdfff },   { 0xfdd0, 0xfdef },   { 0xfeff, 0xfeff },	  { 0xfff0, 0xffff },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

static bool is_hidden(int c)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

static unsigned columns(int c)
{
	return c >= 0x1100 ? 2 : 1;
}

const char *graph_label(struct arena *a, const char *text)
{
	CLEAN(stream_done) struct stream s = { 0 };
	FILE *out = stream_open(&s);
	unsigned used = 0;

	while (*text) {
		const char *at = text;
		int c = graph_decode(&text);
		bool shown = c >= 0 && !is_hidden(c);
		unsigned n = shown ? columns(c) : c > 0xffff ? 8 : c > 0xff ? 6 : 4;

		if (used + n > GRAPH_COLUMNS - (*text ? 1 : 0)) {
			fputs("…", out);
			break;
		}
		used += n;
		if (shown)
			fwrite(at, 1, (size_t)(text - at), out);
		else if (c > 0xff)
			fprintf(out, "\\u%04x", (unsigned)c);
		else
			fprintf(out, "\\x%02x", (unsigned char)(c < 0 ? *at : c));
	}
	stream_text(&s);
	return arena_strndup(a, s.bytes, s.len);
}

unsigned graph_width(const char *text)
{
	unsigned width = 0;

	while (*text) {
		int c = graph_decode(&text);

		width += c >= 0x1100 || (c < 0x80 && strchr("mwMW@%", c)) ? 115
			 : c >= 'A' && c <= 'Z'				  ? 80
									  : 60;
	}
	return width;
}

/* ---- addresses ----------------------------------------------------------------------------
 */

bool graph_spans_add(struct graph_spans *s, const struct addr *a)
{
	uint32_t host;

	memcpy(&host, a->bytes, sizeof(host));
	host = ntohl(host);
	if (s->count && host == s->spans[s->count - 1].last + 1) {
		s->spans[s->count - 1].last = host;
		return true;
	}
	s->more = s->count == GRAPH_SPANS;
	if (!s->more)
		s->spans[s->count++] = (struct graph_span){ host, host };
	return !s->more;
}

/* Whole, or as much of it as the one before does not tell. */
static const char *host_text(struct arena *a, uint32_t host, uint32_t before)
{
	struct addr addr = addr_from(AF_INET, &(uint32_t){ htonl(host) }, 32);
	char text[ADDR_STRLEN];

	addr_print_host(&addr, text);
	return arena_printf(a, "%s", (host ^ before) < 256 ? strrchr(text, '.') : text);
}

static const char *span_text(struct arena *a, const struct graph_span *s, uint32_t before)
{
	const char *first = host_text(a, s->first, before);

	if (s->first == s->last)
		return first;
	return arena_printf(a, "%s%s%s", first, s->last - s->first == 1 ? ", " : " to ",
			    host_text(a, s->last, s->first));
}

const char *graph_spans_text(struct arena *a, const struct graph_spans *s, size_t total)
{
	const char *list = "";
	uint32_t before = 0;
	size_t told = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct graph_span *span = &s->spans[i];
		const char *text =
		    arena_printf(a, "%s%s%s", list, i ? ", " : "", span_text(a, span, before));

		if (i && strlen(text) > SPANS_COLUMNS)
			break;
		list = text;
		before = span->last;
		told += span->last - span->first + 1;
	}
	return told < total ? arena_printf(a, "%s and %zu more", list, total - told) : list;
}
