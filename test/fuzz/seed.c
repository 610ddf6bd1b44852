/* Any bytes as user-data, as they are and packed: nothing may crash, leak or hang; and
 *
 *	what is refused says why, in lines without control characters;
 *	what is accepted has names fit for files, and a digest to each URL;
 *	a private key that is known is in neither;
 *	gzip around it changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/clean.h"
#include "base/stream.h"
#include "firstboot/seed.h"
#include "keys/seal.h"

#define KEY "QBmAbdGO1Ayu6M1wAJKHQEJuwPZQyOHNXBSJcxbBZHs="

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

static void holds(bool what)
{
	if (!what)
		abort();
}

static void check_faults(const struct diag *d)
{
	CLEAN(stream_done) struct stream s = { 0 };

	diag_print(d, stream_open(&s));
	stream_text(&s);
	holds((s.len > 0) == (d->errors + d->warnings > 0));
	for (const char *c = s.bytes; *c; c++)
		holds(((unsigned char)*c >= 0x20 || *c == '\n') && *c != 0x7f);
	holds(!strstr(s.bytes, "privateKey: " KEY));
}

static bool shows_key(const char *text)
{
	const char *name = text ? strstr(text, "privateKey: " KEY) : NULL;

	return name && (name == text || name[-1] == '\n');
}

static void check_seed(const struct seed *s)
{
	holds(!s->node || seal_node_is_valid(s->node));
	holds(!s->role || seal_node_is_valid(s->role));
	holds(!s->config_url == !s->config_digest);
	holds(!s->config_digest || strlen(s->config_digest) == 64);
	holds(!(s->config && s->config_url));
	holds(s->form || !(s->node || s->config || s->config_url || s->exchange));
	holds(!shows_key(s->config) && !shows_key(s->exchange));
}

static bool same(const char *a, const char *b)
{
	return !a == !b && (!a || strcmp(a, b) == 0);
}

static size_t gzip(const uint8_t *buf, size_t len, uint8_t *to, size_t room)
{
	z_stream z = { .next_in = (z_const Bytef *)buf, .avail_in = (uInt)len };

	z.next_out = to;
	z.avail_out = (uInt)room;
	holds(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, 0) == Z_OK);
	holds(deflate(&z, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct diag d = { .arena = a }, again = { .arena = a };
	size_t room = compressBound(len) + 64;
	uint8_t *packed = arena_alloc(a, room);
	struct seed s = { .form = NULL }, other = { .form = NULL };
	bool ok = seed_read(a, (const char *)buf, len, &s, &d), same_end;

	holds(ok == (d.errors == 0));
	check_faults(&d);
	check_seed(&s);
	room = gzip(buf, len, packed, room);
	same_end = seed_read(a, (const char *)packed, room, &other, &again) == ok;
	/* One layer more may be one too many. */
	if (!same_end || d.errors != again.errors) {
		holds(again.errors > 0);
		return 0;
	}
	holds(same(s.form, other.form) && same(s.node, other.node) &&
	      same(s.config, other.config) && same(s.exchange, other.exchange));
	return 0;
}
