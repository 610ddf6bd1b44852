/* wireguard.h - one WireGuard device, whoever carries it: the kernel by generic netlink
 * (wg_kernel.c), or a program by its socket (wg_user.c).
 *
 * Private and preshared keys pass through on the stack and are wiped; items only ever hold
 * public keys and ids. */
#pragma once

#include "kernel/kernel.h"

struct wg_peer_change {
	const struct key *public;
	bool remove;
	const struct endpoint *endpoint; /* resolved; NULL: as it is */
	const struct key *psk;		 /* NULL: as it is; all zero: none */
	int keepalive;			 /* seconds; -1: as it is */
	const struct addr *allowed;	 /* added; taken from whichever peer had them */
	size_t count;
};

struct wg_change {
	const char *link;
	const struct key *private; /* NULL: as it is */
	int port;		   /* UDP; -1: as it is */
	const struct wg_peer_change *peers;
	size_t count;
};

/* Bytes of a netlink request for n peers and m allowed IPs: WGPEER_A_* and WGALLOWEDIP_A_*
 * of <linux/wireguard.h>, the largest of each. */
#define WG_PEER_BYTES	 160
#define WG_ALLOWED_BYTES 40
#define WG_BATCH	 700 /* allowed IPs, and as many peers, in one request: < 32 KiB each */

/* What a device says of itself, into items. */
struct wg_seen {
	struct kernel *k;
	struct state *have;
	size_t link; /* index of the link's item in have */
};

void wg_see_device(struct wg_seen *s, const struct key *public, uint16_t port);
/* Completes an item that is a peer: key, endpoint, psk, keepalive and traffic are set. */
void wg_see_peer(struct wg_seen *s, const struct item *peer);
void wg_see_allowed(struct wg_seen *s, const struct key *public, const struct addr *a);

/* -EPERM: only root may look. Others: nobody answers, or only nonsense. */
int wg_kernel_get(struct wg_seen *s, const char *link);
int wg_user_get(struct wg_seen *s, const char *link);
/* Does the whole change, or says why not; the kernel may have done a part of it then. */
int wg_kernel_set(struct kernel *k, const struct wg_change *c, const char **ret_why);
int wg_user_set(struct kernel *k, const struct wg_change *c, const char **ret_why);
bool wg_user_has(const char *link);		/* is there a socket for it? */
#define WG_PROGRAM 256				/* bytes of its path */
bool wg_user_find(char ret[static WG_PROGRAM]); /* wireguard-go, where it may be installed */
/* Starts wireguard-go for a new device and waits until it is there. -ENOENT: not installed. */
int wg_user_start(const char *link);

/* A program that was just started makes its link first, then its socket: is it that? */
bool wg_user_starting(const char *link);
/* Lets the program of a link that was removed finish, and take its socket away. */
void wg_user_gone(const char *link);
/* A whole answer to "get=1", which it cuts up. */
void wg_user_parse(struct wg_seen *s, char *answer);
/* -EADDRINUSE: the port is taken. The kernel says so itself; the program only in its log. */
int wg_user_port_free(uint16_t port);

/* The right one of the two. */
int wg_set(struct kernel *k, const struct wg_change *c, const char **ret_why);
/* Is a wanted peer's key the one of its own link? */
bool wg_is_own_key(struct kernel *k, const struct item *peer);
/* Reads the key files that want names: what they say is compared with what is there. */
void wg_prepare(struct kernel *k, struct state *want);
/* After a change of a link's private key, which ends every session: lets its peers begin the
 * next ones now, and not when there is something to send. */
void wg_wake(struct kernel *k, const char *link);
/* Of a peer's two keys, lets the wanted allowed IPs go to the one that it used last. */
void wg_prefer(struct state *want, const struct state *have);

/* resolve.c: looks up the hosts of n endpoints at once, by /etc/hosts and DNS; seconds in
 * all. Those that fail keep address.family 0; errors[i] says why. */
void resolve_endpoints(struct kernel *k, struct endpoint **endpoints, const char **errors,
		       size_t n, int seconds);
