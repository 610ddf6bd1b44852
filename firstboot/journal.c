#include "firstboot/journal.h"

#include <string.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/out.h"
#include "base/stream.h"
#include "base/yaml.h"

#define JOURNAL_BYTES (64 * 1024)

static const char *const names[] = {
	[JOURNAL_NODE] = "node", [JOURNAL_EXCHANGE] = "exchange", [JOURNAL_CONFIG] = "config",
	[JOURNAL_KEY] = "key",	 [JOURNAL_PACKAGES] = "packages", [JOURNAL_SERVICE] = "service",
};

void journal_read(struct arena *a, struct journal *ret)
{
	struct diag d = { .arena = a };
	const struct node *map;
	char *text;
	size_t len;

	*ret = (struct journal){ 0 };
	if (file_read_plain(a, JOURNAL_FILE, JOURNAL_BYTES, &text, &len) < 0)
		return;
	map = node_parse(a, JOURNAL_FILE, text, len, &d)->child;
	if (d.errors || !map || map->type != NODE_MAP)
		return;
	for (size_t i = 0; i < JOURNAL_ENTRIES; i++) {
		const char *digest = node_text(map, names[i]);

		if (digest)
			snprintf(ret->digest[i], JOURNAL_DIGEST, "%s", digest);
	}
}

bool journal_has(const struct journal *j, enum journal_entry e, const char *digest)
{
	return strcmp(j->digest[e], digest) == 0;
}

int journal_note(struct journal *j, enum journal_entry e, const char *digest)
{
	CLEAN(stream_done) struct stream text = { 0 };
	struct out o;
	int r;

	if (journal_has(j, e, digest))
		return 0;
	snprintf(j->digest[e], JOURNAL_DIGEST, "%s", digest);
	out_open(&o, stream_open(&text), OUT_JSON);
	for (size_t i = 0; i < JOURNAL_ENTRIES; i++)
		if (*j->digest[i])
			out_text(&o, names[i], j->digest[i]);
	out_close(&o);
	stream_text(&text);
	r = file_make_folder(JOURNAL_FILE, 0755);
	return r < 0 ? r : file_write(JOURNAL_FILE, text.bytes, text.len, 0600);
}
