#include "base/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/out.h"

#define GAP 2 /* blanks between columns */

struct table_cell {
	const char *text;
	enum table_colour colour;
};

void table_add(struct table *t, const char *text, enum table_colour colour)
{
	t->cells = arena_grow(t->arena, t->cells, t->count, &t->room, sizeof(*t->cells));
	t->cells[t->count++] = (struct table_cell){ text ? text : "", colour };
}

unsigned table_terminal(FILE *out)
{
	const char *term = getenv("TERM");
	struct winsize w;

	if (!isatty(fileno(out)) || (term && strcmp(term, "dumb") == 0))
		return 0;
	return ioctl(fileno(out), TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

/* Characters, as a terminal counts most of them: UTF-8's later bytes take no room. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* The bytes of text's first n characters. */
static int cut(const char *text, size_t n)
{
	const char *c = text;

	for (; *c; c++)
		if ((*c & 0xc0) != 0x80 && n-- == 0)
			break;
	return (int)(c - text);
}

static void print_cell(const struct table *t, const struct table_cell *c, size_t room,
		       bool terminal, FILE *out)
{
	static const char *const colours[] = {
		[TABLE_PLAIN] = "",
		[TABLE_GREEN] = "\033[32m",
		[TABLE_YELLOW] = "\033[33m",
		[TABLE_RED] = "\033[31m",
	};
	bool coloured = terminal && c->colour != TABLE_PLAIN;

	if (coloured)
		fputs(colours[c->colour], out);
	out_escape(out, arena_strndup(t->arena, c->text, (size_t)cut(c->text, room)));
	if (coloured)
		fputs("\033[0m", out);
}

void table_print(const struct table *t, FILE *out)
{
	size_t *widths = arena_alloc(t->arena, (t->columns + 1) * sizeof(*widths));
	size_t terminal = table_terminal(out), last = t->columns - 1;

	for (size_t i = 0; i < t->count; i++)
		if (width(t->cells[i].text) > widths[i % t->columns])
			widths[i % t->columns] = width(t->cells[i].text);
	for (size_t i = 0, used = 0; i < t->count; i++) {
		const struct table_cell *c = &t->cells[i];
		size_t column = i % t->columns, room = SIZE_MAX;

		if (terminal && column == last)
			room = used < terminal ? terminal - used : 0;
		print_cell(t, c, room, terminal, out);
		if (column == last) {
			fputc('\n', out);
			used = 0;
			continue;
		}
		fprintf(out, "%*s", (int)(widths[column] + GAP - width(c->text)), "");
		used += widths[column] + GAP;
	}
}
