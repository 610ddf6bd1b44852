/* ruleset_set.c - the elements of nf_tables' sets and maps. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/ruleset_read.h"

#define ELEMENTS 100000 /* of one set; what has more is known in part */

void nft_fields(struct rule_set *set, const struct nlattr *description)
{
	struct nlattr *at[NFTA_SET_DESC_MAX + 1], *one;
	int left;

	if (!description || nla_parse(at, NFTA_SET_DESC_MAX, nla_data(description),
				      nla_len(description), NULL) < 0)
		return;
	if (!at[NFTA_SET_DESC_CONCAT])
		return;
	nla_for_each_nested(one, at[NFTA_SET_DESC_CONCAT], left)
	{
		struct nlattr *field[NFTA_SET_FIELD_MAX + 1];

		if (set->field_count == sizeof(set->fields) ||
		    nla_parse(field, NFTA_SET_FIELD_MAX, nla_data(one), nla_len(one), NULL) < 0)
			return;
		set->fields[set->field_count++] =
		    (uint8_t)nft_number(field[NFTA_SET_FIELD_LEN]);
	}
}

/* A copy of a key; NULL when it is not of the set's length. */
static uint8_t *read_key(struct ruleset *rs, const struct rule_set *set,
			 const struct nlattr *nest)
{
	struct nlattr *at[NFTA_DATA_MAX + 1];
	uint8_t *key;

	if (!nest || nla_parse(at, NFTA_DATA_MAX, nla_data(nest), nla_len(nest), NULL) < 0 ||
	    !at[NFTA_DATA_VALUE] || (size_t)nla_len(at[NFTA_DATA_VALUE]) != set->key_length)
		return NULL;
	key = arena_alloc(rs->arena, set->key_length + 1);
	memcpy(key, nla_data(at[NFTA_DATA_VALUE]), set->key_length);
	return key;
}

static void read_element(struct ruleset *rs, struct rule_set *set, const struct nlattr *nest)
{
	struct nlattr *at[NFTA_SET_ELEM_MAX + 1];
	struct effect f = { 0 };
	uint32_t flags;
	uint8_t *low, *high;
	struct element *e;

	if (nla_parse(at, NFTA_SET_ELEM_MAX, nla_data(nest), nla_len(nest), NULL) < 0)
		return;
	flags = nft_number(at[NFTA_SET_ELEM_FLAGS]);
	if (set->map && at[NFTA_SET_ELEM_DATA])
		f = nft_effect(rs, at[NFTA_SET_ELEM_DATA]);
	if (flags & NFT_SET_ELEM_CATCHALL) {
		set->fallback = f;
		set->has_fallback = true;
		return;
	}
	low = read_key(rs, set, at[NFTA_SET_ELEM_KEY]);
	high = read_key(rs, set, at[NFTA_SET_ELEM_KEY_END]);
	if (!low || set->count >= ELEMENTS) {
		set->partial = true;
		return;
	}
	e = ruleset_add_element(rs, set);
	e->low = low;
	e->high = high ? high : low;
	e->effect = f;
	e->end = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
}

void nft_elements_message(struct nlmsghdr *h, void *arg)
{
	struct nlattr *at[NFTA_SET_ELEM_LIST_MAX + 1], *one;
	struct nft_elements *to = arg;
	int left;

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), at, NFTA_SET_ELEM_LIST_MAX, NULL) < 0 ||
	    !at[NFTA_SET_ELEM_LIST_ELEMENTS])
		return;
	nla_for_each_nested(one, at[NFTA_SET_ELEM_LIST_ELEMENTS], left)
	    read_element(to->rs, to->set, one);
}

static int by_key(const void *pa, const void *pb, void *set)
{
	const struct element *a = pa, *b = pb;
	int r = memcmp(a->low, b->low, ((const struct rule_set *)set)->key_length);

	return r ? r : (int)b->end - (int)a->end;
}

/* The key before this one, in network order. */
static const uint8_t *before(struct ruleset *rs, const uint8_t *key, size_t length)
{
	uint8_t *copy = arena_alloc(rs->arena, length + 1);

	memcpy(copy, key, length);
	for (size_t i = length; i > 0 && copy[i - 1]-- == 0; i--)
		;
	return copy;
}

/* Ranges of one field come as their starts and, marked as ends, the first key after. */
void nft_elements_done(struct ruleset *rs, struct rule_set *set)
{
	uint8_t *last = arena_alloc(rs->arena, set->key_length + 1);
	size_t n = 0;

	if (!set->ranges || !set->count)
		return;
	memset(last, 0xff, set->key_length);
	qsort_r(set->elements, set->count, sizeof(*set->elements), by_key, set);
	for (size_t i = 0; i < set->count; i++) {
		struct element e = set->elements[i];

		if (e.end)
			continue;
		e.high = i + 1 < set->count
			     ? before(rs, set->elements[i + 1].low, set->key_length)
			     : last;
		set->elements[n++] = e;
	}
	set->count = n;
}
