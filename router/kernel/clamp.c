/* clamp.c - TCP MSS clamps: the nftables table "inet routerd_mss".
 *
 * The table is one thing: any difference replaces it, with all wanted clamps, in one
 * transaction. Its comment is our mark and, for people who compare, a digest of what it was
 * made for; what decides is what stands in it. Two rules make a clamp, one for each
 * direction. A table of that name without our mark is left alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/clean.h"
#include "kernel/clamp_rule.h"
#include "kernel/kernel.h"

#define TABLE	 "routerd_mss"
#define CHAIN	 "forward"
#define PRIORITY (-150) /* NF_IP_PRI_MANGLE */
/* Stands for what we did not put there; no link has a slash: dev_valid_name(). */
#define UNKNOWN "unknown/rules"
#define TRIES	5 /* of a look, while the tables move under it */

#define FOREIGN                                                                                \
	"there is a table inet " TABLE " that routerd did not make; 'nft delete table "        \
	"inet " TABLE "' removes it"
#define MISSING                                                                                \
	"this kernel has no nf_tables; load the module nf_tables, or install a kernel "        \
	"that has it"

/* for CLEAN() */
#define FREE(what)                                                                             \
	static void free_##what(struct nftnl_##what **what)                                    \
	{                                                                                      \
		nftnl_##what##_free(*what);                                                    \
	}

FREE(table)
FREE(chain)
FREE(rule)

/* ---- look ------------------------------------------------------------------------------- */

struct look {
	struct arena *arena;
	bool there, ours;
	bool live;  /* its rules are asked, where and when we want them to be */
	bool alien; /* there is something in it that we do not understand */
	uint64_t handle;
	struct clamp_rule *rules;
	size_t count, room;
};

static bool has_mark(const struct nftnl_table *t)
{
	uint32_t left = 0;
	const unsigned char *tlv = nftnl_table_get_data(t, NFTNL_TABLE_USERDATA, &left);
	size_t mark = strlen(KERNEL_MARK);

	/* Type, length, value: udata.c in libnftnl. */
	for (; tlv && left >= 2 && tlv[1] <= left - 2; left -= 2U + tlv[1], tlv += 2 + tlv[1])
		if (tlv[0] == NFTNL_UDATA_TABLE_COMMENT)
			return tlv[1] >= mark && memcmp(tlv + 2, KERNEL_MARK, mark) == 0;
	return false;
}

static bool is(const char *text, const char *wanted)
{
	return text && strcmp(text, wanted) == 0;
}

static void each_table(struct nlmsghdr *h, void *arg)
{
	CLEAN(free_table) struct nftnl_table *t = must(nftnl_table_alloc());
	struct look *l = arg;

	if (nftnl_table_nlmsg_parse(h, t) < 0 ||
	    nftnl_table_get_u32(t, NFTNL_TABLE_FAMILY) != NFPROTO_INET ||
	    !is(nftnl_table_get_str(t, NFTNL_TABLE_NAME), TABLE))
		return;
	l->there = true;
	l->ours = has_mark(t);
	l->handle = nftnl_table_get_u64(t, NFTNL_TABLE_HANDLE);
	l->live = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS) == 0; /* else it may be dormant */
	/* Counts chains, sets, objects and flow tables: we have the chain. */
	l->alien = nftnl_table_get_u32(t, NFTNL_TABLE_USE) != 1;
}

static void each_chain(struct nlmsghdr *h, void *arg)
{
	CLEAN(free_chain) struct nftnl_chain *c = must(nftnl_chain_alloc());
	struct look *l = arg;

	if (nftnl_chain_nlmsg_parse(h, c) < 0 ||
	    !is(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), TABLE) ||
	    !is(nftnl_chain_get_str(c, NFTNL_CHAIN_NAME), CHAIN))
		return;
	if (!is(nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE), "filter") ||
	    nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) != NF_INET_FORWARD ||
	    nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO) != PRIORITY ||
	    nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) != NF_ACCEPT)
		l->live = false;
}

static void each_rule(struct nlmsghdr *h, void *arg)
{
	CLEAN(free_rule) struct nftnl_rule *from = must(nftnl_rule_alloc());
	struct look *l = arg;
	struct clamp_rule r;

	/* libnftnl gives up on expressions that it does not know. */
	if (nftnl_rule_nlmsg_parse(h, from) < 0 ||
	    !is(nftnl_rule_get_str(from, NFTNL_RULE_CHAIN), CHAIN) ||
	    !clamp_rule_read(from, &r)) {
		l->alien = true;
		return;
	}
	l->rules = arena_grow(l->arena, l->rules, l->count, &l->room, sizeof(*l->rules));
	l->rules[l->count++] = r;
}

