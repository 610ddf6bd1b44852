#include "firstboot/exchange_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/out.h"
#include "base/stream.h"
#include "base/yaml.h"

#define STATE_BYTES 4096

static int read_number(const char *text, uint64_t *ret)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

int exchange_state_read(struct arena *a, const char *path, struct exchange_state *ret)
{
	struct diag d = { .arena = a };
	const struct node *doc;
	char *text;
	size_t len;
	int r = file_read_plain(a, path, STATE_BYTES, &text, &len);

	*ret = (struct exchange_state){ 0 };
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	doc = node_parse(a, path, text, len, &d)->child;
	if (d.errors || !doc || read_number(node_text(doc, "sealed"), &ret->sealed) < 0)
		return -EINVAL;
	ret->settings = node_text(doc, "settings");
	ret->document = node_text(doc, "document");
	ret->etag = node_text(doc, "etag");
	ret->modified = node_text(doc, "modified");
	return 0;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool exchange_state_equal(const struct exchange_state *a, const struct exchange_state *b)
{
	return a->sealed == b->sealed && is_same(a->settings, b->settings) &&
	       is_same(a->document, b->document) && is_same(a->etag, b->etag) &&
	       is_same(a->modified, b->modified);
}

int exchange_state_write(const char *path, const struct exchange_state *s)
{
	CLEAN(stream_done) struct stream text = { 0 };
	struct out o;

	out_open(&o, stream_open(&text), OUT_YAML);
	out_number(&o, "sealed", (long long)s->sealed);
	out_text(&o, "settings", s->settings);
	out_text(&o, "document", s->document);
	out_text(&o, "etag", s->etag);
	out_text(&o, "modified", s->modified);
	out_close(&o);
	stream_text(&text);
	return file_write(path, text.bytes, text.len, 0600);
}
