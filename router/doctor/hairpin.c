#include "doctor/hairpin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clean.h"
#include "base/clock.h"
#include "doctor/probe.h"

#define TRIES	3
#define WAIT	300  /* ms for one */
#define ARP	1000 /* ms for the gateway's MAC */
#define GLANCE	20   /* ms between looks at it */
#define HOPS	2    /* the fabric may count as one, and so may we */
#define COOKIE	16   /* bytes */
#define DISCARD 9    /* RFC 863 */

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	uint8_t cookie[COOKIE];
	uint8_t sender;
} __attribute__((packed));

struct run {
	const struct hairpin *h;
	int fd;
	struct sockaddr_ll to;
	uint8_t cookie[COOKIE];
	unsigned back;
};

/* ---- the gateway ------------------------------------------------------------------------ */

static struct sockaddr_in address_of(const struct addr *a, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	memcpy(&sin.sin_addr, a->bytes, 4);
	return sin;
}

/* The kernel's neighbour table, by arp(7). */
static bool known_mac(int fd, const struct hairpin *h, uint8_t mac[static ETH_ALEN])
{
	struct sockaddr_in sin = address_of(&h->gateway, 0);
	struct arpreq r = { 0 };

	memcpy(&r.arp_pa, &sin, sizeof(sin));
	strncpy(r.arp_dev, h->link, sizeof(r.arp_dev) - 1);
	if (ioctl(fd, SIOCGARP, &r) < 0 || !(r.arp_flags & ATF_COM))
		return false;
	memcpy(mac, r.arp_ha.sa_data, ETH_ALEN);
	return true;
}

/* A datagram for it makes the kernel ask. */
static int find_mac(const struct hairpin *h, uint8_t mac[static ETH_ALEN])
{
	CLEAN(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = address_of(&h->gateway, DISCARD);
	int64_t end = clock_ms() + ARP;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, h->link,
				 (socklen_t)strlen(h->link)) < 0)
		return -errno;
	if (known_mac(fd, h, mac))
		return 0;
	if (sendto(fd, "", 0, 0, (void *)&to, sizeof(to)) < 0)
		return -errno;
	while (clock_ms() < end) {
		if (known_mac(fd, h, mac))
			return 0;
		clock_sleep(GLANCE);
	}
	return -EHOSTUNREACH;
}

/* ---- packets ---------------------------------------------------------------------------- */

/* RFC 768: the sum is over these, too. */
static uint16_t udp_checksum(const struct packet *p)
{
	struct {
		uint32_t from, to;
		uint8_t zero, protocol;
		uint16_t length;
		uint8_t datagram[sizeof(*p) - offsetof(struct packet, udp)];
	}
	__attribute__((packed)) sum = { p->ip.saddr, p->ip.daddr, 0, IPPROTO_UDP, p->udp.len };

	memcpy(sum.datagram, &p->udp, sizeof(sum.datagram));
	return probe_checksum((const uint8_t *)&sum, sizeof(sum));
}

static int send_from(struct run *r, uint8_t sender)
{
	struct packet p = {
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(p)),
			.frag_off = htons(IP_DF),
			.ttl = HOPS,
			.protocol = IPPROTO_UDP },
		.udp = { .source = htons(r->h->port),
			 .dest = htons(r->h->port),
			 .len = htons(sizeof(p) - offsetof(struct packet, udp)) },
		.sender = sender,
	};

	memcpy(&p.ip.saddr, r->h->senders[sender].bytes, 4);
	memcpy(&p.ip.daddr, r->h->to.bytes, 4);
	memcpy(p.cookie, r->cookie, COOKIE);
	p.ip.check = probe_checksum((const uint8_t *)&p.ip, sizeof(p.ip));
	p.udp.check = udp_checksum(&p);
	return sendto(r->fd, &p, sizeof(p), 0, (void *)&r->to, sizeof(r->to)) < 0 ? -errno : 0;
}

/* A packet of ours has no options, and nobody else has the cookie. Ethernet may have made it
 * longer. */
static void note(struct run *r, const uint8_t *buf, size_t n)
{
	struct packet p;

	if (n < sizeof(p))
		return;
	memcpy(&p, buf, sizeof(p));
	if (memcmp(p.cookie, r->cookie, COOKIE) == 0 && p.sender < HAIRPIN_SENDERS)
		r->back |= 1U << p.sender;
}

/* The NIC's own, and another's: more there is not to know. */
static bool is_enough(const struct run *r)
{
	return r->back & 1 && r->back & ~1U;
}

static void listen_for(struct run *r)
{
	int64_t end = clock_ms() + WAIT;

	for (int64_t now = clock_ms(); now < end && !is_enough(r); now = clock_ms()) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		struct sockaddr_ll from = { 0 };
		socklen_t len = sizeof(from);
		uint8_t buf[2 * sizeof(struct packet)];
		ssize_t n;

		if (poll(&p, 1, (int)(end - now)) <= 0)
			continue;
		n = recvfrom(r->fd, buf, sizeof(buf), MSG_DONTWAIT, (void *)&from, &len);
		if (n > 0 && from.sll_pkttype == PACKET_HOST)
			note(r, buf, (size_t)n);
	}
}

/* Hears only what begins with the cookie: the NIC may be busy. Until it is bound it hears
 * nothing at all. */
static int open_ear(struct run *r)
{
	uint32_t begin = (uint32_t)r->cookie[0] << 24 | (uint32_t)r->cookie[1] << 16 |
			 (uint32_t)r->cookie[2] << 8 | r->cookie[3];
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct packet, cookie)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, begin, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct packet)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };
	CLEAN(close_fd) int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    bind(fd, (void *)&r->to, sizeof(r->to)) < 0)
		return -errno;
	return take_fd(&fd);
}

int hairpin_run(const struct hairpin *h, unsigned *ret)
{
	struct run run = { .h = h,
			   .to = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(ETHERTYPE_IP),
				   .sll_ifindex = (int)if_nametoindex(h->link),
				   .sll_halen = ETH_ALEN } };
	CLEAN(close_fd) int fd = -1;
	int r;

	if (!run.to.sll_ifindex)
		return -ENODEV;
	if (getrandom(run.cookie, COOKIE, 0) != COOKIE)
		return -EIO;
	fd = run.fd = open_ear(&run);
	if (fd < 0)
		return fd;
	r = find_mac(h, run.to.sll_addr);
	for (int i = 0; i < TRIES && r == 0 && !is_enough(&run); i++) {
		for (uint8_t s = 0; s < HAIRPIN_SENDERS && r == 0; s++)
			if (h->senders[s].family)
				r = send_from(&run, s);
		listen_for(&run);
	}
	if (r == 0)
		*ret = run.back;
	return r;
}
