#include "kernel/verdict.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

#define DEPTH	  64 /* of jumps; NFT_JUMP_STACK_SIZE is 16 */
#define NETWORK	  40 /* bytes of the headers that are known at all */
#define TRANSPORT 20

enum tri {
	NO,
	MAYBE,
	YES,
};

/* How a walk through a chain may end: bits. */
#define END_ACCEPT 1U
#define END_DROP   2U
#define END_BACK   4U /* to where it was called from, or to the policy */

struct bytes {
	uint8_t value[RULE_REGISTERS], known[RULE_REGISTERS]; /* known: 0xff or 0 */
};

struct registers {
	struct bytes b;
	/* Which link this is: unknown, but none of the others. By register of 4 bytes. */
	enum flow_part link[RULE_REGISTERS / 4];
};

struct memo {
	bool busy, done;
	unsigned ends;
	bool fell;		  /* off the chain's end, as END_BACK */
	struct place back;	  /* the first rule that went there before it */
	struct place drop, doubt; /* the first of each; chain NULL: none */
};

struct walk {
	const struct ruleset *rs;
	const struct flow *f;
	const struct place *open;
	size_t open_count;
	struct memo *memo; /* by the chains' id */
	struct bytes network, transport;
	unsigned depth;
};

/* ---- the packet ------------------------------------------------------------------------- */

static void know(struct bytes *b, size_t at, const void *value, size_t n)
{
	memcpy(b->value + at, value, n);
	memset(b->known + at, 0xff, n);
}

static void know_address(struct bytes *b, size_t at, const struct addr *a)
{
	if (a->family)
		know(b, at, a->bytes, a->bits / 8U);
}

static void know_port(struct bytes *b, size_t at, int port)
{
	uint16_t p = htons((uint16_t)port);

	if (port >= 0)
		know(b, at, &p, sizeof(p));
}

static void make_headers(struct walk *w)
{
	static const uint8_t no_fragment[2], syn = TH_SYN;
	const struct flow *f = w->f;
	bool v4 = f->family == AF_INET;

	know(&w->network, v4 ? 9 : 6, &f->protocol, 1);
	know_address(&w->network, v4 ? 12 : 8, &f->source);
	know_address(&w->network, v4 ? 16 : 24, &f->destination);
	if (v4)
		know(&w->network, 6, no_fragment, sizeof(no_fragment));
	know_port(&w->transport, 0, f->source_port);
	know_port(&w->transport, 2, f->destination_port);
	if (f->protocol == IPPROTO_TCP)
		know(&w->transport, 13, &syn, 1);
}

static bool is_beyond(size_t at, size_t n, size_t size)
{
	return at > size || n > size - at;
}

static void load_bytes(struct registers *r, const struct step *s, const struct bytes *from,
		       size_t size)
{
	if (is_beyond(s->offset, s->length, size))
		return;
	memcpy(r->b.value + s->reg, from->value + s->offset, s->length);
	memcpy(r->b.known + s->reg, from->known + s->offset, s->length);
}

static void load_value(struct registers *r, const struct step *s, const void *value, size_t n)
{
	know(&r->b, s->reg, value, n < s->length ? n : s->length);
}

static void load_link(struct registers *r, const struct step *s, const struct flow_link *l)
{
	char name[RULE_VALUE] = { 0 };
	bool by_name = s->part == FLOW_IN || s->part == FLOW_OUT;

	r->link[s->reg / 4] = s->part;
	if (by_name && l->name) {
		memcpy(name, l->name, strnlen(l->name, sizeof(name) - 1));
		load_value(r, s, name, sizeof(name));
	}
	if (!by_name && l->index)
		load_value(r, s, &l->index, sizeof(l->index));
}