static int dump(struct kernel *k, int type, netlink_each *each, struct look *l)
{
	struct nfgenmsg g = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
	struct nl_msg *m = netlink_new(64, NFNL_SUBSYS_NFTABLES << 8 | type, 0, &g, sizeof(g));

	if (type == NFT_MSG_GETRULE)
		nla_put_string(m, NFTA_RULE_TABLE, TABLE);
	return netlink_dump(k->nft, m, each, l);
}

static int by_link_and_key(const void *pa, const void *pb)
{
	const struct clamp_rule *a = pa, *b = pb;
	int r = strcmp(a->link, b->link);

	return r ? r : (a->key > b->key) - (a->key < b->key);
}

/* -EOPNOTSUPP: no nf_tables. Three dumps, and what changes between them is not noticed; at
 * worst a table of ours is replaced for nothing, or a pass later. */
static int look(struct kernel *k, struct look *l)
{
	int r = k->nft ? dump(k, NFT_MSG_GETTABLE, each_table, l) : -EOPNOTSUPP;

	if (r == -EINVAL || r == -EPROTONOSUPPORT) /* nfnetlink's words for "no such part" */
		return -EOPNOTSUPP;
	if (r == 0 && l->ours)
		r = dump(k, NFT_MSG_GETCHAIN, each_chain, l);
	if (r == 0 && l->ours)
		r = dump(k, NFT_MSG_GETRULE, each_rule, l);
	if (l->count)
		qsort(l->rules, l->count, sizeof(*l->rules), by_link_and_key);
	return r;
}

/* The items that the table makes, sorted by link but for the unknown one, which is last. */
static void report(const struct look *l, struct state *have)
{
	struct item it = { .type = ITEM_CLAMP, .ours = true };
	size_t n;

	if (!l->ours)
		return;
	for (size_t i = 0; i < l->count; i += n) {
		const struct clamp_rule *r = &l->rules[i];

		n = 1;
		while (i + n < l->count && strcmp(r[n].link, r->link) == 0)
			n++;
		it.link = arena_strndup(have->arena, r->link, IFNAMSIZ);
		it.clamp.mss = 0;
		if (l->live && n == 2 && r[0].key != r[1].key && r[0].mss == r[1].mss)
			it.clamp.mss = r->mss;
		state_add(have, &it);
	}
	if (l->alien || !l->count) {
		it.link = UNKNOWN;
		it.clamp.mss = 0;
		state_add(have, &it);
	}
}

static int clamp_observe(struct kernel *k, struct state *have)
{
	struct look l = { .arena = have->arena };
	int r = look(k, &l);

	if (r == 0)
		report(&l, have);
	return r == -EOPNOTSUPP ? 0 : r;
}

/* ---- do --------------------------------------------------------------------------------- */

/* libnftnl's setters fail only without memory; the kernel refuses what then lacks. */

struct batch {
	char *bytes;
	struct nlmsghdr *last;
};

/* The next message, empty but for its headers. */
static struct nlmsghdr *add(struct batch *b, int type, int flags, struct nfgenmsg g)
{
	struct nlmsghdr *h = (void *)b->bytes;

	if (b->last)
		h = (void *)((char *)b->last + NLMSG_ALIGN(b->last->nlmsg_len));
	h->nlmsg_len = NLMSG_LENGTH(sizeof(g));
	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	memcpy(NLMSG_DATA(h), &g, sizeof(g));
	b->last = h;
	return h;
}

static void frame(struct batch *b, int type)
{
	add(b, type, 0, (struct nfgenmsg){ .res_id = htons(NFNL_SUBSYS_NFTABLES) });
}

static struct nlmsghdr *message(struct batch *b, int type, int flags)
{
	return add(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags,
		   (struct nfgenmsg){ .nfgen_family = NFPROTO_INET });
}

/* FNV-1a, over names, their ends and sizes. */
static uint64_t digest(const struct item *want, size_t count)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < count; i++) {
		for (const char *c = want[i].link; *c; c++)
			h = (h ^ (unsigned char)*c) * 0x100000001b3;
		h = (h ^ 0) * 0x100000001b3;
		h = (h ^ want[i].clamp.mss) * 0x100000001b3;
	}
	return h;
}

/* By its handle: not one that took its place since we looked. */
static void delete_table(struct batch *b, uint64_t handle)
{
	CLEAN(free_table) struct nftnl_table *t = must(nftnl_table_alloc());

	nftnl_table_set_u64(t, NFTNL_TABLE_HANDLE, handle);
	nftnl_table_nlmsg_build_payload(message(b, NFT_MSG_DELTABLE, 0), t);
}

