/* The walk through rules, as a table of rulesets and what becomes of one packet.
 *
 * A ruleset is chains with " | " between them: "input:drop" or "forward@-20:accept" opens a
 * base chain with its policy, "name:" another. Rules follow, with ";" between them, of words:
 *
 *	in=eth0 out=eth* proto=17 to=22 from=1-99 src=10.0.0.0/8 dst=10.0.0.1 state=2
 *	a ! before it inverts it
 *	? a condition nobody knows		{1,5-9} the port is in the set
 *	{5:drop,7:jump x,*:accept}		a map of the port
 *	accept drop reject return unknown jump:x goto:x
 *
 * A packet is written the same way; what is left out is not known of it. "reply" in it is the
 * answer to a connection's first. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "kernel/ruleset_read.h"
#include "kernel/verdict.h"
#include "t.h"

#define UDP  "input proto=17 to=51820 in=eth0"
#define FWD  "forward proto=6 from=50000 to=9 in=lan0 out=wg0 src=10.77.0.0/16 dst=10.77.60.7"
#define OUT  "output proto=6 from=50000 to=9 out=wg0"
#define PRE  "prerouting proto=6 from=50000 to=9 in=lan0"
#define POST "postrouting proto=6 from=50000 to=9 out=wg0"
#define ANY  "forward proto=6 from=50000 to=9 out=wg0 dst=10.77.60.7"

static const struct {
	const char *rules, *packet, *answer; /* place is "chain.position", or "chain" */
} cases[] = {
	{ "", UDP, "pass" },
	{ "input:accept", UDP, "pass" },
	{ "input:drop", UDP, "block input" },
	{ "input:drop", FWD, "pass" }, /* another hook */
	{ "forward:drop", FWD, "block forward" },

	/* OCI's INPUT and FORWARD. */
	{ "input:accept state=6 accept; proto=1 accept; in=lo accept; proto=6 state=8 to=22 "
	  "accept; reject",
	  UDP, "block input.5" },
	{ "forward:accept reject", FWD, "block forward.1" },
	{ "forward:accept in=lan0 out=wg0 accept; reject", FWD, "pass" },
	{ "forward:accept in=wg0 out=lan0 accept; reject", FWD, "block forward.2" },

	/* Each condition, met and not, straight and inverted. */
	{ "input:drop in=eth0 accept", UDP, "pass" },
	{ "input:drop in=eth1 accept", UDP, "block input" },
	{ "input:drop in=eth accept", UDP, "block input" },
	{ "input:drop in=eth* accept", UDP, "pass" },
	{ "input:drop in=en* accept", UDP, "block input" },
	{ "input:drop !in=eth1 accept", UDP, "pass" },
	{ "input:drop !in=eth0 accept", UDP, "block input" },
	{ "input:accept out=eth0 drop", UDP, "pass" }, /* there is none */
	{ "input:accept !out=eth0 drop", UDP, "pass" },
	{ "forward:drop out=wg0 accept", FWD, "pass" },
	{ "forward:drop proto=6 accept", FWD, "pass" },
	{ "forward:drop proto=17 accept", FWD, "block forward" },
	{ "input:drop to=51820 accept", UDP, "pass" },
	{ "input:drop to=51819-51821 accept", UDP, "pass" },
	{ "input:drop to=51821-65535 accept", UDP, "block input" },
	{ "input:drop to=0-51819 accept", UDP, "block input" },
	{ "input:drop !to=0-51819 accept", UDP, "pass" },
	{ "forward:drop src=10.0.0.0/8 accept", FWD, "pass" },
	{ "forward:drop src=10.77.0.0/16 accept", FWD, "pass" },
	{ "forward:drop src=10.78.0.0/16 accept", FWD, "block forward" },
	{ "forward:drop !src=10.78.0.0/16 accept", FWD, "pass" },
	{ "forward:drop dst=10.77.60.7 accept", FWD, "pass" },
	{ "forward:drop dst=10.77.60.8 accept", FWD, "block forward" },
	{ "forward:drop dst=0.0.0.0/0 accept", FWD, "pass" },
	{ "input:drop state=8 accept", UDP, "pass" },
	{ "input:drop state=6 accept", UDP, "block input" },
	{ "input:drop !state=6 accept", UDP, "pass" },
	{ "input:drop proto=17 to=51820 in=eth0 state=8 accept", UDP, "pass" },
	{ "input:drop proto=17 to=51820 in=eth1 state=8 accept", UDP, "block input" },

	/* Other hooks have other chains, and not both links. */
	{ "output:drop", FWD, "pass" },
	{ "output:drop", OUT, "block output" },
	{ "output:drop out=wg0 accept", OUT, "pass" },
	{ "output:accept in=eth0 drop", OUT " in=eth0", "pass" }, /* there is none */
	{ "prerouting:accept in=lan0 drop", PRE, "block prerouting.1" },
	{ "prerouting:accept out=wg0 drop", PRE " out=wg0", "pass" }, /* not yet */
	{ "forward:drop", PRE, "pass" },
	{ "postrouting:accept out=wg0 drop", POST, "block postrouting.1" },

	/* The answer to a connection that was let through. */
	{ "forward:drop state=6 accept", FWD " reply", "pass" },
	{ "forward:drop state=8 accept", FWD " reply", "block forward" },
	{ "forward:drop state=8 accept", FWD, "pass" },

	/* What is not known: of the packet, of the rule. */
	{ "forward:drop src=10.77.60.0/24 accept", FWD, "unsure forward.1" },
	{ "forward:drop in=eth1 accept", ANY, "unsure forward.1" },
	{ "forward:drop in=eth* accept", ANY, "unsure forward.1" },
	{ "forward:drop in=lo accept", ANY, "block forward" }, /* that it is not */
	{ "forward:drop in=wg0 accept", ANY, "block forward" },
	{ "forward:accept !in=wg0 drop", ANY, "block forward.1" },
	{ "forward:drop src=10.0.0.0/8 accept", ANY, "unsure forward.1" },
	{ "input:drop from=51820 accept", UDP, "unsure input.1" },
	{ "input:drop from=0-65535 accept", UDP, "pass" },
	{ "input:drop ? accept", UDP, "unsure input.1" },
	{ "input:drop ? to=22 accept", UDP, "block input" },
	{ "input:accept ? drop", UDP, "unsure input.1" },
	{ "input:accept ?", UDP, "pass" },
	{ "input:accept ? accept; ? return", UDP, "pass" },
	{ "input:drop ? drop", UDP, "block input.1" },
	{ "input:accept unknown", UDP, "unsure input.1" },
	{ "input:drop unknown", UDP, "unsure input.1" },
	{ "input:accept accept; unknown", UDP, "pass" },

	/* Chains. */
	{ "input:accept jump:a; drop | a: to=51820 accept", UDP, "pass" },
	{ "input:accept jump:a; drop | a: to=22 accept", UDP, "block input.2" },
	{ "input:accept goto:a; drop | a: to=22 accept", UDP, "pass" },
	{ "input:drop goto:a; accept | a: to=22 accept", UDP, "block input.1" },
	{ "input:drop jump:a; accept | a: to=51820 return; drop", UDP, "pass" },
	{ "input:drop jump:a; accept | a: to=22 return; drop", UDP, "block a.2" },
	{ "input:drop jump:a | a: jump:b; drop | b: goto:c; drop | c: return; drop", UDP,
	  "block a.2" },
	{ "input:accept ? jump:a; accept | a: drop", UDP, "unsure input.1" },
	{ "input:accept ? goto:a; drop | a: drop", UDP, "block a.1" },
	{ "input:accept jump:gone", UDP, "unsure input.1" },
	{ "input:accept jump:a | a: jump:a", UDP, "unsure a.1" }, /* no kernel has one */
	{ "input:drop return; accept", UDP, "block input.1" },
	{ "input:drop to=22 return", UDP, "block input" },
	{ "input:drop ? return; accept", UDP, "unsure input.1" },
	{ "input:accept return; drop", UDP, "pass" },

	/* More than one base chain: each must let it through, by priority. */
	{ "input@20:drop | input@5:drop", UDP, "block input@5" },
	{ "input@0:accept accept | input@10:drop", UDP, "block input@10" },
	{ "input@10:drop | input@-10:accept reject", UDP, "block input@-10.1" },
	{ "input@0:accept accept | input@10:drop to=51820 accept", UDP, "pass" },
	{ "input@0:accept ? drop | input@10:drop", UDP, "block input@10" },

	/* Sets and maps. */
	{ "input:drop {22,51820} accept", UDP, "pass" },
	{ "input:drop {22,80} accept", UDP, "block input" },
	{ "input:drop !{22,80} accept", UDP, "pass" },
	{ "input:drop {1-9,51000-52000} accept", UDP, "pass" },
	{ "input:drop {} accept", UDP, "block input" },
	{ "input:drop {22:drop,51820:accept}", UDP, "pass" },
	{ "input:accept {51820:drop}; accept", UDP, "block input.1" },
	{ "input:accept {22:drop}; accept", UDP, "pass" },
	{ "input:accept {22:drop,*:reject}; accept", UDP, "block input.1" },
	{ "input:accept {51820:accept,*:reject}", UDP, "pass" },
	{ "input:accept {51820:jump a}; accept | a: drop", UDP, "block a.1" },
	{ "input:drop {51820:goto a}; accept | a: to=22 accept", UDP, "block input.1" },
	{ "input:accept {22:drop,51820:drop}", "input proto=17", "unsure input.1" },
	{ "input:drop {22,51820} accept", "input proto=17", "unsure input.1" },
};

