/* What a seal proves, and all that it must not let through. The proofs below were made by
 * openssl (pkeyutl -rawin) and by Python's hmac and hashlib. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/file.h"
#include "keys/seal.h"
#include "t.h"

#define SEED   "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=" /* RFC 8032 section 7.1 */
#define PUBLIC "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define LONG                                                                                   \
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\n"                   \
	"MDEyMzQ1Njc4OTo7PD0+Pw=="
#define PSK "duh7coIRnsrDiaUoDW/HCmvlk9PiXOpN7jaDRR+haOU=" /* cloud-rt, pve-rt */

#define DOC  "kind: WireGuardPeer\n"
#define WHEN 1790000000
#define SIG                                                                                    \
	"xePlcDfvnvu57UBxOdZiT0JAnUp6CR0a0NrDD2NKwKx53P6OZHsmI38VXFi9l2KLUYp+"                 \
	"MaEz8Wdfw3T07DtBBA=="
#define MAC   "6Tkn2G4DXraNWk9L5tqTI/97f2IJh4/30O0XUbAaFo4="
#define LEAD  "# routerd-seal: v1 cloud-rt 1790000000 "
#define BY_ED LEAD "ed25519 " SIG "\n"
#define BY_MC LEAD "hmac-sha256 " MAC "\n"
#define N63   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *text;
	enum seal_type type;
	enum seal_verdict verdict;
} documents[] = {
	{ DOC BY_ED, SEAL_ED25519, SEAL_OK },
	{ DOC BY_MC, SEAL_HMAC, SEAL_OK },
	/* a proof of the other kind is none */
	{ DOC BY_ED, SEAL_HMAC, SEAL_OTHER_TYPE },
	{ DOC BY_MC, SEAL_ED25519, SEAL_OTHER_TYPE },
	{ DOC LEAD "hmac-sha256 " SIG "\n", SEAL_HMAC, SEAL_MALFORMED },
	{ DOC LEAD "ed25519 " MAC "\n", SEAL_ED25519, SEAL_MALFORMED },
	/* no seal, or not at the end */
	{ "", SEAL_HMAC, SEAL_NONE },
	{ "\n", SEAL_HMAC, SEAL_NONE },
	{ "#", SEAL_HMAC, SEAL_NONE },
	{ DOC, SEAL_HMAC, SEAL_NONE },
	{ DOC BY_MC "\n", SEAL_HMAC, SEAL_NONE },
	{ DOC BY_MC " ", SEAL_HMAC, SEAL_NONE },
	{ DOC BY_MC DOC, SEAL_HMAC, SEAL_NONE },
	{ DOC " " BY_MC, SEAL_HMAC, SEAL_NONE },
	{ DOC "x: y " BY_MC, SEAL_HMAC, SEAL_NONE },
	{ "kind: WireGuardPeer\r" BY_MC, SEAL_HMAC, SEAL_NONE },
	{ "# routerd-seal:", SEAL_HMAC, SEAL_NONE },
	/* two, whichever is good */
	{ DOC BY_MC BY_MC, SEAL_HMAC, SEAL_TWO },
	{ DOC BY_ED BY_MC, SEAL_HMAC, SEAL_TWO },
	{ DOC "# routerd-seal: none\n" BY_MC, SEAL_HMAC, SEAL_TWO },
	{ DOC "x: routerd-seal:\n" BY_MC, SEAL_HMAC, SEAL_TWO },
	{ DOC "# routerd-seal: v1 routerd-seal: " MAC "\n", SEAL_HMAC, SEAL_TWO },
	/* not by the form */
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000 hmac-sha256 " MAC, SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000 hmac-sha256 " MAC "\r\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000 hmac-sha256 " MAC " \n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000 hmac-sha256  " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt  1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal:  v1 cloud-rt 1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v2 cloud-rt 1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 01790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt +1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 179000000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000 sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000 hmac-sha256 !" MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000 hmac-sha256 \n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000000\n", SEAL_HMAC, SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1\n", SEAL_HMAC, SEAL_MALFORMED },
	{ DOC "# routerd-seal:\n", SEAL_HMAC, SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 ../../rt 1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 a" N63 " 1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_MALFORMED },
	{ DOC "# routerd-seal: v1 " N63 N63 N63 N63 "\n", SEAL_HMAC, SEAL_MALFORMED },
	/* changed: the document, each word, the proof */
	{ "kind: WireGuardPeeR\n" BY_MC, SEAL_HMAC, SEAL_FORGED },
	{ "kind: WireGuardPeeR\n" BY_ED, SEAL_ED25519, SEAL_FORGED },
	{ "\n" DOC BY_MC, SEAL_HMAC, SEAL_FORGED },
	{ DOC "\n" BY_ED, SEAL_ED25519, SEAL_FORGED },
	{ BY_MC, SEAL_HMAC, SEAL_FORGED },
	{ DOC "# routerd-seal: v1 pve-rt 1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_OTHER_NODE },
	{ DOC "# routerd-seal: v1 cloud-rt2 1790000000 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_OTHER_NODE },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000001 hmac-sha256 " MAC "\n", SEAL_HMAC,
	  SEAL_FORGED },
	{ DOC "# routerd-seal: v1 cloud-rt 1790000001 ed25519 " SIG "\n", SEAL_ED25519,
	  SEAL_FORGED },
	{ DOC LEAD "hmac-sha256 7Tkn2G4DXraNWk9L5tqTI/97f2IJh4/30O0XUbAaFo4=\n", SEAL_HMAC,
	  SEAL_FORGED },
};

static const struct {
	uint64_t newest, now;
	enum seal_verdict verdict;
} times[] = {
	{ 0, WHEN, SEAL_OK },
	{ WHEN - 1, WHEN, SEAL_OK },
	{ WHEN, WHEN, SEAL_OK },
	{ WHEN + 1, WHEN, SEAL_OLD },
	{ UINT64_MAX, WHEN, SEAL_OLD },
	{ 0, WHEN - SEAL_AHEAD, SEAL_OK },
	{ 0, WHEN - SEAL_AHEAD - 1, SEAL_FUTURE },
	{ 0, 0, SEAL_FUTURE },
	{ 0, WHEN + 400 * 86400LL, SEAL_OK }, /* a key may stay the same for years */
};

static const struct {
	const char *name;
	bool valid;
} nodes[] = {
	{ "cloud-rt", true }, { "a", true },	     { "Rt_1.example", true }, { "0", true },
	{ N63, true },	      { "", false },	     { ".", false },	       { "..", false },
	{ "-f", false },      { ".rt", false },	     { "a/b", false },	       { "a b", false },
	{ "a\n", false },     { "\xc3\xa4", false }, { N63 "a", false },
};

static const struct {
	const char *text;
	mode_t mode;
	int error;
} secrets[] = {
	{ SECRET "\n", 0600, 0 },
	{ SECRET, 0400, 0 },
	{ LONG "\n", 0600, 0 },
	{ SECRET "\n", 0640, -EPERM },
	{ SECRET "\n", 0604, -EPERM },
	{ SECRET "\n", 0620, -EPERM },
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==\n", 0600, -ERANGE }, /* 31 bytes */
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"
	  "MDEyMzQ1Njc4OTo7PD0+P0A=\n",
	  0600, -ERANGE }, /* 65 */
	{ "", 0600, -ERANGE },
	{ "\n", 0600, -ERANGE },
	{ "hunter2 hunter2 hunter2 hunter2 hunter2 hunter2\n", 0600, -EINVAL },
	{ SECRET "\r\n", 0600, -EINVAL },
	{ SECRET SECRET "\n", 0600, -EINVAL },
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n", 0600, -EINVAL }, /* stray bits */
};

