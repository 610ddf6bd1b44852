#include "keys/identity.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/facts.h"
#include "base/file.h"

#define UUID_FILE  "/sys/class/dmi/id/product_uuid"
#define UUID_LEN   36
#define UUID_BYTES 4096 /* sysfs calls every file a page long */

/* Board makers' placeholder, in both byte orders SMBIOS knew (7.2.1, "UUID"). */
static const char *const shared[] = {
	"03000200-0400-0500-0006-000700080009",
	"00020003-0004-0005-0006-000700080009",
};

static bool is_uuid(const char *s)
{
	for (int i = 0; i < UUID_LEN; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-'
							    : !isxdigit((unsigned char)s[i]))
			return false;
	return s[UUID_LEN] == '\0';
}

static bool is_shared(const char *s)
{
	if (strspn(s, "0-") == UUID_LEN || strspn(s, "f-") == UUID_LEN)
		return true;
	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
		if (strcmp(s, shared[i]) == 0)
			return true;
	return false;
}

static const char *read_uuid(struct arena *a, const char *path)
{
	char *text;
	size_t len;

	if (file_read_plain(a, path, UUID_BYTES, &text, &len) < 0)
		return NULL;
	text += strspn(text, " \t\n");
	text[strcspn(text, " \t\n")] = '\0';
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return is_uuid(text) && !is_shared(text) ? text : NULL;
}

void identity_read_from(struct arena *a, const char *uuid_file, const char *node_file,
			struct identity *ret)
{
	struct facts f;

	*ret = (struct identity){ .uuid = read_uuid(a, uuid_file) };
	if (facts_read(a, node_file, &f) < 0)
		return;
	ret->provider = f.provider;
	ret->instance = f.instance;
}

void identity_read(struct arena *a, struct identity *ret)
{
	identity_read_from(a, UUID_FILE, FACTS_FILE, ret);
}
