/* seal.h - the last line of a document, which says whose it is, when it was sealed, and proves
 * both. A comment, so that a sealed document is still YAML:
 *
 *	# routerd-seal: v1 NODE UNIXSECONDS ed25519|hmac-sha256 BASE64
 *
 * What is signed is SEAL_DOMAIN and its NUL, all bytes before the line, and the line up to the
 * proof: no document, time or node can be put under another's proof, nor one kind of proof
 * under the other. Pure: bytes in, bytes out, but for the key's file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "keys/key.h"
#include "keys/secret.h"

#define SEAL_DOMAIN "routerd seal v1"
#define SEAL_MARK   "routerd-seal:" /* may stand nowhere else in a document */
#define SEAL_NODE   63		    /* bytes of a node's name */
#define SEAL_LINE   256		    /* bytes, at most, with its newline */
#define SEAL_AHEAD  86400	    /* s: how far a clock may be ahead of ours */

enum seal_type {
	SEAL_ED25519,
	SEAL_HMAC,
};

/* What a document is sealed with: the one that the type asks for. */
struct seal_with {
	enum seal_type type;
	const struct key *key; /* SEAL_ED25519: to seal the seed, to open the public key */
	const struct secret *secret; /* SEAL_HMAC */
};

/* What a document must be, to be opened. */
struct seal_want {
	struct seal_with with;
	const char *node;
	uint64_t
	    newest;   /* Unix s: highest time accepted of this node; an older one is refused */
	uint64_t now; /* Unix s */
};

/* In the order in which they are looked for: those from SEAL_OLD on are said of a document
 * that is authentic. */
enum seal_verdict {
	SEAL_OK,
	SEAL_NONE,	/* no seal at the end */
	SEAL_TWO,	/* its mark stands there more than once */
	SEAL_MALFORMED, /* a seal, but not by the form above */
	SEAL_OTHER_NODE,
	SEAL_OTHER_TYPE,
	SEAL_FORGED, /* another key, or changed on the way */
	SEAL_OLD,
	SEAL_FUTURE,
};

struct seal {
	char node[SEAL_NODE + 1]; /* as the seal says; "" when it has none */
	enum seal_type type;
	uint64_t when; /* Unix s */
	size_t body;   /* bytes of the document without the seal */
};

/* Letters, digits, '.', '_' and '-', the first a letter or digit: fit for a file's name. */
bool seal_node_is_valid(const char *node);
const char *seal_type_name(enum seal_type type);

/* *ret says what the seal says, as far as it could be read, whatever the verdict. */
enum seal_verdict seal_open(const char *text, size_t len, const struct seal_want *want,
			    struct seal *ret);
/* The document, with a newline at its end, and its seal. -EEXIST when SEAL_MARK is in it;
 * -EINVAL when the node's name is not valid or a NUL is in it. */
int seal_add(struct arena *a, const char *text, size_t len, const struct seal_with *with,
	     const char *node, uint64_t when, char **ret, size_t *ret_len);

#define SEAL_KEY_FILE "/etc/routerd/keys/exchange-sign.key" /* this node's seed */

/* The Ed25519 public half of a seed (RFC 8032 section 5.1.5): any private key of key.h's. */
void seal_key_public(const struct key *seed, struct key *ret);
