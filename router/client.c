#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/clean.h"
#include "base/stream.h"
#include "control.h"
#include "reconcile.h"

#define ANSWER_BYTES (256 * 1024 * 1024) /* more than CONTROL_REPLIES */

struct client {
	int fd;
	char *buf;
	size_t len, room, used; /* used: of the answer given last */
};

/* How long to wait for what is to be read or written, or for ever. */
static void set_patience(int fd, const struct timeval *t)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, t, sizeof(*t));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, t, sizeof(*t));
}

static int fault(void)
{
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int client_open(struct client **ret)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET };
	CLEAN(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct client *c;

	if (geteuid() == 0 && !reconcile_served())
		return -ENOENT; /* the socket may be of a daemon in another namespace */
	if (fd < 0)
		return -errno;
	set_patience(fd, &(struct timeval){ .tv_sec = CLIENT_SECONDS });
	if (connect(fd, (void *)&to, sizeof(to)) < 0)
		return fault();
	c = must(calloc(1, sizeof(*c)));
	c->fd = take_fd(&fd);
	*ret = c;
	return 0;
}

void client_close(struct client **pc)
{
	if (!*pc)
		return;
	close((*pc)->fd);
	free((*pc)->buf);
	free(*pc);
	*pc = NULL;
}

int client_call(struct client *c, const char *method, bool more,
		void (*write)(struct out *o, const void *arg), const void *arg)
{
	CLEAN(stream_done) struct stream text = { 0 };
	char name[64];
	struct out o;

	out_open(&o, stream_open(&text), OUT_JSON);
	snprintf(name, sizeof(name), CONTROL_INTERFACE ".%s", method);
	out_text(&o, "method", name);
	if (more)
		out_bool(&o, "more", true);
	out_map(&o, "parameters");
	if (write)
		write(&o, arg);
	out_end(&o);
	out_close(&o);
	fputc('\0', text.file);
	stream_text(&text);
	for (size_t sent = 0; sent < text.len;) {
		ssize_t n = send(c->fd, text.bytes + sent, text.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return fault();
		sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Until a whole answer is at the beginning of the buffer; its length. */
static ssize_t fill(struct client *c)
{
	size_t seen = 0;

	memmove(c->buf, c->buf + c->used, c->len - c->used);
	c->len -= c->used;
	c->used = 0;
	for (;;) {
		char *end = c->len > seen ? memchr(c->buf + seen, '\0', c->len - seen) : NULL;
		ssize_t n;

		if (end)
			return end - c->buf;
		seen = c->len;
		if (c->len + 65536 > c->room) {
			c->room = c->room ? c->room * 2 : 131072;
			c->buf = must(realloc(c->buf, c->room));
		}
		n = recv(c->fd, c->buf + c->len, c->room - c->len, 0);
		if (n == 0 || c->len > ANSWER_BYTES)
			return -EPROTO;
		if (n < 0 && errno != EINTR)
			return fault();
		c->len += n > 0 ? (size_t)n : 0;
	}
}

int client_answer(struct client *c, struct arena *a, struct answer *ret)
{
	struct diag d = { .arena = a };
	const struct node *n;
	ssize_t len;

	if (!c->buf)
		c->buf = must(malloc(c->room = 131072));
	len = fill(c);
	if (len < 0)
		return (int)len;
	c->used = (size_t)len + 1;
	n = node_parse(a, "answer", c->buf, (size_t)len, &d)->child;
	if (d.errors || !n || n->type != NODE_MAP)
		return -EPROTO;
	*ret = (struct answer){ .error = node_text(n, "error"),
				.parameters = node_get(n, "parameters"),
				.continues = node_is_true(node_get(n, "continues")) };
	if (ret->continues)
		set_patience(c->fd, &(struct timeval){ 0 });
	return ret->parameters && ret->parameters->type == NODE_MAP ? 0 : -EPROTO;
}
