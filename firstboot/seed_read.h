/* seed_read.h - what the files that read seeds have in common. */
#pragma once

#include "base/yaml.h"
#include "firstboot/seed.h"
#include "firstboot/sketch.h"

struct seed_reading {
	struct arena *arena; /* wiped at the end, whatever the end is */
	struct diag *diag;
	struct seed *seed; /* its texts are in the arena above */
	size_t unpacked;   /* bytes, of all gzip in it together: at most SEED_BYTES */
	struct mark found; /* the first that is for us; file NULL: none yet */
};

/* A text as user-data has it, or a part of it. */
struct seed_text {
	const char *file; /* "user-data", "user-data part 2" */
	const char *bytes;
	size_t len;
};

/* seed_secret.c: each private or preshared key is a fault; its value is in none. */
bool seed_refuse_secrets(struct diag *d, const struct seed_text *t);
bool seed_refuse_secret_nodes(struct diag *d, const struct node *n);

/* seed_fields.c */
/* The documents in a text of ours; NULL: it had a fault. */
const struct node *seed_parse(struct seed_reading *r, const struct seed_text *t);
/* The mapping of first boot's fields, at map in t. */
void seed_read_fields(struct seed_reading *r, const struct seed_text *t,
		      const struct sketch *map);
/* Are all keys of a map names of fields, and one of them a name that nobody else has? */
bool seed_is_fields(const struct sketch *map);
/* One document for each in a list of resources. */
void seed_join(struct seed_reading *r, const struct seed_text *t, const struct sketch *list);
