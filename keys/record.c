#include "keys/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clean.h"
#include "base/clock.h"
#include "base/file.h"
#include "keys/aside.h"
#include "keys/rotate.h"

#define MOST_BYTES  4096      /* of a record's file */
#define GENERATIONS 999999999 /* nine digits */

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ" /* clock_print()'s */

static const char *const names[RECORD_PARTS] = {
	[RECORD_KEY] = "key",
	[RECORD_PROVIDER] = "provider",
	[RECORD_INSTANCE] = "instance",
	[RECORD_UUID] = "uuid",
};

/* ---- text ------------------------------------------------------------------------------- */

const char *record_print(const struct record *r, char buf[static RECORD_STRLEN])
{
	char when[24], hex[2 * RECORD_HASH_BYTES + 1];
	char *to = buf + sprintf(buf, "generation %u\n", r->generation);

	if (r->created && *clock_print(r->created, when))
		to += sprintf(to, "created %s\n", when);
	for (int i = 0; i < RECORD_PARTS; i++)
		if (r->known[i])
			to += sprintf(
			    to, "%s %s\n", names[i],
			    sodium_bin2hex(hex, sizeof(hex), r->hash[i], RECORD_HASH_BYTES));
	return buf;
}

static int parse_generation(const char *text, unsigned *ret)
{
	size_t digits = strspn(text, "0123456789");

	if (*ret || !digits || digits > 9 || text[digits])
		return -EBADMSG;
	*ret = (unsigned)strtoul(text, NULL, 10);
	return *ret ? 0 : -EBADMSG;
}

/* strptime(3) forgives blanks and missing digits; what is printed again does not. */
static int parse_time(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	char again[24];
	int64_t t;

	if (*ret || !strptime(text, TIME_FORMAT, &tm))
		return -EBADMSG;
	t = timegm(&tm);
	if (strcmp(text, clock_print(t, again)) != 0)
		return -EBADMSG;
	*ret = t;
	return 0;
}

static int parse_part(const char *text, enum record_part part, struct record *r)
{
	size_t n;

	if (r->known[part] || sodium_hex2bin(r->hash[part], RECORD_HASH_BYTES, text,
					     strlen(text), NULL, &n, NULL) < 0)
		return -EBADMSG;
	r->known[part] = true;
	return n == RECORD_HASH_BYTES ? 0 : -EBADMSG;
}

static int parse_line(const char *name, const char *value, struct record *r)
{
	if (!value)
		return -EBADMSG;
	if (strcmp(name, "generation") == 0)
		return parse_generation(value, &r->generation);
	if (strcmp(name, "created") == 0)
		return parse_time(value, &r->created);
	for (int i = 0; i < RECORD_PARTS; i++)
		if (strcmp(name, names[i]) == 0)
			return parse_part(value, (enum record_part)i, r);
	return 0;
}

int record_parse(char *text, struct record *ret)
{
	struct record found = { 0 };
	int r = 0;

	while (r == 0 && text && *text) {
		char *line = strsep(&text, "\n");
		const char *name = strsep(&line, " ");

		r = parse_line(name, line, &found);
	}
	if (r < 0 || !found.generation)
		return -EBADMSG;
	*ret = found;
	return 0;
}

/* ---- file ------------------------------------------------------------------------------- */

static int record_path(const char *key_path, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s%s", key_path, KEY_RECORD);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int record_load(const char *key_path, struct record *ret)
{
	char path[PATH_MAX], text[MOST_BYTES + 1];
	int r = record_path(key_path, path);
	CLEAN(close_fd) int fd = -1;
	struct stat st;
	ssize_t n;

	if (r < 0)
		return r;
	/* O_NONBLOCK: a FIFO must not hold us up. */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EBADMSG : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > MOST_BYTES)
		return -EBADMSG;
	n = read(fd, text, MOST_BYTES);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return strlen(text) == (size_t)n ? record_parse(text, ret) : -EBADMSG;
}

int record_save(const char *key_path, const struct record *r)
{
	char path[PATH_MAX], text[RECORD_STRLEN];
	int error = record_path(key_path, path);

	if (error < 0)
		return error;
	record_print(r, text);
	return file_write(path, text, strlen(text), 0600);
}

static int remove_record(const char *key_path)
{
	char path[PATH_MAX];
	int r = record_path(key_path, path);

	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- identity --------------------------------------------------------------------------- */

static void learn(struct record *r, enum record_part part, const char *value)
{
	static const char label[] = "routerd identity";
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state s;

	if (!value)
		return;
	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const unsigned char *)label, sizeof(label));
	crypto_hash_sha256_update(&s, (const unsigned char *)names[part],
				  strlen(names[part]) + 1);
	crypto_hash_sha256_update(&s, (const unsigned char *)value, strlen(value));
	crypto_hash_sha256_final(&s, sum);
	memcpy(r->hash[part], sum, RECORD_HASH_BYTES);
	r->known[part] = true;
}

/* All parts known now; an instance is one of its provider, or nobody's. -EINVAL: of the key
 * none is, the file holds none. */
