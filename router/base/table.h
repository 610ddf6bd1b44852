/* table.h - rows of cells for people: aligned, and on a terminal fitted to it and coloured. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

enum table_colour {
	TABLE_PLAIN,
	TABLE_GREEN,
	TABLE_YELLOW,
	TABLE_RED,
};

struct table {
	struct arena *arena;
	size_t columns;
	struct table_cell *cells;
	size_t count, room;
};

/* Text must live as long as the table. A NULL is an empty cell. */
void table_add(struct table *t, const char *text, enum table_colour colour);
/* Whole rows. On a terminal the last column is cut where the line ends. */
void table_print(const struct table *t, FILE *out);
/* Columns of out when it is a terminal that shows more than lines: else 0. */
unsigned table_terminal(FILE *out);
