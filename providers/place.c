#include "providers/place.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"

#define MOST_BYTES 4096 /* a page, which is what sysfs gives at most */

const char *place_path(struct arena *a, const struct place *p, const char *path)
{
	return arena_printf(a, "%s%s", p->root, path);
}

const char *place_line(struct arena *a, const struct place *p, const char *path)
{
	char *text;
	size_t len;

	if (file_read_plain(a, place_path(a, p, path), MOST_BYTES, &text, &len) < 0)
		return NULL;
	text += strspn(text, " \t\n");
	text[strcspn(text, "\n")] = '\0';
	for (len = strlen(text); len && isspace((unsigned char)text[len - 1]); len--)
		text[len - 1] = '\0';
	return *text ? text : NULL;
}

const char *place_dmi(struct arena *a, const struct place *p, const char *field)
{
	return place_line(a, p, arena_printf(a, "/sys/class/dmi/id/%s", field));
}

bool place_dmi_is(struct arena *a, const struct place *p, const char *field, const char *text)
{
	const char *is = place_dmi(a, p, field);

	return is && strcmp(is, text) == 0;
}
