/* absence.c - how long an address that must be absent stays.
 *
 *	absence LINK ADDRESS/BITS COUNT
 *
 * Adds it so many times; each time from just before the request to the event of its removal.
 * Prints median, 99th percentile and the longest, in ms; exit 1 when one was not removed
 * within a second. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"

struct request {
	struct nlmsghdr h;
	struct ifaddrmsg ifa;
	struct rtattr at;
	uint8_t address[4];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int open_netlink(unsigned groups)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = groups };
	struct timeval second = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (void *)&at, sizeof(at)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) < 0) {
		perror("netlink");
		exit(2);
	}
	return fd;
}

/* Until the address goes; false: it did not within a second. */
static bool wait_gone(int fd, const struct addr *a)
{
	_Alignas(struct nlmsghdr) char buf[8192];

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *h = (const void *)buf;

		if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
			return false;
		if (h->nlmsg_type == RTM_DELADDR && memmem(buf, (size_t)n, a->bytes, 4) != NULL)
			return true;
	}
}

static int by_size(const void *pa, const void *pb)
{
	const double *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

int main(int argc, char **argv)
{
	size_t count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0, kept = 0;
	double *ms = calloc(count + 1, sizeof(*ms));
	int events = open_netlink(RTMGRP_IPV4_IFADDR), fd = open_netlink(0);
	struct request r = { .h = { .nlmsg_len = sizeof(r),
				    .nlmsg_type = RTM_NEWADDR,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE },
			     .at = { .rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL } };
	struct addr a;

	if (!count || !ms || !addr_parse(argv[2], &a)) {
		free(ms);
		fputs("usage: absence LINK ADDRESS/BITS COUNT\n", stderr);
		return 2;
	}
	r.ifa = (struct ifaddrmsg){ .ifa_family = AF_INET,
				    .ifa_prefixlen = a.bits,
				    .ifa_index = if_nametoindex(argv[1]) };
	memcpy(r.address, a.bytes, sizeof(r.address));
	for (size_t i = 0; i < count; i++) {
		double start = now();

		if (send(fd, &r, sizeof(r), 0) < 0)
			perror("send");
		kept += !wait_gone(events, &a);
		ms[i] = now() - start;
		usleep(1000); /* what the removal leads to is not part of the next */
	}
	qsort(ms, count, sizeof(*ms), by_size);
	printf("%zu times: median %.3f ms, p99 %.3f ms, longest %.3f ms, %zu not removed\n",
	       count, ms[count / 2], ms[count * 99 / 100], ms[count - 1], kept);
	free(ms);
	close(events);
	close(fd);
	return kept != 0;
}
