#include "keys/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clean.h"
#include "base/file.h"
#include "keys/key.h"
#include "t.h"

#define U1     "4c4c4544-0042-3510-8052-b4c04f4d3132"
#define U2     "deadbeef-0042-3510-8052-b4c04f4d3132"
#define NOBODY { NULL, NULL, NULL }

static struct arena *arena;
static char folder[] = "/tmp/recordXXXXXX";

/* A key made on one machine, found on another. */
static const struct {
	struct identity was, is;
	bool adopt;
	int end;
	const char *changed;
} rules[] = {
	{ { "aws", "i-1", U1 }, { "aws", "i-1", U1 }, false, RECORD_SAME, NULL },
	{ { "aws", "i-1", U1 }, { "aws", "i-1", U1 }, true, RECORD_SAME, NULL },
	{ NOBODY, NOBODY, false, RECORD_SAME, NULL },
	{ { "aws", "i-1", U1 }, NOBODY, false, RECORD_SAME, NULL },
	{ NOBODY, { "aws", "i-1", U1 }, false, RECORD_FILLED, NULL },
	{ { "aws", "i-1", NULL }, { "aws", "i-1", U1 }, false, RECORD_FILLED, NULL },
	{ { "aws", NULL, U1 }, { "aws", "i-1", U1 }, false, RECORD_FILLED, NULL },
	{ { "nocloud", NULL, U1 }, { "aws", "i-1", U1 }, false, RECORD_SAME, NULL },
	{ { NULL, NULL, U1 }, { NULL, "i-1", U1 }, false, RECORD_SAME, NULL },
	/* Another board, whoever says what else. */
	{ { "aws", "i-1", U1 }, { "aws", "i-1", U2 }, false, RECORD_CLONE, "uuid" },
	{ { "aws", "i-1", U1 }, { "aws", "i-2", U2 }, false, RECORD_CLONE, "uuid" },
	{ { "nocloud", "1", U1 }, { "nocloud", "1", U2 }, false, RECORD_CLONE, "uuid" },
	{ { NULL, NULL, U1 }, { "aws", "i-1", U2 }, false, RECORD_CLONE, "uuid" },
	{ { "aws", "i-1", U1 }, { NULL, NULL, U2 }, false, RECORD_CLONE, "uuid" },
	{ { "aws", "i-1", U1 }, { "aws", "i-1", U2 }, true, RECORD_ADOPTED, "uuid" },
	/* Another instance of the same cloud. */
	{ { "aws", "i-1", U1 }, { "aws", "i-2", U1 }, false, RECORD_CLONE, "instance" },
	{ { "azure", "i-1", U1 }, { "azure", "i-2", NULL }, false, RECORD_CLONE, "instance" },
	{ { "oci", "i-1", NULL }, { "oci", "i-2", U1 }, false, RECORD_CLONE, "instance" },
	{ { "gcp", "1", NULL }, { "gcp", "2", NULL }, false, RECORD_CLONE, "instance" },
	{ { "gcp", "1", NULL }, { "gcp", "2", NULL }, true, RECORD_ADOPTED, "instance" },
	/* Whoever edits the seed renames the instance. */
	{ { "nocloud", "1", U1 }, { "nocloud", "2", U1 }, false, RECORD_SAME, NULL },
	{ { "nocloud", "1", NULL }, { "nocloud", "2", NULL }, false, RECORD_SAME, NULL },
	{ { "configdrive", "1", U1 }, { "configdrive", "2", U1 }, false, RECORD_SAME, NULL },
	{ { "hyper", "1", U1 }, { "hyper", "2", U1 }, false, RECORD_SAME, NULL },
	{ { NULL, "1", U1 }, { NULL, "2", U1 }, false, RECORD_SAME, NULL },
	/* Names of two providers say nothing of one another. */
	{ { "nocloud", "1", U1 }, { "aws", "2", U1 }, false, RECORD_SAME, NULL },
	{ { "aws", "1", U1 }, { "nocloud", "2", U1 }, false, RECORD_SAME, NULL },
	{ { NULL, "1", U1 }, { "aws", "2", U1 }, false, RECORD_FILLED, NULL },
};

