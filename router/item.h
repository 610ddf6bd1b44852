/* item.h - one thing in the kernel: a link, an address, a route ...
 *
 * Wanted and observed things are the same type; item.c has one row for each type of them.
 * Text and objects that items point to live in arenas which outlive the items. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/out.h"
#include "keys/key.h"

struct object;

/* Order is dependency order: adds go down the list, deletes go up. */
enum item_type {
	ITEM_LINK,
	ITEM_SYSCTL,
	ITEM_ABSENT, /* wanted only: no link may hold this address */
	ITEM_ADDRESS,
	ITEM_PEER,
	ITEM_ALLOWED,
	ITEM_ROUTE,
	ITEM_PROXY,
	ITEM_CLAMP,
	ITEM_TYPES,
};

enum link_kind {
	LINK_OTHER,	/* the system's: up and mtu are set where asked, nothing else */
	LINK_WIREGUARD, /* ours to make and to remove */
};

#define ITEM_TABLE_MAIN 254 /* RT_TABLE_MAIN, rtnetlink(7) */
#define ENDPOINT_STRLEN 280 /* a DNS name of 253, brackets, colon, port, NUL */

/* host:port as written; address.family is 0 while the host is a name. */
struct endpoint {
	const char *host; /* NULL: none */
	struct addr address;
	uint16_t port;
};

struct item {
	enum item_type type;
	bool ours;		     /* observed: carries our mark, so we may delete it */
	const struct object *origin; /* wanted: who asks; results go back there */
	const char *link;	     /* name, not index: indexes change when a link is remade */
	struct addr address;	     /* allowed IP, route's destination, claimed host ... */
	union {
		struct {
			enum link_kind kind;
			uint32_t mtu; /* bytes; 0: as it is */
			bool up;
			uint16_t port;	      /* UDP */
			const char *key_file; /* wanted: where the private key lies */
			struct key public;
			/* Wanted: public was read from key_file. Observed: the link has a key.
			 */
			bool keyed;
			int key_error;	/* wanted: why it was not: -ENOENT or -EINVAL (no key in
					   the file), and it will be made; -ENOKEY or
					   -EKEYREJECTED, the same but the link has one */
			bool mute;	/* observed: whoever carries it does not answer */
			bool hidden;	/* observed: key and port are only root's to see */
			bool blank;	/* observed: no key and no peers: nobody uses it */
			bool userspace; /* no kernel WireGuard: a program carries it */
			uint64_t endpoints; /* sum of endpoint_digest() as configured */
		} wg;
		struct {
			const char *key;   /* "net/ipv4/ip_forward" */
			const char *value; /* without white space at either end */
			bool optional;	   /* fine when the kernel does not have it */
		} sysctl;
		struct {
			bool exclusive; /* wanted: no other IPv4 address on this link */
			bool primary;	/* observed: not IFA_F_SECONDARY */
			uint8_t far[4]; /* observed: IFA_ADDRESS, the far end of a
					   point-to-point one */
		} ifa;
		struct {
			struct key key;
			struct endpoint endpoint;
			bool
			    stale; /* observed: its endpoint as configured may be another now */
			uint16_t keepalive; /* seconds; 0: off */
			int64_t
			    handshake; /* observed: the latest, seconds since 1970; 0: none */
			uint64_t received, sent;   /* observed: bytes */
			const char *psk_file;	   /* wanted; NULL: none */
			uint8_t psk[KEY_ID_BYTES]; /* key_id() of it; zero: none */
			bool psk_unknown;	   /* wanted: psk_file was not read */
			int psk_error;		   /* wanted: why it could not be */
			/* wanted: the key that this one takes the place of, once the peer
			 * uses it; NULL: none */
			const struct key *prior;
			bool idle; /* wanted: of two keys of a peer, the one not in use */
		} peer;
		struct {
			struct key key; /* the peer's */
		} allowed;
		struct {
			struct addr gateway; /* family 0: none */
			uint32_t table, metric;
			uint8_t protocol; /* observed: rtm_protocol */
			bool blackhole;
			bool other; /* observed: neither unicast nor blackhole */
		} route;
		struct {
			bool announce; /* wanted: gratuitous ARP when it is made */
			bool down;     /* observed: its link is, so nobody is answered */
		} proxy;
		struct {
			uint16_t mss; /* bytes; observed 0: rules we do not understand */
			uint32_t mtu; /* wanted: the packet that surely gets through, bytes */
			const char *why; /* wanted: where mtu comes from */
		} clamp;
	};
};

/* Order by type, then by what makes two items the same thing. */
int item_compare(const struct item *a, const struct item *b);
/* Is have, of the same key, as want asks? */
bool item_agree(const struct item *have, const struct item *want);
/* May two objects want these two items of one key? */
bool item_share(const struct item *a, const struct item *b);
/* "route 10.77.60.9/32 dev wg-hybrid": one line, no newline; lives in the arena. */
const char *item_text(struct arena *a, const struct item *it);
/* Copies the text that it points to into the arena, but for clamp.why, which is constant. */
void item_keep(struct arena *a, struct item *it);
const char *item_type_name(enum item_type type);
/* The item's own fields, into an open map. */
void item_out(struct out *o, const struct item *it);
/* Of a peer's endpoint as it is configured; 0 when it has none. Sums tell sets apart. */
uint64_t endpoint_digest(const struct key *peer, const struct endpoint *e);
const char *endpoint_print(const struct endpoint *e, char buf[static ENDPOINT_STRLEN]);