static int learn_all(const char *key_path, const struct identity *now, struct record *ret)
{
	struct key public;
	char text[KEY_STRLEN];
	int r = key_load_public(key_path, &public);

	learn(ret, RECORD_PROVIDER, now->provider);
	learn(ret, RECORD_INSTANCE, now->provider ? now->instance : NULL);
	learn(ret, RECORD_UUID, now->uuid);
	if (r == 0)
		learn(ret, RECORD_KEY, key_print(&public, text));
	return r;
}

static bool both(const struct record *a, const struct record *b, enum record_part part)
{
	return a->known[part] && b->known[part];
}

static bool same(const struct record *a, const struct record *b, enum record_part part)
{
	return both(a, b, part) && memcmp(a->hash[part], b->hash[part], RECORD_HASH_BYTES) == 0;
}

static bool other(const struct record *a, const struct record *b, enum record_part part)
{
	return both(a, b, part) && !same(a, b, part);
}

/* Where an instance's id is given by the cloud, once, not by whoever writes its seed. */
static bool is_cloud(const char *provider)
{
	static const char *const clouds[] = { "azure", "aws", "oci", "gcp" };

	for (size_t i = 0; provider && i < sizeof(clouds) / sizeof(*clouds); i++)
		if (strcmp(provider, clouds[i]) == 0)
			return true;
	return false;
}

/* Which part says that this is a copy, or NULL. */
static const char *find_copy(const struct record *was, const struct record *is, bool cloud)
{
	if (other(was, is, RECORD_UUID))
		return names[RECORD_UUID];
	if (cloud && same(was, is, RECORD_PROVIDER) && other(was, is, RECORD_INSTANCE))
		return names[RECORD_INSTANCE];
	return NULL;
}

/* An instance is not put beside another's provider. */
static bool fill(struct record *was, const struct record *is)
{
	bool filled = false;

	for (int i = 0; i < RECORD_PARTS; i++) {
		if (was->known[i] || !is->known[i])
			continue;
		if (i == RECORD_INSTANCE && !same(was, is, RECORD_PROVIDER))
			continue;
		memcpy(was->hash[i], is->hash[i], RECORD_HASH_BYTES);
		was->known[i] = filled = true;
	}
	return filled;
}

/* ---- settle ----------------------------------------------------------------------------- */

/* Fine when there is none. */
static int move_copied(const char *path, const char *ending, int64_t now,
		       char ret_aside[static PATH_MAX])
{
	int r = aside_move(path, ending, "clone", now, ret_aside);

	return r == -ENOENT ? 0 : r;
}

/* The key before the record: without its record the old key would pass for a new one. */
static int move_copy(const char *path, char ret_aside[static PATH_MAX])
{
	int64_t now = time(NULL);
	char also[PATH_MAX];
	int r = move_copied(path, KEY_NEXT, now, also);

	if (r == 0)
		r = move_copied(path, KEY_PREVIOUS, now, also);
	if (r == 0)
		r = move_copied(path, "", now, ret_aside);
	return r < 0 ? r : move_copied(path, KEY_RECORD, now, also);
}

/* A first record, or one for a key in another's place, which is the next one then. */
static int begin(const char *path, int fd, const struct record *was, struct record *is)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	is->generation = was->generation < GENERATIONS ? was->generation + 1 : 1;
	is->created = st.st_mtime;
	return record_save(path, is);
}

/* With what was and what is. While a key takes another's place the record is still that
 * one's, and the machine is what it says all the same. */
static int settle(const char *path, int fd, struct record *was, struct record *is, bool adopt,
		  struct record_story *story)
{
	bool replaced = other(was, is, RECORD_KEY),
	     rotating = replaced && rotate_state(path) != ROTATION_NONE;
	bool begins = !was->generation || (replaced && !rotating);

	is->generation = was->generation;
	is->created = was->created;
	if (story->changed && !begins && !adopt) {
		story->end = RECORD_CLONE;
		return move_copy(path, story->aside);
	}
	if (story->changed && !begins) {
		story->end = RECORD_ADOPTED;
		return record_save(path, is);
	}
	story->end = rotating ? RECORD_SAME : RECORD_FILLED;
	if (rotating)
		return 0;
	if (begins)
		return begin(path, fd, was, is);
	if (fill(was, is))
		return record_save(path, was);
	story->end = RECORD_SAME;
	return 0;
}

int record_settle(const char *key_path, const struct identity *now, bool adopt,
		  struct record_story *ret)
{
	CLEAN(close_fd) int fd = key_lock(key_path);
	struct record was = { 0 }, is = { 0 };
	int r;

	*ret = (struct record_story){ .end = RECORD_NO_KEY };
	if (fd < 0)
		return fd == -ENOENT ? remove_record(key_path) : fd;
	r = record_load(key_path, &was);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	r = learn_all(key_path, now, &is);
	if (r < 0 && r != -EINVAL)
		return r;
	ret->changed = find_copy(&was, &is, is_cloud(now->provider));
	return settle(key_path, fd, &was, &is, adopt, ret);
}

int record_made(const char *key_path, const struct identity *now, unsigned generation)
{
	struct record r = { .generation = generation, .created = time(NULL) };
	int error = learn_all(key_path, now, &r);

	return error < 0 ? error : record_save(key_path, &r);
}
