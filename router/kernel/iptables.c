/* iptables.c - the tables of legacy iptables, which nf_tables does not show.
 *
 * A table is one blob of entries, one after the other: for each chain its rules; before a
 * chain of the user's an ERROR target with its name, and at the end of a built-in one its
 * policy. Jumps are offsets into the blob (struct ipt_getinfo, linux/netfilter_ipv4/
 * ip_tables.h; translate_table() in net/ipv4/netfilter/ip_tables.c). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "kernel/ruleset_read.h"

#define BLOB_BYTES  (64 * 1024 * 1024)
#define NAMES_BYTES 4096

_Static_assert(LEGACY_HOOKS == NF_INET_NUMHOOKS, "hooks of a table");

/* ---- one entry, of either family -------------------------------------------------------- */

struct entry {
	struct ipt_ip v4;
	struct ip6t_ip6 v6;
	size_t size; /* of its fixed part */
	size_t target, next;
	const uint8_t *bytes;
};

/* The entry at offset; false: there is none, or not a whole one. */
static bool entry_at(const struct legacy *from, size_t offset, struct entry *ret)
{
	struct entry e = { .bytes = (const uint8_t *)from->blob + offset };
	size_t left = from->length - offset;
	bool v4 = from->family == AF_INET;
	struct ipt_entry four;
	struct ip6t_entry six;

	if (offset > from->length || left < (v4 ? sizeof(four) : sizeof(six)))
		return false;
	if (v4) {
		memcpy(&four, e.bytes, sizeof(four));
		e.v4 = four.ip;
		e.size = sizeof(four);
		e.target = four.target_offset;
		e.next = four.next_offset;
	} else {
		memcpy(&six, e.bytes, sizeof(six));
		e.v6 = six.ipv6;
		e.size = sizeof(six);
		e.target = six.target_offset;
		e.next = six.next_offset;
	}
	if (e.next > left || e.target < e.size || e.target > e.next ||
	    e.next - e.target < sizeof(struct xt_entry_target))
		return false;
	*ret = e;
	return true;
}

/* The target's name, its data and how long that is. */
static const uint8_t *entry_target(const struct entry *e, char name[static 32], size_t *length)
{
	struct xt_entry_target t;

	memcpy(&t, e->bytes + e->target, sizeof(t));
	memcpy(name, t.u.user.name, sizeof(t.u.user.name));
	name[sizeof(t.u.user.name)] = '\0';
	*length = e->next - e->target - sizeof(t);
	return e->bytes + e->target + sizeof(t);
}

/* ---- its conditions --------------------------------------------------------------------- */

static void test_address(struct ruleset *rs, struct rule *r, unsigned offset, const void *mask,
			 const void *value, size_t length, bool inverted)
{
	static const uint8_t none[RULE_VALUE];

	if (memcmp(mask, none, length) != 0 || inverted)
		ruleset_test_masked(rs, r, FLOW_NETWORK, offset, mask, value, length, inverted);
}

/* The mask covers the name and its end, or without the end for "eth+". */
static void test_link(struct ruleset *rs, struct rule *r, enum flow_part part, const char *name,
		      const unsigned char *mask, bool inverted)
{
	char whole[RULE_VALUE] = { 0 };
	size_t n = 0;

	while (n < IFNAMSIZ && mask[n])
		n++;
	if (n == 0)
		return;
	memcpy(whole, name, n);
	ruleset_test(rs, r, part, 0, whole, whole, memchr(whole, 0, n) ? IFNAMSIZ : n,
		     inverted);
}

static void test_protocol(struct ruleset *rs, struct rule *r, unsigned protocol, bool inverted)
{
	uint8_t p = (uint8_t)protocol;

	if (protocol)
		ruleset_test(rs, r, FLOW_PROTOCOL, 0, &p, &p, sizeof(p), inverted);
}

static void test_header4(struct ruleset *rs, struct rule *r, const struct ipt_ip *ip)
{
	unsigned inv = ip->invflags;

	test_address(rs, r, 12, &ip->smsk, &ip->src, 4, inv & IPT_INV_SRCIP);
	test_address(rs, r, 16, &ip->dmsk, &ip->dst, 4, inv & IPT_INV_DSTIP);
	test_link(rs, r, FLOW_IN, ip->iniface, ip->iniface_mask, inv & IPT_INV_VIA_IN);
	test_link(rs, r, FLOW_OUT, ip->outiface, ip->outiface_mask, inv & IPT_INV_VIA_OUT);
	test_protocol(rs, r, ip->proto, inv & IPT_INV_PROTO);
	if (ip->flags & IPT_F_FRAG) /* what we ask for is never one */
		ruleset_maybe(rs, r, "fragments");
}