/* False: the packet has no such thing, so the rule does not match. */
static bool load(const struct walk *w, struct registers *r, const struct step *s)
{
	const struct flow *f = w->f;
	uint8_t byte;
	uint32_t word;
	uint16_t half;
	size_t padded = (s->length + 3U) / 4 * 4;

	/* A register is filled up with zeros: nft_reg_store16(), nft_payload_eval(). */
	memset(r->b.value + s->reg, 0, padded);
	memset(r->b.known + s->reg, 0xff, padded);
	memset(r->b.known + s->reg, 0, s->length);
	for (size_t i = s->reg / 4U; i < (s->reg + s->length + 3U) / 4; i++)
		r->link[i] = FLOW_UNKNOWN;
	switch (s->part) {
	case FLOW_UNKNOWN:
		break;
	case FLOW_NETWORK:
		load_bytes(r, s, &w->network, NETWORK);
		break;
	case FLOW_TRANSPORT:
		load_bytes(r, s, &w->transport, TRANSPORT);
		break;
	case FLOW_PROTOCOL:
		load_value(r, s, &f->protocol, 1);
		break;
	case FLOW_FAMILY:
		byte = f->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
		load_value(r, s, &byte, sizeof(byte));
		break;
	case FLOW_ETHERTYPE:
		half = htons(f->family == AF_INET ? 0x0800 : 0x86dd);
		load_value(r, s, &half, sizeof(half));
		break;
	case FLOW_IN:
	case FLOW_IN_INDEX:
		load_link(r, s, &f->in);
		break;
	case FLOW_OUT:
	case FLOW_OUT_INDEX:
		load_link(r, s, &f->out);
		return f->hook == HOOK_FORWARD;
	case FLOW_STATE:
		word = 1U << (IP_CT_NEW + 1); /* NF_CT_STATE_BIT() */
		load_value(r, s, &word, sizeof(word));
		break;
	case FLOW_STATUS:
		word = 0; /* neither confirmed nor translated */
		load_value(r, s, &word, sizeof(word));
		break;
	case FLOW_DIRECTION:
		byte = IP_CT_DIR_ORIGINAL;
		load_value(r, s, &byte, sizeof(byte));
		break;
	case FLOW_PACKET_TYPE:
		byte = PACKET_HOST;
		load_value(r, s, &byte, sizeof(byte));
		break;
	case FLOW_TARGET_TYPE:
		word = f->hook == HOOK_INPUT ? RTN_LOCAL : RTN_UNICAST;
		load_value(r, s, &word, sizeof(word));
		break;
	}
	return true;
}

/* ---- conditions ------------------------------------------------------------------------- */

/* Is the unknown link whose name or index would be compared surely another? */
static bool is_other(const struct walk *w, enum flow_part part, const uint8_t *value,
		     size_t length)
{
	for (size_t i = 0; i < w->f->other_count; i++) {
		const struct flow_link *o = &w->f->others[i];

		if ((part == FLOW_IN || part == FLOW_OUT) && o->name &&
		    memchr(value, 0, length) && strcmp(o->name, (const char *)value) == 0)
			return true;
		if ((part == FLOW_IN_INDEX || part == FLOW_OUT_INDEX) && o->index &&
		    length == sizeof(o->index) && memcmp(value, &o->index, length) == 0)
			return true;
	}
	return false;
}

static enum tri equals(const struct walk *w, const struct registers *r, size_t reg,
		       const uint8_t *value, size_t length)
{
	enum tri answer = YES;

	for (size_t i = 0; i < length; i++) {
		if (!r->b.known[reg + i])
			answer = MAYBE;
		else if (r->b.value[reg + i] != value[i])
			return NO;
	}
	if (answer == MAYBE && r->link[reg / 4] && is_other(w, r->link[reg / 4], value, length))
		return NO;
	return answer;
}

/* Is low <= register <= high? Unknown bytes make the least and the most it can be. */
static enum tri between(const struct walk *w, const struct registers *r, size_t reg,
			const uint8_t *low, const uint8_t *high, size_t length)
{
	uint8_t least[RULE_REGISTERS], most[RULE_REGISTERS];

	if (memcmp(low, high, length) == 0)
		return equals(w, r, reg, low, length);
	for (size_t i = 0; i < length; i++) {
		bool known = r->b.known[reg + i];

		least[i] = known ? r->b.value[reg + i] : 0;
		most[i] = known ? r->b.value[reg + i] : 0xff;
	}
	if (memcmp(least, low, length) >= 0 && memcmp(most, high, length) <= 0)
		return YES;
	if (memcmp(most, low, length) < 0 || memcmp(least, high, length) > 0)
		return NO;
	return MAYBE;
}

static enum tri not_if(bool inverted, enum tri t)
{
	return inverted ? (enum tri)(YES - t) : t;
}

static enum tri both(enum tri a, enum tri b)
{
	return a < b ? a : b;
}

static enum tri in_element(const struct walk *w, const struct registers *r, size_t reg,
			   const struct rule_set *set, const struct element *e)
{
	enum tri all = YES;
	size_t at = 0;

	if (set->field_count < 2)
		return between(w, r, reg, e->low, e->high, set->key_length);
	for (size_t i = 0; i < set->field_count && all != NO; i++) {
		size_t n = set->fields[i];

		if (is_beyond(at, n, set->key_length))
			return MAYBE;
		all = both(all, between(w, r, reg + at, e->low + at, e->high + at, n));
		at += (n + 3) / 4 * 4;
	}
	return all;
}

/* ---- chains ----------------------------------------------------------------------------- */

static void walk_chain(struct walk *w, const struct rule_chain *c);

static void note(struct place *to, const struct place *what)
{
	if (!to->chain)
		*to = *what;
}

