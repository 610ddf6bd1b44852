/* exchange_settings.h - /etc/routerd/exchange.yaml: where documents go to and come from, and
 * what must be true of them. Every fault is reported with its place; values of URLs never. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "keys/key.h"
#include "keys/seal.h"

#define EXCHANGE_PEERS	  64
#define EXCHANGE_SETTINGS (64 * 1024) /* bytes */

enum exchange_seal {
	EXCHANGE_UNSEALED,
	EXCHANGE_SIGNATURE,
	EXCHANGE_SECRET,
};

/* One of the two. */
struct exchange_place {
	const char *url, *file;
};

struct exchange_peer {
	const char *node;
	struct exchange_place place;
	bool pinned, secret, preshared;
	enum exchange_seal seal; /* EXCHANGE_UNSEALED: nothing of it is believed */
	struct key signing_key;	 /* its public half */
};

struct exchange_settings {
	bool publish;
	struct exchange_place place; /* where our own document goes */
	enum exchange_seal seal;
	const char *secret_file, *ca_file; /* NULL: none */
	struct exchange_peer peers[EXCHANGE_PEERS];
	size_t count;
};

/* open_file: others may read it, so no secret may be in it. */
int exchange_settings_parse(struct arena *a, const char *path, const char *text, size_t len,
			    bool open_file, struct exchange_settings *ret, struct diag *d);
/* Nothing to publish and no peer, when the file is empty. -ENOENT and the like; -EINVAL after
 * faults went to d. */
int exchange_settings_read(struct arena *a, const char *path, struct exchange_settings *ret,
			   struct diag *d);
