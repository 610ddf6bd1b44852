/* texts.h - lists of strings that are looked up: sorted by bytes, each once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Sorts list in place and drops what is there twice; how many are left. O(n log n). */
size_t texts_sort(const char **list, size_t n);
/* Is it one of a list that was sorted so? O(log n). */
bool texts_have(const char *const *list, size_t n, const char *text);
