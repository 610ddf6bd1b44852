#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clean.h"
#include "base/file.h"
#include "keys/aside.h"
#include "keys/key.h"
#include "t.h"

#define CREATORS 8

/* RFC 7748 section 6.1: Alice and Bob. */
static const struct {
	const char *private, *public;
} pairs[] = {
	{ "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
	{ "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f" },
};
#define ALICE	     "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="
#define ALICE_PUBLIC "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

/* The points of low order, https://cr.yp.to/ecdh.html#validate. */
static const char *const low[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

/* What stands in a file, its mode, what key_load() says. */
static const struct {
	const char *text;
	mode_t mode;
	int error;
} files[] = {
	{ ALICE "\n", 0600, 0 },
	{ ALICE, 0400, 0 },
	{ ALICE "\n", 0640, 0 }, /* its group may read */
	{ ALICE "\n", 0644, -EPERM },
	{ ALICE "\n", 0604, -EPERM },
	{ ALICE "\n", 0602, -EPERM },
	{ ALICE "\n", 0601, -EPERM },
	{ ALICE "\n", 0620, -EPERM },
	{ ALICE "\n", 0660, -EPERM },
	{ ALICE "\n\n", 0600, -EINVAL },
	{ ALICE "\r\n", 0600, -EINVAL },
	{ ALICE " \n", 0600, -EINVAL },
	{ " " ALICE "\n", 0600, -EINVAL },
	{ ALICE "x", 0600, -EINVAL },
	{ ALICE "\n" ALICE "\n", 0600, -EINVAL },
	{ "", 0600, -EINVAL },
	{ "\n", 0600, -EINVAL },
	{ "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo", 0600, -EINVAL },
	{ "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCp=", 0600, -EINVAL }, /* stray bits */
	{ "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LA==", 0600, -EINVAL },
	{ "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25-Co=", 0600, -EINVAL },
	{ "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a\n", 0600, -EINVAL },
	/* WireGuard reads a key of zeros as "no key": as a preshared key it would protect
	 * nothing, and say nothing. */
	{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0600, -EINVAL },
};

static struct arena *arena;
static char folder[] = "/tmp/keyXXXXXX";

static const char *in(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static struct key from_hex(const char *hex)
{
	struct key k = { 0 };
	size_t n;

	CHECK(sodium_hex2bin(k.bytes, KEY_BYTES, hex, strlen(hex), NULL, &n, NULL) == 0 &&
		  n == KEY_BYTES,
	      "%s", hex);
	return k;
}

static void check_vectors(void)
{
	char text[KEY_STRLEN];
	struct key k, public, want;
	uint8_t id[2][KEY_ID_BYTES];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		k = from_hex(pairs[i].private);
		want = from_hex(pairs[i].public);
		CHECK(key_public(&k, &public) == 0 && key_equal(&public, &want), "%s",
		      pairs[i].private);
		CHECK(key_is_usable(&public), "%s", pairs[i].public);
	}
	for (size_t i = 0; i < sizeof(low) / sizeof(*low); i++) {
		k = from_hex(low[i]);
		CHECK(!key_is_usable(&k), "%s", low[i]);
	}
	CHECK(key_parse(ALICE_PUBLIC, &k) == 0 &&
		  strcmp(key_print(&k, text), ALICE_PUBLIC) == 0,
	      "%s", text);
	memset(&k, 7, sizeof(k));
	CHECK(key_parse("short", &k) == -EINVAL && k.bytes[0] == 7, "touched");
	key_id(&k, id[0]);
	k.bytes[31] ^= 1;
	key_id(&k, id[1]);
	CHECK(memcmp(id[0], id[1], KEY_ID_BYTES) != 0, "two keys, one id");
	key_wipe(&k);
	CHECK(sodium_is_zero(k.bytes, KEY_BYTES), "not wiped");
}

static const char *text_of(const char *path)
{
	char *text = NULL;
	size_t len;

	return file_read(arena, path, 1 << 16, &text, &len) < 0 ? "(none)" : text;
}

/* What was made in place of a damaged file, and what was there is beside it. */
static void check_repaired(const char *path, const char *was, size_t row)
{
	struct key_story story;
	struct key k, other;
	const char *name = arena_printf(arena, "%s.damaged-20", path);
	int r = key_load_or_create(path, &k, &story);

	CHECK(r == 0 && story.made, "%zu: %s", row, strerror(-r));
	CHECK(strncmp(story.aside, name, strlen(name)) == 0, "%zu: %s", row, story.aside);
	CHECK(strcmp(text_of(story.aside), was) == 0, "%zu: %s", row, story.aside);
	CHECK(key_load(path, &other) == 0 && key_equal(&k, &other), "%zu", row);
}

static void check_files(void)
{
	const char *path = in("k");
	struct key k, alice = from_hex(pairs[0].private);

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct key_story story;
		int r;

		CHECK(file_write(path, files[i].text, strlen(files[i].text), files[i].mode) ==
			  0,
		      "write");
		memset(&k, 7, sizeof(k));
		r = key_load(path, &k);
		CHECK(r == files[i].error, "%zu: %s", i, strerror(-r));
		CHECK(key_equal(&k, &alice) == (r == 0), "%zu", i);
		CHECK(key_is_own(path, &alice) == (r == 0), "%zu", i);
		r = key_check_mode(path);
		CHECK(r == (files[i].error == -EPERM ? -EPERM : 0), "%zu: %s", i, strerror(-r));
		if (files[i].error == -EINVAL) {
			check_repaired(path, files[i].text, i);
			continue;
		}
		r = key_load_or_create(path, &k, &story);
		CHECK(r == files[i].error && !story.made && !*story.aside, "%zu: %s", i,
		      strerror(-r));
		CHECK(strcmp(text_of(path), files[i].text) == 0, "%zu: changed", i);
	}
	CHECK(key_load(in("none"), &k) == -ENOENT, "none");
	CHECK(!key_is_own(in("none"), &alice), "none");
	CHECK(key_check_mode(in("none")) == -ENOENT, "none");
}

static const char *make_link(const char *name, const char *to)
{
	CHECK(symlink(to, in(name)) == 0, "symlink %s", name);
	return in(name);
}

/* What is no plain file is neither read nor moved. */
static void check_odd_files(void)
{
	struct {
		const char *path;
		int error;
	} odd[] = {
		{ in("odd/folder"), -EINVAL },	 { in("odd/fifo"), -EINVAL },
		{ "/dev/zero", -EINVAL },	 { in("odd/to-empty"), -EINVAL },
		{ in("odd/dangling"), -ENOENT }, { in("odd/loop"), -ELOOP },
	};
	struct key_story story;
	struct key k;

	CHECK(file_make_folder(in("odd/folder/x"), 0700) == 0, "folder");
	CHECK(mkfifo(in("odd/fifo"), 0600) == 0, "mkfifo");
	CHECK(file_create(in("odd/empty"), "", 0, 0600) == 0, "empty");
	make_link("odd/to-empty", "empty");
	make_link("odd/dangling", "nowhere");
	make_link("odd/loop", "loop");
	alarm(10); /* a FIFO would hold us up */
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct stat was, is;
		int r = key_load(odd[i].path, &k);

		CHECK(r == odd[i].error, "%s: %s", odd[i].path, strerror(-r));
		CHECK(lstat(odd[i].path, &was) == 0, "%s", odd[i].path);
		r = key_load_or_create(odd[i].path, &k, &story);
		CHECK(r == odd[i].error && !story.made && !*story.aside, "%s: %s", odd[i].path,
		      strerror(-r));
		CHECK(lstat(odd[i].path, &is) == 0 && is.st_ino == was.st_ino, "%s moved",
		      odd[i].path);
	}
	alarm(0);
	CHECK(file_write(in("odd/empty"), ALICE, strlen(ALICE), 0600) == 0, "mend");
	CHECK(key_load_or_create(in("odd/to-empty"), &k, &story) == 0 && !story.made,
	      "a link to a key is followed");
}

