/* exchange_round.h - what both halves of a round, ours out and theirs in, have in common: its
 * settings, its words, and the files that it reads. What returns an int returns 0, or -EIO
 * after round_fail() noted the words for the one who logs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "firstboot/exchange.h"
#include "firstboot/exchange_state.h"
#include "firstboot/http.h"

struct round {
	struct arena *arena;
	const struct exchange_settings *settings;
	const struct exchange_options *options;
	const char *self; /* our node's name; NULL: not known */
	const char *export;
	size_t export_len;
	uint64_t now;	   /* Unix s */
	const char *words; /* of the latest fault */
};

/* What seals or opens a document. Lives on the stack. */
struct round_means {
	struct key key;
	struct secret secret;
	struct seal_with with;
};

void round_wipe_means(struct round_means *m); /* for CLEAN() */
int round_load_secret(struct round *r, struct round_means *m);
int round_load_signing_key(struct round *r, struct round_means *m);

int round_fail(struct round *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *round_time(struct round *r, uint64_t when); /* Unix s, for people */
const char *round_digest(struct arena *a, const char *bytes, size_t len);
/* Of all that decides what becomes of a document: what was done under other settings is not
 * done under these. A renewed signature of the URL is no other setting. */
const char *round_digest_settings(struct round *r, const char *url, const struct round_means *m,
				  bool preshared);
int round_read_url(struct round *r, const struct exchange_place *p, const char **ret);
int round_request(struct round *r, struct http_request *q, struct http_reply *ret);
/* The WireGuardPeer in a document; from names the document in words. */
int round_read_peer(struct round *r, const char *from, const char *text, size_t len,
		    const char **ret_name, struct key *ret_key);

/* Where what is remembered of a peer's document stands; NULL: of ours. */
const char *round_state_path(struct round *r, const struct exchange_peer *p);
int round_recall(struct round *r, const char *path, struct exchange_state *ret);
/* Does not write what is there already. */
int round_remember(struct round *r, const char *path, const struct exchange_state *s);

/* exchange_peer.c: fetches, judges and hands on one peer's document. */
int round_fetch(struct round *r, const struct exchange_peer *p);
