/* ruleset.h - the host's packet filter, as a packet meets it.
 *
 * nf_tables of every family and the tables of legacy iptables, in one form: a rule is a run
 * of steps on a small register file. What a step cannot say is STEP_MAYBE, never left out.
 * Only looks, changes nothing. Memory is the arena's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define RULE_REGISTERS 64 /* bytes; NFT_REG32_00 to _15 */
#define RULE_VALUE     16 /* bytes a step holds, sizeof(struct nft_data) */

struct kernel;
struct rule_chain;

/* What of a packet a step loads. */
enum flow_part {
	FLOW_UNKNOWN,
	FLOW_NETWORK,	/* header, with an offset */
	FLOW_TRANSPORT, /* header, with an offset */
	FLOW_PROTOCOL,	/* of the transport, 1 byte */
	FLOW_FAMILY,	/* NFPROTO_*, 1 byte */
	FLOW_ETHERTYPE, /* 2 bytes, network order */
	FLOW_IN,	/* interface's name, 16 bytes */
	FLOW_OUT,
	FLOW_IN_INDEX, /* 4 bytes, host order like those below */
	FLOW_OUT_INDEX,
	FLOW_STATE,	  /* of conntrack: bits */
	FLOW_STATUS,	  /* of conntrack: bits */
	FLOW_DIRECTION,	  /* of conntrack, 1 byte */
	FLOW_PACKET_TYPE, /* PACKET_*, 1 byte */
	FLOW_TARGET_TYPE, /* RTN_* of the destination address, 4 bytes */
};

enum effect_kind {
	EFFECT_NONE,
	EFFECT_ACCEPT,
	EFFECT_DROP,
	EFFECT_REJECT,
	EFFECT_JUMP,
	EFFECT_GOTO,
	EFFECT_RETURN,
	EFFECT_UNKNOWN, /* may be any of these */
};

struct effect {
	enum effect_kind kind;
	const char *name; /* of the chain; of a rejection, how, or NULL */
	const struct rule_chain *chain;
};

enum step_kind {
	STEP_LOAD,   /* part at offset, length bytes, into reg */
	STEP_MASK,   /* to = reg & low ^ high */
	STEP_TEST,   /* low <= reg <= high, as numbers in network order */
	STEP_LOOKUP, /* reg in set; a map's element has an effect */
	STEP_FORGET, /* reg holds something unknown; length 0: all of them do */
	STEP_MAYBE,  /* a condition nobody here understands */
	STEP_EFFECT,
};

struct rule_set;

struct step {
	enum step_kind kind;
	enum flow_part part;
	uint8_t reg, to, length; /* bytes */
	uint16_t offset;
	bool inverted;
	uint8_t low[RULE_VALUE], high[RULE_VALUE];
	const char *name; /* of the set, or of what is not understood */
	const struct rule_set *set;
	struct effect effect;
};

struct rule {
	uint64_t handle;   /* 0: legacy */
	unsigned position; /* 1-based in its chain, as iptables counts */
	struct step *steps;
	size_t count, room;
};

struct element {
	const uint8_t *low, *high; /* key_length bytes each, inclusive */
	struct effect effect;
	bool end; /* while reading: low is the first key after a range */
};

struct rule_set {
	struct rule_table *table;
	const char *name;
	size_t key_length;
	bool ranges;	    /* ranges of one field */
	bool map;	    /* to an effect */
	bool data;	    /* map to something else */
	bool partial;	    /* there are more elements than were read */
	bool used;	    /* by a rule that was read */
	uint8_t fields[16]; /* lengths of a concatenation's, each padded to 4 */
	size_t field_count;
	struct element *elements;
	size_t count, room;
	struct effect fallback; /* for any other key */
	bool has_fallback;
};

enum hook {
	HOOK_NONE, /* no base chain */
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_PREROUTING,
	HOOK_POSTROUTING,
	HOOK_OTHER, /* of a family that is no IP's */
};

enum rule_family { /* of NFPROTO_*, those there are */
		   FAMILY_OTHER,
		   FAMILY_INET,
		   FAMILY_IPV4,
		   FAMILY_IPV6,
};

struct rule_table {
	enum rule_family family;
	const char *family_name; /* as nft writes it */
	const char *name;
	bool legacy;  /* of iptables-legacy or ip6tables-legacy */
	bool ours;    /* carries our mark */
	bool dormant; /* its chains are not asked */
	bool builtin; /* has base chains by the names of iptables' */
	bool native;  /* holds what iptables-nft cannot show */
};

struct rule_chain {
	struct rule_table *table;
	const char *name;
	size_t id; /* its place in the ruleset's chains */
	enum hook hook;
	int priority;
	struct effect policy;
	struct rule *rules;
	size_t count, room;
	uint32_t offset; /* legacy: where it begins in the blob */
};

struct ruleset {
	struct arena *arena;
	struct rule_table **tables;
	size_t table_count, table_room;
	struct rule_chain **chains; /* nf_tables' sorted by table and name, then legacy ones */
	size_t chain_count, chain_room;
	struct rule_set **sets; /* sorted like chains */
	size_t set_count, set_room;
	/* 0, or why that part could not be read: -EPERM needs root, -EOPNOTSUPP: the kernel
	 * has no nf_tables. */
	int nft_error, legacy_error;
};

/* The machine's, whole. The caller sets rs->arena. */
void ruleset_read(struct kernel *k, struct ruleset *rs);
/* Some iptables, not nft(8), is the tool for this chain. */
bool ruleset_is_iptables(const struct rule_chain *c);