static void check_aside(void)
{
	char to[PATH_MAX] = "";

	for (int i = 1; i <= 12; i++) {
		const char *text = arena_printf(arena, "%d", i);
		const char *again = i > 1 ? arena_printf(arena, "-%d", i) : "";
		const char *want =
		    arena_printf(arena, "%s.why-20261122T215000Z%s.x", in("m"), again);

		CHECK(file_write(in("m.x"), text, strlen(text), 0600) == 0, "write");
		CHECK(aside_move(in("m"), ".x", "why", 1795384200, to) == 0, "%d", i);
		CHECK(strcmp(to, want) == 0, "%s, not %s", to, want);
	}
	for (int i = 2; i <= 12; i++)
		CHECK(atoi(text_of(arena_printf(arena, "%s.why-20261122T215000Z-%d.x", in("m"),
						i))) == i,
		      "%d was overwritten", i);
	CHECK(aside_move(in("m"), ".x", "why", 1795384200, to) == -ENOENT, "none");
	CHECK(aside_move(in("m"), ".x", "why", INT64_MAX, to) == -ERANGE, "no such time");
}

static void check_create(void)
{
	const char *path = in("new/folder/k");
	struct key_story story;
	struct key a, b, public;
	struct stat st;

	CHECK(key_load_or_create(path, &a, &story) == 0 && story.made && !*story.aside,
	      "first");
	CHECK(key_looks_private(&a), "not clamped");
	CHECK(key_public(&a, &public) == 0 && key_is_usable(&public), "not usable");
	CHECK(key_load_or_create(path, &b, &story) == 0 && !story.made, "second");
	CHECK(key_equal(&a, &b), "the second call made another key");
	CHECK(key_load(path, &b) == 0 && key_equal(&a, &b), "load");
	CHECK(key_is_own(path, &a) && !key_is_own(path, &public), "whose key is it?");
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == 45,
	      "%o %ld", st.st_mode, (long)st.st_size);
	CHECK(stat(in("new/folder"), &st) == 0 && (st.st_mode & 07777) == 0700, "%o",
	      st.st_mode);
	CHECK(file_create(path, "x", 1, 0600) == -EEXIST, "a key file was overwritten");
	CHECK(key_load_or_create(in("k/k"), &b, &story) == -ENOTDIR && !story.made,
	      "a file above");
}

