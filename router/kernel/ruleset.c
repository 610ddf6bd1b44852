/* ruleset.c - nf_tables' dumps into a ruleset. */
#include "kernel/ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/ruleset_read.h"

#define TRIES 5 /* while the tables move under it */

/* ---- tables, chains and sets
 * ------------------------------------------------------------------ */

static const struct {
	unsigned number;
	enum rule_family family;
	const char *name;
} families[] = {
	{ NFPROTO_INET, FAMILY_INET, "inet" },	    { NFPROTO_IPV4, FAMILY_IPV4, "ip" },
	{ NFPROTO_IPV6, FAMILY_IPV6, "ip6" },	    { NFPROTO_ARP, FAMILY_OTHER, "arp" },
	{ NFPROTO_NETDEV, FAMILY_OTHER, "netdev" }, { NFPROTO_BRIDGE, FAMILY_OTHER, "bridge" },
};

static const char *const builtin_tables[] = {
	"filter", "mangle", "nat", "raw", "security", NULL
};
static const char *const builtin_chains[] = { "PREROUTING", "INPUT",	   "FORWARD",
					      "OUTPUT",	    "POSTROUTING", NULL };

static bool is_one_of(const char *text, const char *const *words)
{
	while (*words && strcmp(*words, text) != 0)
		words++;
	return *words != NULL;
}

static const char *family_name(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = nlmsg_data(h);

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (families[i].number == g->nfgen_family)
			return families[i].name;
	return "unknown";
}

static bool has_mark(const struct nlattr *data)
{
	const unsigned char *tlv = data ? nla_data(data) : NULL;
	size_t left = data ? (size_t)nla_len(data) : 0, mark = strlen(KERNEL_MARK);

	for (; left >= 2 && tlv[1] <= left - 2; left -= 2U + tlv[1], tlv += 2 + tlv[1])
		if (tlv[0] == NFTNL_UDATA_TABLE_COMMENT)
			return tlv[1] >= mark && memcmp(tlv + 2, KERNEL_MARK, mark) == 0;
	return false;
}

/* The attributes of a message; false: it is too short for any. */
static bool attributes(struct nlmsghdr *h, struct nlattr **at, int max)
{
	return nlmsg_parse(h, sizeof(struct nfgenmsg), at, max, NULL) >= 0;
}

void nft_table_message(struct nlmsghdr *h, void *arg)
{
	struct nlattr *at[NFTA_TABLE_MAX + 1];
	struct ruleset *rs = arg;
	struct rule_table *t;

	if (!attributes(h, at, NFTA_TABLE_MAX))
		return;
	t = ruleset_add_table(rs);
	t->family_name = family_name(h);
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strcmp(families[i].name, t->family_name) == 0)
			t->family = families[i].family;
	t->name = nft_text(rs, at[NFTA_TABLE_NAME]);
	t->ours = has_mark(at[NFTA_TABLE_USERDATA]);
	t->dormant = (nft_number(at[NFTA_TABLE_FLAGS]) & NFT_TABLE_F_DORMANT) != 0;
}

static struct rule_table *find_table(const struct ruleset *rs, const char *family,
				     const char *name)
{
	for (size_t i = 0; i < rs->table_count; i++)
		if (strcmp(rs->tables[i]->name, name) == 0 &&
		    strcmp(rs->tables[i]->family_name, family) == 0)
			return rs->tables[i];
	return NULL;
}

static void read_hook(struct rule_chain *c, const struct nlattr *nest,
		      const struct nlattr *policy)
{
	struct nlattr *at[NFTA_HOOK_MAX + 1];

	if (!nest || nla_parse(at, NFTA_HOOK_MAX, nla_data(nest), nla_len(nest), NULL) < 0)
		return;
	c->hook = HOOK_OTHER;
	if (c->table->family != FAMILY_OTHER && at[NFTA_HOOK_HOOKNUM])
		c->hook = ruleset_hook(nft_number(at[NFTA_HOOK_HOOKNUM]));
	c->priority = (int)nft_number(at[NFTA_HOOK_PRIORITY]);
	c->policy.kind = policy && nft_number(policy) == NF_DROP ? EFFECT_DROP : EFFECT_ACCEPT;
}

void nft_chain_message(struct nlmsghdr *h, void *arg)
{
	struct nlattr *at[NFTA_CHAIN_MAX + 1];
	struct ruleset *rs = arg;
	struct rule_table *t;
	struct rule_chain *c;

	if (!attributes(h, at, NFTA_CHAIN_MAX))
		return;
	t = find_table(rs, family_name(h), nft_text(rs, at[NFTA_CHAIN_TABLE]));
	if (!t)
		return; /* came since the tables were asked for */
	c = ruleset_add_chain(rs, t);
	c->name = nft_text(rs, at[NFTA_CHAIN_NAME]);
	read_hook(c, at[NFTA_CHAIN_HOOK], at[NFTA_CHAIN_POLICY]);
	if (c->hook == HOOK_NONE)
		return;
	if (is_one_of(c->name, builtin_chains))
		t->builtin = true;
	else
		t->native = true;
}

