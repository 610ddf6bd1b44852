#include "providers/imds.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "base/clean.h"
#include "base/clock.h"
#include "providers/reply.h"
#include "providers/route.h"

#define LINK_LOOK  250 /* ms between two looks for it */
#define CLOSE_WAIT 100 /* ms for the other side to close */
#define READ_BYTES (16 * 1024)

/* One try and what came of it: the words, and whether it may go better. */
struct
try {
	struct imds *s;
	const struct imds_ask *q;
	struct reply *reply;
	int64_t end; /* ms */
	const char *what, *next;
};

/* ---- by which way ----------------------------------------------------------------------- */

/* The service is the primary NIC's: another network may have a host of the same address. */
static bool find_link(struct imds *s)
{
	const char *root = s->place->root;

	for (;;) {
		CLEAN(arena_done) struct arena *a = arena_new();

		if (route_default(a, root, s->link))
			return true;
		if (clock_ms() >= s->wait_end)
			return route_only(a, root, s->policy->host, s->link) ||
			       route_default6(a, root, s->link);
		clock_sleep(LINK_LOOK);
	}
}

/* ---- one try ---------------------------------------------------------------------------- */

static int again(struct try *t, const char *what, const char *next)
{
	t->what = what;
	t->next = next;
	return -EAGAIN;
}

static int no_connection(struct try *t, int error)
{
	struct arena *a = t->s->arena;
	const struct imds_host *h = &t->s->hosts[t->s->host];

	return again(t, arena_printf(a, "no connection: %s", strerror(error)),
		     arena_printf(a,
				  "see that the network is up and that this machine's own "
				  "packet filter lets it reach %s, TCP",
				  h->text));
}

/* Until the socket is ready or the time is over. */
static int wait_ready(int fd, short events, int64_t end)
{
	for (;;) {
		int64_t left = end - clock_ms();
		struct pollfd p = { .fd = fd, .events = events };
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int finish_connect(int fd, int64_t end)
{
	int error = 0, r = wait_ready(fd, POLLOUT, end);
	socklen_t len = sizeof(error);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

/* Returns a connected socket. */
static int connect_host(struct imds *s, int64_t end)
{
	const struct imds_host *h = &s->hosts[s->host];
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, r = 0;
	CLEAN(close_fd) int fd = socket(h->address.ss_family, type, 0);

	if (fd < 0)
		return -errno;
	if (*s->link && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->link,
				   (socklen_t)strlen(s->link)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&h->address, h->len) < 0)
		r = errno == EINPROGRESS ? finish_connect(fd, end) : -errno;
	return r < 0 ? r : take_fd(&fd);
}

/* The second address only until the first time that one of them was connected to. */
static int connect_service(struct try *t)
{
	struct imds *s = t->s;
	int64_t wait = s->policy->connect * (int64_t)1000;
	int fd = -EAGAIN, error = 0;

	for (size_t i = 0; i < s->host_count && fd < 0; i++) {
		int64_t end = clock_ms() + wait;

		if (i && s->connected)
			break;
		if (i)
			s->host = (s->host + 1) % s->host_count;
		fd = connect_host(s, end < t->end ? end : t->end);
		if (fd < 0 && !error)
			error = -fd;
	}
	if (fd < 0) {
		s->host = 0; /* the first fault is the first address's */
		return no_connection(t, error);
	}
	s->connected = true;
	return fd;
}

static int send_request(struct try *t, int fd)
{
	const struct imds_ask *q = t->q;
	bool put = q->method && strcmp(q->method, "GET") != 0;
	const char *text = arena_printf(
	    t->s->arena, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s%s%s\r\n",
	    q->method ? q->method : "GET", q->path, t->s->hosts[t->s->host].text,
	    put ? "Content-Length: 0\r\n" : "", t->s->policy->headers,
	    q->headers ? q->headers : "");
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN && wait_ready(fd, POLLOUT, t->end) == 0) {
			continue;
		} else if (errno != EINTR) {
			return no_connection(t, errno);
		}
	}
	return 0;
}

static int reply_fault(struct try *t, const char *what)
{
	struct arena *a = t->s->arena;

	return again(t, arena_printf(a, "%s (%zu bytes of it came)", what, t->reply->len),
		     "try again; when it stays so, ask the provider, as its service has a "
		     "fault");
}

/* We asked it to close: what comes instead belongs to a reply that lies about its length. One
 * that keeps the connection open is not waited for. */
static int check_end(struct try *t, int fd)
{
	char byte;

	if (t->reply->status == 200 && wait_ready(fd, POLLIN, clock_ms() + CLOSE_WAIT) == 0 &&
	    recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		return reply_fault(t, "the reply is longer than it says");
	return 0;
}

static int read_reply(struct try *t, int fd)
{
	char bytes[READ_BYTES];

	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (wait_ready(fd, POLLIN, t->end) < 0)
				return reply_fault(t, "no whole reply in time");
			continue;
		}
		if (n < 0)
			return reply_fault(t, "the connection broke within the reply");
		if (n == 0)
			return reply_fault(t, "the reply was cut short");
		r = reply_feed(t->reply, bytes, (size_t)n);
		if (r == -EFBIG) {
			t->what = arena_printf(t->s->arena, "%s, %zu bytes", t->reply->fault,
					       t->reply->max);
			t->next = "ask the provider, as its service has a fault";
			return r;
		}
		if (r < 0)
			return reply_fault(t, t->reply->fault);
		if (r > 0)
			return check_end(t, fd);
		if (clock_ms() >= t->end)
			return reply_fault(t, "no whole reply in time");
	}
}

