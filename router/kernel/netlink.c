#include "kernel/netlink.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_BYTES  (64 * 1024)	   /* above the largest skb of a dump, netlink(7) */
#define RECEIVE_BYTES (8 * 1024 * 1024)	   /* room for a batch in which every message fails */
#define EVENTS	      64		   /* datagrams of events at a time */
#define PATIENCE      10		   /* seconds for an answer */
#define PENDING	      (NETLINK_BATCH / 16) /* a message is no shorter than its header */

struct netlink {
	struct nl_sock *sk;
	uint32_t seq, first; /* next, and of pending[0] */
	bool secret;
	unsigned pending;
	size_t used;
	struct {
		struct op *op;
		struct arena *arena;
	} sent[PENDING];
	_Alignas(struct nlmsghdr) char batch[NETLINK_BATCH];
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
};

int netlink_open(struct netlink **ret, int protocol, bool secret)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	struct timeval patience = { .tv_sec = PATIENCE };
	int on = 1, size = RECEIVE_BYTES, fd;

	if (!nl)
		return -ENOMEM;
	nl->sk = nl_socket_alloc();
	if (!nl->sk || nl_connect(nl->sk, protocol) < 0) {
		netlink_close(&nl);
		return -EPROTONOSUPPORT;
	}
	fd = nl_socket_get_fd(nl->sk);
	/* Words with every refusal; no echo of our own request in it. Best effort: without
	 * rights or on an old kernel it works less well, not less right. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	nl->seq = nl->first = 1;
	nl->secret = secret;
	*ret = nl;
	return 0;
}

void netlink_close(struct netlink **pnl)
{
	struct netlink *nl = *pnl;

	if (!nl)
		return;
	nl_socket_free(nl->sk);
	free(nl);
	*pnl = NULL;
}

struct nl_sock *netlink_sock(struct netlink *nl)
{
	return nl->sk;
}

/* One datagram into nl->answer; its length or a negative errno. */
static ssize_t receive(struct netlink *nl)
{
	ssize_t n;

	do
		n = recv(nl_socket_get_fd(nl->sk), nl->answer, ANSWER_BYTES, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return n > ANSWER_BYTES ? -EMSGSIZE : n;
}

static int send_bytes(struct netlink *nl, const void *buf, size_t n)
{
	ssize_t r;

	do
		r = send(nl_socket_get_fd(nl->sk), buf, n, 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static void free_message(struct netlink *nl, struct nl_msg *m)
{
	if (nl->secret)
		sodium_memzero(nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);
	nlmsg_free(m);
}

int netlink_join(struct netlink *nl, int group)
{
	return nl_socket_add_membership(nl->sk, group) < 0 ? -errno : 0;
}

int netlink_events(struct netlink *nl, netlink_each *each, void *arg)
{
	int fd = nl_socket_get_fd(nl->sk);

	for (int i = 0; i < EVENTS; i++) {
		ssize_t n = recv(fd, nl->answer, ANSWER_BYTES, MSG_DONTWAIT | MSG_TRUNC);
		int left = (int)n;

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n > ANSWER_BYTES)
			return -ENOBUFS;
		for (struct nlmsghdr *h = (void *)nl->answer; nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left))
			each(h, arg);
	}
	return 0;
}

static int dump(struct netlink *nl, struct nlmsghdr *req, netlink_each *each, void *arg)
{
	uint32_t seq = nl->seq++;
	bool torn = false;
	int r;

	assert(!nl->pending); /* settle() wants their numbers in a row */

	req->nlmsg_seq = seq;
	req->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	r = send_bytes(nl, req, req->nlmsg_len);
	while (r == 0) {
		ssize_t n = receive(nl);
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (struct nlmsghdr *h = (void *)nl->answer; nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != seq)
				continue; /* left over from a dump given up */
			torn |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (h->nlmsg_type == NLMSG_DONE) {
				r = nlmsg_datalen(h) >= (int)sizeof(int) ? *(int *)nlmsg_data(h)
									 : 0;
				return r < 0 ? r : torn ? -EINTR : 0;
			}
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)nlmsg_data(h))->error;
			each(h, arg);
		}
	}
	return r;
}

int netlink_dump(struct netlink *nl, struct nl_msg *req, netlink_each *each, void *arg)
{
	int r = dump(nl, nlmsg_hdr(req), each, arg);

	nlmsg_free(req);
	if (nl->secret)
		sodium_memzero(nl->answer, sizeof(nl->answer));
	return r;
}

struct nl_msg *netlink_new(size_t bytes, int type, int flags, const void *header, size_t len)
{
	struct nl_msg *m = must(nlmsg_alloc_size(NLMSG_HDRLEN + NLMSG_ALIGN(len) + bytes));
	struct nlmsghdr *h = must(nlmsg_put(m, 0, 0, type, (int)len, NLM_F_REQUEST | flags));

