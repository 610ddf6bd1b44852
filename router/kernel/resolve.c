/* resolve.c - endpoint names to addresses, by c-ares: glibc's getaddrinfo() loads plugins,
 * which a static program cannot. */
#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
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

#define SOCKETS 64 /* c-ares has one for each server and protocol */

struct sockets {
	struct pollfd fds[SOCKETS + 1]; /* and the caller's own */
	nfds_t count;
};

/* c-ares tells which sockets it waits for; neither way means it closed one. */
static void watch(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct sockets *s = arg;
	nfds_t i = 0;

	while (i < s->count && s->fds[i].fd != fd)
		i++;
	if (i == SOCKETS)
		return; /* its timeout, and the next try, remain */
	s->fds[i] = (struct pollfd){
		.fd = fd,
		.events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)),
	};
	s->count += i == s->count;
	if (!readable && !writable)
		s->fds[i] = s->fds[--s->count];
}

/* Runs what c-ares has open until it has nothing more, or the time is up. */
static void serve(struct kernel *k, ares_channel channel, const struct sockets *s,
		  int64_t deadline)
{
	while (s->count && clock_ms() < deadline) {
		struct timeval most = { .tv_usec = 250000 }, tv, *t;
		struct sockets now = *s; /* answers change the set */

		now.fds[now.count] = (struct pollfd){ .fd = k->idle_fd, .events = POLLIN };
		t = ares_timeout(channel, &most, &tv);
		if (poll(now.fds, now.count + 1, (int)(t->tv_sec * 1000 + t->tv_usec / 1000)) <=
		    0)
			ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		if (now.fds[now.count].revents)
			k->idle(k->idle_arg);
		for (nfds_t i = 0; i < now.count; i++) {
			int fd = now.fds[i].fd, seen = now.fds[i].revents;

			if (seen)
				ares_process_fd(channel, seen & ~POLLOUT ? fd : ARES_SOCKET_BAD,
						seen & POLLOUT ? fd : ARES_SOCKET_BAD);
		}
	}
}

void resolve_endpoints(struct kernel *k, struct endpoint **endpoints, const char **errors,
		       size_t n, int seconds)
{
	struct sockets sockets = { 0 };
	struct ares_options options = { .timeout = TRY_MS,
					.tries = TRIES,
					.sock_state_cb = watch,
					.sock_state_cb_data = &sockets };
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
						   .ai_socktype = SOCK_DGRAM };
	struct arena *a = arena_new();
	struct asked *asked = arena_alloc(a, n * sizeof(*asked));
	ares_channel channel;
	int r = ares_library_init(ARES_LIB_INIT_ALL);

	if (r == ARES_SUCCESS)
		r = ares_init_options(&channel, &options,
				      ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					  ARES_OPT_SOCK_STATE_CB);
	for (size_t i = 0; i < n; i++) {
		asked[i] = (struct asked){ endpoints[i], &errors[i] };
		errors[i] = r == ARES_SUCCESS ? "no answer in time" : ares_strerror(r);
	}
	if (r == ARES_SUCCESS) {
		for (size_t i = 0; i < n; i++)
			ares_getaddrinfo(channel, endpoints[i]->host, NULL, &hints, answered,
					 &asked[i]);
		serve(k, channel, &sockets, clock_ms() + seconds * 1000L);
		ares_destroy(channel); /* answers what is left with an error */
	}
	ares_library_cleanup();
	arena_free(a);
}
