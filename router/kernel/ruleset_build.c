/* ruleset_build.c - the parts of a ruleset, for all who read into one. */
#include <linux/netfilter.h>
#include <string.h>

#include "kernel/ruleset_read.h"

struct rule_table *ruleset_add_table(struct ruleset *rs)
{
	struct rule_table *t = arena_alloc(rs->arena, sizeof(*t));

	rs->tables = arena_grow(rs->arena, rs->tables, rs->table_count, &rs->table_room,
				sizeof(struct rule_table *));
	rs->tables[rs->table_count++] = t;
	return t;
}

struct rule_chain *ruleset_add_chain(struct ruleset *rs, struct rule_table *t)
{
	struct rule_chain *c = arena_alloc(rs->arena, sizeof(*c));

	rs->chains = arena_grow(rs->arena, rs->chains, rs->chain_count, &rs->chain_room,
				sizeof(struct rule_chain *));
	c->table = t;
	c->id = rs->chain_count;
	rs->chains[rs->chain_count++] = c;
	return c;
}

enum hook ruleset_hook(unsigned number)
{
	static const enum hook hooks[] = {
		[NF_INET_PRE_ROUTING] = HOOK_PREROUTING,   [NF_INET_LOCAL_IN] = HOOK_INPUT,
		[NF_INET_FORWARD] = HOOK_FORWARD,	   [NF_INET_LOCAL_OUT] = HOOK_OUTPUT,
		[NF_INET_POST_ROUTING] = HOOK_POSTROUTING,
	};

	return number < sizeof(hooks) / sizeof(*hooks) ? hooks[number] : HOOK_OTHER;
}

struct rule *ruleset_add_rule(struct ruleset *rs, struct rule_chain *c)
{
	struct rule *r;

	c->rules = arena_grow(rs->arena, c->rules, c->count, &c->room, sizeof(*c->rules));
	r = &c->rules[c->count++];
	*r = (struct rule){ .position = (unsigned)c->count };
	return r;
}

struct step *ruleset_add_step(struct ruleset *rs, struct rule *r, enum step_kind kind)
{
	struct step *s;

	r->steps = arena_grow(rs->arena, r->steps, r->count, &r->room, sizeof(*r->steps));
	s = &r->steps[r->count++];
	*s = (struct step){ .kind = kind };
	return s;
}

struct rule_set *ruleset_new_set(struct ruleset *rs)
{
	return arena_alloc(rs->arena, sizeof(struct rule_set));
}

struct element *ruleset_add_element(struct ruleset *rs, struct rule_set *set)
{
	struct element *e;

	set->elements = arena_grow(rs->arena, set->elements, set->count, &set->room,
				   sizeof(*set->elements));
	e = &set->elements[set->count++];
	*e = (struct element){ 0 };
	return e;
}

static void add_load(struct ruleset *rs, struct rule *r, enum flow_part part, unsigned offset,
		     size_t length)
{
	struct step *s = ruleset_add_step(rs, r, STEP_LOAD);

	s->part = part;
	s->offset = (uint16_t)offset;
	s->length = (uint8_t)length;
}

void ruleset_test(struct ruleset *rs, struct rule *r, enum flow_part part, unsigned offset,
		  const void *low, const void *high, size_t length, bool inverted)
{
	struct step *s;

	add_load(rs, r, part, offset, length);
	s = ruleset_add_step(rs, r, STEP_TEST);
	s->length = (uint8_t)length;
	s->inverted = inverted;
	memcpy(s->low, low, length);
	memcpy(s->high, high, length);
}

void ruleset_test_masked(struct ruleset *rs, struct rule *r, enum flow_part part,
			 unsigned offset, const void *mask, const void *value, size_t length,
			 bool inverted)
{
	struct step *s;

	add_load(rs, r, part, offset, length);
	s = ruleset_add_step(rs, r, STEP_MASK);
	s->length = (uint8_t)length;
	memcpy(s->low, mask, length);
	s = ruleset_add_step(rs, r, STEP_TEST);
	s->length = (uint8_t)length;
	s->inverted = inverted;
	memcpy(s->low, value, length);
	memcpy(s->high, value, length);
}

void ruleset_effect(struct ruleset *rs, struct rule *r, enum effect_kind kind, const char *name)
{
	ruleset_add_step(rs, r, STEP_EFFECT)->effect =
	    (struct effect){ .kind = kind, .name = name };
}

void ruleset_maybe(struct ruleset *rs, struct rule *r, const char *name)
{
	ruleset_add_step(rs, r, STEP_MAYBE)->name = name;
}
