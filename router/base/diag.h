/* diag.h - what is wrong with documents, all of it, with places.
 *
 * Decoders and checks report here and go on; the caller asks once at the end. Faults live
 * in the diag's arena and are printed in the order of their places, each once. A document
 * may be a stranger's: control characters in what it says are printed escaped. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

#define DIAG_MAX 1000 /* faults kept; the rest are only counted */

struct mark {
	const char *file;
	int line, column; /* 1-based; line 0: the file as a whole */
};

struct fault;

struct diag {
	struct arena *arena;
	struct fault *faults, *last; /* as they were found */
	unsigned errors, warnings;
};

void diag_error(struct diag *d, struct mark at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warn(struct diag *d, struct mark at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Is there an error in this file? By the pointer that marks carry. */
bool diag_has(const struct diag *d, const char *file);
/* Takes over what from found in a file, its errors as warnings: "left out: words". */
void diag_forgive(struct diag *d, const struct diag *from, const char *file);
/* Takes over all that from found. */
void diag_take(struct diag *d, const struct diag *from);
/* "file:line:column: error: words", a line each. */
void diag_print(const struct diag *d, FILE *out);