static const char *in(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static const char *text_of(const char *path)
{
	char *text;
	size_t len;

	return file_read(arena, path, 1 << 16, &text, &len) < 0 ? "(none)" : text;
}

static const char *beside(const char *path, const char *ending)
{
	return arena_printf(arena, "%s%s", path, ending);
}

static void run(const char *command, char buf[static 64])
{
	FILE *f = popen(command, "r");
	size_t n = f ? fread(buf, 1, 63, f) : 0;

	CHECK(f && pclose(f) == 0, "%s", command);
	buf[n] = '\0';
}

static void make_key(const char *path)
{
	struct key_story story;
	CLEAN(key_wipe) struct key k;
	int r = key_load_or_create(path, &k, &story);

	CHECK(r == 0 && story.made, "%s: %s", path, strerror(-r));
}

/* A folder of its own for each row. */
static const char *new_key(const char *room, size_t row)
{
	const char *path = in(arena_printf(arena, "%s%zu/key", room, row));

	make_key(path);
	return path;
}

static void check_moved(const char *path, const char *was, const char *record,
			const struct record_story *s)
{
	const char *name = arena_printf(arena, "%s.clone-20", path);

	CHECK(strncmp(s->aside, name, strlen(name)) == 0, "%s", s->aside);
	CHECK(access(path, F_OK) < 0, "the key stays");
	CHECK(access(beside(path, ".next"), F_OK) < 0, "the next key stays");
	CHECK(access(beside(path, ".record"), F_OK) < 0, "the record stays");
	CHECK(strcmp(text_of(s->aside), was) == 0, "the key is lost");
	CHECK(strcmp(text_of(beside(s->aside, ".next")), "next") == 0, "next");
	CHECK(strcmp(text_of(beside(s->aside, ".record")), record) == 0, "record");
}

static void settles(const char *path, const struct identity *now, int end, size_t row)
{
	struct record_story s;
	int r = record_settle(path, now, false, &s);

	CHECK(r == 0 && (int)s.end == end, "%zu: %d, not %d: %s", row, s.end, end,
	      strerror(-r));
}

static void check_rule(size_t row)
{
	const char *path = new_key("rule", row), *record_file = beside(path, ".record"),
		   *was = text_of(path), *record;
	struct record_story s;
	struct stat before, after;
	int r;

	CHECK(file_write(beside(path, ".next"), "next", 4, 0600) == 0, "next");
	CHECK(record_made(path, &rules[row].was, 7) == 0, "made");
	record = text_of(record_file);
	CHECK(stat(record_file, &before) == 0 && (before.st_mode & 07777) == 0600, "%o",
	      before.st_mode);
	r = record_settle(path, &rules[row].is, rules[row].adopt, &s);
	CHECK(r == 0 && (int)s.end == rules[row].end, "%zu: %d, not %d: %s", row, s.end,
	      rules[row].end, strerror(-r));
	CHECK(s.changed == rules[row].changed || (s.changed && rules[row].changed &&
						  strcmp(s.changed, rules[row].changed) == 0),
	      "%zu: %s", row, s.changed);
	if (s.end == RECORD_CLONE) {
		check_moved(path, was, record, &s);
		settles(path, &rules[row].is, RECORD_NO_KEY, row);
		make_key(path);
		CHECK(record_made(path, &rules[row].is, 1) == 0, "%zu", row);
	} else {
		CHECK(strcmp(text_of(path), was) == 0, "%zu: another key", row);
		CHECK(!*s.aside, "%zu: %s", row, s.aside);
	}
	if (s.end == RECORD_SAME)
		CHECK(stat(record_file, &after) == 0 && after.st_ino == before.st_ino,
		      "%zu: the record was written", row);
	settles(path, &rules[row].is, RECORD_SAME, row);
	if (s.end != RECORD_CLONE)
		CHECK(strncmp(text_of(record_file), record,
			      strlen("generation 7\ncreated ") + 20) == 0,
		      "%zu: %s", row, text_of(record_file));
	if (s.end == RECORD_ADOPTED) /* it is the new machine's now */
		settles(path, &rules[row].was, RECORD_CLONE, row);
}

/* What may stand where the record should, and what comes of it. */
static const struct {
	const char *text;
	int error;
} files[] = {
	{ "generation 1\n", 0 },
	{ "generation 999999999", 0 },
	{ "generation 3\ncreated 2026-11-22T21:50:00Z\n", 0 },
	{ "generation 3\nuuid 000102030405060708090a0b0c0d0e0f\n", 0 },
	{ "colour of a later version\ngeneration 3\n", 0 },
	{ "", -EBADMSG },
	{ "\n", -EBADMSG },
	{ "generation\n", -EBADMSG },
	{ "generation \n", -EBADMSG },
	{ "generation 0\n", -EBADMSG },
	{ "generation 1000000000\n", -EBADMSG },
	{ "generation -1\n", -EBADMSG },
	{ "generation +1\n", -EBADMSG },
	{ "generation 1 \n", -EBADMSG },
	{ "generation 1\ngeneration 1\n", -EBADMSG },
	{ "generation 1\n\n", -EBADMSG },
	{ "created 2026-11-22T21:50:00Z\n", -EBADMSG },
	{ "generation 1\ncreated 2026-11-22\n", -EBADMSG },
	{ "generation 1\ncreated 2026-11-22T21:50:00Z \n", -EBADMSG },
	{ "generation 1\ncreated 2026-13-22T21:50:00Z\n", -EBADMSG },
	{ "generation 1\ncreated 2026-02-31T21:50:00Z\n", -EBADMSG },
	{ "generation 1\ncreated  2026-11-22T21:50:00Z\n", -EBADMSG },
	{ "generation 1\nuuid 00\n", -EBADMSG },
	{ "generation 1\nuuid 000102030405060708090a0b0c0d0e0f00\n", -EBADMSG },
	{ "generation 1\nuuid 000102030405060708090a0b0c0d0e0x\n", -EBADMSG },
	{ "generation 1\nuuid 000102030405060708090a0b0c0d0e0f\n"
	  "uuid 000102030405060708090a0b0c0d0e0f\n",
	  -EBADMSG },
};

static void check_files(void)
{
	const struct identity here = { "aws", "i-1", U1 }, there = { "aws", "i-2", U2 };
	const char *path = new_key("file", 0), *file = beside(path, ".record");
	const char *huge = arena_printf(arena, "generation 1\ncolour %05000d", 0);
	struct record r = { 0 };

	CHECK(record_load(path, &r) == -ENOENT, "none");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		CHECK(file_write(file, files[i].text, strlen(files[i].text), 0600) == 0, "w");
		CHECK(record_load(path, &r) == files[i].error, "%zu: %s", i, files[i].text);
		if (files[i].error < 0) {
			settles(path, &here, RECORD_FILLED, i);
			settles(path, &here, RECORD_SAME, i);
		}
	}
	CHECK(record_load(path, &r) == 0 && r.generation == 1 && r.known[RECORD_KEY], "filled");
	CHECK(file_write(file, "generation 1\n\0", 14, 0600) == 0 &&
		  record_load(path, &r) == -EBADMSG,
	      "a NUL");
	CHECK(file_write(file, huge, strlen(huge), 0600) == 0 &&
		  record_load(path, &r) == -EBADMSG,
	      "huge");
	CHECK(truncate(file, 1L << 40) == 0 && record_load(path, &r) == -EBADMSG, "a hole");
	settles(path, &here, RECORD_FILLED, 0);
	alarm(10); /* a FIFO would hold us up */
	CHECK(unlink(file) == 0 && mkfifo(file, 0600) == 0, "mkfifo");
	CHECK(record_load(path, &r) == -EBADMSG, "a FIFO");
	settles(path, &here, RECORD_FILLED, 1);
	CHECK(unlink(file) == 0 && symlink("target", file) == 0, "symlink");
	CHECK(record_load(path, &r) == -EBADMSG, "a link");
	settles(path, &here, RECORD_FILLED, 2);
	CHECK(access(in("file0/target"), F_OK) < 0, "written through a link");
	alarm(0);
	settles(path, &there, RECORD_CLONE, 3);
	CHECK(mkdir(file, 0700) == 0, "mkdir");
	make_key(path);
	{
		struct record_story s;

		CHECK(record_settle(path, &here, false, &s) == -EISDIR, "a folder");
	}
}