void nft_set_message(struct nlmsghdr *h, void *arg)
{
	struct nlattr *at[NFTA_SET_MAX + 1];
	struct ruleset *rs = arg;
	struct rule_table *t;
	struct rule_set *set;
	uint32_t flags;

	if (!attributes(h, at, NFTA_SET_MAX))
		return;
	t = find_table(rs, family_name(h), nft_text(rs, at[NFTA_SET_TABLE]));
	if (!t)
		return;
	set = ruleset_new_set(rs);
	set->table = t;
	set->name = nft_text(rs, at[NFTA_SET_NAME]);
	set->key_length = nft_number(at[NFTA_SET_KEY_LEN]);
	if (set->key_length > RULE_REGISTERS) {
		set->key_length = 0; /* of which nothing can be read */
		set->partial = true;
	}
	flags = nft_number(at[NFTA_SET_FLAGS]);
	set->map =
	    (flags & NFT_SET_MAP) && nft_number(at[NFTA_SET_DATA_TYPE]) == NFT_DATA_VERDICT;
	set->data = (flags & NFT_SET_MAP) && !set->map;
	nft_fields(set, at[NFTA_SET_DESC]);
	set->ranges = (flags & NFT_SET_INTERVAL) && set->field_count < 2;
	rs->sets = arena_grow(rs->arena, rs->sets, rs->set_count, &rs->set_room,
			      sizeof(struct rule_set *));
	rs->sets[rs->set_count++] = set;
}

/* ---- in order, to be found -------------------------------------------------------------- */

static int in_table(const struct rule_table *a, const char *name_a, const struct rule_table *b,
		    const char *name_b)
{
	int r = strcmp(a->family_name, b->family_name);

	r = r ? r : strcmp(a->name, b->name);
	return r ? r : strcmp(name_a, name_b);
}

static int by_chain(const void *pa, const void *pb)
{
	const struct rule_chain *const *a = pa, *const *b = pb;

	return in_table((*a)->table, (*a)->name, (*b)->table, (*b)->name);
}

static int by_set(const void *pa, const void *pb)
{
	const struct rule_set *const *a = pa, *const *b = pb;

	return in_table((*a)->table, (*a)->name, (*b)->table, (*b)->name);
}

void nft_sort(struct ruleset *rs)
{
	if (rs->chain_count)
		qsort(rs->chains, rs->chain_count, sizeof(struct rule_chain *), by_chain);
	for (size_t i = 0; i < rs->chain_count; i++)
		rs->chains[i]->id = i;
	if (rs->set_count)
		qsort(rs->sets, rs->set_count, sizeof(struct rule_set *), by_set);
}

static struct rule_chain *find_chain(const struct ruleset *rs, struct rule_table *t,
				     const char *name)
{
	struct rule_chain key = { .table = t, .name = name }, *pkey = &key, **found;

	found = rs->chain_count ? bsearch(&pkey, rs->chains, rs->chain_count,
					  sizeof(struct rule_chain *), by_chain)
				: NULL;
	return found ? *found : NULL;
}

static struct rule_set *find_set(const struct ruleset *rs, struct rule_table *t,
				 const char *name)
{
	struct rule_set key = { .table = t, .name = name }, *pkey = &key, **found;

	found = rs->set_count
		    ? bsearch(&pkey, rs->sets, rs->set_count, sizeof(struct rule_set *), by_set)
		    : NULL;
	return found ? *found : NULL;
}

/* ---- rules ------------------------------------------------------------------------------ */

void nft_rule_message(struct nlmsghdr *h, void *arg)
{
	struct nlattr *at[NFTA_RULE_MAX + 1];
	struct ruleset *rs = arg;
	struct rule_chain *c;
	struct rule_table *t;
	struct rule *r;

	if (!attributes(h, at, NFTA_RULE_MAX))
		return;
	t = find_table(rs, family_name(h), nft_text(rs, at[NFTA_RULE_TABLE]));
	if (!t || t->family == FAMILY_OTHER)
		return;
	c = find_chain(rs, t, nft_text(rs, at[NFTA_RULE_CHAIN]));
	if (!c)
		return;
	r = ruleset_add_rule(rs, c);
	if (at[NFTA_RULE_HANDLE] && nla_len(at[NFTA_RULE_HANDLE]) >= (int)sizeof(r->handle)) {
		uint32_t half[2];

		memcpy(half, nla_data(at[NFTA_RULE_HANDLE]), sizeof(half));
		r->handle = (uint64_t)ntohl(half[0]) << 32 | ntohl(half[1]);
	}
	if (at[NFTA_RULE_EXPRESSIONS])
		nft_expressions(rs, r, at[NFTA_RULE_EXPRESSIONS]);
	for (size_t i = 0; i < r->count; i++)
		if (r->steps[i].kind == STEP_LOOKUP && !r->steps[i].set) {
			struct rule_set *set = find_set(rs, t, r->steps[i].name);

			r->steps[i].set = set;
			if (set)
				set->used = true;
			t->native = true;
		}
}