/* An effect that comes about for sure, or maybe. True: the walk ends here for sure. */
static bool apply(struct walk *w, const struct rule_chain *c, const struct rule *r,
		  const struct effect *f, enum tri sure)
{
	struct memo *m = &w->memo[c->id];
	struct place here = { c, r, f->kind, f->name };
	const struct memo *sub;

	if (f->kind == EFFECT_NONE)
		return false;
	if (sure == MAYBE)
		note(&m->doubt, &here);
	switch (f->kind) {
	case EFFECT_NONE:
		return false;
	case EFFECT_ACCEPT:
		m->ends |= END_ACCEPT;
		return sure == YES;
	case EFFECT_DROP:
	case EFFECT_REJECT:
		m->ends |= END_DROP;
		note(&m->drop, &here);
		return sure == YES;
	case EFFECT_RETURN:
		m->ends |= END_BACK;
		note(&m->back, &here);
		return sure == YES;
	case EFFECT_UNKNOWN:
		m->ends |= END_ACCEPT | END_DROP;
		note(&m->doubt, &here);
		note(&m->drop, &here);
		return false;
	case EFFECT_JUMP:
	case EFFECT_GOTO:
		break;
	}
	if (!f->chain || w->memo[f->chain->id].busy || w->depth >= DEPTH) {
		m->ends |= END_ACCEPT | END_DROP;
		note(&m->doubt, &here);
		note(&m->drop, &here);
		return false;
	}
	walk_chain(w, f->chain);
	sub = &w->memo[f->chain->id];
	m->ends |= sub->ends & (END_ACCEPT | END_DROP);
	if (sub->doubt.chain)
		note(&m->doubt, &sub->doubt);
	if (sub->drop.chain)
		note(&m->drop, &sub->drop);
	if (f->kind == EFFECT_GOTO && sub->ends & END_BACK) {
		m->ends |= END_BACK;
		note(&m->back, &here);
	}
	return sure == YES && (f->kind == EFFECT_GOTO || !(sub->ends & END_BACK));
}

/* A map's effects come about by themselves. *stop: the walk ends. Else, does it match? */
static enum tri lookup(struct walk *w, const struct registers *r, const struct step *s,
		       const struct rule_chain *c, const struct rule *rule, enum tri sure,
		       bool *stop)
{
	static const struct effect unknown = { .kind = EFFECT_UNKNOWN, .name = "map" };
	const struct rule_set *set = s->set;
	enum tri found = NO;

	if (!set || set->key_length > RULE_REGISTERS - (size_t)s->reg) {
		*stop = apply(w, c, rule, &unknown, MAYBE);
		return MAYBE;
	}
	for (size_t i = 0; i < set->count && found != YES && !*stop; i++) {
		const struct element *e = &set->elements[i];
		enum tri t = in_element(w, r, s->reg, set, e);

		if (t == NO)
			continue;
		found = t;
		if (set->map)
			*stop = apply(w, c, rule, &e->effect, both(sure, t));
	}
	if (set->partial && found != YES) {
		found = MAYBE;
		if (set->map)
			*stop = apply(w, c, rule, &unknown, MAYBE);
	}
	if (found != YES && set->has_fallback && !*stop) {
		if (set->map)
			*stop = apply(w, c, rule, &set->fallback,
				      found == NO ? sure : both(sure, MAYBE));
		found = YES;
	}
	return not_if(s->inverted, found);
}

static void mask(struct registers *r, const struct step *s)
{
	for (size_t i = 0; i < s->length; i++) {
		uint8_t v = r->b.value[s->reg + i], k = r->b.known[s->reg + i];

		r->b.value[s->to + i] = (v & s->low[i]) ^ s->high[i];
		r->b.known[s->to + i] = k || !s->low[i] ? 0xff : 0;
	}
	for (size_t i = s->to / 4U; i < (s->to + s->length + 3U) / 4; i++)
		r->link[i] = FLOW_UNKNOWN;
}

/* True: the walk through this chain ends here. */
static bool walk_rule(struct walk *w, const struct rule_chain *c, const struct rule *rule)
{
	struct registers r = { 0 };
	enum tri sure = YES;
	bool stop = false;

	for (size_t i = 0; i < rule->count && sure != NO && !stop; i++) {
		const struct step *s = &rule->steps[i];

		switch (s->kind) {
		case STEP_LOAD:
			if (!load(w, &r, s))
				return false;
			break;
		case STEP_MASK:
			mask(&r, s);
			break;
		case STEP_TEST:
			sure = both(sure, not_if(s->inverted, between(w, &r, s->reg, s->low,
								      s->high, s->length)));
			break;
		case STEP_LOOKUP:
			sure = both(sure, lookup(w, &r, s, c, rule, sure, &stop));
			break;
		case STEP_FORGET:
			r = (struct registers){ 0 };
			break;
		case STEP_MAYBE:
			sure = both(sure, MAYBE);
			break;
		case STEP_EFFECT:
			stop = apply(w, c, rule, &s->effect, sure);
			break;
		}
	}
	return stop;
}

