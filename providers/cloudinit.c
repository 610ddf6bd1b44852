#include "providers/cloudinit.h"

#include <string.h>
#include <strings.h>

#include "base/clean.h"
#include "base/file.h"
#include "providers/doc.h"
#include "providers/place.h"

#define MOST_BYTES  (4 * 1024 * 1024) /* of a file of its */
#define UUID_STRLEN 37

/* The first has all and is root's; in the second some is left out. */
static const char *const documents[] = {
	"/run/cloud-init/instance-data-sensitive.json",
	"/run/cloud-init/instance-data.json",
};

/* "azure", and "azure-china" of the same cloud elsewhere. */
static bool is_cloud(const char *id, const char *cloud)
{
	size_t len = strlen(cloud);

	return id && strncmp(id, cloud, len) == 0 && (!id[len] || id[len] == '-');
}

static bool is_of(struct arena *a, const char *bytes, size_t len, const char *cloud)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);

	return is_cloud(doc_text(a, j, "v1/cloud_name"), cloud) ||
	       is_cloud(doc_text(a, j, "v1/cloud_id"), cloud);
}

const char *cloudinit_document(struct arena *a, const struct place *p, const char *cloud,
			       size_t *ret_len)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		const char *path = place_path(a, p, documents[i]);
		char *bytes;

		if (file_read_plain(a, path, MOST_BYTES, &bytes, ret_len) == 0 &&
		    is_of(a, bytes, *ret_len, cloud))
			return bytes;
	}
	return NULL;
}

const char *cloudinit_instance(struct arena *a, const char *bytes, size_t len)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);

	return doc_text(a, j, "v1/instance_id");
}

bool cloudinit_is_instance(const char *kept, const char *instance)
{
	static const unsigned char swapped[] = { 6, 4, 2, 0, 8, 11, 9, 13, 16, 14 };
	char text[UUID_STRLEN];

	if (strcasecmp(kept, instance) == 0)
		return true;
	if (strlen(kept) != UUID_STRLEN - 1)
		return false;
	memcpy(text, kept, sizeof(text));
	for (size_t i = 0, to = 0; i < sizeof(swapped); i++) {
		text[to++] = kept[swapped[i]];
		if (kept[swapped[i]] != '-')
			text[to++] = kept[swapped[i] + 1];
	}
	return strcasecmp(text, instance) == 0;
}

const char *cloudinit_user_data(struct arena *a, const struct place *p, const char *cloud,
				size_t *ret_len)
{
	const char *path = place_path(a, p, "/var/lib/cloud/instance/user-data.txt");
	char *bytes;

	if (!is_cloud(place_line(a, p, "/run/cloud-init/cloud-id"), cloud) ||
	    file_read_plain(a, path, MOST_BYTES, &bytes, ret_len) < 0 || !*ret_len)
		return NULL;
	return bytes;
}
