/* verdict.h - would a packet get through a ruleset?
 *
 * Pure. What is not known of the packet or not understood of a rule makes an answer unsure,
 * never wrong: it goes on with both, the rule matching and not. */
#pragma once

#include "base/addr.h"
#include "kernel/ruleset.h"

struct flow_link {
	const char *name; /* NULL: unknown; "": none */
	int index;	  /* 0: unknown */
};

/* The first packet of a connection, or the first that answers it. */
struct flow {
	enum hook hook;
	bool reply;
	int family;			/* AF_INET, AF_INET6 */
	struct flow_link in, out;	/* out.name "": it is for this machine */
	const struct flow_link *others; /* what unknown links are not */
	size_t other_count;
	struct addr source,
	    destination; /* whole bytes of the prefix are known; family 0: none */
	uint8_t protocol;
	int source_port, destination_port; /* -1: unknown */
};

struct place {
	const struct rule_chain *chain;
	const struct rule *rule; /* NULL: the policy */
	enum effect_kind effect;
	const char *name; /* as struct effect's */
};

enum verdict {
	VERDICT_PASS,
	VERDICT_BLOCK,
	VERDICT_UNSURE,
};

/* Every base chain of the flow's hook is asked, as accepting in one does not help in the
 * next. As if the flow were accepted right before each of the open places. *ret: the first
 * place that blocks, or the first that may; untouched when the packet passes. */
enum verdict ruleset_verdict(const struct ruleset *rs, const struct flow *f,
			     const struct place *open, size_t open_count, struct place *ret);
/* May this base chain drop or reject any packet at all? */
bool ruleset_may_drop(const struct ruleset *rs, const struct rule_chain *c);
