#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clean.h"
#include "base/file.h"
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

static void check_files(void)
{
	const char *path = in("k");
	struct key k, alice = from_hex(pairs[0].private);

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		bool made = true;
		int r;

		CHECK(file_write(path, files[i].text, strlen(files[i].text), files[i].mode) ==
			  0,
		      "write");
		memset(&k, 7, sizeof(k));
		r = key_load(path, &k);
		CHECK(r == files[i].error, "%zu: %s", i, strerror(-r));
		CHECK(key_equal(&k, &alice) == (r == 0), "%zu", i);
		r = key_check_mode(path);
		CHECK(r == (files[i].error == -EPERM ? -EPERM : 0), "%zu: %s", i, strerror(-r));
		/* Never mended, never replaced. */
		r = key_load_or_create(path, &k, &made);
		CHECK(r == files[i].error && !made, "%zu: %s", i, strerror(-r));
	}
	CHECK(key_load(in("none"), &k) == -ENOENT, "none");
	CHECK(key_check_mode(in("none")) == -ENOENT, "none");
	CHECK(key_load(folder, &k) == -EINVAL, "a folder");
	CHECK(mkfifo(in("fifo"), 0600) == 0, "mkfifo");
	alarm(10); /* a FIFO would hold us up */
	CHECK(key_load(in("fifo"), &k) == -EINVAL, "a FIFO");
	alarm(0);
	CHECK(key_load("/dev/zero", &k) == -EINVAL, "a device");
	CHECK(symlink("nowhere", in("dangling")) == 0, "symlink");
	{
		bool made = true;
		int r = key_load_or_create(in("dangling"), &k, &made);

		CHECK(r < 0 && !made, "through a dangling link: %d", r);
	}
}

static void check_create(void)
{
	const char *path = in("new/folder/k");
	struct key a, b, public;
	struct stat st;
	bool made = false;

	CHECK(key_load_or_create(path, &a, &made) == 0 && made, "first");
	CHECK((a.bytes[0] & 7) == 0 && (a.bytes[31] & 0xc0) == 0x40, "not clamped");
	CHECK(key_public(&a, &public) == 0 && key_is_usable(&public), "not usable");
	CHECK(key_load_or_create(path, &b, &made) == 0 && !made, "second");
	CHECK(key_equal(&a, &b), "the second call made another key");
	CHECK(key_load(path, &b) == 0 && key_equal(&a, &b), "load");
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == 45,
	      "%o %ld", st.st_mode, (long)st.st_size);
	CHECK(stat(in("new/folder"), &st) == 0 && (st.st_mode & 07777) == 0700, "%o",
	      st.st_mode);
	CHECK(file_create(path, "x", 1, 0600) == -EEXIST, "a key file was overwritten");
	CHECK(key_load_or_create(in("k/k"), &b, &made) == -ENOTDIR && !made, "a file above");
}

/* Many at once, after one signal: all get one key, and one of them says it made it. */
static void check_race(void)
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
			bool made = false;
			char c;

			if (read(start[0], &c, 1) != 1)
				_exit(1);
			a.made =
			    key_load_or_create(in("race/k"), &a.key, &made) < 0 ? 100 : made;
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

/* wg(8), which 'make deps' installs, reads our keys and we its. */
static void check_wg(void)
{
	char text[128], print[KEY_STRLEN];
	struct key k, public;
	bool made;

	CHECK(key_load_or_create(in("ours"), &k, &made) == 0 && made, "make");
	CHECK(key_public(&k, &public) == 0, "public");
	run(arena_printf(arena, "wg pubkey <%s", in("ours")), text);
	CHECK(strcmp(text, arena_printf(arena, "%s\n", key_print(&public, print))) == 0,
	      "wg says %s, we say %s", text, print);
	run(arena_printf(arena, "umask 077; wg genkey >%s", in("theirs")), text);
	CHECK(key_load(in("theirs"), &k) == 0 && key_public(&k, &public) == 0, "load");
	run(arena_printf(arena, "wg pubkey <%s", in("theirs")), text);
	CHECK(strcmp(text, arena_printf(arena, "%s\n", key_print(&public, print))) == 0,
	      "wg says %s, we say %s", text, print);
	run(arena_printf(arena, "umask 077; wg genpsk >%s", in("psk")), text);
	CHECK(key_load(in("psk"), &k) == 0, "psk");
}

int main(void)
{
	arena = arena_new();
	CHECK(sodium_init() >= 0, "sodium");
	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	check_vectors();
	check_files();
	check_create();
	check_race();
	check_wg();
	CHECK(system(arena_printf(arena, "rm -r %s", folder)) == 0, "%s stays", folder);
	arena_free(arena);
	return t_failed;
}
