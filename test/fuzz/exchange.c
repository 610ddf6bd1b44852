/* Any bytes as /etc/routerd/exchange.yaml: nothing may crash, leak or hang; what is taken names
 * nodes that can name files, and says of each document how it is to be proved. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "firstboot/exchange_settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct exchange_settings *s = arena_alloc(a, sizeof(*s));
	struct diag d = { .arena = a };

	if (exchange_settings_parse(a, "exchange.yaml", (const char *)buf, len, false, s, &d) <
	    0)
		return 0;
	if (s->publish && (s->seal == EXCHANGE_UNSEALED || !(s->place.url || s->place.file)))
		abort();
	for (size_t i = 0; i < s->count; i++) {
		const struct exchange_peer *p = &s->peers[i];

		if (!seal_node_is_valid(p->node) || !(p->place.url || p->place.file) ||
		    (p->seal == EXCHANGE_SECRET && !s->secret_file))
			abort();
	}
	return 0;
}
