/* xt.c - matches and targets of x_tables. Their structs are the kernel's own, in host order
 * but for addresses. */
#include <arpa/inet.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>

#include "kernel/ruleset_read.h"

/* Copies what is there; false: too short. */
#define TAKE(to, info, length)                                                                 \
	((length) >= sizeof(to) && (memcpy(&(to), (info), sizeof(to)), true))

static void test_ports(struct ruleset *rs, struct rule *r, unsigned offset,
		       const uint16_t range[2], bool inverted)
{
	uint16_t low = htons(range[0]), high = htons(range[1]);

	if (range[0] > 0 || range[1] < UINT16_MAX || inverted)
		ruleset_test(rs, r, FLOW_TRANSPORT, offset, &low, &high, sizeof(low), inverted);
}

static bool match_udp(struct ruleset *rs, struct rule *r, const void *info, size_t length)
{
	struct xt_udp u;

	if (!TAKE(u, info, length))
		return false;
	test_ports(rs, r, 0, u.spts, (u.invflags & XT_UDP_INV_SRCPT) != 0);
	test_ports(rs, r, 2, u.dpts, (u.invflags & XT_UDP_INV_DSTPT) != 0);
	return true;
}

static bool match_tcp(struct ruleset *rs, struct rule *r, const void *info, size_t length)
{
	struct xt_tcp t;

	if (!TAKE(t, info, length))
		return false;
	test_ports(rs, r, 0, t.spts, (t.invflags & XT_TCP_INV_SRCPT) != 0);
	test_ports(rs, r, 2, t.dpts, (t.invflags & XT_TCP_INV_DSTPT) != 0);
	if (t.flg_mask || t.flg_cmp)
		ruleset_test_masked(rs, r, FLOW_TRANSPORT, 13, &t.flg_mask, &t.flg_cmp, 1,
				    (t.invflags & XT_TCP_INV_FLAGS) != 0);
	return t.option == 0;
}

/* Bits as in enum nft_ct_keys' state: NF_CT_STATE_BIT(). */
static void test_state(struct ruleset *rs, struct rule *r, uint32_t bits, bool inverted)
{
	static const uint32_t none;

	ruleset_test_masked(rs, r, FLOW_STATE, 0, &bits, &none, sizeof(bits), !inverted);
}

static bool match_state(struct ruleset *rs, struct rule *r, const void *info, size_t length)
{
	struct xt_state_info s;

	if (!TAKE(s, info, length))
		return false;
	test_state(rs, r, s.statemask, false);
	return true;
}

static bool match_conntrack(struct ruleset *rs, struct rule *r, const void *info, size_t length)
{
	struct xt_conntrack_mtinfo1 one;
	struct xt_conntrack_mtinfo2 two;
	unsigned states, flags, invert;

	if (TAKE(two, info, length)) { /* mtinfo3 begins the same */
		states = two.state_mask;
		flags = two.match_flags;
		invert = two.invert_flags;
	} else if (TAKE(one, info, length)) {
		states = one.state_mask;
		flags = one.match_flags;
		invert = one.invert_flags;
	} else {
		return false;
	}
	if (flags & XT_CONNTRACK_STATE)
		test_state(rs, r, states, (invert & XT_CONNTRACK_STATE) != 0);
	return (flags & ~(unsigned)(XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS)) == 0;
}

static void add_ports(struct ruleset *rs, struct rule_set *set, uint16_t low, uint16_t high)
{
	struct element *e = ruleset_add_element(rs, set);
	uint16_t both[2] = { htons(low), htons(high) };
	uint8_t *bytes = arena_alloc(rs->arena, sizeof(both));

	memcpy(bytes, both, sizeof(both));
	e->low = bytes;
	e->high = bytes + sizeof(low);
}

static bool match_multiport(struct ruleset *rs, struct rule *r, const void *info, size_t length)
{
	struct xt_multiport_v1 m;
	struct rule_set *set;
	struct step *s;

	if (!TAKE(m, info, length) || m.count > XT_MULTI_PORTS ||
	    m.flags == XT_MULTIPORT_EITHER)
		return false;
	set = ruleset_new_set(rs);
	set->key_length = sizeof(uint16_t);
	for (unsigned i = 0; i < m.count; i++) {
		unsigned last = m.pflags[i] && i + 1U < m.count ? i + 1 : i;

		add_ports(rs, set, m.ports[i], m.ports[last]);
		i = last;
	}
	s = ruleset_add_step(rs, r, STEP_LOAD);
	s->part = FLOW_TRANSPORT;
	s->offset = m.flags == XT_MULTIPORT_SOURCE ? 0 : 2;
	s->length = sizeof(uint16_t);
	s = ruleset_add_step(rs, r, STEP_LOOKUP);
	s->set = set;
	s->name = set->name = "multiport";
	s->inverted = m.invert != 0;
	return true;
}