static bool is_open(const struct walk *w, const struct rule_chain *c, const struct rule *r)
{
	for (size_t i = 0; i < w->open_count; i++)
		if (w->open[i].chain == c && w->open[i].rule == r)
			return true;
	return false;
}

static void walk_chain(struct walk *w, const struct rule_chain *c)
{
	struct memo *m = &w->memo[c->id];
	bool stop = false;

	if (m->done)
		return;
	m->busy = true;
	w->depth++;
	for (size_t i = 0; i < c->count && !stop; i++) {
		stop = is_open(w, c, &c->rules[i]);
		if (stop)
			m->ends |= END_ACCEPT;
		else
			stop = walk_rule(w, c, &c->rules[i]);
	}
	if (!stop) {
		m->ends |= END_BACK;
		m->fell = true;
	}
	w->depth--;
	m->busy = false;
	m->done = true;
}

static bool is_asked(const struct rule_chain *c, const struct flow *f)
{
	enum rule_family own = f->family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;

	return c->hook == f->hook && !c->table->dormant &&
	       (c->table->family == own || c->table->family == FAMILY_INET);
}

/* Through a base chain, policy included. What would be added at its end does not help what
 * left before it: there, the place is the rule by which it left. */
static void walk_base(struct walk *w, const struct rule_chain *c)
{
	struct memo *m = &w->memo[c->id];
	struct effect policy = c->policy;

	walk_chain(w, c);
	m->ends &= ~END_BACK;
	if (m->back.chain) {
		policy.name = "by the chain's policy";
		(void)apply(w, c, m->back.rule, &policy, YES);
	}
	if (!m->fell)
		return;
	policy.name = NULL;
	if (is_open(w, c, NULL))
		policy.kind = EFFECT_ACCEPT;
	(void)apply(w, c, NULL, &policy, YES);
}

static int by_priority(const void *pa, const void *pb)
{
	const struct rule_chain *const *a = pa, *const *b = pb;

	return ((*a)->priority > (*b)->priority) - ((*a)->priority < (*b)->priority);
}

enum verdict ruleset_verdict(const struct ruleset *rs, const struct flow *f,
			     const struct place *open, size_t open_count, struct place *ret)
{
	CLEAN(free_ptr) struct memo *memo = must(calloc(rs->chain_count + 1, sizeof(*memo)));
	CLEAN(free_ptr) const struct rule_chain **base =
	    must(calloc(rs->chain_count + 1, sizeof(struct rule_chain *)));
	struct walk w = {
		.rs = rs, .f = f, .open = open, .open_count = open_count, .memo = memo
	};
	struct place doubt = { 0 };
	size_t n = 0;

	make_headers(&w);
	for (size_t i = 0; i < rs->chain_count; i++)
		if (is_asked(rs->chains[i], f))
			base[n++] = rs->chains[i];
	qsort(base, n, sizeof(struct rule_chain *), by_priority);
	for (size_t i = 0; i < n; i++) {
		struct memo *m = &memo[base[i]->id];

		walk_base(&w, base[i]);
		if (m->ends == END_DROP) {
			*ret = m->drop;
			return VERDICT_BLOCK;
		}
		if (m->ends & END_DROP)
			note(&doubt, m->doubt.chain ? &m->doubt : &m->drop);
	}
	if (!doubt.chain)
		return VERDICT_PASS;
	*ret = doubt;
	return VERDICT_UNSURE;
}

static bool is_drop(const struct ruleset *rs, const struct effect *f, bool *seen);

static bool drops(const struct ruleset *rs, const struct rule_chain *c, bool *seen)
{
	bool found = false;

	if (!c || seen[c->id])
		return false;
	seen[c->id] = true;
	for (size_t i = 0; i < c->count && !found; i++)
		for (size_t j = 0; j < c->rules[i].count && !found; j++) {
			const struct step *s = &c->rules[i].steps[j];

			found = is_drop(rs, &s->effect, seen);
			for (size_t e = 0; s->set && e < s->set->count && !found; e++)
				found = is_drop(rs, &s->set->elements[e].effect, seen);
			if (s->set && !found)
				found = is_drop(rs, &s->set->fallback, seen);
		}
	return found;
}

static bool is_drop(const struct ruleset *rs, const struct effect *f, bool *seen)
{
	return f->kind == EFFECT_DROP || f->kind == EFFECT_REJECT || drops(rs, f->chain, seen);
}

bool ruleset_may_drop(const struct ruleset *rs, const struct rule_chain *c)
{
	CLEAN(free_ptr) bool *seen = must(calloc(rs->chain_count + 1, sizeof(*seen)));

	return is_drop(rs, &c->policy, seen) || drops(rs, c, seen);
}