/* ---- words into rules ------------------------------------------------------------------- */

struct builder {
	struct ruleset *rs;
	struct rule_table *table;
};

static bool starts(const char **word, const char *with)
{
	size_t n = strlen(with);

	if (strncmp(*word, with, n) != 0)
		return false;
	*word += n;
	return true;
}

static void read_range(const char *text, uint16_t ret[2])
{
	const char *dash = strchr(text, '-');

	ret[0] = (uint16_t)strtoul(text, NULL, 10);
	ret[1] = dash ? (uint16_t)strtoul(dash + 1, NULL, 10) : ret[0];
}

static struct effect read_effect(const char *w)
{
	struct effect f = { .kind = EFFECT_NONE };

	if (starts(&w, "jump:") || starts(&w, "jump "))
		return (struct effect){ .kind = EFFECT_JUMP, .name = w };
	if (starts(&w, "goto:") || starts(&w, "goto "))
		return (struct effect){ .kind = EFFECT_GOTO, .name = w };
	f.kind = strcmp(w, "accept") == 0    ? EFFECT_ACCEPT
		 : strcmp(w, "drop") == 0    ? EFFECT_DROP
		 : strcmp(w, "reject") == 0  ? EFFECT_REJECT
		 : strcmp(w, "return") == 0  ? EFFECT_RETURN
		 : strcmp(w, "unknown") == 0 ? EFFECT_UNKNOWN
					     : EFFECT_NONE;
	CHECK(f.kind != EFFECT_NONE, "'%s'", w);
	return f;
}

