/* What may stand beside a key: any bytes. What is read is printed and read again as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clean.h"
#include "keys/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	char text[RECORD_STRLEN], again[RECORD_STRLEN];
	struct record r;

	if (record_parse(arena_strndup(a, (const char *)buf, len), &r) < 0)
		return 0;
	record_print(&r, text);
	memcpy(again, text, sizeof(text));
	if (record_parse(again, &r) < 0 || strcmp(record_print(&r, again), text) != 0)
		abort();
	return 0;
}
