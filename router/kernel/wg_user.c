/* wg_user.c - WireGuard in a program: the configuration protocol on
 * /run/wireguard/IFACE.sock, https://www.wireguard.com/xplatform/. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/clock.h"
#include "kernel/wireguard.h"

#define SOCKETS	 "/run/wireguard"
#define PATIENCE 3 /* seconds for an answer, of which an apply may wait for five */
/* A program whose link was just made or removed is a little behind the kernel. */
#define PAUSE_MS 20
#define PAUSES	 50
#define TURN_MS	 5000 /* for it to start, or to end: a machine under load takes seconds */
#define ANSWER	 (64 * 1024 * 1024) /* bytes; a million allowed IPs */
#define PROGRAMS "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"

/* Text that may hold keys: wiped whenever it is let go. */
struct text {
	char *buf;
	size_t len, room;
};

static void text_done(struct text *t)
{
	if (t->buf)
		sodium_memzero(t->buf, t->room);
	free(t->buf);
}

/* Room for n more bytes and a NUL. */
static void text_room(struct text *t, size_t n)
{
	size_t room = t->room ? t->room : 4096;
	char *grown;

	if (t->len + n < t->room)
		return;
	while (t->len + n >= room)
		room *= 2;
	grown = must(calloc(1, room));
	if (t->len)
		memcpy(grown, t->buf, t->len);
	text_done(t);
	t->buf = grown;
	t->room = room;
}

static void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	text_room(t, 512);
	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(t->buf + t->len, t->room - t->len, fmt, ap);
	va_end(ap);
}

static void text_key(struct text *t, const char *name, const struct key *k)
{
	char hex[KEY_BYTES * 2 + 1];

	text_add(t, "%s=%s\n", name, sodium_bin2hex(hex, sizeof(hex), k->bytes, KEY_BYTES));
	sodium_memzero(hex, sizeof(hex));
}

/* ---- the socket ------------------------------------------------------------------------- */

static int address(const char *link, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(ret->sun_path, sizeof(ret->sun_path), SOCKETS "/%s.sock", link) <
		       (int)sizeof(ret->sun_path)
		   ? 0
		   : -ENAMETOOLONG;
}

bool wg_user_has(const char *link)
{
	struct sockaddr_un to;

	return address(link, &to) == 0 && access(to.sun_path, F_OK) == 0;
}

/* 0 when fd is ready, -ETIMEDOUT at the deadline; others have their turn meanwhile. */
static int wait_ready(struct kernel *k, int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd fds[] = { { .fd = fd, .events = events },
					{ .fd = k->idle_fd, .events = POLLIN } };
		int64_t left = deadline - clock_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			return 0;
		if (fds[1].revents)
			k->idle(k->idle_arg);
	}
}

static int talk(struct kernel *k, const char *link, const struct text *question,
		struct text *answer)
{
	CLEAN(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t deadline = clock_ms() + PATIENCE * 1000;
	struct sockaddr_un to;
	size_t sent = 0;
	int r = address(link, &to);

	if (fd < 0 || r < 0)
		return fd < 0 ? -errno : r;
	if (connect(fd, (void *)&to, sizeof(to)) < 0) /* EAGAIN: nobody takes it */
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	while (sent < question->len) {
		ssize_t n = send(fd, question->buf + sent, question->len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			r = wait_ready(k, fd, POLLOUT, deadline);
			if (r < 0)
				return r;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		}
		sent += n > 0 ? (size_t)n : 0;
	}
	/* The answer ends with an empty line, not with the end of the stream. */
	while (answer->len < 2 || memcmp(answer->buf + answer->len - 2, "\n\n", 2) != 0) {
		ssize_t n;

		text_room(answer, 65536);
		n = recv(fd, answer->buf + answer->len, answer->room - answer->len - 1, 0);
		if (n < 0 && errno == EAGAIN) {
			r = wait_ready(k, fd, POLLIN, deadline);
			if (r < 0)
				return r;
			continue;
		}
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 || answer->len > ANSWER)
			return -EPROTO;
		answer->len += n > 0 ? (size_t)n : 0;
	}
	answer->buf[answer->len] = '\0';
	return 0;
}

/* ---- get -------------------------------------------------------------------------------- */

static bool parse_key(const char *hex, struct key *ret)
{
	size_t n;

	return sodium_hex2bin(ret->bytes, KEY_BYTES, hex, strlen(hex), NULL, &n, NULL) == 0 &&
	       n == KEY_BYTES;
}