static void test_header6(struct ruleset *rs, struct rule *r, const struct ip6t_ip6 *ip)
{
	unsigned inv = ip->invflags;

	test_address(rs, r, 8, &ip->smsk, &ip->src, 16, inv & IP6T_INV_SRCIP);
	test_address(rs, r, 24, &ip->dmsk, &ip->dst, 16, inv & IP6T_INV_DSTIP);
	test_link(rs, r, FLOW_IN, ip->iniface, ip->iniface_mask, inv & IP6T_INV_VIA_IN);
	test_link(rs, r, FLOW_OUT, ip->outiface, ip->outiface_mask, inv & IP6T_INV_VIA_OUT);
	if (ip->flags & IP6T_F_PROTO)
		test_protocol(rs, r, ip->proto, inv & IP6T_INV_PROTO);
}

static void add_matches(struct ruleset *rs, struct rule *r, const struct entry *e)
{
	size_t at = e->size;

	while (at < e->target) {
		struct xt_entry_match m;
		char name[sizeof(m.u.user.name) + 1] = { 0 };

		if (e->target - at < sizeof(m)) {
			ruleset_maybe(rs, r, "damaged");
			return;
		}
		memcpy(&m, e->bytes + at, sizeof(m));
		if (m.u.match_size < sizeof(m) || m.u.match_size > e->target - at) {
			ruleset_maybe(rs, r, "damaged");
			return;
		}
		memcpy(name, m.u.user.name, sizeof(m.u.user.name));
		xt_match(rs, r, arena_strndup(rs->arena, name, strlen(name)), m.u.user.revision,
			 e->bytes + at + sizeof(m), m.u.match_size - sizeof(m));
		at += m.u.match_size;
	}
}

/* ---- its effect ------------------------------------------------------------------------- */

#define JUMP_NAME "offset" /* until resolve() has put the chain there */

static struct effect standard(int verdict, bool is_goto)
{
	switch (verdict) {
	case -NF_ACCEPT - 1:
		return (struct effect){ .kind = EFFECT_ACCEPT };
	case -NF_DROP - 1:
		return (struct effect){ .kind = EFFECT_DROP };
	case XT_RETURN:
		return (struct effect){ .kind = EFFECT_RETURN };
	default:
		return (struct effect){ .kind = verdict < 0 ? EFFECT_UNKNOWN
						: is_goto   ? EFFECT_GOTO
							    : EFFECT_JUMP,
					.name = verdict < 0 ? "QUEUE" : JUMP_NAME };
	}
}

static bool is_goto(const struct legacy *from, const struct entry *e)
{
	return from->family == AF_INET ? e->v4.flags & IPT_F_GOTO : e->v6.flags & IP6T_F_GOTO;
}

/* A rule without a target goes on to the next entry. */
static void add_target(struct ruleset *rs, struct rule *r, const struct legacy *from,
		       const struct entry *e)
{
	char name[32];
	size_t length;
	const uint8_t *data = entry_target(e, name, &length);
	size_t next = (size_t)(e->bytes - (const uint8_t *)from->blob) + e->next;
	struct step *s;
	int verdict;

	if (*name) {
		xt_target(rs, r, arena_strndup(rs->arena, name, strlen(name)), data, length);
		return;
	}
	if (length < sizeof(verdict)) {
		ruleset_effect(rs, r, EFFECT_UNKNOWN, "damaged");
		return;
	}
	memcpy(&verdict, data, sizeof(verdict));
	if (verdict >= 0 && (size_t)verdict == next && !is_goto(from, e))
		return;
	s = ruleset_add_step(rs, r, STEP_EFFECT);
	s->effect = standard(verdict, is_goto(from, e));
	if (verdict >= 0)
		memcpy(s->low, &verdict, sizeof(verdict));
}

/* ---- chains ----------------------------------------------------------------------------- */

static const char *const hook_names[LEGACY_HOOKS] = { "PREROUTING", "INPUT", "FORWARD",
						      "OUTPUT", "POSTROUTING" };

