#include "providers/doc.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "providers/nics.h"

#define PATH_PART 64 /* bytes */

json_t *doc_parse(const char *bytes, size_t len)
{
	return json_loadb(bytes, len, JSON_DECODE_INT_AS_REAL, NULL);
}

void doc_done(json_t **j)
{
	json_decref(*j);
}

static const json_t *step(const json_t *j, const char *part)
{
	char *end;
	unsigned long i = strtoul(part, &end, 10);

	if (json_is_array(j))
		return *end ? NULL : json_array_get(j, i);
	return json_object_get(j, part);
}

const json_t *doc_at(const json_t *j, const char *path)
{
	while (j && *path) {
		size_t len = strcspn(path, "/");
		char part[PATH_PART];

		if (len >= sizeof(part))
			return NULL;
		memcpy(part, path, len);
		part[len] = '\0';
		j = step(j, part);
		path += len + (path[len] == '/');
	}
	return j;
}

/* What has control characters in it is no name, and no line of a log. */
static bool is_text(const char *text)
{
	if (!*text || strlen(text) > DOC_TEXT || strcmp(text, "<null>") == 0)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

const char *doc_text(struct arena *a, const json_t *j, const char *path)
{
	const json_t *at = doc_at(j, path);

	if (json_is_number(at))
		return arena_printf(a, "%.0f", json_number_value(at));
	if (!json_is_string(at) || !is_text(json_string_value(at)))
		return NULL;
	return arena_strndup(a, json_string_value(at), json_string_length(at));
}

unsigned doc_number(const json_t *j, const char *path, unsigned most)
{
	const json_t *at = doc_at(j, path);
	double n = 0;

	if (json_is_number(at))
		n = json_number_value(at);
	else if (json_is_string(at))
		n = strtod(json_string_value(at), NULL);
	return n >= 1 && n <= most ? (unsigned)n : 0;
}

struct addr doc_addr(const json_t *j, const char *path)
{
	const json_t *at = doc_at(j, path);
	struct addr a;

	if (!json_is_string(at) || !addr_parse(json_string_value(at), &a))
		return (struct addr){ 0 };
	return a;
}

const char *doc_mac(struct arena *a, const json_t *j, const char *path)
{
	const json_t *at = doc_at(j, path);
	char mac[NICS_MAC];

	if (!json_is_string(at) || !nics_mac(json_string_value(at), mac))
		return NULL;
	return arena_strndup(a, mac, sizeof(mac) - 1);
}

const char *doc_base64(struct arena *a, const json_t *j, const char *path, size_t *ret_len)
{
	const json_t *at = doc_at(j, path);
	size_t len = json_is_string(at) ? json_string_length(at) : 0;
	const char *text = len ? json_string_value(at) : NULL, *end;
	unsigned char *bytes;

	if (!len)
		return NULL;
	bytes = arena_alloc(a, len + 1);
	if (sodium_base642bin(bytes, len, text, len, " \t\r\n", ret_len, &end,
			      sodium_base64_VARIANT_ORIGINAL) < 0 ||
	    end[strspn(end, " \t\r\n")] || !*ret_len)
		return NULL;
	bytes[*ret_len] = '\0';
	return (const char *)bytes;
}

void doc_fill(struct arena *a, const json_t *j, const struct doc_field *fields, void *into)
{
	for (; fields->path; fields++) {
		const char *text = doc_text(a, j, fields->path);

		if (text)
			*(const char **)((char *)into + fields->offset) = text;
	}
}