static void parse_endpoint(struct arena *a, const char *value, struct endpoint *ret)
{
	const char *colon = strrchr(value, ':');
	bool bracket = *value == '[';
	char *host;

	if (!colon || colon - value < 3)
		return;
	host = arena_strndup(a, value + bracket, (size_t)(colon - value) - 2 * bracket);
	if (!addr_parse(host, &ret->address))
		return;
	ret->host = host;
	ret->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

struct reading {
	struct wg_seen *seen;
	struct key device;
	bool has_key, in_peer, told;
	uint16_t port;
	struct item peer;
	struct addr *allowed;
	size_t count, room;
};

/* The lines of a peer are complete when the next begins, or the answer ends. */
static void end_section(struct reading *r)
{
	if (!r->told)
		wg_see_device(r->seen, r->has_key ? &r->device : NULL, r->port);
	r->told = true;
	if (r->in_peer) {
		wg_see_peer(r->seen, &r->peer);
		for (size_t i = 0; i < r->count; i++)
			wg_see_allowed(r->seen, &r->peer.peer.key, &r->allowed[i]);
	}
	r->count = 0;
	r->peer = (struct item){ .type = ITEM_PEER };
}

static void add_allowed(struct reading *r, const char *value)
{
	r->allowed = arena_grow(r->seen->have->arena, r->allowed, r->count, &r->room,
				sizeof(*r->allowed));
	if (addr_parse(value, &r->allowed[r->count]))
		r->count++;
}

static void take_line(struct reading *r, const char *name, const char *value)
{
	static const struct key none;
	CLEAN(key_wipe) struct key k = { 0 };

	if (strcmp(name, "private_key") == 0)
		r->has_key = parse_key(value, &k) && !key_equal(&k, &none) &&
			     key_public(&k, &r->device) == 0;
	else if (strcmp(name, "listen_port") == 0)
		r->port = (uint16_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "public_key") == 0) {
		end_section(r);
		r->in_peer = parse_key(value, &r->peer.peer.key);
	} else if (strcmp(name, "preshared_key") == 0) {
		if (parse_key(value, &k) && !key_equal(&k, &none))
			key_id(&k, r->peer.peer.psk);
	} else if (strcmp(name, "endpoint") == 0)
		parse_endpoint(r->seen->have->arena, value, &r->peer.peer.endpoint);
	else if (strcmp(name, "persistent_keepalive_interval") == 0)
		r->peer.peer.keepalive = (uint16_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "last_handshake_time_sec") == 0)
		r->peer.peer.handshake = strtoll(value, NULL, 10);
	else if (strcmp(name, "rx_bytes") == 0)
		r->peer.peer.received = strtoull(value, NULL, 10);
	else if (strcmp(name, "tx_bytes") == 0)
		r->peer.peer.sent = strtoull(value, NULL, 10);
	else if (strcmp(name, "allowed_ip") == 0)
		add_allowed(r, value);
}

/* The last errno= line's, which ends every answer. */
static int verdict(const struct text *answer)
{
	const char *at = strstr(answer->buf, "errno=");

	while (at && at != answer->buf && at[-1] != '\n')
		at = strstr(at + 1, "errno=");
	return at ? -abs((int)strtol(at + 6, NULL, 10)) : -EPROTO;
}

void wg_user_parse(struct wg_seen *s, char *answer)
{
	struct reading r = { .seen = s };

	for (char *line = answer, *end; (end = strchr(line, '\n')); line = end + 1) {
		char *equal;

		*end = '\0';
		equal = strchr(line, '=');
		if (!equal)
			continue;
		*equal = '\0';
		take_line(&r, line, equal + 1);
	}
	end_section(&r);
}

int wg_user_get(struct wg_seen *s, const char *link)
{
	CLEAN(text_done) struct text question = { 0 };
	CLEAN(text_done) struct text answer = { 0 };
	int r;

	text_add(&question, "get=1\n\n");
	r = talk(s->k, link, &question, &answer);
	if (r == 0)
		r = verdict(&answer);
	if (r < 0)
		return r;
	wg_user_parse(s, answer.buf);
	return 0;
}

/* ---- set -------------------------------------------------------------------------------- */