/* A record is its key's: of another key it only says how many there were. */
static void check_other_key(void)
{
	const struct identity here = { "aws", "i-1", U1 }, there = { "aws", "i-2", U2 };
	const char *path = new_key("other", 0);
	struct record r;

	CHECK(record_made(path, &here, 7) == 0, "made");
	CHECK(unlink(path) == 0, "unlink");
	make_key(path);
	settles(path, &there, RECORD_FILLED, 0);
	CHECK(record_load(path, &r) == 0 && r.generation == 8, "%u", r.generation);
	settles(path, &there, RECORD_SAME, 1);
	settles(path, &here, RECORD_CLONE, 2);
}

/* But while one key takes another's place, the record is that one's, and the machine's. */
static void check_rotating(void)
{
	const struct identity here = { "aws", "i-1", U1 }, there = { "aws", "i-2", U2 };
	static const char *const endings[] = { ".next", ".previous" };
	const char *path = new_key("rotating", 0);
	struct record r;

	for (size_t i = 0; i < 2; i++) {
		const char *also = beside(path, endings[i]);

		if (i)
			make_key(path);
		CHECK(record_made(path, &here, 7) == 0 && unlink(path) == 0, "made");
		make_key(path);
		CHECK(file_write(also, "other", 5, 0600) == 0, "%s", endings[i]);
		settles(path, &here, RECORD_SAME, (int)i);
		CHECK(record_load(path, &r) == 0 && r.generation == 7, "%u", r.generation);
		settles(path, &there, RECORD_CLONE, (int)i);
		CHECK(access(also, F_OK) < 0 && access(path, F_OK) < 0,
		      "%s of the other machine stays", endings[i]);
	}
}

