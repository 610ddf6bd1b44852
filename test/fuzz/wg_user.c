/* What a program that carries WireGuard may answer: any bytes. */
#include <stdint.h>
#include <string.h>

#include "base/clean.h"
#include "kernel/wireguard.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct state have = { .arena = a };
	struct state want = { .arena = a };
	struct kernel k = { .want = &want, .have = &have, .idle_fd = -1 };
	struct wg_seen seen = { .k = &k, .have = &have };
	char *text = arena_strndup(a, (const char *)buf, len);

	state_add(&have, &(struct item){ .type = ITEM_LINK, .ours = true, .link = "wg0" });
	wg_user_parse(&seen, text);
	for (size_t i = 0; i < have.count; i++)
		(void)item_text(a, &have.items[i]);
	state_sort(&have, NULL, NULL);
	return 0;
}
