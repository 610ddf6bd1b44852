/* What a kernel may say of its packet filter: any bytes, and any packet through them.
 *
 * "4" or "6", hooks, their entries and underflows, then a blob of legacy iptables; "n" and
 * messages of nf_tables' dumps; "x", a name's end, and a match's or a target's data. */
#include <linux/netfilter/nf_tables.h>
#include <netlink/msg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clean.h"
#include "kernel/ruleset_read.h"
#include "kernel/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len);

static void read_legacy(struct ruleset *rs, int family, const uint8_t *buf, size_t len)
{
	struct legacy from = { .table = "filter", .family = family };
	const size_t hooks = sizeof(from.entry);

	if (len < 1 + 2 * hooks)
		return;
	from.valid = buf[0];
	memcpy(from.entry, buf + 1, hooks);
	memcpy(from.underflow, buf + 1 + hooks, hooks);
	from.length = len - 1 - 2 * hooks;
	from.blob = buf + 1 + 2 * hooks;
	(void)legacy_parse(rs, &from);
}

/* Tables, chains and sets first, as they are dumped. */
static void read_messages(struct ruleset *rs, void *buf, size_t len, bool rules)
{
	struct nft_elements to = { .rs = rs };
	int left = (int)len;

	for (struct nlmsghdr *h = buf; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		if (nlmsg_datalen(h) < 4)
			continue; /* the kernel's have a struct nfgenmsg */
		switch (h->nlmsg_type & 0xff) {
		case NFT_MSG_NEWTABLE:
			if (!rules)
				nft_table_message(h, rs);
			break;
		case NFT_MSG_NEWCHAIN:
			if (!rules)
				nft_chain_message(h, rs);
			break;
		case NFT_MSG_NEWSET:
			if (!rules)
				nft_set_message(h, rs);
			break;
		case NFT_MSG_NEWRULE:
			if (rules)
				nft_rule_message(h, rs);
			break;
		case NFT_MSG_NEWSETELEM:
			to.set = rs->set_count ? rs->sets[h->nlmsg_seq % rs->set_count] : NULL;
			if (rules && to.set)
				nft_elements_message(h, &to);
			break;
		}
	}
}

static void read_nft(struct ruleset *rs, const uint8_t *buf, size_t len)
{
	void *copy = arena_alloc(rs->arena, len + 1);

	memcpy(copy, buf, len);
	read_messages(rs, copy, len, false);
	nft_sort(rs);
	read_messages(rs, copy, len, true);
	for (size_t i = 0; i < rs->set_count; i++)
		nft_elements_done(rs, rs->sets[i]);
	nft_resolve(rs);
}

static void read_xt(struct ruleset *rs, const uint8_t *buf, size_t len)
{
	struct rule_table *t = ruleset_add_table(rs);
	struct rule_chain *c = ruleset_add_chain(rs, t);
	size_t n = strnlen((const char *)buf, len);
	char *name = arena_strndup(rs->arena, (const char *)buf, n);
	size_t left = n < len ? len - n - 1 : 0;
	const uint8_t *info = buf + len - left;

	t->family = FAMILY_INET;
	c->hook = HOOK_INPUT;
	for (unsigned revision = 0; revision < 4; revision++) {
		struct rule *r = ruleset_add_rule(rs, c);

		xt_match(rs, r, name, revision, info, left);
		xt_target(rs, r, name, info, left);
	}
}

static void walk(const struct ruleset *rs, enum hook hook, int family, const char *in)
{
	const struct flow_link others[] = { { "lo", 1 }, { "wg0", 7 } };
	struct flow f = { .hook = hook,
			  .family = family,
			  .in = { in, 0 },
			  .out = { hook == HOOK_INPUT ? "" : "wg0", 7 },
			  .others = others,
			  .other_count = 2,
			  .source = { (uint8_t)family, 16, { 10, 77 } },
			  .destination = { (uint8_t)family, 32, { 10, 78, 1, 2 } },
			  .protocol = hook == HOOK_INPUT ? 17 : 6,
			  .source_port = -1,
			  .destination_port = 51820 };
	struct place open[8] = { 0 }, p = { 0 };
	size_t n = 0;

	while (n < 8 && ruleset_verdict(rs, &f, open, n, &p) == VERDICT_BLOCK)
		open[n++] = p;
}

int LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct ruleset rs = { .arena = a };

	if (len == 0)
		return 0;
	if (buf[0] == '4' || buf[0] == '6')
		read_legacy(&rs, buf[0] == '4' ? AF_INET : AF_INET6, buf + 1, len - 1);
	else if (buf[0] == 'n')
		read_nft(&rs, buf + 1, len - 1);
	else if (buf[0] == 'x')
		read_xt(&rs, buf + 1, len - 1);
	walk(&rs, HOOK_INPUT, AF_INET, "eth0");
	walk(&rs, HOOK_INPUT, AF_INET6, NULL);
	walk(&rs, HOOK_FORWARD, AF_INET, NULL);
	for (size_t i = 0; i < rs.chain_count; i++)
		(void)ruleset_may_drop(&rs, rs.chains[i]);
	return 0;
}
