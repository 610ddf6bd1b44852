/* export.h - this node as other nodes' peers folders want it: its public keys, and how to
 * reach it. Nothing in it is secret. */
#pragma once

#include <stdio.h>

#include "base/out.h"
#include "config/self.h"

#define EXPORT_FOLDER "/var/lib/routerd/export"

enum export_form {
	EXPORT_YAML, /* a WireGuardPeer */
	EXPORT_JSON, /* the same */
	EXPORT_PUB,  /* a line, as 'wg pubkey' prints it */
};

/* key_load()'s errors: -ENOENT, no key was made yet. */
int export_print(const struct self *s, enum export_form form, FILE *out);
/* Brings NODE.yaml and NODE.pub in EXPORT_FOLDER up to date. What is as it should be is not
 * written again. key_load()'s errors, file_write()'s. */
int export_write(const struct self *s, bool *ret_changed);
/* Removes from EXPORT_FOLDER what we wrote under other names. */
void export_sweep(const struct self *selves, size_t n);
/* "node pve-rt: public key KEY fingerprint FINGERPRINT", for consoles; NULL: no key. */
const char *export_line(struct arena *a, const struct self *s);
/* The same, and what is known of the key, into an open map. */
void export_out(struct out *o, const struct self *s);