/* The bits that wg(8) sets and clears, curve25519_clamp_secret(). */
static const struct {
	uint8_t first, last;
	bool private;
} looks[] = {
	{ 0x00, 0x40, true },  { 0xf8, 0x7f, true },  { 0x01, 0x40, false },
	{ 0x02, 0x40, false }, { 0x04, 0x40, false }, { 0x08, 0x00, false },
	{ 0x08, 0x3f, false }, { 0x08, 0xc0, false }, { 0x08, 0x80, false },
};

/* A public half that looks like a private key comes once in sixteen: 300 keys without one
 * come by chance once in 10^8 times. */
static void check_looks(void)
{
	struct key_story story;
	struct key k = { 0 }, public;

	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		k.bytes[0] = looks[i].first;
		k.bytes[31] = looks[i].last;
		CHECK(key_looks_private(&k) == looks[i].private, "%zu", i);
	}
	for (int i = 0; i < 300; i++) {
		CHECK(key_load_or_create(in("looks"), &k, &story) == 0 && story.made, "make");
		CHECK(key_looks_private(&k), "not clamped");
		CHECK(key_public(&k, &public) == 0 && !key_looks_private(&public),
		      "a public key that looks private");
		CHECK(unlink(in("looks")) == 0, "unlink");
	}
}

static void voucher_key(const char *name, struct key *ret_public)
{
	struct key_story story;
	struct key k;

	CHECK(key_load_or_create(in(name), &k, &story) == 0 && key_public(&k, ret_public) == 0,
	      "%s", name);
}

