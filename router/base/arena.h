/* arena.h - memory with one lifetime.
 *
 * Two arenas exist at run time: the configuration's (until the next reload) and
 * the pass's (one reconcile pass). Nothing inside an arena is freed on its own.
 * Allocation cannot fail: out of memory ends the process and systemd restarts it;
 * the kernel keeps forwarding meanwhile. Secrets never go into an arena. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
/* The same, and nothing of what was in it stays in memory: for a stranger's text, which may
 * hold a secret that has no business there. */
void arena_wipe(struct arena *a);
void *arena_alloc(struct arena *a, size_t n); /* zeroed, aligned for any type */
/* An array of count elements with room for one more: the same, or a larger copy. Starts with
 * items NULL, count and *room 0. */
void *arena_grow(struct arena *a, void *items, size_t count, size_t *room, size_t element);
/* p, or the end of the process: for what libraries allocate by the same rule. */
void *must(void *p);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static inline void arena_done(struct arena **a)
{
	arena_free(*a);
}

static inline void arena_wiped(struct arena **a)
{
	arena_wipe(*a);
}
