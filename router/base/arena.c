#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under ASan every object gets its own chunk, so overruns are still caught. */
#if defined(__has_feature) && !defined(__SANITIZE_ADDRESS__)
#if __has_feature(address_sanitizer) /* clang's way of saying so */
#define __SANITIZE_ADDRESS__
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CHUNK 0
#else
#define CHUNK (64 * 1024) /* bytes */
#endif

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct chunk *chunks;
};

void *must(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(71); /* EX_OSERR, sysexits(3) */
	}
	return p;
}

struct arena *arena_new(void)
{
	return must(calloc(1, sizeof(struct arena)));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

void arena_wipe(struct arena *a)
{
	for (struct chunk *c = a ? a->chunks : NULL; c; c = c->next)
		explicit_bzero(c->data, c->used);
	arena_free(a);
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct chunk *c = a->chunks;

	n = (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!c || c->size - c->used < n) {
		size_t size = n > CHUNK ? n : CHUNK;

		c = must(calloc(1, sizeof(*c) + size));
		c->size = size;
		c->next = a->chunks;
		a->chunks = c;
	}
	c->used += n;
	return c->data + c->used - n;
}

void *arena_grow(struct arena *a, void *items, size_t count, size_t *room, size_t element)
{
	void *grown;

	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 32;
	grown = arena_alloc(a, *room * element);
	if (count)
		memcpy(grown, items, count * element);
	return grown;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	return p;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}
