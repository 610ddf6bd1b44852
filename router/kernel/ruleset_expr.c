/* ruleset_expr.c - what an nf_tables rule says, as steps.
 *
 * Read attribute by attribute, not by libnftnl: that refuses a rule whole for one expression
 * it does not know, and what a newer kernel has is only one condition we cannot judge. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <string.h>

#include "kernel/ruleset_read.h"

#define ATTRS 16 /* more than any expression here has */

struct expression {
	struct ruleset *rs;
	struct rule *r;
	const char *name;
	struct nlattr *at[ATTRS];
};

uint32_t nft_number(const struct nlattr *at)
{
	uint32_t v = 0;

	if (at && nla_len(at) >= (int)sizeof(v))
		memcpy(&v, nla_data(at), sizeof(v));
	return ntohl(v);
}

const char *nft_text(struct ruleset *rs, const struct nlattr *at)
{
	return at ? arena_strndup(rs->arena, nla_data(at),
				  strnlen(nla_data(at), (size_t)nla_len(at)))
		  : "";
}

/* Every one of the count is set; to NULL where nest does not have it. */
static void parse(struct nlattr **at, int count, const struct nlattr *nest)
{
	if (!nest || nla_parse(at, count - 1, nla_data(nest), nla_len(nest), NULL) < 0)
		memset(at, 0, (size_t)count * sizeof(*at));
}

/* Byte offset of a register; RULE_REGISTERS when there is no such one. */
static unsigned place(uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * 16;
	if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		return (reg - NFT_REG32_00) * 4;
	return RULE_REGISTERS;
}

/* The register of attribute i, if length bytes fit there; else nothing is known any more. */
static bool take_register(struct expression *e, int i, uint32_t length, uint8_t *ret)
{
	unsigned reg = place(nft_number(e->at[i]));

	if (length == 0 || length > RULE_REGISTERS || reg + length > RULE_REGISTERS) {
		ruleset_maybe(e->rs, e->r, e->name);
		(void)ruleset_add_step(e->rs, e->r, STEP_FORGET);
		return false;
	}
	*ret = (uint8_t)reg;
	return true;
}

static void load(struct expression *e, int dreg, enum flow_part part, uint32_t offset,
		 uint32_t length)
{
	struct step *s;
	uint8_t reg;

	if (!take_register(e, dreg, length, &reg))
		return;
	s = ruleset_add_step(e->rs, e->r, STEP_LOAD);
	s->part = offset > UINT16_MAX ? FLOW_UNKNOWN : part;
	s->offset = (uint16_t)offset;
	s->reg = reg;
	s->length = (uint8_t)length;
}

/* The bytes of a NFTA_DATA_VALUE, into value; how many, 0 when there are too many. */
static uint8_t value_of(const struct nlattr *data, uint8_t value[static RULE_VALUE])
{
	struct nlattr *at[NFTA_DATA_MAX + 1];
	int n;

	parse(at, NFTA_DATA_MAX + 1, data);
	n = at[NFTA_DATA_VALUE] ? nla_len(at[NFTA_DATA_VALUE]) : 0;
	if (n <= 0 || n > RULE_VALUE)
		return 0;
	memcpy(value, nla_data(at[NFTA_DATA_VALUE]), (size_t)n);
	return (uint8_t)n;
}

struct effect nft_effect(struct ruleset *rs, const struct nlattr *data)
{
	struct nlattr *at[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];
	struct effect f = { .kind = EFFECT_UNKNOWN, .name = "verdict" };

	parse(at, NFTA_DATA_MAX + 1, data);
	parse(verdict, NFTA_VERDICT_MAX + 1, at[NFTA_DATA_VERDICT]);
	if (!verdict[NFTA_VERDICT_CODE])
		return f;
	switch ((int)nft_number(verdict[NFTA_VERDICT_CODE])) {
	case NF_ACCEPT:
		f.kind = EFFECT_ACCEPT;
		break;
	case NF_DROP:
		f.kind = EFFECT_DROP;
		break;
	case NFT_JUMP:
		f.kind = EFFECT_JUMP;
		break;
	case NFT_GOTO:
		f.kind = EFFECT_GOTO;
		break;
	case NFT_RETURN:
		f.kind = EFFECT_RETURN;
		break;
	case NFT_CONTINUE:
		f.kind = EFFECT_NONE;
		break;
	default: /* as queues are */
		return f;
	}
	f.name = verdict[NFTA_VERDICT_CHAIN] ? nft_text(rs, verdict[NFTA_VERDICT_CHAIN]) : NULL;
	return f;
}

/* ---- one function for each expression --------------------------------------------------- */

static void nothing(struct expression *e)
{
	(void)e; /* counts, logs or changes something no condition of ours looks at */
}

