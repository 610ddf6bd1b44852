/* stream.h - what is printed, as text in memory. */
#pragma once

#include <stdio.h>

struct stream {
	FILE *file; /* NULL: closed */
	char *bytes;
	size_t len; /* both once it is closed */
};

/* For CLEAN(stream_done), after struct stream s = { 0 }. */
FILE *stream_open(struct stream *s);
/* Closes it. The text, with a NUL after its len bytes, is the stream's. */
char *stream_text(struct stream *s);
char *stream_take(struct stream *s); /* the text, to be freed by the caller */
void stream_done(struct stream *s);
