#include "firstboot/settle.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "firstboot/source.h"
#include "keys/aside.h"

#define ASIDE "before-first-boot"

/* What is there now and is not what we wrote gets another name, too. */
static int keep(struct arena *a, const struct journal *j, const struct settle *s,
		const char *old, size_t len, const char **ret_kept)
{
	char digest[JOURNAL_DIGEST], kept[PATH_MAX];
	int r;

	source_digest(old, len, digest);
	if (journal_has(j, s->entry, digest))
		return 0;
	r = aside_link(s->path, ASIDE, time(NULL), kept);
	if (r == 0)
		*ret_kept = arena_printf(a, "%s", kept);
	return r;
}

int settle_file(struct arena *a, struct journal *j, const struct settle *s, enum settled *ret,
		const char **ret_kept)
{
	char digest[JOURNAL_DIGEST], *old;
	size_t len;
	int r = file_read_plain(a, s->path, SOURCE_BYTES, &old, &len);

	*ret_kept = NULL;
	source_digest(s->bytes, s->len, digest);
	if (r == 0 && len == s->len && memcmp(old, s->bytes, len) == 0) {
		*ret = SETTLED_SAME;
		return journal_note(j, s->entry, digest);
	}
	if (r == 0 && journal_has(j, s->entry, digest)) {
		*ret = SETTLED_EDITED;
		return 0;
	}
	if (r < 0 && r != -ENOENT)
		return r;
	r = r == 0 ? keep(a, j, s, old, len, ret_kept) : file_make_folder(s->path, 0755);
	if (r == 0)
		r = file_write(s->path, s->bytes, s->len, s->mode);
	if (r < 0)
		return r;
	*ret = SETTLED_WRITTEN;
	return journal_note(j, s->entry, digest);
}
