/* yaml.h - bytes to a tree; knows nothing of kinds.
 *
 * A safe subset of YAML 1.1 as libyaml reads it: UTF-8 without NUL, no aliases, anchors or
 * tags (no amplification), no duplicate keys, and the limits below. Nodes and text live in
 * the caller's arena. JSON is read too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"

#define YAML_DEPTH 16		      /* levels of maps and lists */
#define YAML_BYTES (32 * 1024 * 1024) /* largest file */
#define YAML_KEYS  256		      /* in one map */
#define YAML_TEXT  4096		      /* bytes of one scalar */
#define YAML_NODES (2 * 1000 * 1000)  /* in one file */

struct node {
	enum { NODE_SCALAR, NODE_MAP, NODE_LIST } type;
	bool plain; /* a scalar without quotes: may be a number, a boolean or null */
	struct mark mark, key_mark;
	const char *key;  /* set when the parent is a map */
	const char *text; /* set when a scalar */
	struct node *child, *next;
};

/* Returns a list node: one child for each document that has content; up to the first
 * syntax error, which ends the reading. file names the source in marks. */
struct node *node_parse(struct arena *a, const char *file, const char *buf, size_t len,
			struct diag *d);
const struct node *node_get(const struct node *map, const char *key); /* NULL: absent */
const char *node_text(const struct node *map, const char *key); /* NULL: absent or not scalar */
bool node_is_true(const struct node *n); /* a plain scalar: true; NULL is not */
bool node_is_null(const struct node *n); /* a plain scalar: empty, ~ or null */
