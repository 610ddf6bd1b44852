/* http.h - one request over HTTPS, tried again while that may help.
 *
 * Over HTTP, too, for what a digest proves that came by another way. A thin layer over libcurl:
 * TLS 1.2 or later with certificate and host checked, no redirect followed, every reply and
 * every wait bounded; the system's proxy variables are honoured. Not for a cloud's metadata
 * service, which wants the opposite of nearly all of it.
 *
 * Tried again: no connection, 408, 429, 5xx, and a configuration that was cut off; after 0.25 s
 * and up to 5 s, or as long as the server's Retry-After asks. All else is final, and the words
 * say what to do.
 *
 * A URL may be a secret, as a pre-signed one is: words show it by http_show_url() only. It is
 * in the caller's arena and in libcurl's memory, and never in an argument list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define HTTP_BYTES    (1024 * 1024) /* the largest reply */
#define HTTP_DEADLINE 120	    /* s, for all tries of a request together */
#define HTTP_CONNECT  5		    /* s, for one try: until TLS stands */
#define HTTP_TRANSFER 30	    /* s, for one try: until its end */

struct http_request {
	const char *url;
	const char *ca_file; /* instead of the system's CAs; NULL */
	const char *body;    /* a PUT of these bytes; NULL: a GET */
	size_t len;
	const char *type;	     /* the body's Content-Type */
	const char *etag, *modified; /* GET only what is newer than these; NULL */
	size_t max;		     /* bytes of the reply; 0: HTTP_BYTES */
	unsigned deadline;	     /* s; 0: HTTP_DEADLINE */
	bool plain; /* a configuration, proven by its digest: http will do, and the words are
		     * about config_url */
};

struct http_reply {
	bool unchanged;	  /* 304: no body */
	const char *body; /* with a NUL after it */
	size_t len;
	const char *etag, *modified; /* NULL: none that can be used */
};

/* 0; or -EACCES, -ENOENT, -EPROTO, -EAGAIN and the like, with one sentence about it in
 * *ret_words, method and URL included. */
int http_run(struct arena *a, const struct http_request *q, struct http_reply *ret,
	     const char **ret_words);
/* What is wrong with a URL, or NULL. */
const char *http_url_fault(struct arena *a, const char *url);
/* The same, of a configuration's: http and file are fine, too. */
const char *http_config_url_fault(struct arena *a, const char *url);
/* The path that a file URL names; NULL: it is another URL. */
const char *http_url_file(struct arena *a, const char *url);
/* Scheme, host and path: without query and user, and without what is long enough in a path to
 * be a token (Oracle's pre-authenticated requests have theirs there). */
const char *http_show_url(struct arena *a, const char *url);
/* Whether http_show_url() would leave something out that may let others in. */
bool http_url_is_secret(struct arena *a, const char *url);
/* Azure's Put Blob wants a header with the kind of the blob, and no URL can say it. */
bool http_url_is_azure(struct arena *a, const char *url);
