#include "kernel/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clean.h"
#include "kernel/packet.h"

#define DEPTH 64 /* of jumps; NFT_JUMP_STACK_SIZE is 16 */

/* How a walk through a chain may end: bits. */
#define END_ACCEPT 1U
#define END_DROP   2U
#define END_BACK   4U /* to where it was called from, or to the policy */

struct memo {
	bool busy, done;
	unsigned ends;
	bool fell;		  /* off the chain's end, as END_BACK */
	struct place back;	  /* the first rule that went there before it */
	struct place drop, doubt; /* the first of each; chain NULL: none */
};

struct walk {
	const struct place *open;
	size_t open_count;
	struct memo *memo; /* by the chains' id */
	struct packet packet;
	unsigned depth;
};

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
		enum tri t = packet_in(&w->packet, r, s->reg, set, e);

		if (t == NO)
			continue;
		found = t;
		if (set->map)
			*stop = apply(w, c, rule, &e->effect, tri_both(sure, t));
	}
	if (set->partial && found != YES) {
		found = MAYBE;
		if (set->map)
			*stop = apply(w, c, rule, &unknown, MAYBE);
	}
	if (found != YES && set->has_fallback && !*stop) {
		if (set->map)
			*stop = apply(w, c, rule, &set->fallback,
				      found == NO ? sure : tri_both(sure, MAYBE));
		found = YES;
	}
	return tri_not_if(s->inverted, found);
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
			if (!packet_load(&w->packet, &r, s))
				return false;
			break;
		case STEP_MASK:
			packet_mask(&r, s);
			break;
		case STEP_TEST:
			sure = tri_both(sure, packet_test(&w->packet, &r, s));
			break;
		case STEP_LOOKUP:
			sure = tri_both(sure, lookup(w, &r, s, c, rule, sure, &stop));
			break;
		case STEP_FORGET:
			r = (struct registers){ 0 };
			break;
		case STEP_MAYBE:
			sure = tri_both(sure, MAYBE);
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
	struct walk w = { .open = open, .open_count = open_count, .memo = memo };
	struct place doubt = { 0 };
	size_t n = 0;

	packet_make(f, &w.packet);
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
