/* out.h - one walk, two spellings: JSON and YAML.
 *
 * The caller says map, list, text; the format is chosen once, at out_open(). YAML is
 * written in block style with quoted text, so what we print we can read back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OUT_DEPTH 16

/* How many bytes a character has that a screen obeys or hides: control characters, and those
 * of Unicode that are invisible or turn the direction of writing. 0: text begins with none. */
size_t out_hidden(const char *text);
/* A stranger's text for a terminal or a log: such characters come out as \xNN. */
void out_escape(FILE *file, const char *text);
/* Words for people, in lines of 80 columns at most: the first goes on at column, the others
 * begin there. A line break ends the last. */
void out_wrap(FILE *file, unsigned column, const char *text);
/* lead at indent, then text from column on, or on the next line where lead is too long. */
void out_term(FILE *file, unsigned indent, const char *lead, unsigned column, const char *text);

enum out_format {
	OUT_JSON,
	OUT_YAML,
};

struct out {
	FILE *file;
	enum out_format format;
	int depth;
	struct {
		bool list;
		unsigned count;
	} level[OUT_DEPTH];
};

void out_open(struct out *o, FILE *file, enum out_format format); /* starts a map */
void out_close(struct out *o);
/* key is NULL inside a list. */
void out_map(struct out *o, const char *key);
void out_list(struct out *o, const char *key);
void out_end(struct out *o); /* closes the innermost map or list */
void out_text(struct out *o, const char *key, const char *value); /* NULL value: left out */
void out_number(struct out *o, const char *key, long long value);
void out_bool(struct out *o, const char *key, bool value);
void out_null(struct out *o, const char *key);
