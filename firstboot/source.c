#include "firstboot/source.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/file.h"
#include "firstboot/fetch.h"
#include "firstboot/http.h"
#include "providers/disk.h"
#include "providers/place.h"

#define FILE_NAME "router.yaml"

struct search {
	struct arena *arena;
	const struct place *place;
	const struct seed *seed;
	unsigned deadline;
	struct source *found;
	const char **words;
};

void source_digest(const char *bytes, size_t len, char ret[static 65])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256(hash, (const unsigned char *)bytes, len); /* always 0 */
	sodium_bin2hex(ret, 65, hash, sizeof(hash));
}

static void found(struct search *s, const char *bytes, size_t len)
{
	s->found->bytes = bytes;
	s->found->len = len;
	source_digest(bytes, len, s->found->digest);
}

/* ---- a disk ----------------------------------------------------------------------------- */

const char *source_disk(struct arena *a, const struct place *p)
{
	static const char *const labels[] = { SOURCE_LABEL, "ROUTERD_CFG" };

	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
		if (disk_is_there(a, p, labels[i]))
			return labels[i];
	return NULL;
}

static int read_disk(struct search *s, const char *label)
{
	struct disk_file files[] = { { .name = FILE_NAME }, { .name = NULL } };
	int r = disk_read(s->arena, s->place, label, files, s->words);

	s->found->kind = SOURCE_DISK;
	s->found->from = arena_printf(s->arena, "the disk %s", label);
	if (r < 0)
		return r;
	if (!files[0].bytes) {
		*s->words =
		    arena_printf(s->arena,
				 "%s has no file " FILE_NAME
				 " in its uppermost folder: put the configuration there, or "
				 "take the disk off for another source to be asked",
				 s->found->from);
		return -ENOENT;
	}
	found(s, files[0].bytes, files[0].len);
	return 0;
}

/* ---- a URL ------------------------------------------------------------------------------ */

static int read_file(struct search *s, const char *path, const char **ret, size_t *ret_len)
{
	const char *why;
	char *bytes;
	int r = file_read_plain(s->arena, place_path(s->arena, s->place, path), SOURCE_BYTES,
				&bytes, ret_len);

	*ret = bytes;
	if (r == 0)
		return 0;
	why = r == -ENOENT ? "there is no such file: is config_url right?" : strerror(-r);
	if (r == -EFBIG)
		why = "it is larger than any configuration is: is config_url right?";
	*s->words = arena_printf(s->arena, "%s: %s", s->found->from, why);
	return r;
}

static int fetch(struct search *s, const char **ret, size_t *ret_len)
{
	const char *ca = s->seed->config_ca_file;
	const struct fetch q = {
		.url = s->seed->config_url,
		.ca_file = ca ? place_path(s->arena, s->place, ca) : NULL,
		.max = SOURCE_BYTES,
		.deadline = s->deadline,
	};

	return fetch_url(s->arena, &q, ret, ret_len, s->words);
}

static int check_digest(struct search *s, const char *bytes, size_t len)
{
	char digest[65];

	source_digest(bytes, len, digest);
	if (strcmp(digest, s->seed->config_digest) == 0)
		return 0;
	*s->words = arena_printf(
	    s->arena,
	    "%s: its SHA-256 is %s, and config_sha256 says %s: it was changed there "
	    "or "
	    "on the way, or config_sha256 is of another version: run sha256sum on the one that "
	    "is meant, and correct what is wrong; nothing was taken from it",
	    s->found->from, digest, s->seed->config_digest);
	return -EBADMSG;
}

static int read_url(struct search *s)
{
	const char *url = s->seed->config_url, *bytes = NULL;
	const char *path = http_url_file(s->arena, url);
	size_t len = 0;
	int r;

	s->found->kind = SOURCE_URL;
	s->found->from =
	    path ? arena_printf(s->arena, "the file %s", path) : http_show_url(s->arena, url);
	r = path ? read_file(s, path, &bytes, &len) : fetch(s, &bytes, &len);
	if (r == 0)
		r = check_digest(s, bytes, len);
	if (r == 0)
		found(s, bytes, len);
	return r;
}

/* ---- which ------------------------------------------------------------------------------ */

int source_find(struct arena *a, const struct place *p, const struct seed *seed,
		unsigned deadline, struct source *ret, const char **ret_words)
{
	struct search s = { a, p, seed, deadline, ret, ret_words };
	const char *label = source_disk(a, p);

	*ret = (struct source){ .kind = SOURCE_NONE };
	if (label)
		return read_disk(&s, label);
	if (seed->config) {
		ret->kind = SOURCE_USER_DATA;
		ret->from = "user-data";
		found(&s, seed->config, seed->config_len);
		return 0;
	}
	return seed->config_url ? read_url(&s) : 0;
}