static void add_set(struct builder *b, struct rule *r, char *list, bool inverted)
{
	struct rule_set *set = ruleset_new_set(b->rs);
	struct step *s = ruleset_add_step(b->rs, r, STEP_LOAD);
	char *save = NULL;

	s->part = FLOW_TRANSPORT;
	s->offset = 2;
	s->length = 2;
	set->table = b->table;
	set->key_length = 2;
	list[strlen(list) - 1] = '\0';
	for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(w, ':');
		uint16_t range[2], *keys = arena_alloc(b->rs->arena, sizeof(range));
		struct effect f = { 0 };
		struct element *e;

		set->map |= colon != NULL;
		if (colon)
			f = read_effect(colon + 1);
		if (*w == '*') {
			set->has_fallback = true;
			set->fallback = f;
			continue;
		}
		read_range(w, range);
		keys[0] = htons(range[0]);
		keys[1] = htons(range[1]);
		e = ruleset_add_element(b->rs, set);
		e->low = (uint8_t *)&keys[0];
		e->high = (uint8_t *)&keys[1];
		e->effect = f;
	}
	s = ruleset_add_step(b->rs, r, STEP_LOOKUP);
	s->set = set;
	s->inverted = inverted;
}

static void add_port(struct builder *b, struct rule *r, unsigned offset, const char *w,
		     bool inverted)
{
	uint16_t range[2];

	read_range(w, range);
	range[0] = htons(range[0]);
	range[1] = htons(range[1]);
	ruleset_test(b->rs, r, FLOW_TRANSPORT, offset, &range[0], &range[1], 2, inverted);
}

