/* What goldens cannot show: that which no table prints. */
#include <string.h>

#include "config/config.h"
#include "config/kind.h"
#include "t.h"

#define NET  "{apiVersion: net.routerd.net/v1alpha1, "
#define HYB  "{apiVersion: hybrid.routerd.net/v1alpha1, "
#define KEY1 "PeerOnePeerOnePeerOnePeerOnePeerOnePeerOneA="
#define KEY2 "PeerTwoPeerTwoPeerTwoPeerTwoPeerTwoPeerTwoA="
#define LINK                                                                                   \
	NET "kind: WireGuardInterface, metadata: {name: wg0}, "                                \
	    "spec: {privateKeyFile: /nonexistent/k}}\n---\n"
#define PEER(name, key, more)                                                                  \
	NET "kind: WireGuardPeer, metadata: {name: " name "}, "                                \
	    "spec: {interface: wg0, publicKey: " key more "}}\n---\n"
#define ONE PEER("a", KEY1, ", endpoint: 'a.example:1'")
#define TWO PEER("b", KEY2, ", endpoint: '192.0.2.1:2'")

static struct state lowered(struct arena *a, const char *text)
{
	struct config c = { .arena = a };
	struct diag d = { .arena = a };
	struct state s = { .arena = a };

	config_add(&c, "test", text, strlen(text), &d);
	CHECK(config_check(&c, &d), "%s", text);
	diag_print(&d, stderr);
	config_lower(&c, &s);
	return s;
}

static const struct item *first(const struct state *s, enum item_type type)
{
	static const struct item none = { .link = "" };

	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].type == type)
			return &s->items[i];
	CHECK(0, "no %s", item_type_name(type));
	return &none;
}

/* A link and its peers carry one digest, which changes with any peer's endpoint. */
static void check_seal(struct arena *a)
{
	static const char *const others[] = {
		LINK,
		LINK ONE,
		LINK ONE PEER("b", KEY2, ""),
		LINK ONE PEER("b", KEY2, ", endpoint: '192.0.2.1:3'"),
		LINK ONE PEER("b", KEY2, ", endpoint: '192.0.2.2:2'"),
		LINK PEER("a", KEY2, ", endpoint: 'a.example:1'")
		    PEER("b", KEY1, ", endpoint: '192.0.2.1:2'"),
	};
	struct state s = lowered(a, LINK ONE TWO), t = lowered(a, TWO LINK ONE);
	uint64_t digest = first(&s, ITEM_LINK)->wg.endpoints;

	CHECK(first(&t, ITEM_LINK)->wg.endpoints == digest, "the order of documents counts");
	t = lowered(a, LINK PEER("a", KEY1, ", endpoint: 'a.example:1', persistentKeepalive: 9")
			   TWO);
	CHECK(first(&t, ITEM_LINK)->wg.endpoints == digest, "the keepalive counts");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		t = lowered(a, others[i]);
		CHECK(first(&t, ITEM_LINK)->wg.endpoints != digest, "%s", others[i]);
	}
}

static void check_hidden(struct arena *a)
{
	static const char claim[] = LINK ONE HYB
	    "kind: OverlayPeer, metadata: {name: a}, "
	    "spec: {role: cloud, underlay: {type: wireguard, interface: wg0}}}\n---\n" HYB
	    "kind: AddressMobilityDomain, metadata: {name: d}, "
	    "spec: {prefix: 10.0.0.0/24, peerRef: a}}\n---\n" HYB
	    "kind: RemoteAddressClaim, metadata: {name: c}, spec: {domainRef: d, "
	    "address: 10.0.0.9, capture: {type: proxy-arp, interface: e%s}}}\n";
	struct state s = lowered(a, arena_printf(a, claim, ""));

	CHECK(!first(&s, ITEM_PROXY)->proxy.announce, "announced unasked");
	s = lowered(a, arena_printf(a, claim, ", gratuitousARP: true"));
	CHECK(first(&s, ITEM_PROXY)->proxy.announce, "not announced");
	s = lowered(a, NET "kind: Sysctl, metadata: {name: s}, "
			   "spec: {key: a.b, value: 1, optional: true}}");
	CHECK(first(&s, ITEM_SYSCTL)->sysctl.optional, "not optional");
	s = lowered(a, NET "kind: Sysctl, metadata: {name: s}, spec: {key: a.b, value: 1}}");
	CHECK(!first(&s, ITEM_SYSCTL)->sysctl.optional, "optional");
	s = lowered(a, NET "kind: IPv4StaticAddress, metadata: {name: s}, "
			   "spec: {interface: e, address: 10.0.0.1/24, exclusive: true}}");
	CHECK(first(&s, ITEM_ADDRESS)->ifa.exclusive, "not exclusive");
	s = lowered(a, LINK PEER("a", KEY1, ", presharedKeyFile: /nonexistent/p"));
	CHECK(first(&s, ITEM_PEER)->peer.psk_unknown, "known unread");
	CHECK(first(&s, ITEM_LINK)->wg.up, "left down");
}

static void check_find(struct arena *a)
{
	static const char text[] =
	    NET "kind: Interface, metadata: {name: b}, spec: {ifname: x}}";
	struct config c = { .arena = a };
	struct diag d = { .arena = a };

	config_add(&c, "test", text, strlen(text), &d);
	CHECK(config_check(&c, &d) && c.count == 1 && !c.node, "%zu", c.count);
	CHECK(config_find(&c, c.objects[0]->kind, "b") == c.objects[0], "not found");
	CHECK(!config_find(&c, c.objects[0]->kind, "a"), "found another");
	CHECK(strcmp(object_name(a, c.objects[0]), "Interface/b") == 0, "name");
	CHECK(*object_name(a, NULL) == '\0', "nobody's name");
}

int main(void)
{
	struct arena *a = arena_new();

	check_seal(a);
	check_hidden(a);
	check_find(a);
	arena_free(a);
	return t_failed;
}
