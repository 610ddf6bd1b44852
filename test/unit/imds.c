#include "providers/imds.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "providers/reply.h"
#include "t.h"

static struct arena *arena;

/* ---- replies ---------------------------------------------------------------------------- */

#define OK    "HTTP/1.1 200 OK\r\n"
#define CHUNK OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
	const char *bytes;
	int end; /* as reply_feed() */
	int status;
	const char *body; /* when it is whole */
	unsigned retry_after;
} replies[] = {
	{ OK "Content-Length: 5\r\n\r\nhello", 1, 200, "hello" },
	{ OK "content-length:5 \r\n\r\nhello", 1, 200, "hello" },
	{ "HTTP/1.0 200 OK\nContent-Length: 5\n\nhello", 1, 200, "hello" },
	{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 1, 200, "" },
	{ CHUNK "5\r\nhello\r\n0\r\n\r\n", 1, 200, "hello" },
	{ CHUNK "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n", 1, 200, "hello" },
	{ CHUNK "A\r\n0123456789\r\n0\r\n\r\n", 1, 200, "0123456789" },
	{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 1, 200, "hello" },
	{ "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n\r\n", 1, 429, "", 7 },
	{ "HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\n\r\n", 1, 503, "", 86400 },
	{ "HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", 1, 503, "",
	  0 },
	{ "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot", 1, 404, "" },
	/* More is to come: never whole. */
	{ OK "Content-Length: 5\r\n\r\nhell", 0, 200 },
	{ OK "Content-Length: 5\r\n\r\n", 0, 200 },
	{ OK "Content-Length: 5\r\n", 0, 200 },
	{ CHUNK "5\r\nhello\r\n", 0, 200 },
	{ CHUNK "5\r\nhello\r\n0\r\n", 0, 200 },
	{ CHUNK "5\r\nhel", 0, 200 },
	{ "", 0, 0 },
	/* Nothing that can be used. */
	{ OK "\r\nhello", -EBADMSG, 200 },
	{ OK "Content-Length: 4\r\n\r\nhello", -EBADMSG, 200 },
	{ OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", -EBADMSG, 200 },
	{ OK "Content-Length: -1\r\n\r\n", -EBADMSG, 200 },
	{ OK "Content-Length: 5x\r\n\r\nhello", -EBADMSG, 200 },
	{ OK "Content-Length: 0x5\r\n\r\nhello", -EBADMSG, 200 },
	{ OK "Content-Length:\r\n\r\n", -EBADMSG, 200 },
	{ OK "Content-Length: 99999999999999999999\r\n\r\n", -EBADMSG, 200 },
	{ OK "Content-Length: 17\r\n\r\n", -EFBIG, 200 },
	{ OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", -EBADMSG, 200 },
	{ OK "Transfer-Encoding: gzip\r\n\r\n", -EBADMSG, 200 },
	{ CHUNK "x\r\n", -EBADMSG, 200 },
	{ CHUNK "5\r\nhelloo\r\n", -EBADMSG, 200 },
	{ CHUNK "ffffffffffffffff\r\n", -EBADMSG, 200 },
	{ CHUNK "11\r\n", -EFBIG, 200 },
	{ CHUNK "10\r\n0123456789abcdef\r\n1\r\n", -EFBIG, 200 },
	{ CHUNK "0\r\n\r\nmore", -EBADMSG, 200 },
	{ "HTTP/1.1 100 Continue\r\n", -EBADMSG, 100 },
	{ "HTTP/2 200\r\n", -EBADMSG, 0 },
	{ "HTTP/1.1 2000\r\n", -EBADMSG, 0 },
	{ "HTTP/1.1 20\r\n", -EBADMSG, 0 },
	{ "SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG, 0 },
};

static void check_reply(size_t i, size_t step)
{
	CLEAN(reply_done) struct reply r;
	size_t len = strlen(replies[i].bytes);
	int end = 0;

	reply_begin(&r, 16);
	for (size_t at = 0; at < len && end == 0; at += step)
		end = reply_feed(&r, replies[i].bytes + at, len - at < step ? len - at : step);
	/* What comes after the end is only seen when it comes along. */
	if (step < len && replies[i].end == -EBADMSG && end == 1)
		return;
	CHECK(end == replies[i].end && r.status == replies[i].status, "%zu/%zu: %d, %d", i,
	      step, end, r.status);
	CHECK(end >= 0 || r.fault, "%zu: no words", i);
	if (end == 1)
		CHECK(r.len == strlen(replies[i].body) &&
			  strcmp(r.body, replies[i].body) == 0 &&
			  r.retry_after == replies[i].retry_after,
		      "%zu/%zu: %s, %u", i, step, r.body, r.retry_after);
}

/* Heads and lines without an end. */
static void check_heads(void)
{
	static const char *const lines[] = { "x", "Header: x\r\n" };

	for (size_t i = 0; i < 2; i++) {
		CLEAN(reply_done) struct reply r;
		size_t fed = 0;
		int end;

		reply_begin(&r, 16);
		end = reply_feed(&r, OK, strlen(OK));
		for (; end == 0 && fed < 1000000; fed += strlen(lines[i]))
			end = reply_feed(&r, lines[i], strlen(lines[i]));
		CHECK(end == -EBADMSG && fed <= REPLY_HEAD, "%zu: %d after %zu", i, end, fed);
	}
}

/* What may stand in the service's stead. */
static void check_services(void)
{
	static const struct imds_policy policy = { .who = "it", .host = "169.254.169.254" };
	static const struct {
		const char *url, *text; /* NULL: refused */
	} rows[] = {
		{ "http://127.0.0.1", "127.0.0.1" },
		{ "http://127.0.0.1:80/", "127.0.0.1" },
		{ "http://127.0.0.1:8080", "127.0.0.1:8080" },
		{ "http://[::1]:8080", "[::1]:8080" },
		{ "http://[::1]", "[::1]" },
		{ "https://127.0.0.1", NULL },
		{ "http://localhost", NULL },
		{ "http://127.0.0.1:0", NULL },
		{ "http://127.0.0.1:65536", NULL },
		{ "http://127.0.0.1:http", NULL },
		{ "http://[::1", NULL },
		{ "127.0.0.1", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct place p = { .root = "", .service = rows[i].url, .deadline = 1 };
		const char *words = NULL;
		struct imds s;
		int r = imds_open(arena, &p, &policy, &s, &words);

		CHECK(r == (rows[i].text ? 0 : -EINVAL), "%s: %d", rows[i].url, r);
		if (r == 0)
			CHECK(s.host_count == 1 && strcmp(s.hosts[0].text, rows[i].text) == 0,
			      "%s", s.hosts[0].text);
		else
			CHECK(strstr(words, rows[i].url) != NULL, "%s", words);
	}
}

/* ---- a service -------------------------------------------------------------------------- */

/* Gives each that connects the two pieces, one by one. Returns its process. */
static pid_t serve(const char *first, const char *second, const char **ret_url)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	pid_t pid;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(fd, (void *)&at, sizeof(at)) == 0 && listen(fd, 5) == 0 &&
		  getsockname(fd, (void *)&at, &len) == 0,
	      "listen");
	*ret_url = arena_printf(arena, "http://127.0.0.1:%u", ntohs(at.sin_port));
	pid = fork();
	if (pid == 0)
		for (alarm(40);;) {
			CLEAN(close_fd) int client = accept(fd, NULL, NULL);

			if (client < 0 || send(client, first, strlen(first), 0) < 0)
				_exit(1);
			usleep(20000);
			(void)send(client, second, strlen(second), MSG_NOSIGNAL);
			(void)shutdown(client, SHUT_WR);
			while (recv(client, &(char){ 0 }, 1, 0) > 0)
				;
		}
	close(fd);
	return pid;
}

/* Asks a service that gives always the same. */
static int ask(const char *first, const char *second, unsigned deadline, struct imds_reply *ret,
	       const char **ret_words)
{
	static const struct imds_status rows[] = { { 410, 410, true, 1, "gone", "wait" },
						   { 0 } };
	static const struct imds_policy policy = { .who = "it",
						   .host = "127.0.0.1",
						   .headers = "",
						   .connect = 5,
						   .read = 5,
						   .first = 200,
						   .most = 200,
						   .statuses = rows };
	const struct imds_ask q = { .path = "/" };
	struct place p = { .root = "", .deadline = deadline };
	pid_t pid = serve(first, second, &p.service);
	struct imds s;
	int r = imds_open(arena, &p, &policy, &s, ret_words);

	if (r == 0)
		r = imds_get(&s, &q, ret, ret_words);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

static void check_service(void)
{
	struct imds_reply reply;
	const char *words = "";
	int r = ask(OK "Content-Length: 5\r\n\r\nhe", "llo", 20, &reply, &words);

	CHECK(r == 0 && reply.len == 5 && strcmp(reply.bytes, "hello") == 0, "%d: %s", r,
	      words);
	r = ask(OK "Content-Length: 5\r\n\r\nhello", " and more", 1, &reply, &words);
	CHECK(r == -EAGAIN && strstr(words, "longer than it says"), "%d: %s", r, words);
	/* A status that is waited out for some time only: the deadline is far. */
	r = ask("HTTP/1.1 410 Gone\r\n", "\r\n", 30, &reply, &words);
	CHECK(r == -EACCES && reply.status == 410, "%d: %s", r, words);
	CHECK(strstr(words, "HTTP 410: gone (tries: ") && !strstr(words, "(tries: 1 "), "%s",
	      words);
}

int main(void)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	arena = a;
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		check_reply(i, 1 << 20);
		check_reply(i, 1);
		check_reply(i, 7);
	}
	check_heads();
	check_services();
	check_service();
	return t_failed;
}
