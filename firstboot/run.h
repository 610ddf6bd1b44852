/* run.h - runs a program, waits for its end, and keeps what it said. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define RUN_OUTPUT (256 * 1024) /* bytes */

struct run {
	const char *path;	 /* found in PATH when it has no slash */
	const char *const *args; /* from its name on; ends with NULL */
	const char *const *env;	 /* "NAME=value", all there is; NULL: none */
	const char *in;		 /* on its standard input; NULL: nothing */
	size_t in_len;
	size_t max; /* bytes kept of what it says, what is more is dropped; 0: RUN_OUTPUT */
	bool talks; /* it speaks on our streams; else what it says is kept */
	unsigned deadline; /* s; then it is ended, and all that it started; 0: none */
};

struct run_end {
	int status;	 /* of waitpid(2) */
	bool late;	 /* the deadline ended it */
	const char *out; /* what it said, with a NUL after it */
	size_t len;
};

/* 0 when it ran, however it ended. -ENOENT, -EACCES and the like when it cannot be started. */
int run_program(struct arena *a, const struct run *q, struct run_end *ret);
/* "ended with exit code 3", "was ended by signal 9", "did not end in 60 s". */
const char *run_words(struct arena *a, const struct run *q, const struct run_end *end);
/* Did it end by itself, with exit code 0? */
bool run_is_fine(const struct run_end *end);
/* One of our programs, as installed beside this one; ROUTERCTL names another routerctl. */
const char *run_find(struct arena *a, const char *name);
/* What tells programs of proxies, if anything; for run.env. */
const char *const *run_proxies(struct arena *a);
