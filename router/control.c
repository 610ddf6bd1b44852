#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clean.h"

#define BACKLOG 128

struct client {
	struct source source;
	struct control *control;
	bool root;
	uint64_t active; /* the larger, the later it was heard of */
	char *in;	 /* CONTROL_REQUEST bytes, once something has come */
	size_t in_len;
	char *out;
	size_t out_len, out_sent;
	/* What it watches: the call to be made again. */
	const struct control_entry *watched;
	struct arena *watch_arena;
	struct call watch;
};

struct control {
	struct loop *loop;
	struct source listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *description;
	const struct control_entry *table;
	void *arg;
	uint64_t heard;
	size_t waiting; /* bytes of replies */
	struct client clients[CONTROL_CLIENTS];
};

/* ---- clients ---------------------------------------------------------------------------- */

static void stop_watching(struct client *c)
{
	c->watched = NULL;
	arena_free(c->watch_arena);
	c->watch_arena = NULL;
}

static void let_go(struct client *c)
{
	loop_remove(c->control->loop, &c->source);
	c->control->waiting -= c->out_len;
	stop_watching(c);
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	c->in_len = c->out_len = c->out_sent = 0;
}

/* Of those who do not read what they asked for, the one that was heard of least lately. */
static struct client *deaf(struct control *control, const struct client *but)
{
	struct client *ret = NULL;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *c = &control->clients[i];

		if (c != but && c->source.fd >= 0 && c->out_len && c->active != UINT64_MAX &&
		    (!ret || c->active < ret->active))
			ret = c;
	}
	return ret;
}

/* Takes the bytes as the client's next reply; false: there is no room for it. */
static bool queue(struct client *c, char *bytes, size_t len)
{
	struct client *other;
	char *grown;

	while (c->control->waiting + len > CONTROL_REPLIES && (other = deaf(c->control, c)))
		let_go(other);
	if (c->control->waiting + len > CONTROL_REPLIES)
		return false;
	grown = must(realloc(c->out, c->out_len + len));
	memcpy(grown + c->out_len, bytes, len);
	c->out = grown;
	c->out_len += len;
	c->control->waiting += len;
	return true;
}

/* Sends what it takes now. False: it is gone. */
static bool flush(struct client *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->source.fd, c->out + c->out_sent, c->out_len - c->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			loop_events(c->control->loop, &c->source, EPOLLOUT);
			return true;
		}
		if (n < 0 && errno != EINTR)
			return false;
		c->out_sent += n > 0 ? (size_t)n : 0;
	}
	c->control->waiting -= c->out_len;
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_sent = 0;
	loop_events(c->control->loop, &c->source, EPOLLIN);
	return true;
}

/* ---- calls ------------------------------------------------------------------------------ */

static const struct control_entry *find(const struct control *c, const char *method)
{
	static const char prefix[] = CONTROL_INTERFACE ".";

	if (strncmp(method, prefix, strlen(prefix)) != 0)
		return NULL;
	for (const struct control_entry *e = c->table; e->name; e++)
		if (strcmp(e->name, method + strlen(prefix)) == 0)
			return e;
	return NULL;
}

static const char *run(struct client *c, const struct varlink_call *v,
		       const struct control_entry *e, struct out *o, uint64_t *since)
{
	const struct call call = { .parameters = v->parameters };
	const char *error;

	if (varlink_service(v, CONTROL_INTERFACE, c->control->description, o, &error))
		return error;
	if (!e)
		return varlink_not_found(v->method, CONTROL_INTERFACE, o);
	if (e->root && !c->root)
		return VARLINK_NOT_ALLOWED;
	return e->run(c->control->arg, &call, o, since);
}

static bool send_reply(struct client *c, struct varlink_reply *r, const char *error,
		       bool continues)
{
	varlink_end(r, error, continues);
	return queue(c, r->text.bytes, r->text.len);
}

/* One request. False: the client goes. */
static bool serve(struct client *c, const char *bytes, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(varlink_done) struct varlink_reply r = { 0 };
	const struct control_entry *e;
	struct varlink_call q;
	uint64_t since = 0;
	const char *error;
	bool watch;

	if (!varlink_parse(a, bytes, len, &q))
		return false; /* nothing that comes after can be trusted to be a message */
	e = find(c->control, q.method);
	watch = e && e->watched && q.more && !q.oneway;
	varlink_begin(&r);
	/* A call may turn the loop while it waits for others: not for this client. */
	loop_pause(c->control->loop, &c->source);
	c->active = UINT64_MAX;
	error = run(c, &q, e, &r.out, &since);
	c->active = ++c->control->heard;
	watch = watch && !error;
	if ((!q.oneway && !send_reply(c, &r, error, watch)) ||
	    loop_add(c->control->loop, &c->source, EPOLLIN) < 0)
		return false;
	if (!watch)
		return true;
	c->watched = e;
	c->watch_arena = a;
	c->watch = (struct call){ q.parameters, true, since };
	a = NULL; /* the parameters live on in it */
	return true;
}

