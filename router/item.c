/* item.c - what the types of items are: one row each. */
#include "item.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* ---- one row for each type: what makes two items the same thing, and whether they agree - */

static int by_link(const struct item *a, const struct item *b)
{
	return strcmp(a->link, b->link);
}

static int by_sysctl(const struct item *a, const struct item *b)
{
	return strcmp(a->sysctl.key, b->sysctl.key);
}

/* By address first, prefix length and link after it: an absence looks for the address. */
static int by_host(const struct item *a, const struct item *b)
{
	int r = ORDER(a->address.family, b->address.family);

	return r ? r : memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes));
}

static int by_address(const struct item *a, const struct item *b)
{
	int r = by_host(a, b);

	if (r == 0)
		r = ORDER(a->address.bits, b->address.bits);
	return r ? r : by_link(a, b);
}

static int by_peer(const struct item *a, const struct item *b)
{
	int r = by_link(a, b);

	return r ? r : memcmp(&a->peer.key, &b->peer.key, sizeof(a->peer.key));
}

static int by_link_address(const struct item *a, const struct item *b)
{
	int r = by_link(a, b);

	return r ? r : addr_compare(&a->address, &b->address);
}

/* fib_find_alias(), net/ipv4/fib_trie.c: destination and priority name a route in a table. */
static int by_route(const struct item *a, const struct item *b)
{
	int r = ORDER(a->route.table, b->route.table);

	if (r == 0)
		r = addr_compare(&a->address, &b->address);
	return r ? r : ORDER(a->route.metric, b->route.metric);
}

