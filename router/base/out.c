#include "base/out.h"

#include <assert.h>

/* C0, DEL, and C1 as UTF-8 writes it (C2 80 to C2 9F): a terminal obeys all of them. */
void out_escape(FILE *file, const char *text)
{
	for (const unsigned char *c = (const void *)text; *c; c++) {
		bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

		if (*c < 0x20 || *c == 0x7f || c1)
			fprintf(file, "\\x%02x", c1 ? *++c : *c);
		else
			fputc(*c, file);
	}
}

/* Indentation, comma or dash, and the key: all that stands before a value. */
static void lead(struct out *o, const char *key)
{
	bool list = o->level[o->depth].list;
	unsigned n = o->level[o->depth].count++;

	assert(list == !key);
	if (o->format == OUT_JSON) {
		fprintf(o->file, "%s%*s", n ? ",\n" : "\n", (o->depth + 1) * 2, "");
		if (key)
			fprintf(o->file, "\"%s\": ", key);
		return;
	}
	/* The first member of a map in a list shares the dash's line. */
	if (n > 0 || o->depth == 0 || !o->level[o->depth - 1].list)
		fprintf(o->file, "%s%*s", n || o->depth ? "\n" : "", o->depth * 2, "");
	if (list)
		fputs("- ", o->file);
	else
		fprintf(o->file, "%s:", key);
}

static void open_level(struct out *o, const char *key, bool list)
{
	lead(o, key);
	assert(o->depth + 1 < OUT_DEPTH);
	o->level[++o->depth].list = list;
	o->level[o->depth].count = 0;
	if (o->format == OUT_JSON)
		fputc(list ? '[' : '{', o->file);
}

void out_open(struct out *o, FILE *file, enum out_format format)
{
	*o = (struct out){ .file = file, .format = format };
	if (format == OUT_JSON)
		fputc('{', file);
}

void out_close(struct out *o)
{
	assert(o->depth == 0);
	fputs(o->format == OUT_JSON ? "\n}\n" : "\n", o->file);
}

void out_map(struct out *o, const char *key)
{
	open_level(o, key, false);
}

void out_list(struct out *o, const char *key)
{
	open_level(o, key, true);
}

void out_end(struct out *o)
{
	bool list = o->level[o->depth].list;
	unsigned n = o->level[o->depth].count;

	assert(o->depth > 0);
	o->depth--;
	if (o->format == OUT_YAML) {
		if (n == 0)
			fprintf(o->file, "%s%s", o->level[o->depth].list ? "" : " ",
				list ? "[]" : "{}");
		return;
	}
	if (n)
		fprintf(o->file, "\n%*s", (o->depth + 1) * 2, "");
	fputc(list ? ']' : '}', o->file);
}

static void scalar(struct out *o, const char *key)
{
	lead(o, key);
	if (key && o->format == OUT_YAML)
		fputc(' ', o->file);
}

/* JSON's escapes (RFC 8259 section 7) are also YAML's inside double quotes. */
void out_text(struct out *o, const char *key, const char *value)
{
	if (!value)
		return;
	scalar(o, key);
	fputc('"', o->file);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '"' || c == '\\')
			fputc('\\', o->file);
		if (c == 0xc2 && (unsigned char)value[1] >= 0x80 &&
		    (unsigned char)value[1] <= 0x9f) /* C1: libyaml reads none */
			fprintf(o->file, "\\u%04x", (unsigned char)*++value);
		else if (c < 0x20 || c == 0x7f)
			fprintf(o->file, "\\u%04x", c);
		else
			fputc(c, o->file);
	}
	fputc('"', o->file);
}

void out_number(struct out *o, const char *key, long long value)
{
	scalar(o, key);
	fprintf(o->file, "%lld", value);
}

void out_bool(struct out *o, const char *key, bool value)
{
	scalar(o, key);
	fputs(value ? "true" : "false", o->file);
}