static void text_peer(struct text *t, const struct wg_peer_change *p)
{
	char buf[ADDR_STRLEN];

	text_key(t, "public_key", p->public);
	if (p->remove)
		text_add(t, "remove=true\n");
	if (p->psk)
		text_key(t, "preshared_key", p->psk);
	if (p->endpoint) {
		bool v6 = p->endpoint->address.family == AF_INET6;

		addr_print_host(&p->endpoint->address, buf);
		text_add(t, "endpoint=%s%s%s:%u\n", v6 ? "[" : "", buf, v6 ? "]" : "",
			 p->endpoint->port);
	}
	if (p->keepalive >= 0)
		text_add(t, "persistent_keepalive_interval=%d\n", p->keepalive);
	for (size_t i = 0; i < p->count; i++)
		text_add(t, "allowed_ip=%s\n", addr_print(&p->allowed[i], buf));
}

int wg_user_set(struct kernel *k, const struct wg_change *c, const char **ret_why)
{
	CLEAN(text_done) struct text question = { 0 };
	CLEAN(text_done) struct text answer = { 0 };
	int r;

	text_add(&question, "set=1\n");
	if (c->private)
		text_key(&question, "private_key", c->private);
	if (c->port >= 0)
		text_add(&question, "listen_port=%d\n", c->port);
	for (size_t i = 0; i < c->count; i++)
		text_peer(&question, &c->peers[i]);
	text_add(&question, "\n");
	r = talk(k, c->link, &question, &answer);
	if (r == 0)
		r = verdict(&answer);
	if (r < 0)
		*ret_why = "the program that carries WireGuard refused, or did not answer";
	return r;
}

/* ---- start ------------------------------------------------------------------------------ */

bool wg_user_find(char path[static WG_PROGRAM])
{
	for (const char *p = PROGRAMS; *p; p += strcspn(p, ":") + (p[strcspn(p, ":")] == ':')) {
		snprintf(path, WG_PROGRAM, "%.*s/wireguard-go", (int)strcspn(p, ":"), p);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

bool wg_user_starting(const char *link)
{
	for (int try = 0; try < PAUSES && !wg_user_has(link); try++)
		clock_sleep(PAUSE_MS);
	return wg_user_has(link);
}

/* One that was killed leaves a socket at which nobody is; its successor takes that away. */
static bool listens(const char *link)
{
	CLEAN(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to;

	return fd >= 0 && address(link, &to) == 0 &&
	       (connect(fd, (void *)&to, sizeof(to)) == 0 || errno == EAGAIN);
}

void wg_user_gone(const char *link)
{
	int64_t deadline = clock_ms() + TURN_MS;

	while (listens(link) && clock_ms() < deadline)
		clock_sleep(PAUSE_MS);
}

int wg_user_port_free(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int r = -EADDRINUSE;

	for (int try = 0; try < PAUSES && r == -EADDRINUSE; try++) {
		CLEAN(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (try)
			clock_sleep(PAUSE_MS);
		if (fd < 0)
			return -errno;
		r = bind(fd, (void *)&at, sizeof(at)) < 0 ? -errno : 0;
	}
	return r;
}

/* It goes to the background by itself once its socket is there; if not, it is ended. */
static int wait_started(pid_t pid)
{
	int64_t deadline = clock_ms() + TURN_MS;
	int status;

	while (clock_ms() < deadline) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
		if (done < 0 && errno != EINTR)
			return -errno;
		clock_sleep(PAUSE_MS);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -ETIMEDOUT;
}

int wg_user_start(const char *link)
{
	char path[WG_PROGRAM];
	pid_t pid;

	if (!wg_user_find(path))
		return -ENOENT;
	wg_user_gone(link); /* or a predecessor that ends would take our socket along */
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		if (null >= 0) {
			dup2(null, STDIN_FILENO);
			dup2(null, STDOUT_FILENO);
			dup2(null, STDERR_FILENO);
		}
		/* It outlives the terminal and the script that apply was started from. */
		(void)setsid();
		/* Whoever waits for the end of our pipes must not wait for its. */
		(void)close_range(3, ~0U, 0);
		/* Nothing of our environment: WG_PROCESS_FOREGROUND would make us wait. */
		execle(path, "wireguard-go", link, (char *)NULL, (char *[]){ NULL });
		_exit(127);
	}
	return wait_started(pid) == 0 && wg_user_has(link) ? 0 : -EIO;
}
