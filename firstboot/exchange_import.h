/* exchange_import.h - hands a document to 'routerctl import', which decides what becomes of
 * it. No document ever stands in an argument or in a file that others write. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* routerctl says itself, on our streams, what it did or why not. 0; or -errno, with a sentence
 * in *ret_words. preshared: with the key of settle_psk(). */
int exchange_import(struct arena *a, const char *node, bool preshared, const char *text,
		    size_t len, const char **ret_words);