/* Where nobody read them: are the files of two secrets the same? */
static bool same_file(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool agree_link(const struct item *h, const struct item *w)
{
	if ((w->wg.up && !h->wg.up) || (w->wg.mtu && w->wg.mtu != h->wg.mtu))
		return false;
	if (w->wg.kind == LINK_OTHER)
		return true;
	if (h->wg.kind != w->wg.kind || !h->ours || h->wg.mute)
		return false;
	if (h->wg.hidden)
		return true;
	if ((w->wg.key_error && w->wg.key_error != -EACCES) ||
	    (w->wg.keyed && !(h->wg.keyed && key_equal(&h->wg.public, &w->wg.public))))
		return false;
	if (h->wg.key_file && !same_file(h->wg.key_file, w->wg.key_file))
		return false; /* imagined, not observed */
	return h->wg.port == w->wg.port;
}

/* One word of each, as numbers where both are: the kernel prints 01 and 0x1 as 1. */
static bool same_word(const char *h, size_t hn, const char *w, size_t wn)
{
	char *hend, *wend;
	long long a = strtoll(h, &hend, 0), b = strtoll(w, &wend, 0);

	if (hn == wn && memcmp(h, w, hn) == 0)
		return true;
	return hn && wn && hend == h + hn && wend == w + wn && a == b;
}

/* The kernel prints lists with tabs where people write blanks. */
static bool agree_sysctl(const struct item *have, const struct item *want)
{
	const char *h = have->sysctl.value, *w = want->sysctl.value;

	for (;;) {
		size_t hn, wn;

		h += strspn(h, " \t");
		w += strspn(w, " \t");
		hn = strcspn(h, " \t");
		wn = strcspn(w, " \t");
		if (!hn || !wn)
			return hn == wn;
		if (!same_word(h, hn, w, wn))
			return false;
		h += hn;
		w += wn;
	}
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	if (a->port != b->port)
		return false;
	return strcmp(a->host, b->host) == 0 ||
	       (a->address.family && addr_compare(&a->address, &b->address) == 0);
}

/* An endpoint that moved by itself is a peer that roamed, and right. It is wrong only when
 * the configuration may have changed since we set it. */
static bool agree_peer(const struct item *h, const struct item *w)
{
	if (h->peer.keepalive != w->peer.keepalive ||
	    (w->peer.psk_error && w->peer.psk_error != -EACCES))
		return false;
	if (!w->peer.psk_unknown && memcmp(h->peer.psk, w->peer.psk, KEY_ID_BYTES) != 0)
		return false;
	if ((h->peer.psk_unknown || (w->peer.psk_unknown && !w->peer.psk_error)) &&
	    !same_file(h->peer.psk_file, w->peer.psk_file))
		return false; /* imagined, not observed */
	if (!w->peer.endpoint.host)
		return true;
	return h->peer.endpoint.host &&
	       (!h->peer.stale || same_endpoint(&h->peer.endpoint, &w->peer.endpoint));
}

static bool agree_allowed(const struct item *h, const struct item *w)
{
	return key_equal(&h->allowed.key, &w->allowed.key);
}

static bool agree_route(const struct item *h, const struct item *w)
{
	return by_link(h, w) == 0 && h->route.blackhole == w->route.blackhole &&
	       !h->route.other && addr_compare(&h->route.gateway, &w->route.gateway) == 0;
}

static bool agree_clamp(const struct item *h, const struct item *w)
{
	return h->ours && h->clamp.mss == w->clamp.mss;
}

static bool always(const struct item *h, const struct item *w)
{
	(void)h, (void)w;
	return true;
}

static bool never(const struct item *a, const struct item *b)
{
	(void)a, (void)b;
	return false;
}

static const struct {
	const char *name;
	int (*compare)(const struct item *a, const struct item *b);
	bool (*agree)(const struct item *have, const struct item *want);
	bool (*share)(const struct item *a,
		      const struct item *b); /* may two objects want it? */
} types[ITEM_TYPES] = {
	[ITEM_LINK] = { "link", by_link, agree_link, never },
	[ITEM_SYSCTL] = { "sysctl", by_sysctl, agree_sysctl, agree_sysctl },
	[ITEM_ABSENT] = { "absent", by_host, always, always },
	[ITEM_ADDRESS] = { "address", by_address, always, never },
	[ITEM_PEER] = { "peer", by_peer, agree_peer, never },
	[ITEM_ALLOWED] = { "allowed-ip", by_link_address, agree_allowed, agree_allowed },
	[ITEM_ROUTE] = { "route", by_route, agree_route, agree_route },
	[ITEM_PROXY] = { "proxy", by_link_address, always, always },
	[ITEM_CLAMP] = { "clamp", by_link, agree_clamp, always },
};

int item_compare(const struct item *a, const struct item *b)
{
	int r = ORDER(a->type, b->type);

	return r ? r : types[a->type].compare(a, b);
}

bool item_agree(const struct item *have, const struct item *want)
{
	return types[want->type].agree(have, want);
}

bool item_share(const struct item *a, const struct item *b)
{
	return types[a->type].share(a, b);
}

/* ---- words ------------------------------------------------------------------------------ */

const char *item_type_name(enum item_type type)
{
	return types[type].name;
}

/* FNV-1a, 64 bits: not against an enemy, only to notice an edit. */
static uint64_t digest(uint64_t h, const void *buf, size_t len)
{
	for (const unsigned char *b = buf; len > 0; b++, len--)
		h = (h ^ *b) * 0x100000001b3;
	return h;
}

uint64_t endpoint_digest(const struct key *peer, const struct endpoint *e)
{
	uint64_t h = digest(0xcbf29ce484222325, peer, sizeof(*peer));
	char text[ENDPOINT_STRLEN];

	if (!e->host)
		return 0;
	endpoint_print(e, text);
	return digest(h, text, strlen(text));
}

const char *endpoint_print(const struct endpoint *e, char buf[static ENDPOINT_STRLEN])
{
	bool v6 = strchr(e->host, ':') != NULL;

	snprintf(buf, ENDPOINT_STRLEN, "%s%s%s:%u", v6 ? "[" : "", e->host, v6 ? "]" : "",
		 e->port);
	return buf;
}

/* "/proc/sys" spells dots in names as they are, sysctl(8) swaps them with slashes. */
static const char *sysctl_name(struct arena *a, const char *key)
{
	char *name = arena_printf(a, "%s", key);

	for (char *c = name; *c; c++)
		if (*c == '.' || *c == '/')
			*c ^= '.' ^ '/';
	return name;
}

static const char *link_text(struct arena *a, const struct item *it)
{
	bool none = it->wg.key_error == -ENOENT || it->wg.key_error == -EINVAL;
	const char *made = none ? " (its key will be made)" : "";
	const char *how = it->wg.userspace ? " (userspace: wireguard-go)" : "";
	const char *mtu = it->wg.mtu ? arena_printf(a, " mtu %u", it->wg.mtu) : "";

	if (it->wg.kind == LINK_OTHER)
		return arena_printf(a, "link %s%s%s", it->link, it->wg.up ? " up" : "", mtu);
	return arena_printf(a, "link %s wireguard%s port %u%s%s", it->link, mtu, it->wg.port,
			    how, made);
}

static bool has_psk(const struct item *it)
{
	static const uint8_t none[KEY_ID_BYTES];

	return it->peer.psk_file || memcmp(it->peer.psk, none, sizeof(none)) != 0;
}

static const char *peer_text(struct arena *a, const struct item *it)
{
	char key[KEY_STRLEN], ep[ENDPOINT_STRLEN] = "";

	key_print(&it->peer.key, key);
	if (it->peer.endpoint.host)
		endpoint_print(&it->peer.endpoint, ep);
	return arena_printf(
	    a, "peer %s dev %s%s%s%s%s", key, it->link, *ep ? " endpoint " : "", ep,
	    it->peer.keepalive ? arena_printf(a, " keepalive %u", it->peer.keepalive) : "",
	    has_psk(it) ? " preshared-key" : "");
}

static const char *route_text(struct arena *a, const struct item *it)
{
	char dst[ADDR_STRLEN], gw[ADDR_STRLEN] = "";

	if (it->route.gateway.family)
		addr_print_host(&it->route.gateway, gw);
	return arena_printf(
	    a, "route %s%s%s%s%s%s%s%s", it->route.blackhole ? "blackhole " : "",
	    addr_print(&it->address, dst), *gw ? " via " : "", gw, *it->link ? " dev " : "",
	    it->link,
	    it->route.table == ITEM_TABLE_MAIN ? ""
					       : arena_printf(a, " table %u", it->route.table),
	    it->route.metric ? arena_printf(a, " metric %u", it->route.metric) : "");
}

const char *item_text(struct arena *a, const struct item *it)
{
	char addr[ADDR_STRLEN], key[KEY_STRLEN];

	switch (it->type) {
	case ITEM_LINK:
		return link_text(a, it);
	case ITEM_SYSCTL:
		return arena_printf(a, "sysctl %s=%s", sysctl_name(a, it->sysctl.key),
				    it->sysctl.value);
	case ITEM_ABSENT:
		return arena_printf(a, "absent %s", addr_print_host(&it->address, addr));
	case ITEM_ADDRESS:
		return arena_printf(a, "address %s dev %s", addr_print(&it->address, addr),
				    it->link);
	case ITEM_PEER:
		return peer_text(a, it);
	case ITEM_ALLOWED:
		return arena_printf(a, "allowed-ip %s dev %s peer %s",
				    addr_print(&it->address, addr), it->link,
				    key_print(&it->allowed.key, key));
	case ITEM_ROUTE:
		return route_text(a, it);
	case ITEM_PROXY:
		return arena_printf(a, "proxy %s dev %s", addr_print_host(&it->address, addr),
				    it->link);
	case ITEM_CLAMP:
		if (it->clamp.mss == 0)
			return "clamp rules that are not as routerd writes them";
		return arena_printf(a, "clamp %s mss %u", it->link, it->clamp.mss);
	case ITEM_TYPES:
		break;
	}
	return "";
}

static void keep(struct arena *a, const char **text)
{
	if (*text)
		*text = arena_strndup(a, *text, strlen(*text));
}

void item_keep(struct arena *a, struct item *it)
{
	keep(a, &it->link);
	switch (it->type) {
	case ITEM_LINK:
		keep(a, &it->wg.key_file);
		break;
	case ITEM_SYSCTL:
		keep(a, &it->sysctl.key);
		keep(a, &it->sysctl.value);
		break;
	case ITEM_PEER:
		keep(a, &it->peer.endpoint.host);
		keep(a, &it->peer.psk_file);
		break;
	case ITEM_ABSENT:
	case ITEM_ADDRESS:
	case ITEM_ALLOWED:
	case ITEM_ROUTE:
	case ITEM_PROXY:
	case ITEM_CLAMP:
	case ITEM_TYPES:
		break;
	}
}

static void out_addr(struct out *o, const char *key, const struct addr *a, bool host)
{
	char buf[ADDR_STRLEN];

	if (a->family)
		out_text(o, key, host ? addr_print_host(a, buf) : addr_print(a, buf));
}

static void out_key(struct out *o, const char *name, const struct key *k)
{
	char buf[KEY_STRLEN];

	out_text(o, name, key_print(k, buf));
}

void item_out(struct out *o, const struct item *it)
{
	char ep[ENDPOINT_STRLEN];

	out_text(o, "type", types[it->type].name);
	if (*it->link)
		out_text(o, "link", it->link);
	out_addr(o, "address", &it->address, it->type == ITEM_ABSENT || it->type == ITEM_PROXY);
	switch (it->type) {
	case ITEM_LINK:
		out_text(o, "kind", it->wg.kind == LINK_WIREGUARD ? "wireguard" : "other");
		if (it->wg.mtu)
			out_number(o, "mtu", it->wg.mtu);
		if (it->wg.kind == LINK_WIREGUARD) {
			out_number(o, "listenPort", it->wg.port);
			out_text(o, "privateKeyFile", it->wg.key_file);
		}
		break;
	case ITEM_SYSCTL:
		out_text(o, "key", it->sysctl.key);
		out_text(o, "value", it->sysctl.value);
		break;
	case ITEM_PEER:
		out_key(o, "publicKey", &it->peer.key);
		if (it->peer.endpoint.host)
			out_text(o, "endpoint", endpoint_print(&it->peer.endpoint, ep));
		out_number(o, "persistentKeepalive", it->peer.keepalive);
		out_bool(o, "presharedKey", has_psk(it));
		out_text(o, "presharedKeyFile", it->peer.psk_file);
		break;
	case ITEM_ALLOWED:
		out_key(o, "publicKey", &it->allowed.key);
		break;
	case ITEM_ROUTE:
		out_text(o, "kind", it->route.blackhole ? "blackhole" : "unicast");
		out_addr(o, "gateway", &it->route.gateway, true);
		out_number(o, "table", it->route.table);
		out_number(o, "metric", it->route.metric);
		break;
	case ITEM_CLAMP:
		out_number(o, "mss", it->clamp.mss);
		break;
	case ITEM_ABSENT:
	case ITEM_ADDRESS:
	case ITEM_PROXY:
	case ITEM_TYPES:
		break;
	}
}
