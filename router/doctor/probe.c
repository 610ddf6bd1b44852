#include "doctor/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/clock.h"

#define HEADERS 28    /* IPv4 20, ICMP 8 */
#define LARGEST 65535 /* bytes */
#define TRIES	2     /* of one size */
#define FIRST	1000  /* ms: a first packet may have to wait for a handshake */
#define LEAST	200   /* ms */
#define DOUBTS	3     /* of the smallest size that did not come back */

struct prober {
	const struct probe *p;
	int fd;
	bool raw; /* the IP header comes along, and other people's answers */
	uint16_t id, seq;
	int patience; /* ms for an answer */
};

uint16_t probe_checksum(const uint8_t *b, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	if (n & 1)
		sum += (uint32_t)b[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* 0: sent, -EMSGSIZE: larger than the interface, or any packet, carries. */
static int send_echo(struct prober *s, uint32_t size)
{
	static uint8_t buf[LARGEST];
	struct icmphdr icmp = { .type = ICMP_ECHO };
	struct sockaddr_in to = { .sin_family = AF_INET };

	if (size < HEADERS || size > LARGEST)
		return -EMSGSIZE;
	memcpy(&to.sin_addr, s->p->to.bytes, 4);
	icmp.un.echo.id = htons(s->id);
	icmp.un.echo.sequence = htons(++s->seq);
	memset(buf, 0, size - 20);
	memcpy(buf, &icmp, sizeof(icmp));
	icmp.checksum = probe_checksum(buf, size - 20);
	memcpy(buf, &icmp, sizeof(icmp));
	if (sendto(s->fd, buf, size - 20, 0, (void *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

/* Is this the answer to what was sent last, and as long? */
static bool is_answer(const struct prober *s, const uint8_t *buf, size_t n, uint32_t size)
{
	struct icmphdr icmp;
	size_t head = s->raw && n > 0 ? (size_t)(buf[0] & 15) * 4 : 0;

	if (n < head + sizeof(icmp) || n - head != size - 20)
		return false;
	memcpy(&icmp, buf + head, sizeof(icmp));
	return icmp.type == ICMP_ECHOREPLY && ntohs(icmp.un.echo.sequence) == s->seq &&
	       (!s->raw || ntohs(icmp.un.echo.id) == s->id);
}

static bool wait_answer(struct prober *s, uint32_t size)
{
	static uint8_t buf[LARGEST];
	int64_t start = clock_ms();
	int left = s->patience;

	while (left > 0) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, left) > 0) {
			n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);
			if (n > 0 && is_answer(s, buf, (size_t)n, size))
				return true;
		}
		left = s->patience - (int)(clock_ms() - start);
	}
	return false;
}

/* 1: it came back, 0: not, or a negative errno. */
static int try_size(struct prober *s, uint32_t size)
{
	for (int i = 0; i < TRIES; i++) {
		int64_t start = clock_ms();
		int r = send_echo(s, size), took;

		if (r == -EMSGSIZE)
			return 0;
		if (r < 0 && r != -ENOBUFS)
			return r;
		if (!wait_answer(s, size))
			continue;
		took = (int)(clock_ms() - start) * 4;
		if (s->patience == FIRST)
			s->patience = took < LEAST ? LEAST : took < FIRST ? took : FIRST;
		return 1;
	}
	return 0;
}

/* Binding tells where to send even where no route leads there (ip_route_output_key_hash_rcu(),
 * net/ipv4/route.c). */
static int open_socket(const char *link, bool *ret_raw)
{
	CLEAN(close_fd) int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	int probe = IP_PMTUDISC_PROBE; /* DF, and no regard to what was learnt before */

	*ret_raw = fd >= 0;
	if (fd < 0) /* net.ipv4.ping_group_range may let others, icmp(7) */
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link, (socklen_t)strlen(link)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* low came back, high did not: until they are a step apart. */
static int halve(struct prober *s, uint32_t *low, uint32_t *high)
{
	uint32_t step = s->p->step;

	while (*high > *low && *high - *low > step) {
		uint32_t middle = (*low + (*high - *low) / 2) / step * step;
		int r;

		if (middle <= *low)
			middle += step;
		if (middle >= *high)
			break;
		r = try_size(s, middle);
		if (r < 0)
			return r;
		*(r ? low : high) = middle;
	}
	return 0;
}

int probe_run(const struct probe *p, uint32_t *ret)
{
	struct prober s = { .p = p, .id = (uint16_t)getpid(), .patience = FIRST };
	CLEAN(close_fd) int fd = open_socket(p->link, &s.raw);
	uint32_t low = p->floor < HEADERS ? HEADERS : p->floor, high = p->top;
	int r;

	if (fd < 0)
		return fd;
	s.fd = fd;
	r = try_size(&s, low); /* first, for the time it takes */
	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	r = try_size(&s, high);
	for (int doubts = DOUBTS; r == 0; doubts--) {
		r = halve(&s, &low, &high);
		if (r < 0)
			break;
		s.patience = FIRST;
		r = doubts ? try_size(&s, high) : 0;
		if (r == 0)
			*ret = low;
		if (r <= 0)
			return r;
		/* It was lost by chance, or late: all above it is to be asked again. */
		low = high;
		high = p->top;
		r = low < high ? try_size(&s, high) : 1;
	}
	*ret = high;
	return r < 0 ? r : 0;
}
