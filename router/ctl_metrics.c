/* ctl_metrics.c - the daemon's numbers, to standard output or as an answer to HTTP. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/stream.h"
#include "client.h"
#include "control.h"
#include "get.h"

/* A metrics server is asked whether all is well: that nobody serves is an answer. */
static void print_metrics(FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(client_close) struct client *c = NULL;
	struct answer answer = { .error = "none" };
	int r = client_open(&c);

	if (r == -EACCES)
		fputs("routerctl: " CONTROL_SOCKET
		      ": only root and members of group " CONTROL_GROUP " may ask\n",
		      stderr);
	if (r == 0 && client_call(c, "GetMetrics", false, NULL, NULL) == 0)
		(void)client_answer(c, a, &answer);
	if (answer.error)
		fputs("# TYPE routerd_up gauge\n# HELP routerd_up 1: the daemon answers\n"
		      "routerd_up 0\n# EOF\n",
		      out);
	else
		get_lines(node_get(answer.parameters, "lines"), out);
}

#define HEADERS_MAX 16384 /* bytes */

/* Reads a request's head up to its empty line; its first line in line. False: none came. */
static bool read_head(char line[static 256])
{
	char buf[512];
	bool first = true;
	size_t total = 0;

	alarm(10); /* one that says nothing ends us */
	while (fgets(buf, sizeof(buf), stdin)) {
		total += strlen(buf);
		if (first)
			snprintf(line, 256, "%.255s", buf);
		first = false;
		if (strcmp(buf, "\r\n") == 0 || strcmp(buf, "\n") == 0)
			return true;
		if (total > HEADERS_MAX)
			return false;
	}
	return false;
}

/* One request on standard input, one answer on standard output: what a socket unit with
 * Accept=yes starts. HTTP/1.0 is enough: RFC 1945. */
static enum ctl_exit serve_http(void)
{
	CLEAN(stream_done) struct stream body = { 0 };
	char line[256] = "";
	const char *path;
	bool head;

	if (!read_head(line))
		return CTL_FAILED;
	head = strncmp(line, "HEAD ", 5) == 0;
	if (!head && strncmp(line, "GET ", 4) != 0) {
		fputs("HTTP/1.0 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n\r\n", stdout);
		return ctl_printed(CTL_OK);
	}
	path = line + strlen(head ? "HEAD " : "GET ");
	if (strncmp(path, "/metrics", 8) != 0 || !strchr(" ?", path[8])) {
		fputs("HTTP/1.0 404 Not Found\r\nContent-Type: text/plain\r\n\r\n"
		      "/metrics is here\n",
		      stdout);
		return ctl_printed(CTL_OK);
	}
	print_metrics(stream_open(&body));
	stream_text(&body);
	printf("HTTP/1.0 200 OK\r\n"
	       "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
	       "Content-Length: %zu\r\n\r\n%s",
	       body.len, head ? "" : body.bytes);
	return ctl_printed(CTL_OK);
}

enum ctl_exit ctl_metrics(const struct ctl *o)
{
	if (o->http)
		return serve_http();
	print_metrics(stdout);
	return ctl_printed(CTL_OK);
}
