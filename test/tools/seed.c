/* seed.c - what user-data asks for, and where the configuration is, as first boot sees it.
 *
 *	seed FILE             the seed, as JSON; exit 1 after its faults
 *	seed FILE config      the configuration that is in it, as it would be installed
 *	seed FILE source [S]  the source's configuration, and where it is from on standard
 *error, within S seconds; exit 1 with words, 2 when that may go better later
 *
 * ROOT in the environment stands before all paths of the machine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/out.h"
#include "firstboot/source.h"

static void print_seed(const struct seed *s)
{
	struct out o;

	out_open(&o, stdout, OUT_JSON);
	out_text(&o, "form", s->form);
	out_text(&o, "node", s->node);
	out_text(&o, "role", s->role);
	out_text(&o, "config", s->config);
	out_text(&o, "configUrl", s->config_url);
	out_text(&o, "configDigest", s->config_digest);
	out_text(&o, "configCaFile", s->config_ca_file);
	out_text(&o, "exchange", s->exchange);
	out_bool(&o, "install", !s->no_install);
	out_close(&o);
}

static int print_source(struct arena *a, const struct seed *seed, const char *deadline)
{
	static const char *const kinds[] = {
		[SOURCE_NONE] = "none",
		[SOURCE_DISK] = "disk",
		[SOURCE_USER_DATA] = "user-data",
		[SOURCE_URL] = "url",
	};
	const char *root = getenv("ROOT"), *words = NULL;
	const struct place place = { .root = root ? root : "" };
	struct source s;
	int r = source_find(a, &place, seed,
			    deadline ? (unsigned)strtoul(deadline, NULL, 10) : 0, &s, &words);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", kinds[s.kind], words);
		return r == -EAGAIN ? 2 : 1;
	}
	fprintf(stderr, "%s: %s: %s\n", kinds[s.kind], s.from ? s.from : "", s.digest);
	return s.len && fwrite(s.bytes, s.len, 1, stdout) != 1;
}

int main(int argc, char **argv)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct diag d = { .arena = a };
	const char *what = argc > 2 ? argv[2] : "";
	struct seed seed;
	char *bytes;
	size_t len;
	bool ok;

	if (argc < 2 || file_read(a, argv[1], 2 * SEED_BYTES, &bytes, &len) < 0) {
		fputs("usage: seed FILE [config|source [SECONDS]]\n", stderr);
		return 2;
	}
	ok = seed_read(a, bytes, len, &seed, &d);
	diag_print(&d, stderr);
	if (!ok)
		return 1;
	if (strcmp(what, "source") == 0)
		return print_source(a, &seed, argc > 3 ? argv[3] : NULL);
	if (strcmp(what, "config") == 0)
		return !seed.config || fwrite(seed.config, seed.config_len, 1, stdout) != 1;
	print_seed(&seed);
	return 0;
}