static void resolve_effect(const struct ruleset *rs, struct rule_table *t, struct effect *f)
{
	if ((f->kind == EFFECT_JUMP || f->kind == EFFECT_GOTO) && f->name)
		f->chain = find_chain(rs, t, f->name);
}

void nft_resolve(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->chain_count; i++)
		for (size_t j = 0; j < rs->chains[i]->count; j++)
			for (size_t s = 0; s < rs->chains[i]->rules[j].count; s++)
				resolve_effect(rs, rs->chains[i]->table,
					       &rs->chains[i]->rules[j].steps[s].effect);
	for (size_t i = 0; i < rs->set_count; i++) {
		struct rule_set *set = rs->sets[i];

		resolve_effect(rs, set->table, &set->fallback);
		for (size_t j = 0; j < set->count; j++)
			resolve_effect(rs, set->table, &set->elements[j].effect);
	}
}

bool ruleset_is_iptables(const struct rule_chain *c)
{
	const struct rule_table *t = c->table;

	return t->legacy || (t->builtin && !t->native && is_one_of(t->name, builtin_tables) &&
			     (t->family == FAMILY_IPV4 || t->family == FAMILY_IPV6));
}

/* ---- from the kernel -------------------------------------------------------------------- */

static struct nl_msg *request(int type, unsigned family, size_t bytes)
{
	struct nfgenmsg g = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };

	return netlink_new(bytes, NFNL_SUBSYS_NFTABLES << 8 | type, 0, &g, sizeof(g));
}

static int dump_elements(struct kernel *k, struct ruleset *rs, struct rule_set *set)
{
	size_t bytes = 64 + strlen(set->table->name) + strlen(set->name);
	struct nft_elements to = { rs, set };
	unsigned family = 0;
	struct nl_msg *m;
	int r;

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strcmp(families[i].name, set->table->family_name) == 0)
			family = families[i].number;
	m = request(NFT_MSG_GETSETELEM, family, bytes);
	(void)nla_put_string(m, NFTA_SET_ELEM_LIST_TABLE, set->table->name);
	(void)nla_put_string(m, NFTA_SET_ELEM_LIST_SET, set->name);
	r = netlink_dump(k->nft, m, nft_elements_message, &to);
	if (r == 0)
		nft_elements_done(rs, set);
	if (r == -ENOENT) { /* gone meanwhile */
		set->partial = true;
		return 0;
	}
	return r;
}

static int read_nft(struct kernel *k, struct ruleset *rs)
{
	static const struct {
		int type;
		netlink_each *each;
	} dumps[] = { { NFT_MSG_GETTABLE, nft_table_message },
		      { NFT_MSG_GETCHAIN, nft_chain_message },
		      { NFT_MSG_GETSET, nft_set_message } };
	int r = k->nft ? 0 : -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(dumps) / sizeof(*dumps) && r == 0; i++)
		r = netlink_dump(k->nft, request(dumps[i].type, NFPROTO_UNSPEC, 0),
				 dumps[i].each, rs);
	if (r == -EINVAL || r == -EPROTONOSUPPORT) /* nfnetlink's words for "no such part" */
		return -EOPNOTSUPP;
	nft_sort(rs);
	if (r == 0)
		r = netlink_dump(k->nft, request(NFT_MSG_GETRULE, NFPROTO_UNSPEC, 0),
				 nft_rule_message, rs);
	for (size_t i = 0; i < rs->set_count && r == 0; i++)
		if (rs->sets[i]->used)
			r = dump_elements(k, rs, rs->sets[i]);
	if (r == 0)
		nft_resolve(rs);
	return r;
}

void ruleset_read(struct kernel *k, struct ruleset *rs)
{
	struct arena *a = rs->arena;
	int r = -EINTR;

	for (int try = 0; try < TRIES && (r == -EINTR || r == -ENOBUFS); try++) {
		*rs = (struct ruleset){ .arena = a };
		r = read_nft(k, rs);
	}
	rs->nft_error = r;
	legacy_read(rs);
}