static void add_link(struct builder *b, struct rule *r, enum flow_part part, const char *w,
		     bool inverted)
{
	size_t n = strcspn(w, "*");
	char name[16] = { 0 };

	memcpy(name, w, n);
	ruleset_test(b->rs, r, part, 0, name, name, w[n] ? n : sizeof(name), inverted);
}

static void add_address(struct builder *b, struct rule *r, unsigned offset, const char *w,
			bool inverted)
{
	struct addr a;
	uint32_t mask;

	CHECK(addr_parse(w, &a), "%s", w);
	mask = a.bits ? htonl(UINT32_MAX << (32 - a.bits)) : 0;
	ruleset_test_masked(b->rs, r, FLOW_NETWORK, offset, &mask, a.bytes, 4, inverted);
}

static void add_word(struct builder *b, struct rule *r, char *word)
{
	bool inverted = *word == '!';
	const char *w = word + inverted;
	uint32_t bits, none = 0;
	uint8_t byte;

	if (*w == '?') {
		ruleset_maybe(b->rs, r, "?");
	} else if (*w == '{') {
		add_set(b, r, word + inverted + 1, inverted);
	} else if (starts(&w, "in=")) {
		add_link(b, r, FLOW_IN, w, inverted);
	} else if (starts(&w, "out=")) {
		add_link(b, r, FLOW_OUT, w, inverted);
	} else if (starts(&w, "from=")) {
		add_port(b, r, 0, w, inverted);
	} else if (starts(&w, "to=")) {
		add_port(b, r, 2, w, inverted);
	} else if (starts(&w, "src=")) {
		add_address(b, r, 12, w, inverted);
	} else if (starts(&w, "dst=")) {
		add_address(b, r, 16, w, inverted);
	} else if (starts(&w, "proto=")) {
		byte = (uint8_t)atoi(w);
		ruleset_test(b->rs, r, FLOW_PROTOCOL, 0, &byte, &byte, 1, inverted);
	} else if (starts(&w, "state=")) {
		bits = (uint32_t)atoi(w);
		ruleset_test_masked(b->rs, r, FLOW_STATE, 0, &bits, &none, 4, !inverted);
	} else {
		ruleset_add_step(b->rs, r, STEP_EFFECT)->effect = read_effect(w);
	}
}

/* The next of a text's parts, spaces around it gone; a space inside {} does not part. */
static char *part(char **text, char by)
{
	char *start = *text + strspn(*text, " "), *end;
	bool inside = false;

	for (end = start; *end && (inside || *end != by); end++)
		inside = *end == '{' || (inside && *end != '}');
	*text = *end ? end + 1 : end;
	*end = '\0';
	while (end > start && end[-1] == ' ')
		*--end = '\0';
	return *start ? start : NULL;
}

static enum hook read_hook(const char *text)
{
	static const struct {
		const char *name;
		enum hook hook;
	} hooks[] = {
		{ "input", HOOK_INPUT },
		{ "forward", HOOK_FORWARD },
		{ "output", HOOK_OUTPUT },
		{ "prerouting", HOOK_PREROUTING },
		{ "postrouting", HOOK_POSTROUTING },
	};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		if (strncmp(hooks[i].name, text, strlen(hooks[i].name)) == 0)
			return hooks[i].hook;
	CHECK(false, "'%s' is no hook", text);
	return HOOK_OTHER;
}

