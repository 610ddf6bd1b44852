/* disk.h - the files of a small volume that carries a label, as a cidata or a config disk.
 *
 * Mounted read-only, where nobody else sees it, for as long as it is read; nothing on it is
 * run or followed outside of it. In a test's picture of a machine, /dev/disk/by-label/LABEL
 * may be a folder. */
#pragma once

#include "base/arena.h"
#include "providers/provider.h"

#define DISK_FILE (4 * 1024 * 1024) /* bytes: the largest file that is read */

struct disk_file {
	const char *name; /* below the volume's root; may hold a slash */
	char *bytes;	  /* with a NUL after it; NULL: not there */
	size_t len;
};

/* Is there a volume with that label, in either case? */
bool disk_is_there(struct arena *a, const struct place *p, const char *label);
/* Fills in the files, which end with a NULL name, of those that are there. -ENODEV: no such
 * volume; or mount(2)'s, file_read()'s errors, with words. */
int disk_read(struct arena *a, const struct place *p, const char *label,
	      struct disk_file *files, const char **ret_words);
/* The same of a folder, named as it is. -ENOENT: there is none. */
int disk_read_folder(struct arena *a, const char *folder, struct disk_file *files,
		     const char **ret_words);
/* Waits for a volume with one of those labels, which end with NULL: until 30 s after the
 * machine's start, or for the place's deadline. Is there one? */
bool disk_wait(struct arena *a, const struct place *p, const char *const *labels);
