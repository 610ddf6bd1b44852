/* texts.c - lists of strings that are looked up. */
#include <stdlib.h>
#include <string.h>

#include "base/texts.h"

static int order(const void *pa, const void *pb)
{
	const char *const *a = pa, *const *b = pb;

	return strcmp(*a, *b);
}

size_t texts_sort(const char **list, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(list, n, sizeof(*list), order);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	return kept;
}

bool texts_have(const char *const *list, size_t n, const char *text)
{
	return n && bsearch(&text, list, n, sizeof(*list), order);
}
