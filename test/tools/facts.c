/* facts.c - what providers/ makes of a machine, or of a picture of one.
 *
 *	facts [--root FOLDER] [--metadata URL] [--deadline SECONDS]
 *
 * Prints JSON; or on standard error why not, and fails. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clean.h"
#include "base/out.h"
#include "providers/provider.h"

static void print(const struct told *t)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(sum) + 1];
	struct out o;

	out_open(&o, stdout, OUT_JSON);
	out_map(&o, "facts");
	facts_out(&o, &t->facts);
	out_end(&o);
	if (t->user_data) {
		crypto_hash_sha256(sum, (const unsigned char *)t->user_data, t->user_data_len);
		out_number(&o, "userDataBytes", (long long)t->user_data_len);
		out_text(&o, "userDataSHA256",
			 sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum)));
	}
	out_text(&o, "warnings", t->warnings);
	out_close(&o);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "metadata", required_argument, NULL, 'm' },
		{ "deadline", required_argument, NULL, 'd' },
		{ 0 },
	};
	CLEAN(arena_done) struct arena *a = arena_new();
	struct place p = { .root = "" };
	const struct provider *which;
	const char *words = NULL;
	struct told told;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'r':
			p.root = optarg;
			break;
		case 'm':
			p.service = optarg;
			break;
		case 'd':
			p.deadline = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	which = provider_detect(a, &p);
	if (!which) {
		fputs("no provider\n", stderr);
		return 3;
	}
	if (provider_read(a, &p, which, &told, &words) < 0) {
		fprintf(stderr, "%s: %s\n", which->name, words);
		return 1;
	}
	print(&told);
	return 0;
}
