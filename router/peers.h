/* peers.h - the peers folder: other nodes' exports, as somebody or something put them there.
 *
 * A file is NODE.yaml, one WireGuardPeer, or NODE.pub, a line as 'wg pubkey' prints. Each is
 * judged by itself, and what is wrong with one leaves out that one. The key by which a node
 * was in force once is its key from then on, in /var/lib/routerd/known: a file with another
 * one is left out, and the known one stays, until somebody confirms it ('routerctl import
 * --replace') or the known key vouches for it (keys/key.h). */
#pragma once

#include "config/net.h"
#include "load.h"

#define PEERS_BYTES (1024 * 1024) /* the largest file */
#define PEERS_KNOWN "/var/lib/routerd/known"

/* Is a file of this name read in the folder? */
bool peers_reads(const char *name);
/* Reads the peers folder below root. What cannot be read is a warning. */
void peers_read(struct documents *s, const char *root, struct diag *d);
/* A file's bytes, or -EFBIG, -ELOOP of a symbolic link, -EINVAL of what is no plain file, or
 * open(2)'s errors. Nothing holds it up. */
int peers_read_file(struct arena *a, const char *path, char **ret, size_t *ret_len);
/* Judges those documents of s that were not judged, with words to d, and adds those that are
 * not left out to c, with faults to now. c holds all the others. */
void peers_add(struct config *c, struct documents *s, struct diag *now, struct diag *d);
/* Takes the known document in doc's stead. False: there is none, or it is the same. */
bool peers_fall_back(struct arena *a, struct document *doc);
/* One document by itself. NULL: it holds no WireGuardPeer, or d says what is wrong. */
const struct wireguard_peer *peers_decode(struct arena *a, const struct document *doc,
					  struct diag *d);
/* What a node is known as; *ret NULL: not at all. -EBADMSG: the document is damaged. */
int peers_known(struct arena *a, const char *node, const struct wireguard_peer **ret);
/* What is in force now is known from now on. */
int peers_accept(const struct documents *s);
/* The same of one document, of which the node is known. */
int peers_know(const struct document *doc, bool *ret_changed);
