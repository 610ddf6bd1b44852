#include "doctor/tables.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "routerd_"
#define SAVED  "/etc/iptables/rules.v" /* netfilter-persistent's, and 4 or 6 */

bool table_is_stale(const struct rule_table *t)
{
	bool wanted = t->family == FAMILY_INET && strcmp(t->name, TABLE_OURS) == 0;

	return !t->legacy && !wanted &&
	       (t->ours || strncmp(t->name, PREFIX, strlen(PREFIX)) == 0);
}

const char *table_delete(struct doctor *d, const struct rule_table *t)
{
	return arena_printf(d->arena, "nft delete table %s %s", t->family_name,
			    doctor_quote(d->arena, t->name));
}

const char *tables_look(struct doctor *d, struct ruleset *rs)
{
	int r;

	*rs = (struct ruleset){ .arena = d->arena };
	if (!d->kernel)
		return "the kernel could not be asked for the firewall's rules";
	ruleset_read(d->kernel, rs);
	r = rs->nft_error == -EOPNOTSUPP || rs->nft_error == 0 ? rs->legacy_error
							       : rs->nft_error;
	if (r == 0)
		return NULL;
	if (r == -EPERM)
		return "only root may see the firewall's rules; run this as root to have them "
		       "checked";
	return arena_printf(d->arena, "the firewall's rules could not be read: %s%s",
			    strerror(-r),
			    r == -EINTR || r == -ENOBUFS || r == -EAGAIN
				? "; something changes them all the time, try again"
				: "");
}

bool tables_read(struct doctor *d, const char *area, const char *name, struct ruleset *rs)
{
	const char *why = tables_look(d, rs);

	if (why)
		doctor_add(d, area, name, CHECK_SKIP, NULL, "%s", why);
	return !why;
}

/* ---- words ------------------------------------------------------------------------------ */

const char *effect_word(enum effect_kind kind)
{
	return kind == EFFECT_REJECT ? "rejects" : "drops";
}

static const char *table_text(struct doctor *d, const struct rule_table *t)
{
	if (t->legacy)
		return arena_printf(d->arena, "%s of %s-legacy", t->name,
				    t->family == FAMILY_IPV4 ? "iptables" : "ip6tables");
	return arena_printf(d->arena, "%s %s", t->family_name, t->name);
}

const char *place_text(struct doctor *d, const struct place *p)
{
	const char *table = table_text(d, p->chain->table);

	if (!p->rule)
		return arena_printf(d->arena, "the policy of chain %s in table %s",
				    p->chain->name, table);
	if (!p->rule->handle)
		return arena_printf(d->arena, "rule %u of chain %s in table %s",
				    p->rule->position, p->chain->name, table);
	return arena_printf(d->arena, "rule %u (handle %llu) of chain %s in table %s",
			    p->rule->position, (unsigned long long)p->rule->handle,
			    p->chain->name, table);
}

/* ---- commands --------------------------------------------------------------------------- */

static bool have_program(struct doctor *d, const char *name)
{
	static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin",
					       "/usr/local/sbin" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (access(arena_printf(d->arena, "%s/%s", folders[i], name), X_OK) == 0)
			return true;
	return false;
}

const char *table_program(struct doctor *d, const struct rule_table *t)
{
	const char *plain = t->family == FAMILY_IPV6 ? "ip6tables" : "iptables";
	const char *exact =
	    arena_printf(d->arena, "%s-%s", plain, t->legacy ? "legacy" : "nft");

	if (have_program(d, exact))
		return exact;
	return t->legacy || have_program(d, plain) ? plain : NULL;
}

static const char *iptables_match(struct doctor *d, const struct flow *w)
{
	struct arena *a = d->arena;

	if (w->protocol == IPPROTO_UDP)
		return arena_printf(a, "-p udp --dport %d", w->destination_port);
	if (w->protocol == IPPROTO_ICMP)
		return "-p icmp";
	return arena_printf(a, "%s%s%s%s%s", w->in.name ? "-i " : "",
			    w->in.name ? doctor_quote(a, w->in.name) : "",
			    w->in.name && w->out.name ? " " : "", w->out.name ? "-o " : "",
			    w->out.name ? doctor_quote(a, w->out.name) : "");
}

/* In nft's own quotes nothing stands for a quote, and a * at the end for any name that begins
 * so: such a link is told by its index. */
static const char *nft_link(struct doctor *d, const char *key, const struct flow_link *l)
{
	struct arena *a = d->arena;

	if (!l->name)
		return "";
	if (l->index > 0 && strpbrk(l->name, "\"*\\"))
		return arena_printf(a, "%s %d ", key, l->index);
	return arena_printf(a, "%sname %s ", key,
			    doctor_quote(a, arena_printf(a, "\"%s\"", l->name)));
}

static const char *nft_match(struct doctor *d, const struct flow *w)
{
	if (w->protocol == IPPROTO_UDP)
		return arena_printf(d->arena, "udp dport %d ", w->destination_port);
	if (w->protocol == IPPROTO_ICMP)
		return "meta l4proto icmp ";
	return arena_printf(d->arena, "%s%s", nft_link(d, "iif", &w->in),
			    nft_link(d, "oif", &w->out));
}

const char *place_accept(struct doctor *d, const struct place *p, const struct flow *w,
			 bool *by_iptables)
{
	const struct rule_table *t = p->chain->table;
	const char *program = ruleset_is_iptables(p->chain) ? table_program(d, t) : NULL;
	struct arena *a = d->arena;
	bool filter = strcmp(t->name, "filter") == 0;

	*by_iptables = program != NULL; /* never for a table of ours */
	if (table_is_stale(t))
		return table_delete(d, t);
	if (t->ours)
		return doctor_apply(d);
	if (program)
		return arena_printf(
		    a, "%s%s%s -I %s %zu %s -j ACCEPT", program, filter ? "" : " -t ",
		    filter ? "" : doctor_quote(a, t->name), doctor_quote(a, p->chain->name),
		    p->rule ? p->rule->position : p->chain->count + 1, iptables_match(d, w));
	if (!p->rule)
		return arena_printf(a, "nft add rule %s %s %s %saccept", t->family_name,
				    doctor_quote(a, t->name), doctor_quote(a, p->chain->name),
				    nft_match(d, w));
	return arena_printf(a, "nft insert rule %s %s %s handle %llu %saccept", t->family_name,
			    doctor_quote(a, t->name), doctor_quote(a, p->chain->name),
			    (unsigned long long)p->rule->handle, nft_match(d, w));
}

const char *table_save(struct doctor *d, const struct rule_table *t)
{
	const char *file = t->family == FAMILY_IPV6 ? SAVED "6" : SAVED "4";

	if (access(file, F_OK) < 0)
		return NULL;
	return have_program(d, "netfilter-persistent")
		   ? "netfilter-persistent save"
		   : arena_printf(d->arena, "%s-save >%s", table_program(d, t), file);
}
