/* What a configuration may call a NIC: any text. The first byte chooses the provider. */
#include <stdint.h>

#include "base/arena.h"
#include "base/clean.h"
#include "providers/nicref.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	static const char *const providers[] = { "azure", "aws", "oci", "gcp", "pve", "none" };
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *is, *want, *provider, *text;

	if (!len)
		return 0;
	provider = providers[buf[0] % 6];
	text = arena_strndup(a, (const char *)buf + 1, len - 1);
	if (nicref_check(provider, text, &is, &want) == NICREF_OK &&
	    (is || !nicref_equal(provider, text, text)))
		__builtin_trap();
	return 0;
}