static void check_no_key(void)
{
	const struct identity here = { "aws", "i-1", U1 }, there = { "aws", "i-2", U2 };
	const char *path = new_key("no", 0);
	struct record_story s;

	settles(in("nowhere/key"), &here, RECORD_NO_KEY, 0);
	CHECK(record_made(path, &here, 1) == 0 && unlink(path) == 0, "made");
	settles(path, &here, RECORD_NO_KEY, 1);
	CHECK(access(beside(path, ".record"), F_OK) < 0, "a record without a key");
	CHECK(record_made(path, &here, 1) == -ENOENT, "for no key");
	make_key(path);
	CHECK(record_made(path, &here, 1) == 0 && chmod(path, 0644) == 0, "made");
	CHECK(record_settle(path, &there, false, &s) == -EPERM, "open to others");
	CHECK(access(path, F_OK) == 0, "moved");
	CHECK(chmod(path, 0600) == 0 && truncate(path, 0) == 0, "damage");
	settles(path, &here, RECORD_SAME, 2);
	settles(path, &there, RECORD_CLONE, 3);
	CHECK(file_write(path, "", 0, 0600) == 0, "damaged again");
	settles(path, &here, RECORD_FILLED, 4);
	settles(path, &here, RECORD_SAME, 5);
}

/* When the key was made is what its file says. */
static void check_created(void)
{
	const struct identity here = { "aws", "i-1", U1 };
	const struct timespec then[2] = { { .tv_sec = 1795384200 }, { .tv_sec = 1795384200 } };
	const char *path = new_key("created", 0);
	struct record r;
	time_t now = time(NULL);

	CHECK(utimensat(AT_FDCWD, path, then, 0) == 0, "touch");
	settles(path, &here, RECORD_FILLED, 0);
	CHECK(strstr(text_of(beside(path, ".record")),
		     "generation 1\ncreated 2026-11-22T21:50:00Z\nkey ") != NULL,
	      "%s", text_of(beside(path, ".record")));
	CHECK(record_made(path, &here, 3) == 0 && record_load(path, &r) == 0, "made");
	CHECK(r.generation == 3 && r.created >= now && r.created <= now + 60, "%u %ld",
	      r.generation, (long)r.created);
	r.created = INT64_MAX;
	CHECK(record_save(path, &r) == 0 && record_load(path, &r) == 0 && r.created == 0,
	      "a time without words");
}

/* The hash is what it is said to be. */
static void check_hash(void)
{
	const struct identity here = { .uuid = U1 };
	const char *path = new_key("hash", 0);
	char hex[64];

	run("printf 'routerd identity\\000uuid\\000" U1 "' | sha256sum | cut -c 1-32 | "
	    "tr -d '\\n'",
	    hex);
	CHECK(record_made(path, &here, 1) == 0, "made");
	CHECK(strstr(text_of(beside(path, ".record")), arena_printf(arena, "\nuuid %s\n", hex)),
	      "%s in %s", hex, text_of(beside(path, ".record")));
}

