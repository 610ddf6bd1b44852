#include "base/stream.h"

#include <stdlib.h>

#include "base/arena.h"

FILE *stream_open(struct stream *s)
{
	*s = (struct stream){ 0 };
	s->file = must(open_memstream(&s->bytes, &s->len));
	return s->file;
}

char *stream_text(struct stream *s)
{
	if (s->file)
		fclose(s->file);
	s->file = NULL;
	return must(s->bytes); /* set by fclose(), or there is no memory */
}

char *stream_take(struct stream *s)
{
	char *text = stream_text(s);

	s->bytes = NULL;
	return text;
}

void stream_done(struct stream *s)
{
	if (s->file)
		fclose(s->file);
	free(s->bytes);
	*s = (struct stream){ 0 };
}