static void check_vouchers(void)
{
	struct key a, b, c, next, none = { 0 };
	uint8_t voucher[KEY_VOUCHER_BYTES], again[KEY_VOUCHER_BYTES];

	voucher_key("a", &a);
	voucher_key("b", &b);
	voucher_key("c", &c);
	voucher_key("next", &next);
	CHECK(key_vouch(in("a"), &b, &next, voucher) == 0, "vouch");
	CHECK(key_vouched(in("b"), &a, &next, voucher) == 0, "the right one");
	CHECK(key_vouched(in("b"), &a, &c, voucher) == -EBADMSG, "another key");
	CHECK(key_vouched(in("b"), &c, &next, voucher) == -EBADMSG, "from another");
	CHECK(key_vouched(in("c"), &a, &next, voucher) == -EBADMSG, "for another");
	CHECK(key_vouched(in("a"), &b, &next, voucher) == -EBADMSG, "sent back");
	CHECK(key_vouch(in("b"), &a, &next, again) == 0 &&
		  memcmp(voucher, again, sizeof(again)) != 0,
	      "both ways are one");
	for (size_t i = 0; i < KEY_VOUCHER_BYTES; i++) {
		voucher[i] ^= 1;
		CHECK(key_vouched(in("b"), &a, &next, voucher) == -EBADMSG, "byte %zu", i);
		voucher[i] ^= 1;
	}
	CHECK(key_vouch(in("a"), &none, &next, again) == -EINVAL, "to everybody");
	CHECK(key_vouched(in("b"), &none, &next, voucher) == -EINVAL, "from everybody");
	CHECK(key_vouch(in("a"), &b, &none, again) == -EINVAL, "for an unusable key");
	CHECK(key_vouch(in("nobody"), &b, &next, again) == -ENOENT, "without a key");
	CHECK(key_vouched(in("nobody"), &a, &next, voucher) == -ENOENT, "without a key");
}

/* The construction in key.h, made by hand: other versions must agree with this one. */
static void check_voucher_form(void)
{
	static const char label[] = "routerd voucher v1";
	struct key alice = from_hex(pairs[0].private), bob = from_hex(pairs[1].public),
		   next = from_hex(pairs[0].public);
	uint8_t seed[32 + sizeof(label) - 1], mac[32], want[32], got[KEY_VOUCHER_BYTES];
	struct key said[] = { from_hex(pairs[0].public), bob, next };

	CHECK(file_write(in("alice"), ALICE, strlen(ALICE), 0600) == 0, "alice");
	CHECK(key_vouch(in("alice"), &bob, &next, got) == 0, "vouch");
	CHECK(crypto_scalarmult(seed, alice.bytes, bob.bytes) == 0, "agree");
	memcpy(seed + 32, label, sizeof(label) - 1);
	crypto_generichash(mac, sizeof(mac), seed, sizeof(seed), NULL, 0);
	crypto_generichash(want, sizeof(want), (void *)said, sizeof(said), mac, sizeof(mac));
	CHECK(memcmp(got, want, sizeof(want)) == 0, "another construction");
}

/* Many at once, after one signal: all get one key, and one of them says it made it. */
static void check_race(const char *path)
{
	struct answer {
		struct key key;
		int made;
	} first, other;
	int start[2], answers[2], makers = 0;
	char go[CREATORS] = { 0 };

	CHECK(pipe(start) == 0 && pipe(answers) == 0, "pipe");
	for (int i = 0; i < CREATORS; i++) {
		if (fork() == 0) {
			struct answer a = { 0 };
			struct key_story story;
			char c;

			if (read(start[0], &c, 1) != 1)
				_exit(1);
			a.made =
			    key_load_or_create(path, &a.key, &story) < 0 ? 100 : story.made;
			_exit(write(answers[1], &a, sizeof(a)) != sizeof(a));
		}
	}
	CHECK(write(start[1], go, CREATORS) == CREATORS, "go");
	for (int i = 0; i < CREATORS; i++) {
		CHECK(read(answers[0], &other, sizeof(other)) == sizeof(other), "answer");
		if (i == 0)
			first = other;
		CHECK(key_equal(&first.key, &other.key), "two keys");
		makers += other.made;
	}
	CHECK(makers == 1, "%d made it", makers);
	while (wait(NULL) > 0)
		;
}