/* All at once on a copy: one key goes, one comes, and nobody moves that one. */
static void check_race(void)
{
	const struct identity here = { "aws", "i-1", U1 }, there = { "aws", "i-2", U2 };
	const char *path = new_key("race", 0), *was = text_of(path);
	char count[64];

	CHECK(record_made(path, &here, 1) == 0, "made");
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			struct record_story s;
			struct key_story made;
			struct key k;
			int r = record_settle(path, &there, false, &s);

			if (r == 0)
				r = key_load_or_create(path, &k, &made);
			if (r == 0 && made.made)
				r = record_made(path, &there, 1);
			_exit(r < 0);
		}
	}
	for (int status; wait(&status) > 0;)
		CHECK(status == 0, "%d", status);
	CHECK(strcmp(text_of(path), was) != 0, "the old key is there");
	run(arena_printf(arena, "ls %s.clone-*Z | wc -l", path), count);
	CHECK(strcmp(count, "1\n") == 0, "%s moved", count);
}

static const struct {
	const char *uuid_file, *node, *uuid, *provider, *instance;
} machines[] = {
	{ "4C4C4544-0042-3510-8052-B4C04F4D3132\n",
	  "{\"provider\":\"aws\",\"instanceId\":\"i-1\"}", U1, "aws", "i-1" },
	{ "  " U1 " \n", "{\"provider\":\"gcp\",\"instanceId\":12,\"x\":[1,{}]}\n", U1, "gcp",
	  "12" },
	{ NULL, NULL, NULL, NULL, NULL },
	{ "", "", NULL, NULL, NULL },
	{ "Not Settable\n", "[]", NULL, NULL, NULL },
	{ "00000000-0000-0000-0000-000000000000\n", "{}", NULL, NULL, NULL },
	{ "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n", "nonsense", NULL, NULL, NULL },
	{ "03000200-0400-0500-0006-000700080009\n", "{\"provider\":null,\"instanceId\":\"\"}",
	  NULL, NULL, NULL },
	{ "00020003-0004-0005-0006-000700080009\n", "{\"provider\":{},\"instanceId\":[]}", NULL,
	  NULL, NULL },
	{ "4c4c4544-0042-3510-8052-b4c04f4d313\n", "{\"provider\":\"aws\"}", NULL, "aws",
	  NULL },
	{ "4c4c4544-0042-3510-8052-b4c04f4d31323\n", "{\"provider\":\"aws\",", NULL, NULL,
	  NULL },
	{ NULL, "{\"provider\":\"aws\"}\n---\n{", NULL, NULL, NULL },
	{ "4c4c4544x0042-3510-8052-b4c04f4d3132\n", "{\"instanceId\":\"i\"}", NULL, NULL, "i" },
};

static bool equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void put(const char *path, const char *text)
{
	(void)unlink(path);
	if (text)
		CHECK(file_write(path, text, strlen(text), 0600) == 0, "%s", path);
}

static void check_identity(void)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		struct identity is;

		put(in("uuid"), machines[i].uuid_file);
		put(in("node"), machines[i].node);
		identity_read_from(arena, in("uuid"), in("node"), &is);
		CHECK(equal(is.uuid, machines[i].uuid), "%zu: %s", i, is.uuid);
		CHECK(equal(is.provider, machines[i].provider), "%zu: %s", i, is.provider);
		CHECK(equal(is.instance, machines[i].instance), "%zu: %s", i, is.instance);
	}
}

int main(void)
{
	arena = arena_new();
	CHECK(sodium_init() >= 0, "sodium");
	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		check_rule(i);
	check_files();
	check_other_key();
	check_rotating();
	check_no_key();
	check_created();
	check_hash();
	for (int i = 0; i < 10; i++) {
		check_race();
		CHECK(system(arena_printf(arena, "rm -r %s/race0", folder)) == 0, "rm");
	}
	check_identity();
	CHECK(system(arena_printf(arena, "rm -r %s", folder)) == 0, "%s stays", folder);
	arena_free(arena);
	return t_failed;
}