static void add_table(struct batch *b, uint64_t sum)
{
	CLEAN(free_table) struct nftnl_table *t = must(nftnl_table_alloc());
	char tlv[2 + sizeof(KERNEL_MARK) + 16];
	int n =
	    snprintf(tlv + 2, sizeof(tlv) - 2, KERNEL_MARK "%016llx", (unsigned long long)sum);

	tlv[0] = NFTNL_UDATA_TABLE_COMMENT;
	tlv[1] = (char)(n + 1);
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, TABLE);
	nftnl_table_set_data(t, NFTNL_TABLE_USERDATA, tlv, (uint32_t)n + 3);
	/* EXCL: not into one that came since we looked. */
	nftnl_table_nlmsg_build_payload(message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL),
					t);
}

static void add_chain(struct batch *b)
{
	CLEAN(free_chain) struct nftnl_chain *c = must(nftnl_chain_alloc());

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, CHAIN);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, NF_INET_FORWARD);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, PRIORITY);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE), c);
}

static void add_rule(struct batch *b, const struct item *want, uint32_t key)
{
	CLEAN(free_rule) struct nftnl_rule *to = must(nftnl_rule_alloc());
	struct clamp_rule r = { .key = key, .mss = want->clamp.mss };

	strncpy(r.link, want->link, IFNAMSIZ - 1);
	nftnl_rule_set_str(to, NFTNL_RULE_TABLE, TABLE);
	nftnl_rule_set_str(to, NFTNL_RULE_CHAIN, CHAIN);
	clamp_rule_write(to, &r);
	nftnl_rule_nlmsg_build_payload(message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND),
				       to);
}

/* From what look() saw to what is wanted. */
static int rewrite(struct kernel *k, const struct look *l, const struct item *want,
		   size_t count, const char **why)
{
	struct batch b = { .bytes = arena_alloc(k->arena, (count + 1) * 2 * CLAMP_RULE_BYTES) };

	frame(&b, NFNL_MSG_BATCH_BEGIN);
	if (l->there)
		delete_table(&b, l->handle);
	if (count) {
		add_table(&b, digest(want, count));
		add_chain(&b);
	}
	for (size_t i = 0; i < count; i++) {
		add_rule(&b, &want[i], NFT_META_OIFNAME);
		add_rule(&b, &want[i], NFT_META_IIFNAME);
	}
	b.last->nlmsg_flags |= NLM_F_ACK;
	frame(&b, NFNL_MSG_BATCH_END);
	return netlink_transact(k->nft, k->arena, b.bytes,
				(size_t)((char *)b.last - b.bytes) + b.last->nlmsg_len, why);
}

static bool agree(const struct state *have, const struct item *want, size_t count)
{
	if (have->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(have->items[i].link, want[i].link) != 0 ||
		    have->items[i].clamp.mss != want[i].clamp.mss)
			return false;
	return true;
}

/* One pass has a run of puts and a run of deletes. The first to come makes the table as it
 * should be, so this looks again, and leaves a table alone that is right. */
static int replace(struct kernel *k, const char **why)
{
	struct state have = { .arena = k->arena };
	struct look l;
	size_t first = 0, count = 0;
	int r = -EINTR;

	for (int try = 0; try < TRIES && (r == -EINTR || r == -ENOBUFS); try++) {
		l = (struct look){ .arena = k->arena };
		r = look(k, &l);
	}
	if (r < 0)
		return r;
	if (l.there && !l.ours)
		return -EEXIST;
	while (first < k->want->count && k->want->items[first].type != ITEM_CLAMP)
		first++;
	while (first + count < k->want->count &&
	       k->want->items[first + count].type == ITEM_CLAMP)
		count++;
	report(&l, &have);
	if (agree(&have, k->want->items + first, count))
		return 0;
	return rewrite(k, &l, k->want->items + first, count, why);
}

static void clamp_at_flush(struct kernel *k, struct op *op)
{
	(void)k, (void)op;
}

static void clamp_flush(struct kernel *k, struct op *ops, size_t count)
{
	const char *why = NULL;
	int r = replace(k, &why);

	if (r == -EEXIST)
		why = FOREIGN;
	if (r == -EOPNOTSUPP || r == -EPROTONOSUPPORT || r == -EAFNOSUPPORT)
		why = MISSING;
	for (size_t i = 0; i < count; i++)
		kernel_fail(&ops[i], r, why);
}

const struct driver clamp_driver = { clamp_observe, clamp_at_flush, clamp_at_flush,
				     clamp_flush };
