/* resolve.c - endpoint names to addresses, by c-ares: glibc's getaddrinfo() loads plugins,
 * which a static program cannot. */
#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

#include "kernel/wireguard.h"

#define TRY_MS 2000 /* for one server's answer, before the next */
#define TRIES  3

struct asked {
	struct endpoint *endpoint;
	const char **error;
};

static void answered(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	const struct ares_addrinfo_node *best = NULL;
	struct asked *q = arg;

	(void)timeouts;
	if (status == ARES_EDESTRUCTION)
		return; /* ours, when the time was up: it says so already */
	if (status != ARES_SUCCESS) {
		*q->error = ares_strerror(status);
		return;
	}
	*q->error = "the name has no address";
	/* The first is the resolver's choice; IPv4 saves 20 bytes a packet. */
	for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
		if (n->ai_family == AF_INET6 || n->ai_family == AF_INET)
			if (!best || (best->ai_family == AF_INET6 && n->ai_family == AF_INET))
				best = n;
	if (best && best->ai_family == AF_INET)
		q->endpoint->address =
		    addr_from(AF_INET, &((struct sockaddr_in *)best->ai_addr)->sin_addr, 32);
	else if (best)
		q->endpoint->address = addr_from(
		    AF_INET6, &((struct sockaddr_in6 *)best->ai_addr)->sin6_addr, 128);
	ares_freeaddrinfo(info);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Runs what c-ares has open until it has nothing more, or the time is up. */
static void serve(ares_channel channel, long deadline)
{
	for (;;) {
		ares_socket_t socks[ARES_GETSOCK_MAXNUM];
		struct pollfd fds[ARES_GETSOCK_MAXNUM];
		int bits = ares_getsock(channel, socks, ARES_GETSOCK_MAXNUM);
		struct timeval most = { .tv_usec = 250000 }, tv, *t;
		long left = deadline - now_ms();
		nfds_t n = 0;

		if (!bits || left <= 0)
			return;
		for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
			/* c-ares' own macros shift into the sign. */
			bool r = (unsigned)bits >> i & 1;
			bool w = (unsigned)bits >> (i + ARES_GETSOCK_MAXNUM) & 1;

			if (r || w)
				fds[n++] = (struct pollfd){
					.fd = socks[i],
					.events = (short)((r ? POLLIN : 0) | (w ? POLLOUT : 0)),
				};
		}
		t = ares_timeout(channel, &most, &tv);
		if (poll(fds, n, (int)(t->tv_sec * 1000 + t->tv_usec / 1000)) <= 0)
			ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		for (nfds_t i = 0; i < n; i++)
			if (fds[i].revents)
				ares_process_fd(
				    channel,
				    fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
				    fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	}
}

void resolve_endpoints(struct endpoint **endpoints, const char **errors, size_t n, int seconds)
{
	struct ares_options options = { .timeout = TRY_MS, .tries = TRIES };
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
						   .ai_socktype = SOCK_DGRAM };
	struct arena *a = arena_new();
	struct asked *asked = arena_alloc(a, n * sizeof(*asked));
	ares_channel channel;
	int r = ares_library_init(ARES_LIB_INIT_ALL);

	if (r == ARES_SUCCESS)
		r = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	for (size_t i = 0; i < n; i++) {
		asked[i] = (struct asked){ endpoints[i], &errors[i] };
		errors[i] = r == ARES_SUCCESS ? "no answer in time" : ares_strerror(r);
	}
	if (r == ARES_SUCCESS) {
		for (size_t i = 0; i < n; i++)
			ares_getaddrinfo(channel, endpoints[i]->host, NULL, &hints, answered,
					 &asked[i]);
		serve(channel, now_ms() + seconds * 1000L);
		ares_destroy(channel); /* answers what is left with an error */
	}
	ares_library_cleanup();
	arena_free(a);
}