/* Serves what has come, one message at a time, and no further while a reply waits. */
static bool serve_pending(struct client *c)
{
	while (c->out_len == 0 && c->in_len > 0) {
		char *end = memchr(c->in, '\0', c->in_len);
		size_t len = end ? (size_t)(end - c->in) : 0;

		if (!end)
			return c->in_len < CONTROL_REQUEST;
		if (c->watched || !serve(c, c->in, len)) /* who watches only listens */
			return false;
		c->in_len -= len + 1;
		memmove(c->in, end + 1, c->in_len);
		if (!flush(c))
			return false;
	}
	return true;
}

static bool receive(struct client *c)
{
	ssize_t n;

	if (!c->in)
		c->in = must(malloc(CONTROL_REQUEST));
	n = recv(c->source.fd, c->in + c->in_len, CONTROL_REQUEST - c->in_len, MSG_DONTWAIT);
	if (n == 0)
		return false;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->in_len += (size_t)n;
	c->active = ++c->control->heard;
	return true;
}

/* Calls again for one who watches. False: it goes. */
static bool tell(struct client *c)
{
	CLEAN(varlink_done) struct varlink_reply r = { 0 };
	uint64_t since = c->watch.since;
	const char *error;

	if (!c->watched || c->out_len) /* one that does not read is told when it has */
		return true;
	varlink_begin(&r);
	error = c->watched->run(c->control->arg, &c->watch, &r.out, &since);
	if (since == c->watch.since)
		return true;
	c->watch.since = since;
	c->active = ++c->control->heard;
	return send_reply(c, &r, error, true) && flush(c);
}

void control_changed(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i].source.fd >= 0 && !tell(&control->clients[i]))
			let_go(&control->clients[i]);
}

static void client_ready(void *arg, uint32_t events)
{
	struct client *c = arg;
	bool fine = events & (EPOLLIN | EPOLLOUT); /* else there was an error */

	if (fine && events & EPOLLOUT)
		fine = flush(c) && tell(c);
	if (fine && events & EPOLLIN)
		fine = receive(c);
	if (fine)
		fine = serve_pending(c);
	if (!fine) {
		let_go(c);
	} else if (c->in_len == 0) {
		free(c->in); /* 64 idle clients are not to hold 4 MiB */
		c->in = NULL;
	}
}

/* ---- the socket ------------------------------------------------------------------------- */

static struct client *place(struct control *control)
{
	struct client *quiet = &control->clients[0];

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *c = &control->clients[i];

		if (c->source.fd < 0)
			return c;
		if (c->active < quiet->active)
			quiet = c;
	}
	let_go(quiet);
	return quiet;
}

static void listener_ready(void *arg, uint32_t events)
{
	struct control *control = arg;
	struct ucred who;
	socklen_t len = sizeof(who);
	struct client *c;
	int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return; /* it went again, or there are no descriptors: the next turn tells */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0) {
		close(fd);
		return;
	}
	c = place(control);
	*c = (struct client){ .source = { fd, client_ready, c },
			      .control = control,
			      .root = who.uid == 0,
			      .active = ++control->heard };
	if (loop_add(control->loop, &c->source, EPOLLIN) < 0)
		let_go(c);
}

/* getgrnam() would load plugins, which a static program cannot. */
static gid_t group(void)
{
	FILE *f = fopen("/etc/group", "re");
	gid_t gid = (gid_t)-1;
	const struct group *g;

	if (!f)
		return gid;
	while (gid == (gid_t)-1 && (g = fgetgrent(f)))
		if (strcmp(g->gr_name, CONTROL_GROUP) == 0)
			gid = g->gr_gid;
	fclose(f);
	return gid;
}

static bool is_alive(const struct sockaddr_un *at)
{
	CLEAN(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const void *)at, sizeof(*at)) == 0 || errno == EAGAIN);
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	CLEAN(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	gid_t gid = group();
	mode_t mask;
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path));
	if (is_alive(&at))
		return -EADDRINUSE;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	mask = umask(0177);
	r = bind(fd, (const void *)&at, sizeof(at)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	/* Without the group, only root may ask. Where we run as it, it has the socket. */
	if (r == 0 && gid != (gid_t)-1 &&
	    (gid == getegid() || chown(path, (uid_t)-1, gid) == 0) && chmod(path, 0660) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

int control_open(struct control **ret, struct loop *l, const char *path,
		 const char *description, const struct control_entry *table, void *arg)
{
	int fd = listen_at(path), r;
	struct control *c;

	if (fd < 0)
		return fd;
	c = must(calloc(1, sizeof(*c)));
	*c = (struct control){ .loop = l,
			       .listener = { fd, listener_ready, c },
			       .description = description,
			       .table = table,
			       .arg = arg };
	memcpy(c->path, path, strlen(path)); /* it fits: listen_at() */
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i].source.fd = -1;
	r = loop_add(l, &c->listener, EPOLLIN);
	*ret = c;
	if (r < 0)
		control_close(ret);
	return r;
}

void control_close(struct control **pc)
{
	struct control *c = *pc;

	if (!c)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].source.fd >= 0)
			let_go(&c->clients[i]);
	loop_remove(c->loop, &c->listener);
	(void)unlink(c->path);
	free(c);
	*pc = NULL;
}