/* ---- what a reply means ----------------------------------------------------------------- */

static const struct imds_status *find_status(const struct imds_policy *p, int status)
{
	for (const struct imds_status *s = p->statuses; s->from; s++)
		if (status >= s->from && status <= s->to)
			return s;
	return NULL;
}

static int take_absent(struct try *t)
{
	if (t->q->absent == IMDS_NONE ||
	    (t->q->absent == IMDS_LAGS && clock_ms() >= t->s->lag_end))
		return -ENOENT;
	return again(t, "HTTP 404: not there yet", "try again in a minute");
}

static int take_status(struct try *t)
{
	const struct imds_status *row = find_status(t->s->policy, t->reply->status);
	int status = t->reply->status;
	struct arena *a = t->s->arena;

	if (status == 404 && t->q->absent != IMDS_NOT_YET)
		return take_absent(t);
	if (status >= 300 && status < 400) {
		t->what = arena_printf(a,
				       "HTTP %d: it redirects, which no metadata service does "
				       "and is not followed",
				       status);
		t->next = "find out who answers at this address";
		return -EPROTO;
	}
	if (!row) {
		t->what = arena_printf(a, "HTTP %d, which is not an answer to this", status);
		t->next = "find out who answers at this address";
		return -EPROTO;
	}
	t->what = arena_printf(a, "HTTP %d: %s", status, row->what);
	t->next = row->next;
	if (!row->again || (row->most && clock_ms() - t->s->begin >= row->most * 1000LL))
		return -EACCES;
	return -EAGAIN;
}

static int take_reply(struct try *t)
{
	const struct reply *r = t->reply;
	const char *wrong;

	if (t->s->policy->google && r->status == 200 && !r->google) {
		t->what = "what answers does not say Metadata-Flavor: Google";
		t->next = "find out who answers at this address: it is not Google's service";
		return -EPROTO;
	}
	if (r->status != 200)
		return take_status(t);
	if (!t->q->take)
		return 0;
	wrong = t->q->take(t->s->arena, r->body, r->len, t->q->told);
	if (wrong)
		return again(t, wrong,
			     "try again; when it stays so, ask the provider, as its service "
			     "says less than it should");
	return 0;
}

static int try_once(struct try *t)
{
	CLEAN(close_fd) int fd = -1;
	int64_t end;
	int r;

	if (!t->s->place->service && !find_link(t->s))
		return again(t, "this machine has no default route, and no route to it",
			     "see that the network comes up: 'ip route' shows what is there");
	fd = connect_service(t);
	if (fd < 0)
		return fd;
	end = clock_ms() + t->s->policy->read * 1000LL;
	t->end = end < t->s->end ? end : t->s->end;
	r = send_request(t, fd);
	if (r == 0)
		r = read_reply(t, fd);
	return r < 0 ? r : take_reply(t);
}

/* ---- all tries -------------------------------------------------------------------------- */

/* A try that the deadline cut short says less than what was before it. */
static int try_until(struct try *t)
{
	const char *what = t->what, *next = t->next;
	int r;

	t->end = t->s->end;
	r = try_once(t);
	if (r == -EAGAIN && what && clock_ms() >= t->s->end) {
		t->what = what;
		t->next = next;
	}
	return r;
}

static int run(struct try *t, size_t max, unsigned *ret_tries)
{
	const struct imds_policy *p = t->s->policy;
	int64_t backoff = p->first;

	for (unsigned tries = 1;; tries++) {
		int64_t wait = backoff + randombytes_uniform((uint32_t)backoff / 2);
		int64_t asked;
		int r;

		*ret_tries = tries;
		reply_done(t->reply);
		reply_begin(t->reply, max);
		r = try_until(t);
		if (r != -EAGAIN)
			return r;
		asked = t->reply->retry_after * (int64_t)1000;
		if (clock_ms() + (wait > asked ? wait : asked) >= t->s->end) {
			if (asked > wait)
				t->what = arena_printf(t->s->arena,
						       "%s; it asks to be left alone for %u s",
						       t->what, t->reply->retry_after);
			return r;
		}
		clock_sleep(wait > asked ? wait : asked);
		backoff = backoff * 2 < p->most ? backoff * 2 : p->most;
	}
}

static const char *say(const struct try *t, unsigned tries)
{
	const struct imds *s = t->s;

	return arena_printf(s->arena, "%s: %s http://%s%s%s%s: %s (tries: %u in %lld s): %s",
			    s->policy->who, t->q->method ? t->q->method : "GET",
			    s->hosts[s->host].text, t->q->path, *s->link ? " by " : "", s->link,
			    t->what, tries, (long long)(clock_ms() - s->begin) / 1000, t->next);
}

int imds_get(struct imds *s, const struct imds_ask *q, struct imds_reply *ret,
	     const char **ret_words)
{
	CLEAN(reply_done) struct reply reply = { 0 };
	struct try t = { .s = s, .q = q, .reply = &reply };
	unsigned tries;
	int r = run(&t, q->max ? q->max : IMDS_REPLY, &tries);

	*ret = (struct imds_reply){ .status = reply.status };
	if (r == -ENOENT)
		return r;
	if (r < 0) {
		*ret_words = say(&t, tries);
		return r;
	}
	ret->bytes = arena_strndup(s->arena, reply.body, reply.len);
	ret->len = reply.len;
	return 0;
}
