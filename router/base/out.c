#include "base/out.h"

#include <assert.h>
#include <string.h>

#define LINE 80 /* columns */

/* As UTF-8 writes them; first to last byte of those that differ in the last one only. */
static const struct {
	const char *lead;
	unsigned char first, last;
} hidden[] = {
	{ "", 0x01, 0x1f },	    /* C0 */
	{ "", 0x7f, 0x7f },	    /* DEL */
	{ "\xc2", 0x80, 0x9f },	    /* C1 */
	{ "\xc2", 0xad, 0xad },	    /* soft hyphen */
	{ "\xd8", 0x9c, 0x9c },	    /* Arabic letter mark */
	{ "\xe2\x80", 0x8b, 0x8f }, /* zero width, left-to-right mark */
	{ "\xe2\x80", 0xa8, 0xae }, /* line separator, embedding, override */
	{ "\xe2\x81", 0xa0, 0xaf }, /* word joiner, isolate */
	{ "\xef\xbb", 0xbf, 0xbf }, /* byte order mark */
};

size_t out_hidden(const char *text)
{
	if (*text >= ' ' && *text <= '~')
		return 0;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		size_t n = strlen(hidden[i].lead);

		if (strncmp(text, hidden[i].lead, n) == 0 &&
		    (unsigned char)text[n] >= hidden[i].first &&
		    (unsigned char)text[n] <= hidden[i].last)
			return n + 1;
	}
	return 0;
}

void out_escape(FILE *file, const char *text)
{
	while (*text) {
		size_t n = out_hidden(text);

		if (!n)
			fputc(*text++, file);
		if (n == 2 && *text == '\xc2') { /* C1 by its number: \x9b */
			text++;
			n--;
		}
		for (; n > 0; n--)
			fprintf(file, "\\x%02x", (unsigned char)*text++);
	}
}

void out_wrap(FILE *file, unsigned column, const char *text)
{
	size_t at = column;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > column && at + 1 + n > LINE) {
			fprintf(file, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', file);
			at++;
		}
		fwrite(text, 1, n, file);
		at += n;
		text += n + strspn(text + n, " ");
	}
	fputc('\n', file);
}

void out_term(FILE *file, unsigned indent, const char *lead, unsigned column, const char *text)
{
	int pad = (int)column - (int)indent - (int)strlen(lead);

	fprintf(file, "%*s%s", (int)indent, "", lead);
	if (pad < 2 && *text)
		fprintf(file, "\n%*s", (int)column, "");
	else if (*text)
		fprintf(file, "%*s", pad, "");
	out_wrap(file, column, text);
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

void out_null(struct out *o, const char *key)
{
	scalar(o, key);
	fputs("null", o->file);
}
