/* doc.h - values out of a provider's JSON, which is a stranger's.
 *
 * What is absent, null, "" or "<null>", of another type, or no sensible value reads as not
 * there. Numbers may be written as strings and the other way round. A path is keys and indices
 * between slashes: "ipv4/subnet/0/address". */
#pragma once

#include <jansson.h>

#include "base/addr.h"
#include "base/arena.h"

#define DOC_TEXT 255 /* bytes of a text; an OCID's most, and longer than any other id */

struct doc_field {
	const char *path;
	size_t offset; /* of a const char * */
};

/* NULL: not JSON. Whole numbers past 2^53 are rounded. */
json_t *doc_parse(const char *bytes, size_t len);
void doc_done(json_t **j);				 /* for CLEAN() */
const json_t *doc_at(const json_t *j, const char *path); /* NULL: absent */
const char *doc_text(struct arena *a, const json_t *j, const char *path);
unsigned doc_number(const json_t *j, const char *path, unsigned most); /* 0: not there */
struct addr doc_addr(const json_t *j, const char *path);
const char *doc_mac(struct arena *a, const json_t *j, const char *path);
/* Base64 with or without blanks; NULL also when it is none. */
const char *doc_base64(struct arena *a, const json_t *j, const char *path, size_t *ret_len);
/* Leaves alone what is not there. fields ends with a NULL path. */
void doc_fill(struct arena *a, const json_t *j, const struct doc_field *fields, void *into);
