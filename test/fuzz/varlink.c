/* varlink.c - what a client of the control socket may send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "varlink.h"
#include "get.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(free_ptr) char *bytes = must(malloc(size + 1)), *text = NULL;
	CLEAN(close_file) FILE *f = NULL;
	struct varlink_call r;
	struct out o;
	size_t len;

	memcpy(bytes, data, size);
	bytes[size] = '\0';
	if (!varlink_parse(a, bytes, strlen(bytes), &r) || !r.parameters)
		return 0;
	f = must(open_memstream(&text, &len));
	out_open(&o, f, OUT_JSON);
	get_out(&o, "parameters", r.parameters); /* what was read can be written */
	out_close(&o);
	return 0;
}
