/* aside.h - moves what must not be used out of the way, where people find it. Nothing is
 * ever overwritten or removed. */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "base/arena.h"

/* Renames PATH + ending to PATH.WHY-YYYYMMDDTHHMMSSZ + ending, "-2" and so on after the time
 * (seconds since 1970) where that is taken, and to the disk. rename(2)'s errors. */
int aside_move(const char *path, const char *ending, const char *why, int64_t time,
	       char ret[static PATH_MAX]);
/* The same, but the file keeps its name, too: for what is about to be replaced. */
int aside_link(const char *path, const char *why, int64_t time, char ret[static PATH_MAX]);
/* What was moved from path: the latest, in the arena; NULL: nothing, or nobody may look. */
const char *aside_find(struct arena *a, const char *path, const char *why);
