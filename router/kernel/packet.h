/* packet.h - the packet that is walked through a ruleset, as the registers of rules see it.
 *
 * Pure, like verdict.c, whose half it is. A byte is known or not. */
#pragma once

#include "kernel/verdict.h"

enum tri {
	NO,
	MAYBE,
	YES,
};

static inline enum tri tri_both(enum tri a, enum tri b)
{
	return a < b ? a : b;
}

static inline enum tri tri_not_if(bool inverted, enum tri t)
{
	return inverted ? (enum tri)(YES - t) : t;
}

struct bytes {
	uint8_t value[RULE_REGISTERS], known[RULE_REGISTERS]; /* known: 0xff or 0 */
};

struct packet {
	const struct flow *flow;
	struct bytes network, transport;
};

struct registers {
	struct bytes b;
	/* Which link this is: unknown, but none of the others. By register of 4 bytes. */
	enum flow_part link[RULE_REGISTERS / 4];
};

void packet_make(const struct flow *f, struct packet *ret);
/* False: the packet has no such thing, so the rule does not match. */
bool packet_load(const struct packet *p, struct registers *r, const struct step *s);
void packet_mask(struct registers *r, const struct step *s);
enum tri packet_test(const struct packet *p, const struct registers *r, const struct step *s);
/* Is the key at reg this element's? The set's key fits there. */
enum tri packet_in(const struct packet *p, const struct registers *r, size_t reg,
		   const struct rule_set *set, const struct element *e);