static struct key seed, public;
static struct secret secret;

static struct seal_want wanted(enum seal_type type)
{
	return (struct seal_want){ .with = { type, &public, &secret },
				   .node = "cloud-rt",
				   .now = WHEN };
}

static void check_documents(void)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		struct seal_want want = wanted(documents[i].type);
		/* Its size and no more, for the sanitizer. */
		size_t len = strlen(documents[i].text);
		CLEAN(free_ptr) char *text = must(malloc(len ? len : 1));
		enum seal_verdict v;
		struct seal s;

		memcpy(text, documents[i].text, len);
		v = seal_open(text, len, &want, &s);
		CHECK(v == documents[i].verdict, "document %zu: %d", i, v);
		CHECK(v != SEAL_OK || (s.body == strlen(DOC) && s.when == WHEN), "document %zu",
		      i);
	}
}

static void check_nul(void)
{
	char text[] = DOC "\0" LEAD "hmac-sha256 " MAC "\n";
	struct seal_want want = wanted(SEAL_HMAC);
	struct seal s;

	CHECK(seal_open(text, sizeof(text) - 1, &want, &s) == SEAL_NONE, "before the seal");
	text[strlen(DOC)] = '\n';
	*strchr(strstr(text, " hmac"), ' ') = '\0';
	CHECK(seal_open(text, sizeof(text) - 1, &want, &s) == SEAL_MALFORMED, "in the seal");
}

static void check_times(void)
{
	static const char text[] = DOC BY_ED;

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct seal_want want = wanted(SEAL_ED25519);
		struct seal s;

		want.newest = times[i].newest;
		want.now = times[i].now;
		CHECK(seal_open(text, strlen(text), &want, &s) == times[i].verdict, "time %zu",
		      i);
		CHECK(s.when == WHEN, "time %zu is told", i);
	}
}

static void check_keys(void)
{
	static const char signed_text[] = DOC BY_ED, mac_text[] = DOC BY_MC;
	struct seal_want want = wanted(SEAL_ED25519);
	struct secret other = secret;
	struct seal s;

	want.with.key = &seed; /* some other key */
	CHECK(seal_open(signed_text, strlen(signed_text), &want, &s) == SEAL_FORGED, "a key");
	want = wanted(SEAL_HMAC);
	want.with.secret = &other;
	other.bytes[31] ^= 1;
	CHECK(seal_open(mac_text, strlen(mac_text), &want, &s) == SEAL_FORGED, "a secret");
	other = secret;
	other.bytes[other.len++] = 1;
	CHECK(seal_open(mac_text, strlen(mac_text), &want, &s) == SEAL_FORGED, "its length");
}