static void maybe(struct expression *e)
{
	ruleset_maybe(e->rs, e->r, e->name);
	(void)ruleset_add_step(e->rs, e->r, STEP_FORGET);
}

static void accept_it(struct expression *e)
{
	ruleset_effect(e->rs, e->r, EFFECT_ACCEPT, NULL);
}

static void unknown_effect(struct expression *e)
{
	ruleset_effect(e->rs, e->r, EFFECT_UNKNOWN, e->name);
}

static void reject(struct expression *e)
{
	ruleset_effect(e->rs, e->r, EFFECT_REJECT, NULL);
}

static void meta(struct expression *e)
{
	static const struct {
		uint32_t key;
		enum flow_part part;
		uint8_t length;
	} keys[] = {
		{ NFT_META_PROTOCOL, FLOW_ETHERTYPE, 2 },
		{ NFT_META_IIF, FLOW_IN_INDEX, 4 },
		{ NFT_META_OIF, FLOW_OUT_INDEX, 4 },
		{ NFT_META_IIFNAME, FLOW_IN, 16 },
		{ NFT_META_OIFNAME, FLOW_OUT, 16 },
		{ NFT_META_NFPROTO, FLOW_FAMILY, 1 },
		{ NFT_META_L4PROTO, FLOW_PROTOCOL, 1 },
		{ NFT_META_PKTTYPE, FLOW_PACKET_TYPE, 1 },
	};
	uint32_t key = nft_number(e->at[NFTA_META_KEY]);

	if (!e->at[NFTA_META_DREG])
		return; /* sets it */
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].key == key) {
			load(e, NFTA_META_DREG, keys[i].part, 0, keys[i].length);
			return;
		}
	load(e, NFTA_META_DREG, FLOW_UNKNOWN, 0, RULE_VALUE);
}

static void payload(struct expression *e)
{
	uint32_t base = nft_number(e->at[NFTA_PAYLOAD_BASE]);

	if (e->at[NFTA_PAYLOAD_DREG]) /* else writes */
		load(e, NFTA_PAYLOAD_DREG,
		     base == NFT_PAYLOAD_NETWORK_HEADER	    ? FLOW_NETWORK
		     : base == NFT_PAYLOAD_TRANSPORT_HEADER ? FLOW_TRANSPORT
							    : FLOW_UNKNOWN,
		     nft_number(e->at[NFTA_PAYLOAD_OFFSET]),
		     nft_number(e->at[NFTA_PAYLOAD_LEN]));
}

static void conntrack(struct expression *e)
{
	uint32_t key = nft_number(e->at[NFTA_CT_KEY]);

	if (!e->at[NFTA_CT_DREG])
		return;
	if (key == NFT_CT_STATE)
		load(e, NFTA_CT_DREG, FLOW_STATE, 0, 4);
	else if (key == NFT_CT_STATUS)
		load(e, NFTA_CT_DREG, FLOW_STATUS, 0, 4);
	else if (key == NFT_CT_DIRECTION)
		load(e, NFTA_CT_DREG, FLOW_DIRECTION, 0, 1);
	else
		maybe(e);
}

static void fib(struct expression *e)
{
	bool type = nft_number(e->at[NFTA_FIB_RESULT]) == NFT_FIB_RESULT_ADDRTYPE &&
		    nft_number(e->at[NFTA_FIB_FLAGS]) == NFTA_FIB_F_DADDR;

	load(e, NFTA_FIB_DREG, type ? FLOW_TARGET_TYPE : FLOW_UNKNOWN, 0, type ? 4 : 16);
}

static void bitwise(struct expression *e)
{
	uint32_t length = nft_number(e->at[NFTA_BITWISE_LEN]);
	uint8_t mask[RULE_VALUE], xor[RULE_VALUE], from, to;
	struct step *s;

	if (!take_register(e, NFTA_BITWISE_SREG, length, &from) ||
	    !take_register(e, NFTA_BITWISE_DREG, length, &to))
		return;
	if (nft_number(e->at[NFTA_BITWISE_OP]) != 0 /* NFT_BITWISE_BOOL */ ||
	    value_of(e->at[NFTA_BITWISE_MASK], mask) != length ||
	    value_of(e->at[NFTA_BITWISE_XOR], xor) != length) {
		load(e, NFTA_BITWISE_DREG, FLOW_UNKNOWN, 0, length);
		return;
	}
	s = ruleset_add_step(e->rs, e->r, STEP_MASK);
	s->reg = from;
	s->to = to;
	s->length = (uint8_t)length;
	memcpy(s->low, mask, length);
	memcpy(s->high, xor, length);
}

