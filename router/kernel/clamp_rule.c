/* clamp_rule.c - one table of a rule's expressions serves both to write and to read. They
 * are what nft(8) makes of
 *
 *	meta nfproto ipv4 oifname LINK tcp flags & (syn|rst) == syn
 *		tcp option maxseg size > MSS tcp option maxseg size set MSS
 *
 * so that its listing reads well. */
#include "kernel/clamp_rule.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/arena.h"
#include "base/clean.h"

#define MAXSEG_SIZE 2 /* where the size stands in the option, and its bytes: RFC 9293 3.2 */

enum form {
	U32,
	U8,
	KEY, /* the rule's own, from here on */
	LINK,
	MSS,
};

/* Each row is an attribute; one with a name opens the next expression. */
static const struct field {
	const char *name;
	uint16_t attr;
	enum form form;
	uint32_t value;
} fields[] = {
	/* meta nfproto ipv4 */
	{ "meta", NFTNL_EXPR_META_KEY, U32, NFT_META_NFPROTO },
	{ NULL, NFTNL_EXPR_META_DREG, U32, NFT_REG_1 },
	{ "cmp", NFTNL_EXPR_CMP_SREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_CMP_OP, U32, NFT_CMP_EQ },
	{ NULL, NFTNL_EXPR_CMP_DATA, U8, NFPROTO_IPV4 },

	/* oifname LINK, or iifname */
	{ "meta", NFTNL_EXPR_META_KEY, KEY, 0 },
	{ NULL, NFTNL_EXPR_META_DREG, U32, NFT_REG_1 },
	{ "cmp", NFTNL_EXPR_CMP_SREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_CMP_OP, U32, NFT_CMP_EQ },
	{ NULL, NFTNL_EXPR_CMP_DATA, LINK, 0 },

	/* tcp flags & (syn|rst) == syn: nft puts the protocol before them by itself */
	{ "meta", NFTNL_EXPR_META_KEY, U32, NFT_META_L4PROTO },
	{ NULL, NFTNL_EXPR_META_DREG, U32, NFT_REG_1 },
	{ "cmp", NFTNL_EXPR_CMP_SREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_CMP_OP, U32, NFT_CMP_EQ },
	{ NULL, NFTNL_EXPR_CMP_DATA, U8, IPPROTO_TCP },
	{ "payload", NFTNL_EXPR_PAYLOAD_DREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_PAYLOAD_BASE, U32, NFT_PAYLOAD_TRANSPORT_HEADER },
	{ NULL, NFTNL_EXPR_PAYLOAD_OFFSET, U32, 13 }, /* the flags: RFC 9293 section 3.1 */
	{ NULL, NFTNL_EXPR_PAYLOAD_LEN, U32, 1 },
	{ "bitwise", NFTNL_EXPR_BITWISE_SREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_BITWISE_DREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_BITWISE_LEN, U32, 1 },
	{ NULL, NFTNL_EXPR_BITWISE_MASK, U8, TH_SYN | TH_RST },
	{ NULL, NFTNL_EXPR_BITWISE_XOR, U8, 0 },
	{ "cmp", NFTNL_EXPR_CMP_SREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_CMP_OP, U32, NFT_CMP_EQ },
	{ NULL, NFTNL_EXPR_CMP_DATA, U8, TH_SYN },

	/* tcp option maxseg size > MSS */
	{ "exthdr", NFTNL_EXPR_EXTHDR_DREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_EXTHDR_OP, U32, NFT_EXTHDR_OP_TCPOPT },
	{ NULL, NFTNL_EXPR_EXTHDR_TYPE, U8, TCPOPT_MAXSEG },
	{ NULL, NFTNL_EXPR_EXTHDR_OFFSET, U32, MAXSEG_SIZE },
	{ NULL, NFTNL_EXPR_EXTHDR_LEN, U32, MAXSEG_SIZE },
	{ NULL, NFTNL_EXPR_EXTHDR_FLAGS, U32, 0 },
	{ "cmp", NFTNL_EXPR_CMP_SREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_CMP_OP, U32, NFT_CMP_GT },
	{ NULL, NFTNL_EXPR_CMP_DATA, MSS, 0 },

	/* tcp option maxseg size set MSS: a write with flags is refused,
	 * nft_exthdr_tcp_set_init() in net/netfilter/nft_exthdr.c */
	{ "immediate", NFTNL_EXPR_IMM_DREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_IMM_DATA, MSS, 0 },
	{ "exthdr", NFTNL_EXPR_EXTHDR_SREG, U32, NFT_REG_1 },
	{ NULL, NFTNL_EXPR_EXTHDR_OP, U32, NFT_EXTHDR_OP_TCPOPT },
	{ NULL, NFTNL_EXPR_EXTHDR_TYPE, U8, TCPOPT_MAXSEG },
	{ NULL, NFTNL_EXPR_EXTHDR_OFFSET, U32, MAXSEG_SIZE },
	{ NULL, NFTNL_EXPR_EXTHDR_LEN, U32, MAXSEG_SIZE },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* for CLEAN() */
static void free_iter(struct nftnl_expr_iter **it)
{
	nftnl_expr_iter_destroy(*it);
}

/* The field's value in r, as libnftnl takes it; returns its bytes. */
static uint32_t spell(const struct field *f, const struct clamp_rule *r,
		      unsigned char buf[static IFNAMSIZ])
{
	uint32_t number = f->form == KEY ? r->key : f->value;
	uint16_t mss = htons(r->mss);

	switch (f->form) {
	case U32:
	case KEY:
		memcpy(buf, &number, sizeof(number));
		return sizeof(number);
	case U8:
		buf[0] = (unsigned char)number;
		return 1;
	case LINK:
		memcpy(buf, r->link, IFNAMSIZ);
		return IFNAMSIZ;
	case MSS:
		memcpy(buf, &mss, sizeof(mss));
		return sizeof(mss);
	}
	return 0;
}

void clamp_rule_write(struct nftnl_rule *to, const struct clamp_rule *r)
{
	struct nftnl_expr *e = NULL;
	unsigned char buf[IFNAMSIZ];

	for (const struct field *f = fields; f < fields + FIELDS; f++) {
		uint32_t n = spell(f, r, buf);

		if (f->name) {
			e = must(nftnl_expr_alloc(f->name));
			nftnl_rule_add_expr(to, e);
		}
		/* Fails only for an attribute that the expression does not have. */
		(void)nftnl_expr_set(e, f->attr, buf, n);
	}
}

/* Takes what is the rule's own from the first field of its form. The caller spells it again
 * and compares: what comes twice must be the same, and what does not fit comes out. */
static void learn(const struct field *f, const void *value, uint32_t n, struct clamp_rule *r)
{
	uint16_t mss;

	if (f->form == KEY && n == sizeof(r->key))
		memcpy(&r->key, value, n);
	if (f->form == LINK && n == sizeof(r->link))
		strncpy(r->link, value, sizeof(r->link) - 1); /* pads with zero */
	if (f->form == MSS && n == sizeof(mss) && !r->mss) {
		memcpy(&mss, value, n);
		r->mss = ntohs(mss);
	}
}

bool clamp_rule_read(const struct nftnl_rule *from, struct clamp_rule *ret)
{
	CLEAN(free_iter) struct nftnl_expr_iter *it = must(nftnl_expr_iter_create(from));
	const struct nftnl_expr *e = NULL;
	unsigned char buf[IFNAMSIZ];
	struct clamp_rule r = { 0 };

	for (const struct field *f = fields; f < fields + FIELDS; f++) {
		const void *value;
		uint32_t n = 0;

		if (f->name) {
			e = nftnl_expr_iter_next(it);
			if (!e || strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_NAME), f->name) != 0)
				return false;
		}
		value = nftnl_expr_get(e, f->attr, &n);
		if (!value)
			return false;
		learn(f, value, n, &r);
		if (spell(f, &r, buf) != n || memcmp(buf, value, n) != 0)
			return false;
	}
	if (nftnl_expr_iter_next(it) || !r.link[0] || !r.mss ||
	    (r.key != NFT_META_IIFNAME && r.key != NFT_META_OIFNAME))
		return false;
	*ret = r;
	return true;
}