static void run(const char *command, char buf[static 128])
{
	FILE *f = popen(command, "r");
	size_t n = f ? fread(buf, 1, 127, f) : 0;

	CHECK(f && pclose(f) == 0, "%s", command);
	buf[n] = '\0';
}

/* Whoever names another file for a key, as /etc/shadow, keeps it. */
static void check_foreign(void)
{
	const char *path = in("foreign");
	struct key_story story;
	char text[128];
	struct key k;

	memset(text, 'x', sizeof(text));
	CHECK(file_write(path, text, 101, 0600) == 0, "write");
	CHECK(key_load_or_create(path, &k, &story) == -EINVAL && !*story.aside && !story.made,
	      "%s", story.aside);
	CHECK(strlen(text_of(path)) == 101, "touched");
	CHECK(file_write(path, text, 100, 0600) == 0, "write");
	CHECK(key_load_or_create(path, &k, &story) == 0 && story.made, "a little damage");
}

/* Not a moment's other key is moved aside: what was damaged is there, and nothing else. */
static void check_races(void)
{
	const char *path = in("race/k");
	char found[128];

	check_race(path);
	for (int i = 0; i < 20; i++) {
		CHECK(file_write(path, "damaged", 7, 0600) == 0, "damage");
		check_race(path);
		run(arena_printf(arena, "cat %s.damaged-* && rm %s.damaged-*", path, path),
		    found);
		CHECK(strcmp(found, "damaged") == 0, "%s", found);
	}
}

/* wg(8), which 'make deps' installs, reads our keys and we its. */
static void check_same_public(const char *path)
{
	char text[128], print[KEY_STRLEN], fingerprint[KEY_FINGERPRINT_STRLEN];
	struct key k, public;

	CHECK(key_load(path, &k) == 0 && key_public(&k, &public) == 0, "load");
	run(arena_printf(arena, "wg pubkey <%s", path), text);
	CHECK(strcmp(text, arena_printf(arena, "%s\n", key_print(&public, print))) == 0,
	      "wg says %s, we say %s", text, print);
	run(arena_printf(arena,
			 "wg pubkey <%s | base64 -d | sha256sum | cut -c 1-20 | "
			 "sed 's/..../&-/g; s/-$//' | tr -d '\\n'",
			 path),
	    text);
	CHECK(strcmp(key_fingerprint(&public, fingerprint), text) == 0,
	      "sha256sum says %s, we say %s", text, fingerprint);
}

static void check_wg(void)
{
	struct key_story story;
	struct key k;
	char text[128], print[KEY_STRLEN];

	for (int i = 0; i < 8; i++) {
		const char *ours = in(arena_printf(arena, "ours%d", i));
		const char *theirs = in(arena_printf(arena, "theirs%d", i));

		CHECK(key_load_or_create(ours, &k, &story) == 0 && story.made, "make");
		check_same_public(ours);
		run(arena_printf(arena, "umask 077; wg genkey >%s; cat %s", theirs, theirs),
		    text);
		check_same_public(theirs);
		CHECK(key_load(theirs, &k) == 0 && key_looks_private(&k), "%s", text);
		CHECK(strcmp(text, arena_printf(arena, "%s\n", key_print(&k, print))) == 0,
		      "wg wrote %s, we %s", text, print);
	}
	run(arena_printf(arena, "umask 077; wg genpsk >%s", in("psk")), text);
	CHECK(key_load(in("psk"), &k) == 0, "psk");
}

int main(void)
{
	arena = arena_new();
	CHECK(sodium_init() >= 0, "sodium");
	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	check_foreign();
	check_vectors();
	check_files();
	check_odd_files();
	check_aside();
	check_create();
	check_looks();
	check_vouchers();
	check_voucher_form();
	check_races();
	check_wg();
	CHECK(system(arena_printf(arena, "rm -r %s", folder)) == 0, "%s stays", folder);
	arena_free(arena);
	return t_failed;
}
