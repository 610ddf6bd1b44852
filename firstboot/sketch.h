/* sketch.h - the upper levels of a YAML text that is mostly somebody else's, and what stands
 * where in it.
 *
 * For #cloud-config: all that libyaml reads is welcome there, long values, anchors and tags
 * too. What is ours in it is cut out by its place and given to node_parse(), padded so that
 * its faults have the lines and columns of the original.
 *
 * Only the first document is looked at. Bounded: levels, and values kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"

#define SKETCH_LEVELS 100	   /* of maps and lists, in all of it */
#define SKETCH_KEPT   (128 * 1024) /* values */

struct sketch {
	enum { SKETCH_SCALAR, SKETCH_MAP, SKETCH_LIST, SKETCH_ALIAS } type;
	bool block, literal; /* a scalar after '|' or '>'; after '|' */
	struct mark mark, key_mark;
	const char *key;  /* set when the parent is a map and the key a scalar */
	const char *text; /* of a scalar, with a NUL after its len bytes */
	size_t len;
	size_t start, stop; /* its bytes in the original */
	struct sketch *child, *next;
};

/* Keeps so many levels of children. NULL: there is no document, or a fault went to d. */
struct sketch *sketch_parse(struct arena *a, const char *file, const char *buf, size_t len,
			    int levels, struct diag *d);
const struct sketch *sketch_get(const struct sketch *map, const char *key); /* NULL: absent */

/* The value as a text of its own, with blanks and newlines before it that put it where it
 * stood. What stands in one of its children, without (NULL: none), is blank, too. */
char *sketch_pad(struct arena *a, const char *buf, const struct sketch *s,
		 const struct sketch *without, size_t *ret_len);
/* The value as a text of its own that begins at the first column; one newline at its end. */
char *sketch_cut(struct arena *a, const char *buf, const struct sketch *s, size_t *ret_len);
/* A scalar's text, with newlines before it that put its lines where they stood; and with
 * blanks before each, where the text stays the same YAML by that. */
char *sketch_pad_text(struct arena *a, const char *buf, const struct sketch *s,
		      size_t *ret_len);