static bool match_comment(struct ruleset *rs, struct rule *r, const void *info, size_t length)
{
	(void)rs, (void)r, (void)info, (void)length;
	return true;
}

static const struct {
	const char *name;
	unsigned first, last; /* revisions */
	/* False: it says more than was understood. */
	bool (*match)(struct ruleset *rs, struct rule *r, const void *info, size_t length);
} matches[] = {
	{ "comment", 0, 0, match_comment },
	{ "conntrack", 2, 3, match_conntrack },
	{ "conntrack", 1, 1, match_conntrack },
	{ "multiport", 1, 1, match_multiport },
	{ "state", 0, 0, match_state },
	{ "tcp", 0, 0, match_tcp },
	{ "udp", 0, 0, match_udp },
};

void xt_match(struct ruleset *rs, struct rule *r, const char *name, unsigned revision,
	      const void *info, size_t length)
{
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		if (strcmp(matches[i].name, name) == 0 && revision >= matches[i].first &&
		    revision <= matches[i].last && matches[i].match(rs, r, info, length))
			return;
	ruleset_maybe(rs, r, name);
}

/* By enum ipt_reject_with. */
static const char *const rejections[] = {
	"icmp-net-unreachable",
	"icmp-host-unreachable",
	"icmp-proto-unreachable",
	"icmp-port-unreachable",
	NULL,
	"icmp-net-prohibited",
	"icmp-host-prohibited",
	"tcp-reset",
	"icmp-admin-prohibited",
};

static const struct {
	const char *name;
	enum effect_kind effect;
} targets[] = {
	{ "AUDIT", EFFECT_NONE },	{ "CHECKSUM", EFFECT_NONE },
	{ "CLASSIFY", EFFECT_NONE },	{ "CONNMARK", EFFECT_NONE },
	{ "CONNSECMARK", EFFECT_NONE }, { "CT", EFFECT_NONE },
	{ "DNAT", EFFECT_ACCEPT },	{ "DSCP", EFFECT_NONE },
	{ "ECN", EFFECT_NONE },		{ "HL", EFFECT_NONE },
	{ "HMARK", EFFECT_NONE },	{ "IDLETIMER", EFFECT_NONE },
	{ "LED", EFFECT_NONE },		{ "LOG", EFFECT_NONE },
	{ "MARK", EFFECT_NONE },	{ "MASQUERADE", EFFECT_ACCEPT },
	{ "NETMAP", EFFECT_ACCEPT },	{ "NFLOG", EFFECT_NONE },
	{ "NOTRACK", EFFECT_NONE },	{ "RATEEST", EFFECT_NONE },
	{ "REDIRECT", EFFECT_ACCEPT },	{ "REJECT", EFFECT_REJECT },
	{ "SECMARK", EFFECT_NONE },	{ "SET", EFFECT_NONE },
	{ "SNAT", EFFECT_ACCEPT },	{ "TCPMSS", EFFECT_NONE },
	{ "TCPOPTSTRIP", EFFECT_NONE }, { "TEE", EFFECT_NONE },
	{ "TOS", EFFECT_NONE },		{ "TRACE", EFFECT_NONE },
	{ "TTL", EFFECT_NONE },
};

void xt_target(struct ruleset *rs, struct rule *r, const char *name, const void *info,
	       size_t length)
{
	enum effect_kind kind = EFFECT_UNKNOWN;
	const char *how = NULL;
	uint32_t with;

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		if (strcmp(targets[i].name, name) == 0)
			kind = targets[i].effect;
	if (kind == EFFECT_REJECT && TAKE(with, info, length) &&
	    with < sizeof(rejections) / sizeof(*rejections))
		how = rejections[with];
	if (kind != EFFECT_NONE)
		ruleset_effect(rs, r, kind, kind == EFFECT_UNKNOWN ? name : how);
}
