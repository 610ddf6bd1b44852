#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clean.h"
#include "base/stream.h"
#include "base/yaml.h"
#include "providers/disk.h"
#include "providers/doc.h"
#include "providers/place.h"
#include "providers/told.h"

#define LABEL  "cidata"
#define SERIAL "ds=nocloud"

static const char *const seeds[] = { "/var/lib/cloud/seed/nocloud",
				     "/var/lib/cloud/seed/nocloud-net" };

/* ---- document --------------------------------------------------------------------------- */

static void take_text(const struct node *map, const char *key, const char **ret)
{
	const char *text = node_text(map, key);

	if (text && *text && strlen(text) <= DOC_TEXT && !node_is_null(node_get(map, key)))
		*ret = text;
}

static const char *first_fault(struct arena *a, const struct diag *d)
{
	CLEAN(stream_done) struct stream s = { 0 };
	char *text;

	diag_print(d, stream_open(&s));
	text = stream_text(&s);
	text = arena_strndup(a, text, strcspn(text, "\n"));
	return text;
}

/* A map of YAML, which may be empty. */
const char *told_nocloud(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	struct diag d = { .arena = a };
	const struct node *map = node_parse(a, "meta-data", bytes, len, &d)->child;

	if (d.errors)
		return first_fault(a, &d);
	if (!map || node_is_null(map))
		return NULL;
	if (map->type != NODE_MAP)
		return "meta-data is no map of YAML";
	take_text(map, "instance-id", &t->facts.instance);
	take_text(map, "hostname", &t->facts.name);
	take_text(map, "local-hostname", &t->facts.name);
	return NULL;
}

/* ---- where it is ------------------------------------------------------------------------ */

/* What the firmware says: "ds=nocloud;i=ID;h=NAME", or NULL. */
static const char *read_serial(struct arena *a, const struct place *p)
{
	static const char *const places[] = { "product_serial", "chassis_serial" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *serial = place_dmi(a, p, places[i]);

		if (serial && strncmp(serial, SERIAL, sizeof(SERIAL) - 1) == 0)
			return serial;
	}
	return NULL;
}

static void take_word(struct arena *a, char *word, struct told *t)
{
	char *value = strchr(word, '=');

	if (!value)
		return;
	*value++ = '\0';
	if (strcmp(word, "i") == 0 || strcmp(word, "instance-id") == 0)
		t->facts.instance = value;
	if (strcmp(word, "h") == 0 || strcmp(word, "local-hostname") == 0)
		t->facts.name = value;
	if (strcmp(word, "s") == 0 || strcmp(word, "seedfrom") == 0)
		told_warn(a, t,
			  "the firmware's serial names a seed elsewhere, which is not "
			  "fetched: give it as a disk labelled " LABEL);
}

static void take_serial(struct arena *a, const char *serial, struct told *t)
{
	char *text = arena_strndup(a, serial, strlen(serial)), *word;

	while ((word = strsep(&text, ";")))
		take_word(a, word, t);
}

static int take_files(struct arena *a, const struct disk_file *f, const char *where,
		      struct told *t, const char **ret_words)
{
	const char *wrong = f[0].bytes ? told_nocloud(a, f[0].bytes, f[0].len, t) : NULL;

	if (wrong) {
		*ret_words =
		    arena_printf(a, "%s: %s; correct the file meta-data", where, wrong);
		return -EBADMSG;
	}
	if (f[1].bytes && f[1].len) {
		t->user_data = f[1].bytes;
		t->user_data_len = f[1].len;
	}
	return 0;
}

/* The folder of an image's own seed, or NULL. */
static const char *find_seed(struct arena *a, const struct place *p)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		struct disk_file f[] = { { "meta-data" }, { "user-data" }, { NULL } };
		const char *folder = place_path(a, p, seeds[i]), *words;

		if (disk_read_folder(a, folder, f, &words) != -ENOENT &&
		    (f[0].bytes || f[1].bytes))
			return folder;
	}
	return NULL;
}

static bool detect(struct arena *a, const struct place *p)
{
	return disk_is_there(a, p, LABEL) || find_seed(a, p) || read_serial(a, p);
}

/* ---- reading ---------------------------------------------------------------------------- */

static int read_seed(struct arena *a, const char *folder, struct told *t,
		     const char **ret_words)
{
	struct disk_file f[] = { { "meta-data" }, { "user-data" }, { NULL } };
	int r = disk_read_folder(a, folder, f, ret_words);

	return r < 0 ? r : take_files(a, f, folder, t, ret_words);
}

static int read_disk(struct arena *a, const struct place *p, struct told *t,
		     const char **ret_words)
{
	struct disk_file f[] = { { "meta-data" }, { "user-data" }, { NULL } };
	int r = disk_read(a, p, LABEL, f, ret_words);

	t->facts.source = "disk";
	return r < 0 ? r : take_files(a, f, "the disk " LABEL, t, ret_words);
}

/* Only a serial that names no instance promises a disk that may yet come. */
static bool has_disk(struct arena *a, const struct place *p, bool promised)
{
	static const char *const labels[] = { LABEL, NULL };

	return disk_is_there(a, p, LABEL) || (promised && disk_wait(a, p, labels));
}

/* The disk before a seed in the image; what the firmware says stands where neither says. */
static int look(struct arena *a, const struct place *p, struct told *ret,
		const char **ret_words)
{
	const char *serial = read_serial(a, p), *seed = find_seed(a, p);
	struct told t = { .facts.source = "seed" };
	int r = 0;

	if (serial)
		take_serial(a, serial, &t);
	if (has_disk(a, p, !seed && !t.facts.instance))
		r = read_disk(a, p, &t, ret_words);
	else if (seed)
		r = read_seed(a, seed, &t, ret_words);
	if (r == 0)
		*ret = t;
	return r;
}

const struct provider provider_nocloud = {
	.name = "nocloud",
	.detect = detect,
	.read = look,
	.by_route = true,
};
