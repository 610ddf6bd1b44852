#include "config/hint.h"

#include <string.h>

/* Levenshtein's distance, case counting nothing; words here are short. */
unsigned hint_distance(const char *a, const char *b)
{
	unsigned row[65];
	size_t n = strlen(b);

	if (n > 64 || strlen(a) > 64)
		return 99;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned cost = diagonal + ((*a | 32) != (b[j - 1] | 32));

			diagonal = row[j];
			if (row[j] + 1 < cost)
				cost = row[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			row[j] = cost;
		}
	}
	return row[n];
}

void hint_try(struct hint *h, const char *word)
{
	unsigned distance = hint_distance(h->text, word);

	if (h->best && distance >= h->distance)
		return;
	h->best = word;
	h->distance = distance;
}

const char *hint_text(struct arena *a, const struct hint *h)
{
	if (!h->best || h->distance > 3 || h->distance * 2 > strlen(h->text) + 1)
		return "";
	return arena_printf(a, " (did you mean '%s'?)", h->best);
}
