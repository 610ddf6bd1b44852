#include "kernel/packet.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define NETWORK	  40 /* bytes of the headers that are known at all */
#define TRANSPORT 20

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

void packet_make(const struct flow *f, struct packet *p)
{
	static const uint8_t no_fragment[2];
	const uint8_t flags = f->reply ? TH_SYN | TH_ACK : TH_SYN;
	bool v4 = f->family == AF_INET;

	*p = (struct packet){ .flow = f };
	know(&p->network, v4 ? 9 : 6, &f->protocol, 1);
	know_address(&p->network, v4 ? 12 : 8, &f->source);
	know_address(&p->network, v4 ? 16 : 24, &f->destination);
	if (v4)
		know(&p->network, 6, no_fragment, sizeof(no_fragment));
	know_port(&p->transport, 0, f->source_port);
	know_port(&p->transport, 2, f->destination_port);
	if (f->protocol == IPPROTO_TCP)
		know(&p->transport, 13, &flags, 1);
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

bool packet_load(const struct packet *p, struct registers *r, const struct step *s)
{
	const struct flow *f = p->flow;
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
		load_bytes(r, s, &p->network, NETWORK);
		break;
	case FLOW_TRANSPORT:
		load_bytes(r, s, &p->transport, TRANSPORT);
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
		return f->hook != HOOK_OUTPUT;
	case FLOW_OUT:
	case FLOW_OUT_INDEX:
		load_link(r, s, &f->out);
		return f->hook != HOOK_INPUT && f->hook != HOOK_PREROUTING;
	case FLOW_STATE:
		word = 1U << ((f->reply ? IP_CT_ESTABLISHED : IP_CT_NEW) +
			      1); /* NF_CT_STATE_BIT() */
		load_value(r, s, &word, sizeof(word));
		break;
	case FLOW_STATUS:
		word = 0; /* neither confirmed nor translated */
		if (!f->reply)
			load_value(r, s, &word, sizeof(word));
		break;
	case FLOW_DIRECTION:
		byte = f->reply ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
		load_value(r, s, &byte, sizeof(byte));
		break;
	case FLOW_PACKET_TYPE:
		byte = PACKET_HOST;
		load_value(r, s, &byte, sizeof(byte));
		break;
	case FLOW_TARGET_TYPE:
		word = f->hook == HOOK_INPUT || (f->out.name && !*f->out.name) ? RTN_LOCAL
									       : RTN_UNICAST;
		load_value(r, s, &word, sizeof(word));
		break;
	}
	return true;
}

/* ---- conditions ------------------------------------------------------------------------- */

/* Is the unknown link whose name or index would be compared surely another? */
static bool is_other(const struct packet *p, enum flow_part part, const uint8_t *value,
		     size_t length)
{
	for (size_t i = 0; i < p->flow->other_count; i++) {
		const struct flow_link *o = &p->flow->others[i];

		if ((part == FLOW_IN || part == FLOW_OUT) && o->name &&
		    memchr(value, 0, length) && strcmp(o->name, (const char *)value) == 0)
			return true;
		if ((part == FLOW_IN_INDEX || part == FLOW_OUT_INDEX) && o->index &&
		    length == sizeof(o->index) && memcmp(value, &o->index, length) == 0)
			return true;
	}
	return false;
}

static enum tri equals(const struct packet *p, const struct registers *r, size_t reg,
		       const uint8_t *value, size_t length)
{
	enum tri answer = YES;

	for (size_t i = 0; i < length; i++) {
		if (!r->b.known[reg + i])
			answer = MAYBE;
		else if (r->b.value[reg + i] != value[i])
			return NO;
	}
	if (answer == MAYBE && r->link[reg / 4] && is_other(p, r->link[reg / 4], value, length))
		return NO;
	return answer;
}

/* Is low <= register <= high? Unknown bytes make the least and the most it can be. */
static enum tri between(const struct packet *p, const struct registers *r, size_t reg,
			const uint8_t *low, const uint8_t *high, size_t length)
{
	uint8_t least[RULE_REGISTERS], most[RULE_REGISTERS];

	if (memcmp(low, high, length) == 0)
		return equals(p, r, reg, low, length);
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

enum tri packet_in(const struct packet *p, const struct registers *r, size_t reg,
		   const struct rule_set *set, const struct element *e)
{
	enum tri all = YES;
	size_t at = 0;

	if (set->field_count < 2)
		return between(p, r, reg, e->low, e->high, set->key_length);
	for (size_t i = 0; i < set->field_count && all != NO; i++) {
		size_t n = set->fields[i];

		if (is_beyond(at, n, set->key_length))
			return MAYBE;
		all = tri_both(all, between(p, r, reg + at, e->low + at, e->high + at, n));
		at += (n + 3) / 4 * 4;
	}
	return all;
}

void packet_mask(struct registers *r, const struct step *s)
{
	for (size_t i = 0; i < s->length; i++) {
		uint8_t v = r->b.value[s->reg + i], k = r->b.known[s->reg + i];

		r->b.value[s->to + i] = (v & s->low[i]) ^ s->high[i];
		r->b.known[s->to + i] = k || !s->low[i] ? 0xff : 0;
	}
	for (size_t i = s->to / 4U; i < (s->to + s->length + 3U) / 4; i++)
		r->link[i] = FLOW_UNKNOWN;
}

enum tri packet_test(const struct packet *p, const struct registers *r, const struct step *s)
{
	return tri_not_if(s->inverted, between(p, r, s->reg, s->low, s->high, s->length));
}
