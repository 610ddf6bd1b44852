/* Any bytes as a file of the peers folder, bare or not: nothing may crash, leak or hang; what
 * is taken is one usable key of a node that can name a file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "peers.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct diag d = { .arena = a };
	struct document doc = { .path = "/etc/routerd/peers/node.yaml",
				.peer = true,
				.bare = len > 0 && buf[0] == '=',
				.bytes = arena_strndup(a, len ? (const char *)buf : "", len),
				.len = len };
	const struct wireguard_peer *p;

	if (doc.bare) {
		doc.bytes++;
		doc.len--;
	}
	p = peers_decode(a, &doc, &d);
	if (p && (d.errors || !config_is_name(p->object.name)))
		abort();
	if (p && key_given(&p->key) && !key_is_usable(&p->key))
		abort();
	return 0;
}