static void check_nodes(void)
{
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		CHECK(seal_node_is_valid(nodes[i].name) == nodes[i].valid, "%s", nodes[i].name);
}

static void check_add(void)
{
	static const char *const texts[] = { DOC, "kind: WireGuardPeer" }; /* ends are mended */
	CLEAN(arena_done) struct arena *a = arena_new();
	const struct seal_with ed = { SEAL_ED25519, &seed, NULL },
			       mac = { SEAL_HMAC, NULL, &secret };
	char *text;
	size_t len;

	for (size_t i = 0; i < 2; i++) {
		CHECK(seal_add(a, texts[i], strlen(texts[i]), &ed, "cloud-rt", WHEN, &text,
			       &len) == 0 &&
			  strcmp(text, DOC BY_ED) == 0 && len == strlen(text),
		      "signed: %s", text);
		CHECK(seal_add(a, texts[i], strlen(texts[i]), &mac, "cloud-rt", WHEN, &text,
			       &len) == 0 &&
			  strcmp(text, DOC BY_MC) == 0,
		      "with the secret: %s", text);
	}
	CHECK(seal_add(a, DOC BY_MC, strlen(DOC BY_MC), &mac, "cloud-rt", WHEN, &text, &len) ==
		  -EEXIST,
	      "sealed already");
	CHECK(seal_add(a, DOC, strlen(DOC), &mac, "a b", WHEN, &text, &len) == -EINVAL, "name");
	CHECK(seal_add(a, "a\0b", 3, &mac, "cloud-rt", WHEN, &text, &len) == -EINVAL, "NUL");
}

static void check_secrets(const char *dir)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/secret", dir);
	struct secret s;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		int r;

		CHECK(file_write(path, secrets[i].text, strlen(secrets[i].text),
				 secrets[i].mode) == 0,
		      "secret %zu", i);
		s.len = 0;
		r = secret_load(path, &s);
		CHECK(r == secrets[i].error, "secret %zu: %d", i, r);
		CHECK(r == 0 ? s.len >= SECRET_MIN && s.bytes[31] == 31 : s.len == 0,
		      "secret %zu: %zu bytes", i, s.len);
	}
	CHECK(secret_load(dir, &s) == -EINVAL, "a folder");
	CHECK(secret_load("/nonexistent/secret", &s) == -ENOENT, "none");
}

static void check_psk(const char *dir)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/keys/psk-x.key", dir);
	struct key k, other, read;
	char text[KEY_STRLEN];
	struct stat st, later;

	secret_psk(&secret, "pve-rt", "cloud-rt", &k);
	secret_psk(&secret, "cloud-rt", "pve-rt", &other);
	CHECK(strcmp(key_print(&k, text), PSK) == 0 && key_equal(&k, &other), "%s", text);
	secret_psk(&secret, "cloud-rtp", "ve-rt", &other);
	CHECK(!key_equal(&k, &other), "names do not run together");
	CHECK(secret_settle_psk(path, &k) == 0 && stat(path, &st) == 0, "made");
	CHECK((st.st_mode & 07777) == 0600 && key_load(path, &read) == 0 &&
		  key_equal(&read, &k),
	      "as it should be");
	CHECK(secret_settle_psk(path, &k) == 0 && stat(path, &later) == 0 &&
		  later.st_ino == st.st_ino,
	      "left alone");
	CHECK(chmod(path, 0644) == 0 && secret_settle_psk(path, &k) == 0 &&
		  stat(path, &later) == 0 && (later.st_mode & 07777) == 0600,
	      "closed again");
	CHECK(secret_settle_psk(path, &other) == 0 && key_load(path, &read) == 0 &&
		  key_equal(&read, &other),
	      "changed");
}

static void check_public_half(void)
{
	struct key k;

	seal_key_public(&seed, &k);
	CHECK(key_equal(&k, &public), "the seed's public half");
}

int main(void)
{
	char dir[] = "/tmp/seal.XXXXXX";
	char remove[64];

	CHECK(sodium_init() >= 0, "libsodium");
	CHECK(key_parse(SEED, &seed) == 0 && key_parse(PUBLIC, &public) == 0, "keys");
	for (secret.len = 0; secret.len < 32; secret.len++)
		secret.bytes[secret.len] = (uint8_t)secret.len;
	CHECK(mkdtemp(dir), "a folder");
	check_documents();
	check_nul();
	check_times();
	check_keys();
	check_nodes();
	check_add();
	check_secrets(dir);
	check_psk(dir);
	check_public_half();
	snprintf(remove, sizeof(remove), "rm -r %s", dir);
	CHECK(system(remove) == 0, "%s", remove);
	return t_failed;
}