static int table_priority(const char *name)
{
	static const struct {
		const char *name;
		int priority;
	} tables[] = {
		{ "raw", -300 }, { "mangle", -150 }, { "nat", -100 }, { "security", 50 }
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (strcmp(tables[i].name, name) == 0)
			return tables[i].priority;
	return 0;
}

static struct rule_chain *begin_hook(struct ruleset *rs, struct rule_table *t,
				     const struct legacy *from, unsigned hook, size_t offset)
{
	struct rule_chain *c = ruleset_add_chain(rs, t);

	c->name = hook_names[hook];
	c->hook = ruleset_hook(hook);
	c->priority = table_priority(from->table);
	c->policy.kind = EFFECT_UNKNOWN; /* until its underflow is met */
	c->offset = (uint32_t)offset;
	return c;
}

/* The chain that begins with this entry, else c. *head: the entry only names it. */
static struct rule_chain *begin(struct ruleset *rs, struct rule_table *t,
				const struct legacy *from, const struct entry *e, size_t offset,
				struct rule_chain *c, bool *head)
{
	char name[32];
	size_t length;
	const uint8_t *data = entry_target(e, name, &length);

	*head = false;
	for (unsigned h = 0; h < LEGACY_HOOKS; h++)
		if (from->valid >> h & 1 && from->entry[h] == offset)
			return begin_hook(rs, t, from, h, offset);
	if (strcmp(name, XT_ERROR_TARGET) != 0)
		return c;
	*head = true;
	c = ruleset_add_chain(rs, t);
	c->name =
	    arena_strndup(rs->arena, (const char *)data, strnlen((const char *)data, length));
	c->offset = (uint32_t)(offset + e->next);
	return c;
}

static bool is_policy(const struct legacy *from, size_t offset)
{
	for (unsigned h = 0; h < LEGACY_HOOKS; h++)
		if (from->valid >> h & 1 && from->underflow[h] == offset)
			return true;
	return false;
}

static void add_entry(struct ruleset *rs, struct rule_chain *c, const struct legacy *from,
		      const struct entry *e, size_t offset)
{
	struct rule *r = ruleset_add_rule(rs, c);

	if (from->family == AF_INET)
		test_header4(rs, r, &e->v4);
	else
		test_header6(rs, r, &e->v6);
	add_matches(rs, r, e);
	add_target(rs, r, from, e);
	if (!is_policy(from, offset) || c->hook == HOOK_NONE)
		return;
	c->count--;
	if (r->count == 1 && r->steps[0].kind == STEP_EFFECT)
		c->policy = r->steps[0].effect;
}

/* Chains come in the order of their offsets. */
static const struct rule_chain *chain_at(const struct ruleset *rs, size_t first,
					 uint32_t offset)
{
	size_t low = first, high = rs->chain_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (rs->chains[mid]->offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low < rs->chain_count && rs->chains[low]->offset == offset ? rs->chains[low]
									  : NULL;
}

static void resolve(struct ruleset *rs, size_t first)
{
	for (size_t i = first; i < rs->chain_count; i++)
		for (size_t j = 0; j < rs->chains[i]->count; j++) {
			struct rule *r = &rs->chains[i]->rules[j];
			struct step *s = r->count ? &r->steps[r->count - 1] : NULL;
			uint32_t offset;

			if (!s || s->kind != STEP_EFFECT ||
			    (s->effect.kind != EFFECT_JUMP && s->effect.kind != EFFECT_GOTO))
				continue;
			memcpy(&offset, s->low, sizeof(offset));
			s->effect.chain = chain_at(rs, first, offset);
			s->effect.name = s->effect.chain ? s->effect.chain->name : NULL;
		}
}

bool legacy_parse(struct ruleset *rs, const struct legacy *from)
{
	struct rule_table *t = ruleset_add_table(rs);
	struct rule_chain *c = NULL;
	size_t first = rs->chain_count, offset = 0;
	struct entry e;
	bool head;

	t->family = from->family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
	t->family_name = from->family == AF_INET ? "ip" : "ip6";
	t->name = from->table;
	t->legacy = true;
	for (; offset < from->length && entry_at(from, offset, &e); offset += e.next) {
		c = begin(rs, t, from, &e, offset, c, &head);
		if (!head && c)
			add_entry(rs, c, from, &e, offset);
	}
	resolve(rs, first);
	return offset == from->length;
}

/* ---- from the kernel -------------------------------------------------------------------- */

/* IPv4 and IPv6 have the same structs under two names, and the same options' numbers. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "getinfo");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries), "entries");

static int read_table(struct ruleset *rs, int fd, int family, const char *name)
{
	struct ipt_getinfo info = { 0 };
	struct ipt_get_entries *get;
	socklen_t n = sizeof(info);
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	struct legacy from = { .table = name, .family = family };

	strncpy(info.name, name, sizeof(info.name) - 1);
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &n) < 0)
		return -errno;
	if (info.size > BLOB_BYTES)
		return -EFBIG;
	n = (socklen_t)(sizeof(*get) + info.size);
	get = arena_alloc(rs->arena, n);
	strncpy(get->name, name, sizeof(get->name) - 1);
	get->size = info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, get, &n) < 0)
		return -errno; /* -EAGAIN: it was replaced meanwhile */
	from.valid = info.valid_hooks;
	memcpy(from.entry, info.hook_entry, sizeof(from.entry));
	memcpy(from.underflow, info.underflow, sizeof(from.underflow));
	from.blob = get->entrytable;
	from.length = info.size;
	return legacy_parse(rs, &from) ? 0 : -EBADMSG;
}

static int read_family(struct ruleset *rs, int family, const char *path)
{
	CLEAN(close_fd) int fd = -1;
	char *names, *save = NULL;
	size_t n;
	int r = file_read(rs->arena, path, NAMES_BYTES, &names, &n);

	if (r == -ENOENT)
		return 0; /* no such module, so no such tables */
	if (r < 0)
		return r == -EACCES ? -EPERM : r;
	for (char *name = strtok_r(names, "\n", &save); name && r == 0;
	     name = strtok_r(NULL, "\n", &save)) {
		if (fd < 0)
			fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		r = fd < 0 ? -errno : read_table(rs, fd, family, name);
	}
	return r;
}

void legacy_read(struct ruleset *rs)
{
	int r4 = read_family(rs, AF_INET, "/proc/net/ip_tables_names");
	int r6 = read_family(rs, AF_INET6, "/proc/net/ip6_tables_names");

	rs->legacy_error = r4 ? r4 : r6;
}
