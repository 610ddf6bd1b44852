/* fetch.h - one file from the internet, by a program of its own.
 *
 * TLS takes libcurl and thirty libraries with it; first boot does without them, in memory and
 * on systems that have none, unless it is given a URL. routerd-fetch reads the URL from its
 * standard input, as it may be a secret, and gives the file on its standard output; or exits
 * with FETCH_FAILED or FETCH_AGAIN, and one sentence there. */
#pragma once

#include "base/arena.h"

enum fetch_exit {
	FETCH_DONE = 0,
	FETCH_FAILED = 1,
	FETCH_AGAIN = 75, /* sysexits(3), EX_TEMPFAIL: it may go better later */
};

struct fetch {
	const char *url;
	const char *ca_file; /* NULL: the system's CAs */
	size_t max;	     /* bytes */
	unsigned deadline;   /* s; 0: HTTP_DEADLINE */
};

/* 0 and the file with a NUL after it; -EAGAIN or another -errno, with words. */
int fetch_url(struct arena *a, const struct fetch *q, const char **ret, size_t *ret_len,
	      const char **ret_words);