	memcpy(nlmsg_data(h), header, len);
	return m;
}

void netlink_queue(struct netlink *nl, struct arena *a, struct op *op, struct nl_msg *m)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	if (nl->used + len > sizeof(nl->batch))
		netlink_flush(nl);
	if (len > sizeof(nl->batch)) {
		if (op)
			op->error = -EMSGSIZE;
		free_message(nl, m);
		return;
	}
	if (nl->pending == 0)
		nl->first = nl->seq;
	h->nlmsg_seq = nl->seq++;
	memcpy(nl->batch + nl->used, h, h->nlmsg_len);
	nl->used += len;
	nl->sent[nl->pending].op = op;
	nl->sent[nl->pending].arena = a;
	nl->pending++;
	if (op)
		op->error = -ENOBUFS; /* until it is answered */
	free_message(nl, m);
}

static const char *answer_text(struct nlmsghdr *h, struct arena *a)
{
	struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);
	struct nlattr *at;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	at = nlmsg_find_attr(h, (int)skip, NLMSGERR_ATTR_MSG);
	return at ? arena_strndup(a, nla_data(at), strnlen(nla_data(at), (size_t)nla_len(at)))
		  : NULL;
}

int netlink_transact(struct netlink *nl, struct arena *a, void *batch, size_t bytes,
		     const char **why)
{
	int room = (int)bytes + NETLINK_BATCH, left = (int)bytes, r;
	uint32_t seq = nl->seq++;

	for (struct nlmsghdr *h = batch; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
		h->nlmsg_seq = seq;
	/* netlink_sendmsg() refuses what the send buffer does not hold at once. */
	if (bytes > NETLINK_BATCH && setsockopt(nl_socket_get_fd(nl->sk), SOL_SOCKET,
						SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		return -errno;
	r = send_bytes(nl, batch, bytes);
	while (r == 0) {
		ssize_t got = receive(nl);
		int n = (int)got;

		if (got < 0)
			return (int)got;
		for (struct nlmsghdr *h = (void *)nl->answer; nlmsg_ok(h, n);
		     h = nlmsg_next(h, &n)) {
			if (h->nlmsg_seq != seq || h->nlmsg_type != NLMSG_ERROR)
				continue; /* left over, as when more than one was refused */
			r = ((struct nlmsgerr *)nlmsg_data(h))->error;
			if (r)
				*why = answer_text(h, a);
			return r;
		}
	}
	return r;
}

/* Takes one answer; true when it is the last message's. */
static bool settle(struct netlink *nl, struct nlmsghdr *h, netlink_each *each)
{
	uint32_t i = h->nlmsg_seq - nl->first;
	struct op *op;

	if (i >= nl->pending)
		return false;
	op = nl->sent[i].op;
	if (h->nlmsg_type != NLMSG_ERROR) {
		if (each && op)
			each(h, op);
		return false;
	}
	if (op) {
		op->error = ((struct nlmsgerr *)nlmsg_data(h))->error;
		if (op->error)
			op->why = answer_text(h, nl->sent[i].arena);
	}
	return i == nl->pending - 1;
}

/* The kernel works through the datagram in order; it answers what fails and, because of the
 * flag, the last. So with the last answer, all others went well. */
void netlink_flush_each(struct netlink *nl, netlink_each *each)
{
	struct nlmsghdr *last = (void *)nl->batch;
	bool done = false;
	int r;

	if (nl->pending == 0)
		return;
	for (unsigned i = 1; i < nl->pending; i++)
		last = (void *)((char *)last + NLMSG_ALIGN(last->nlmsg_len));
	last->nlmsg_flags |= NLM_F_ACK;
	r = send_bytes(nl, nl->batch, nl->used);
	if (r == 0)
		for (unsigned i = 0; i < nl->pending; i++)
			if (nl->sent[i].op)
				nl->sent[i].op->error = 1; /* sent, no word yet */
	while (r == 0 && !done) {
		ssize_t got = receive(nl);
		int left = (int)got;

		if (got < 0)
			r = (int)got;
		for (struct nlmsghdr *h = (void *)nl->answer; r == 0 && nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left))
			done |= settle(nl, h, each);
	}
	for (unsigned i = 0; i < nl->pending; i++)
		if (nl->sent[i].op && (r < 0 || nl->sent[i].op->error == 1))
			nl->sent[i].op->error = r;
	if (nl->secret) {
		sodium_memzero(nl->batch, nl->used);
		sodium_memzero(nl->answer, sizeof(nl->answer));
	}
	nl->pending = 0;
	nl->used = 0;
}

void netlink_flush(struct netlink *nl)
{
	netlink_flush_each(nl, NULL);
}
