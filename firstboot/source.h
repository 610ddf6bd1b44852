/* source.h - where the configuration comes from, the first that there is:
 *
 *	1. a disk labelled ROUTERD_CONFIG, or ROUTERD_CFG where that is too long as on FAT: its
 *	   file router.yaml
 *	2. user-data, inline
 *	3. user-data's config_url, whose SHA-256 must be config_sha256
 *
 * A source that is there but cannot be used ends the search: nothing falls through to the
 * next, so that an attacker who spoils one does not choose another. */
#pragma once

#include "base/arena.h"
#include "firstboot/seed.h"
#include "providers/provider.h"

#define SOURCE_LABEL "ROUTERD_CONFIG"	/* for people */
#define SOURCE_BYTES (32 * 1024 * 1024) /* YAML_BYTES */

enum source_kind { SOURCE_NONE, SOURCE_DISK, SOURCE_USER_DATA, SOURCE_URL };

struct source {
	enum source_kind kind;
	const char *from; /* for people: "the disk ROUTERD_CONFIG", a URL without its secrets */
	const char *bytes;
	size_t len;
	char digest[65]; /* SHA-256 of bytes, hexadecimal */
};

/* 0, also with SOURCE_NONE; or -errno with one sentence of what, why, and what to do next, and
 * then kind and from say where. -EAGAIN: it may go better later. deadline: s, for a URL. */
int source_find(struct arena *a, const struct place *p, const struct seed *seed,
		unsigned deadline, struct source *ret, const char **ret_words);
/* The label of the disk that there is; NULL: there is none. */
const char *source_disk(struct arena *a, const struct place *p);
/* SHA-256 as 64 lower-case digits and a NUL. */
void source_digest(const char *bytes, size_t len, char ret[static 65]);