static void add_chain(struct builder *b, char *text)
{
	char *head = part(&text, ' '), *colon = strchr(head, ':'), *at = strchr(head, '@');
	struct rule_chain *c = ruleset_add_chain(b->rs, b->table);
	char *words;

	*colon = '\0';
	c->name = head;
	if (colon[1]) {
		c->hook = read_hook(head);
		c->priority = at ? atoi(at + 1) : 0;
		c->policy = read_effect(colon + 1);
	}
	while ((words = part(&text, ';'))) {
		struct rule *r = ruleset_add_rule(b->rs, c);
		char *word;

		while ((word = part(&words, ' ')))
			add_word(b, r, word);
	}
}

static void build(struct ruleset *rs, const char *text)
{
	struct builder b = { rs, ruleset_add_table(rs) };
	char *rest = arena_strndup(rs->arena, text, strlen(text)), *chain;

	b.table->family = FAMILY_INET;
	b.table->family_name = "inet";
	b.table->name = "t";
	while ((chain = part(&rest, '|')))
		add_chain(&b, chain);
	nft_sort(rs);
	for (size_t i = 0; i < rs->chain_count; i++)
		for (size_t j = 0; j < rs->chains[i]->count; j++)
			for (size_t s = 0; s < rs->chains[i]->rules[j].count; s++) {
				struct rule_set *set =
				    (void *)rs->chains[i]->rules[j].steps[s].set;

				if (!set)
					continue;
				rs->sets = arena_grow(rs->arena, rs->sets, rs->set_count,
						      &rs->set_room, sizeof(*rs->sets));
				rs->sets[rs->set_count++] = set;
			}
	nft_resolve(rs);
}

static struct flow read_packet(char *text)
{
	static const struct flow_link others[] = { { "lo", 1 }, { "wg0", 7 } };
	struct flow f = { .family = AF_INET,
			  .others = others,
			  .other_count = 2,
			  .source_port = -1,
			  .destination_port = -1 };
	char *word;

	f.hook = read_hook(text);
	(void)part(&text, ' ');
	while ((word = part(&text, ' '))) {
		const char *w = word;

		if (starts(&w, "in="))
			f.in.name = w;
		else if (starts(&w, "out="))
			f.out.name = w;
		else if (starts(&w, "proto="))
			f.protocol = (uint8_t)atoi(w);
		else if (starts(&w, "from="))
			f.source_port = atoi(w);
		else if (starts(&w, "to="))
			f.destination_port = atoi(w);
		else if (starts(&w, "src="))
			(void)addr_parse(w, &f.source);
		else if (starts(&w, "dst="))
			(void)addr_parse(w, &f.destination);
		else
			f.reply |= strcmp(w, "reply") == 0;
	}
	return f;
}

static const char *answer(struct arena *a, enum verdict v, const struct place *p)
{
	static const char *const words[] = { "pass", "block", "unsure" };

	if (v == VERDICT_PASS)
		return words[v];
	if (!p->rule)
		return arena_printf(a, "%s %s", words[v], p->chain->name);
	return arena_printf(a, "%s %s.%u", words[v], p->chain->name, p->rule->position);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEAN(arena_done) struct arena *a = arena_new();
		struct ruleset rs = { .arena = a };
		struct place open[16], p = { 0 };
		struct flow f =
		    read_packet(arena_strndup(a, cases[i].packet, strlen(cases[i].packet)));
		const char *got;
		enum verdict v;
		size_t n = 0;

		build(&rs, cases[i].rules);
		v = ruleset_verdict(&rs, &f, NULL, 0, &p);
		got = answer(a, v, &p);
		CHECK(strcmp(got, cases[i].answer) == 0, "%s: %s: %s, not %s", cases[i].rules,
		      cases[i].packet, got, cases[i].answer);
		/* Opening what blocks ends, with a packet that is no longer blocked. */
		while (v == VERDICT_BLOCK && n < 16) {
			open[n++] = p;
			v = ruleset_verdict(&rs, &f, open, n, &p);
		}
		CHECK(v != VERDICT_BLOCK, "%s: %s: blocked for ever", cases[i].rules,
		      cases[i].packet);
	}
	return t_failed;
}