static void compare(struct expression *e)
{
	uint32_t op = nft_number(e->at[NFTA_CMP_OP]);
	uint8_t value[RULE_VALUE], length = value_of(e->at[NFTA_CMP_DATA], value), reg;
	struct step *s;

	if (!take_register(e, NFTA_CMP_SREG, length, &reg))
		return;
	s = ruleset_add_step(e->rs, e->r, STEP_TEST);
	s->reg = reg;
	s->length = length;
	/* < is not >=, > is not <=: the bound is the value, the other end is the end. */
	s->inverted = op == NFT_CMP_NEQ || op == NFT_CMP_LT || op == NFT_CMP_GT;
	memset(s->high, 0xff, length);
	if (op != NFT_CMP_LTE && op != NFT_CMP_GT)
		memcpy(s->low, value, length);
	if (op != NFT_CMP_GTE && op != NFT_CMP_LT)
		memcpy(s->high, value, length);
}

static void range(struct expression *e)
{
	uint8_t low[RULE_VALUE], high[RULE_VALUE], reg;
	uint8_t length = value_of(e->at[NFTA_RANGE_FROM_DATA], low);
	struct step *s;

	if (value_of(e->at[NFTA_RANGE_TO_DATA], high) != length)
		length = 0;
	if (!take_register(e, NFTA_RANGE_SREG, length, &reg))
		return;
	s = ruleset_add_step(e->rs, e->r, STEP_TEST);
	s->reg = reg;
	s->length = length;
	s->inverted = nft_number(e->at[NFTA_RANGE_OP]) == NFT_RANGE_NEQ;
	memcpy(s->low, low, length);
	memcpy(s->high, high, length);
}

static void lookup(struct expression *e)
{
	struct step *s;
	uint8_t reg;

	if (!take_register(e, NFTA_LOOKUP_SREG, 1, &reg))
		return;
	s = ruleset_add_step(e->rs, e->r, STEP_LOOKUP);
	s->reg = reg;
	s->name = nft_text(e->rs, e->at[NFTA_LOOKUP_SET]);
	s->inverted = (nft_number(e->at[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV) != 0;
	/* A map's values go to a register; the one of verdicts is no place of ours. */
	if (e->at[NFTA_LOOKUP_DREG] && nft_number(e->at[NFTA_LOOKUP_DREG]) != NFT_REG_VERDICT)
		(void)ruleset_add_step(e->rs, e->r, STEP_FORGET);
}

static void immediate(struct expression *e)
{
	struct effect f;

	if (nft_number(e->at[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT) {
		load(e, NFTA_IMMEDIATE_DREG, FLOW_UNKNOWN, 0, RULE_VALUE);
		return;
	}
	f = nft_effect(e->rs, e->at[NFTA_IMMEDIATE_DATA]);
	if (f.kind != EFFECT_NONE)
		ruleset_add_step(e->rs, e->r, STEP_EFFECT)->effect = f;
}

static void match(struct expression *e)
{
	struct nlattr *info = e->at[NFTA_MATCH_INFO];

	xt_match(e->rs, e->r, nft_text(e->rs, e->at[NFTA_MATCH_NAME]),
		 nft_number(e->at[NFTA_MATCH_REV]), info ? nla_data(info) : NULL,
		 info ? (size_t)nla_len(info) : 0);
}

static void target(struct expression *e)
{
	struct nlattr *info = e->at[NFTA_TARGET_INFO];

	xt_target(e->rs, e->r, nft_text(e->rs, e->at[NFTA_TARGET_NAME]),
		  info ? nla_data(info) : NULL, info ? (size_t)nla_len(info) : 0);
}

/* What is not here is maybe(). */
static const struct {
	const char *name;
	void (*read)(struct expression *e);
} expressions[] = {
	{ "bitwise", bitwise },	     { "cmp", compare },	 { "counter", nothing },
	{ "ct", conntrack },	     { "dup", nothing },	 { "fib", fib },
	{ "flow_offload", nothing }, { "immediate", immediate }, { "last", nothing },
	{ "log", nothing },	     { "lookup", lookup },	 { "masq", accept_it },
	{ "match", match },	     { "meta", meta },		 { "nat", accept_it },
	{ "notrack", nothing },	     { "payload", payload },	 { "queue", unknown_effect },
	{ "range", range },	     { "redir", accept_it },	 { "reject", reject },
	{ "target", target },
};

void nft_expressions(struct ruleset *rs, struct rule *r, const struct nlattr *list)
{
	struct nlattr *one;
	int left;

	nla_for_each_nested(one, list, left)
	{
		struct nlattr *at[NFTA_EXPR_MAX + 1];
		struct expression e = { .rs = rs, .r = r };
		void (*read)(struct expression *) = maybe;

		parse(at, NFTA_EXPR_MAX + 1, one);
		e.name = nft_text(rs, at[NFTA_EXPR_NAME]);
		parse(e.at, ATTRS, at[NFTA_EXPR_DATA]);
		for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++)
			if (strcmp(expressions[i].name, e.name) == 0)
				read = expressions[i].read;
		read(&e);
	}
}
