/* netlink.h - one netlink socket: dumps in, batches out.
 *
 * Built on libnl-3's core only. libnl-route's object layer is left out: it caches what we
 * want fresh, and it has no NDA_PROTOCOL, our mark on neighbours.
 * Functions return 0 or a negative errno (not NLE_*). */
#pragma once

#include <netlink/msg.h>

#include "state.h"

/* Bytes in one sendmsg(). More gains nothing: docs/kernel-facts.md. */
#define NETLINK_BATCH (32 * 1024)

struct netlink;

/* protocol as in netlink(7). secret: what travels holds keys, so buffers are wiped. */
int netlink_open(struct netlink **ret, int protocol, bool secret);
void netlink_close(struct netlink **nl);
struct nl_sock *netlink_sock(struct netlink *nl); /* for libnl's own requests */

typedef void netlink_each(struct nlmsghdr *h, void *arg);

/* Sends req, which it frees, and calls each() for every message of the answer. -EINTR when
 * the kernel says that the table moved meanwhile (NLM_F_DUMP_INTR): what each() saw is void
 * then, and the caller starts again. -ENOBUFS likewise. */
int netlink_dump(struct netlink *nl, struct nl_msg *req, netlink_each *each, void *arg);

/* An empty request with room for bytes; header is copied behind the netlink header. */
struct nl_msg *netlink_new(size_t bytes, int type, int flags, const void *header, size_t len);
/* Queues m, which it frees; its result lands in op->error and, in words, in op->why. Sent
 * when the batch is full or at netlink_flush(). op NULL: a message that only frames others,
 * as nfnetlink's batch begin and end. */
void netlink_queue(struct netlink *nl, struct arena *a, struct op *op, struct nl_msg *m);
/* Sends what is queued and waits for all results. An op without an answer gets -ENOBUFS. */
void netlink_flush(struct netlink *nl);
/* The same; what a request is answered with besides its result goes to each(), with its op. */
void netlink_flush_each(struct netlink *nl, netlink_each *each);

/* Lets the kernel send what happens to a group, RTNLGRP_* or NFNLGRP_*. */
int netlink_join(struct netlink *nl, int group);
/* Calls each() for what has come meanwhile, without waiting; more may be left. -ENOBUFS when
 * something was lost. */
int netlink_events(struct netlink *nl, netlink_each *each, void *arg);

/* A transaction of nfnetlink: batch begin, messages of which the last asks for an answer
 * (NLM_F_ACK), batch end, in one datagram of any size. All of it is done, or nothing: then
 * the first refusal is returned and *why is set to the kernel's words, or NULL. */
int netlink_transact(struct netlink *nl, struct arena *a, void *batch, size_t bytes,
		     const char **why);
