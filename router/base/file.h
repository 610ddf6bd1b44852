/* file.h - whole files in, whole files out. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"

/* The content with a NUL after it. -EFBIG past max bytes, -EISDIR, or open(2)'s and
 * read(2)'s errors. path "-" is standard input. */
int file_read(struct arena *a, const char *path, size_t max, char **ret, size_t *ret_len);

/* The same of a plain file: -EINVAL for anything else, which is never waited for. */
int file_read_plain(struct arena *a, const char *path, size_t max, char **ret, size_t *ret_len);

/* Readers see the old file or the new one, never part of it, also after a power cut:
 * write beside it, fsync, rename, fsync the folder. */
int file_write(const char *path, const void *buf, size_t len, mode_t mode);
/* The same, but -EEXIST when path is there already: for what must never be overwritten. It
 * gets its name last, so a kill leaves nothing beside it; only where the file system knows no
 * O_TMPFILE it is written under a name beside it first. */
int file_create(const char *path, const void *buf, size_t len, mode_t mode);
/* Removes what a kill left half written in a folder. */
void file_sweep(const char *folder);
/* All of buf, and to the disk. */
int file_write_all(int fd, const char *buf, size_t len);
/* Makes path's folder, and those above it, with this mode; fine when they are there. */
int file_make_folder(const char *path, mode_t mode);
/* A lock at path, made with its folder, held until the descriptor is closed. -EWOULDBLOCK when
 * another holds it. */
int file_lock(const char *path);
/* Makes what was renamed or made in a folder survive a power cut. */
int file_sync_folder(const char *path);
int file_sync_folder_of(const char *path); /* the one that path lies in */
