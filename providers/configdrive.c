#include <errno.h>

#include "base/clean.h"
#include "providers/disk.h"
#include "providers/doc.h"
#include "providers/told.h"

#define LABEL  "config-2"
#define LATEST "openstack/latest/"

static const struct doc_field fields[] = {
	{ "uuid", offsetof(struct facts, instance) },
	{ "hostname", offsetof(struct facts, name) },
	{ "name", offsetof(struct facts, name) }, /* as the provider calls it, if it says so */
	{ "availability_zone", offsetof(struct facts, zone) },
	{ NULL, 0 },
};

const char *told_configdrive(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);
	struct told found = *t;

	doc_fill(a, j, fields, &found.facts);
	if (!found.facts.instance)
		return j ? "meta_data.json has no uuid" : "meta_data.json is not JSON";
	*t = found;
	return NULL;
}

static bool detect(struct arena *a, const struct place *p)
{
	return disk_is_there(a, p, LABEL);
}

static int look(struct arena *a, const struct place *p, struct told *ret,
		const char **ret_words)
{
	struct disk_file f[] = { { LATEST "meta_data.json" },
				 { LATEST "user_data" },
				 { NULL } };
	struct told t = { .facts.source = "disk" };
	int r = disk_read(a, p, LABEL, f, ret_words);
	const char *wrong;

	if (r < 0)
		return r;
	wrong = f[0].bytes ? told_configdrive(a, f[0].bytes, f[0].len, &t)
			   : "there is no " LATEST "meta_data.json";
	if (wrong) {
		*ret_words = arena_printf(a, "the disk " LABEL ": %s; write it anew", wrong);
		return -EBADMSG;
	}
	if (f[1].bytes && f[1].len) {
		t.user_data = f[1].bytes;
		t.user_data_len = f[1].len;
	}
	*ret = t;
	return 0;
}

const struct provider provider_configdrive = {
	.name = "configdrive",
	.detect = detect,
	.read = look,
	.by_route = true,
};
