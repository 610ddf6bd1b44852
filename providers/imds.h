/* imds.h - asks a cloud's metadata service, over plain HTTP to an address on the link.
 *
 * A client of our own, as all of it is unlike the internet: no proxy, no redirect, no name, no
 * TLS; out by the primary NIC and no other, so that no neighbour of another network can answer;
 * every reply bounded, every wait bounded, and all of a run's together by one deadline. What
 * fails and may go better is tried again as the policy's rows say. Nothing is ever forwarded:
 * no X-Forwarded-For.
 *
 * Tried again for every service: no connection, no whole reply in time, a reply that is cut
 * short or is not what was asked for. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "providers/provider.h"

#define IMDS_REPLY (4 * 1024 * 1024) /* bytes of a body, unless the request says less */

/* How a status is taken: the first row that it is in. All others are final. */
struct imds_status {
	int from, to;
	bool again;
	unsigned most; /* s that it is tried again for; 0: to the deadline */
	const char *what, *next;
};

struct imds_policy {
	const char *who;
	const char *host, *host6;	    /* addresses; host6 may be NULL */
	const char *headers;		    /* lines of every request, each with its CRLF */
	bool google;			    /* a reply must say so, too */
	unsigned connect, read;		    /* s, of one try: until it stands, until the end */
	unsigned first, most;		    /* ms, between tries */
	unsigned deadline;		    /* s, for all requests together */
	const struct imds_status *statuses; /* ends with from 0 */
};

enum imds_absent {
	IMDS_NOT_YET, /* a 404 is taken as the policy says */
	IMDS_LAGS,    /* a 404 may be about to change, for some seconds; then it is absent */
	IMDS_NONE,    /* a 404 says that there is none */
};

struct imds_ask {
	const char *method; /* NULL: GET */
	const char *path;
	const char *headers; /* besides the policy's; NULL */
	size_t max;	     /* bytes; 0: IMDS_REPLY */
	enum imds_absent absent;
	/* What is wrong with a body, which is then asked for again, or NULL. */
	const char *(*take)(struct arena *a, const char *bytes, size_t len, struct told *t);
	struct told *told; /* for take() */
};

struct imds_reply {
	int status;  /* of the last reply, also when it was no use; 0: there was none */
	char *bytes; /* with a NUL after it */
	size_t len;
};

/* The service as it is talked to in one run. For callers, opaque. */
struct imds {
	struct arena *arena;
	const struct place *place;
	const struct imds_policy *policy;
	struct imds_host {
		struct sockaddr_storage address;
		socklen_t len;
		const char *text; /* as in a URL */
	} hosts[2];
	size_t host_count, host;	       /* host: the one that is asked */
	bool connected;			       /* once, at least */
	int64_t begin, end, wait_end, lag_end; /* ms of clock_ms() */
	char link[IF_NAMESIZE];		       /* that it is bound to; "": none */
};

/* -EINVAL, with words: what stands in the service's stead is no address. */
int imds_open(struct arena *a, const struct place *p, const struct imds_policy *policy,
	      struct imds *ret, const char **ret_words);
/* 0; -ENOENT: absent, without words; or -errno with one sentence: what was asked, what came,
 * what to do next. *ret is filled in in all cases. */
int imds_get(struct imds *s, const struct imds_ask *q, struct imds_reply *ret,
	     const char **ret_words);
