/* sysctl.c - the kernel's settings that forward, or quietly drop. */
#include <string.h>

#include "base/texts.h"
#include "config/hybrid.h"
#include "doctor/doctor.h"

#define AREA "sysctl"

int sysctl_setting(const struct doctor *d, const char *link, const char *key)
{
	const char *text =
	    doctor_read(d, arena_printf(d->arena, "/proc/sys/net/ipv4/conf/%s/%s", link, key));

	return text ? atoi(text) : -1;
}

/* To sysctl(8) a dot in a link's name parts it, unless slashes
 * do, and = ends it. */
const char *sysctl_set(struct arena *a, const char *link, const char *key, int value)
{
	const char *path = arena_printf(a, "net/ipv4/conf/%s/%s", link, key);

	if (strspn(link, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_.@-") < strlen(link))
		return arena_printf(a, "echo %d >%s", value,
				    doctor_quote(a, arena_printf(a, "/proc/sys/%s", path)));
	if (strchr(link, '.'))
		return arena_printf(a, "sysctl -w %s=%d", path, value);
	return arena_printf(a, "sysctl -w net.ipv4.conf.%s.%s=%d", link, key, value);
}

/* ---- what the plan asks for ------------------------------------------------------------- */

static const struct {
	const char *key, *name; /* the key's end */
	enum check_status status;
	const char *means;
} asked[] = {
	{ "/ip_forward", "ip_forward", CHECK_FAIL, "nothing is forwarded at all" },
	{ "/send_redirects", "send_redirects", CHECK_WARN,
	  "clients are told to go past this router, to where the address is not" },
	{ "/proxy_delay", "proxy_delay", CHECK_WARN,
	  "answers to ARP for captured addresses take up to 0.8 s" },
	{ "", "setting", CHECK_WARN, "it is not as the configuration asks" },
};

#define ASKED (sizeof(asked) / sizeof(*asked))

static bool is_asked(const struct item *it, size_t row)
{
	size_t n = strlen(it->sysctl.key), end;

	for (size_t i = 0; i < ASKED; i++) {
		end = strlen(asked[i].key);
		if (n >= end && strcmp(it->sysctl.key + n - end, asked[i].key) == 0)
			return i == row;
	}
	return false;
}

static void check_asked(struct doctor *d, size_t row)
{
	struct tally t = { .d = d, .area = AREA, .name = asked[row].name };

	for (size_t i = 0; i < d->pass->plan.count; i++) {
		const struct op *op = &d->pass->plan.ops[i];

		if (op->want && op->want->type == ITEM_SYSCTL && is_asked(op->want, row))
			tally_bad(&t, asked[row].status, doctor_apply(d),
				  "%s is %s, and %s wants %s: %s", op->want->sysctl.key,
				  op->have ? op->have->sysctl.value : "not there",
				  object_where(d->arena, op->origin), op->want->sysctl.value,
				  asked[row].means);
	}
	for (size_t i = 0; i < d->pass->want.count; i++)
		t.good += d->pass->want.items[i].type == ITEM_SYSCTL &&
			  is_asked(&d->pass->want.items[i], row);
	tally_end(&t, "as asked for: %zu", t.good);
}

/* ---- what nobody asks for, and may be in the way ---------------------------------------- */

/* The kernel takes the larger of all and the link's own (IN_DEV_RPFILTER(),
 * include/linux/inetdevice.h). 1 drops what comes by another way than an answer would go. */
int sysctl_rp_filter(const struct doctor *d, const char *link)
{
	int all = sysctl_setting(d, "all", "rp_filter");
	int own = sysctl_setting(d, link, "rp_filter");

	return own < 0 || own > all ? own : all;
}

static void check_rp_filter(struct doctor *d, struct tally *t, const char *link)
{
	int all = sysctl_setting(d, "all", "rp_filter");
	int own = sysctl_setting(d, link, "rp_filter");

	if (own < 0)
		return; /* no such link: area hybrid says so */
	if (sysctl_rp_filter(d, link) != 1) {
		t->good++;
		return;
	}
	tally_bad(
	    t, CHECK_WARN, sysctl_set(d->arena, link, "rp_filter", 2),
	    "strict on %s (all %d, its own %d; the larger counts): packets whose way back "
	    "is another one are dropped without a word. A Sysctl object keeps it loose",
	    link, all, own);
}

/* Either of the two is enough (IN_DEV_PROXY_ARP()). */
static void check_proxy_arp(struct doctor *d, struct tally *t, const char *link)
{
	bool all = sysctl_setting(d, "all", "proxy_arp") > 0;
	bool own = sysctl_setting(d, link, "proxy_arp") > 0;

	if (!all && !own) {
		t->good++;
		return;
	}
	tally_bad(
	    t, CHECK_WARN,
	    arena_printf(d->arena, "%s%s%s",
			 all ? sysctl_set(d->arena, "all", "proxy_arp", 0) : "",
			 all && own ? " && " : "",
			 own ? sysctl_set(d->arena, link, "proxy_arp", 0) : ""),
	    "1 on %s: not needed, as each claim has a proxy neighbour of its own; with it "
	    "and a default route through the tunnel, ARP is answered for every address",
	    link);
}

/* Capture interfaces and tunnels, each once, sorted. */
static const char **captures(struct doctor *d, size_t *ret)
{
	size_t n, count = 0;
	const struct object **claims = doctor_objects(d, &kind_address_claim, &n);
	const char **list = arena_alloc(d->arena, (n + 1) * sizeof(char *));

	for (size_t i = 0; i < n; i++)
		if (((const struct address_claim *)(const void *)claims[i])->link.name)
			list[count++] =
			    ((const struct address_claim *)(const void *)claims[i])->link.name;
	*ret = texts_sort(list, count);
	return list;
}

static const char **tunnels(struct doctor *d, size_t *ret)
{
	size_t n;
	const struct object **peers = doctor_objects(d, &kind_overlay_peer, &n);
	const char **list = arena_alloc(d->arena, (n + 1) * sizeof(char *));

	for (size_t i = 0; i < n; i++)
		list[i] = ((const struct overlay_peer *)(const void *)peers[i])->link.name;
	*ret = texts_sort(list, n);
	return list;
}

void doctor_sysctl(struct doctor *d)
{
	struct tally strict = { .d = d, .area = AREA, .name = "rp_filter" };
	struct tally proxy = { .d = d, .area = AREA, .name = "proxy_arp" };
	const char **list;
	size_t n;

	if (!doctor_can(d, AREA))
		return;
	for (size_t i = 0; i < ASKED; i++)
		check_asked(d, i);
	list = captures(d, &n);
	for (size_t i = 0; i < n; i++) {
		check_rp_filter(d, &strict, list[i]);
		check_proxy_arp(d, &proxy, list[i]);
	}
	list = tunnels(d, &n);
	for (size_t i = 0; i < n; i++)
		check_rp_filter(d, &strict, list[i]);
	tally_end(&strict, "interfaces that are not strict: %zu", strict.good);
	tally_end(&proxy, "off, as it should be");
}
