/* fetch_main.c - fetch.h's program. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/out.h"
#include "firstboot/fetch.h"
#include "firstboot/http.h"

#define URL_BYTES (64 * 1024)

static const struct option longs[] = {
	{ "max", required_argument, NULL, 'm' },
	{ "deadline", required_argument, NULL, 'd' },
	{ "ca-file", required_argument, NULL, 'c' },
	{ 0 },
};

static enum fetch_exit fetch(const struct http_request *request)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct http_request q = *request;
	struct http_reply reply = { 0 };
	const char *words = NULL;
	size_t len;
	char *url;
	int r = file_read(a, "-", URL_BYTES, &url, &len);

	if (r < 0)
		words = arena_printf(a, "no URL on standard input: %s", strerror(-r));
	q.url = url;
	if (r == 0)
		words = http_config_url_fault(a, url);
	if (!words)
		r = http_run(a, &q, &reply, &words);
	if (words) {
		out_escape(stdout, words);
		putchar('\n');
		return r == -EAGAIN || r == -ETIMEDOUT ? FETCH_AGAIN : FETCH_FAILED;
	}
	if (fwrite(reply.body, 1, reply.len, stdout) != reply.len || fflush(stdout) != 0)
		return FETCH_FAILED;
	return FETCH_DONE;
}

int main(int argc, char **argv)
{
	struct http_request q = { .plain = true };
	int letter;

	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return FETCH_FAILED;
	while ((letter = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (letter) {
		case 'm':
			q.max = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			q.deadline = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			q.ca_file = *optarg ? optarg : NULL;
			break;
		default:
			fputs("usage: routerd-fetch [--max BYTES] [--deadline SECONDS] "
			      "[--ca-file FILE] <URL >FILE\n",
			      stderr);
			return FETCH_FAILED;
		}
	return (int)fetch(&q);
}
