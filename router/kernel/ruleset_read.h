/* ruleset_read.h - for those who read into a ruleset: rules, expressions, iptables' blobs.
 *
 * All of these take bytes that may say anything, and read none beyond their length. */
#pragma once

#include "kernel/ruleset.h"

struct nlattr;

struct rule_table *ruleset_add_table(struct ruleset *rs);
struct rule_chain *ruleset_add_chain(struct ruleset *rs, struct rule_table *t);
struct rule *ruleset_add_rule(struct ruleset *rs, struct rule_chain *c);
struct step *ruleset_add_step(struct ruleset *rs, struct rule *r, enum step_kind kind);
struct rule_set *ruleset_new_set(struct ruleset *rs);
struct element *ruleset_add_element(struct ruleset *rs, struct rule_set *set);
/* Of NF_INET_*. */
enum hook ruleset_hook(unsigned number);

/* Shorthands: load a part into the first register, and test it. */
void ruleset_test(struct ruleset *rs, struct rule *r, enum flow_part part, unsigned offset,
		  const void *low, const void *high, size_t length, bool inverted);
void ruleset_test_masked(struct ruleset *rs, struct rule *r, enum flow_part part,
			 unsigned offset, const void *mask, const void *value, size_t length,
			 bool inverted);
void ruleset_effect(struct ruleset *rs, struct rule *r, enum effect_kind kind,
		    const char *name);
void ruleset_maybe(struct ruleset *rs, struct rule *r, const char *name);

/* xt.c: a match or a target of x_tables, from iptables-nft or from legacy. */
void xt_match(struct ruleset *rs, struct rule *r, const char *name, unsigned revision,
	      const void *info, size_t length);
void xt_target(struct ruleset *rs, struct rule *r, const char *name, const void *info,
	       size_t length);

/* iptables.c: what IPT_SO_GET_ENTRIES gives. False: it is damaged, what was read stays. */
#define LEGACY_HOOKS 5
struct legacy {
	const char *table;
	int family;
	unsigned valid; /* bits of hooks */
	uint32_t entry[LEGACY_HOOKS], underflow[LEGACY_HOOKS];
	const void *blob;
	size_t length;
};
bool legacy_parse(struct ruleset *rs, const struct legacy *from);
void legacy_read(struct ruleset *rs);

/* ruleset_expr.c: NFTA_RULE_EXPRESSIONS; an effect's verdict; the text of an attribute. */
void nft_expressions(struct ruleset *rs, struct rule *r, const struct nlattr *list);
struct effect nft_effect(struct ruleset *rs, const struct nlattr *data);
const char *nft_text(struct ruleset *rs, const struct nlattr *at);
uint32_t nft_number(const struct nlattr *at); /* 32 bits in network order; 0 when short */

/* ruleset.c: one message of a dump; the names in rules into pointers. */
struct nlmsghdr;
void nft_table_message(struct nlmsghdr *h, void *ruleset);
void nft_chain_message(struct nlmsghdr *h, void *ruleset);
void nft_set_message(struct nlmsghdr *h, void *ruleset);
void nft_rule_message(struct nlmsghdr *h, void *ruleset);
void nft_sort(struct ruleset *rs); /* after tables, chains and sets, before rules */
/* ruleset_set.c: the lengths of a key's fields, from NFTA_SET_DESC; its elements. */
void nft_fields(struct rule_set *set, const struct nlattr *description);
struct nft_elements {
	struct ruleset *rs;
	struct rule_set *set;
};
void nft_elements_message(struct nlmsghdr *h, void *elements);
void nft_elements_done(struct ruleset *rs, struct rule_set *set);
void nft_resolve(struct ruleset *rs);
