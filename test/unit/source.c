#include "firstboot/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "t.h"

/* FIPS 180-4. */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct arena *arena;
static char root[] = "/tmp/sourceXXXXXX";

#define DISK "/dev/disk/by-label/routerd_config" /* in either case */

static void put(const char *path, const char *text)
{
	const char *name = arena_printf(arena, "%s%s", root, path);
	int r = file_make_folder(name, 0755);

	if (r == 0)
		r = file_write(name, text, strlen(text), 0644);
	CHECK(r == 0, "%s: %s", path, strerror(-r));
}

static void gone(const char *path)
{
	const char *name = arena_printf(arena, "%s%s", root, path);

	CHECK(remove(name) == 0, "%s: %s", path, strerror(errno));
}

static int find(const struct seed *seed, struct source *ret, const char **ret_words)
{
	const struct place place = { .root = root };

	*ret_words = NULL;
	return source_find(arena, &place, seed, 5, ret, ret_words);
}

static void test_digest(void)
{
	char digest[65];

	source_digest("", 0, digest);
	CHECK(strcmp(digest, EMPTY) == 0, "%s", digest);
	source_digest("abc", 3, digest);
	CHECK(strcmp(digest, ABC) == 0, "%s", digest);
}

/* The first that is there, and no other. */
static void test_order(void)
{
	struct seed none = { .form = NULL };
	struct seed url = { .config_url = "file:///c%20d", .config_digest = ABC };
	struct seed both = url;
	struct source s;
	const char *words;

	both.config = "inline";
	both.config_len = 6;
	put("/c d", "abc");
	CHECK(find(&none, &s, &words) == 0 && s.kind == SOURCE_NONE && !s.bytes, "none");
	CHECK(find(&url, &s, &words) == 0 && s.kind == SOURCE_URL, "%s", words);
	CHECK(s.len == 3 && memcmp(s.bytes, "abc", 3) == 0, "bytes");
	CHECK(strcmp(s.digest, ABC) == 0, "%s", s.digest);
	CHECK(strcmp(s.from, "the file /c d") == 0, "%s", s.from);
	CHECK(find(&both, &s, &words) == 0 && s.kind == SOURCE_USER_DATA, "%s", words);
	CHECK(s.len == 6 && memcmp(s.bytes, "inline", 6) == 0, "bytes");
	CHECK(strcmp(s.from, "user-data") == 0, "%s", s.from);
	put(DISK "/router.yaml", "disk");
	CHECK(find(&both, &s, &words) == 0 && s.kind == SOURCE_DISK, "%s", words);
	CHECK(s.len == 4 && memcmp(s.bytes, "disk", 4) == 0, "bytes");
	CHECK(strcmp(s.from, "the disk ROUTERD_CONFIG") == 0, "%s", s.from);
	CHECK(find(&none, &s, &words) == 0 && s.kind == SOURCE_DISK, "%s", words);
	/* A disk is there, and cannot be used. */
	gone(DISK "/router.yaml");
	CHECK(find(&both, &s, &words) == -ENOENT && s.kind == SOURCE_DISK, "%d", s.kind);
	CHECK(!s.bytes && strstr(words, "has no file router.yaml"), "%s", words);
	put(DISK "/router.yaml/x", "");
	CHECK(find(&both, &s, &words) < 0 && s.kind == SOURCE_DISK, "%d", s.kind);
	CHECK(!s.bytes && strstr(words, "no plain file"), "%s", words);
	gone(DISK "/router.yaml/x");
	gone(DISK "/router.yaml");
	CHECK(symlink("../../../../c d",
		      arena_printf(arena, "%s%s", root, DISK "/router.yaml")) == 0,
	      "symlink");
	CHECK(find(&both, &s, &words) < 0 && s.kind == SOURCE_DISK, "%d", s.kind);
	CHECK(!s.bytes && strstr(words, "a link"), "%s", words);
	gone(DISK "/router.yaml");
	gone(DISK);
	put("/dev/null", "");
	put(DISK, "no file system");
	CHECK(find(&both, &s, &words) < 0 && s.kind == SOURCE_DISK, "%d", s.kind);
	CHECK(!s.bytes && strstr(words, "cannot be mounted"), "%s", words);
	gone(DISK);
	gone("/c d");
}

static void test_file(void)
{
	struct seed seed = { .config_url = "file:///c", .config_digest = ABC };
	const char *big = arena_printf(arena, "%s/c", root);
	struct source s;
	const char *words;

	CHECK(find(&seed, &s, &words) == -ENOENT && s.kind == SOURCE_URL, "%d", s.kind);
	CHECK(strcmp(words, "the file /c: there is no such file: is config_url right?") == 0,
	      "%s", words);
	put("/c", "abd");
	CHECK(find(&seed, &s, &words) == -EBADMSG && s.kind == SOURCE_URL, "%d", s.kind);
	CHECK(!s.bytes && !*s.digest, "taken");
	CHECK(strstr(words, "the file /c: its SHA-256 is a52d159f262b2c6ddb724a61840befc3") &&
		  strstr(words, "says ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410f"
				"f61f20015ad: it was changed"),
	      "%s", words);
	put("/c", "abc\n");
	CHECK(find(&seed, &s, &words) == -EBADMSG, "a newline");
	CHECK(truncate(big, SOURCE_BYTES + 1L) == 0, "truncate");
	CHECK(find(&seed, &s, &words) == -EFBIG && strstr(words, "larger than any"), "%s",
	      words);
	gone("/c");
}

int main(void)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *tidy;

	arena = a;
	CHECK(mkdtemp(root), "mkdtemp");
	tidy = arena_printf(a, "rm -r %s", root);
	test_digest();
	test_order();
	test_file();
	CHECK(system(tidy) == 0, "%s", tidy);
	return t_failed;
}
