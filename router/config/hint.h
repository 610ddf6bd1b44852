/* hint.h - the known word nearest to one that was mistyped. */
#pragma once

#include "base/arena.h"

struct hint {
	const char *text; /* as written */
	const char *best; /* NULL while nothing was tried */
	unsigned distance;
};

unsigned hint_distance(const char *a, const char *b); /* edits, case aside; at most 99 */
void hint_try(struct hint *h, const char *word);
/* " (did you mean 'x'?)", or "" when nothing tried is near. */
const char *hint_text(struct arena *a, const struct hint *h);
