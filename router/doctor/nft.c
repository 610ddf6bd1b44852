/* nft.c - our table of nf_tables, and what others of ours were left behind. */
#include <errno.h>
#include <string.h>

#include "doctor/tables.h"

#define AREA "nft"
#define OURS TABLE_OURS

/* ---- our own table ---------------------------------------------------------------------- */

static const struct rule_table *find_table(const struct ruleset *rs, const char *name)
{
	for (size_t i = 0; i < rs->table_count; i++)
		if (rs->tables[i]->family == FAMILY_INET &&
		    strcmp(rs->tables[i]->name, name) == 0)
			return rs->tables[i];
	return NULL;
}

static size_t count_wanted(const struct doctor *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->pass->want.count; i++)
		n += d->pass->want.items[i].type == ITEM_CLAMP;
	return n;
}

/* The first thing to do to the clamps; NULL: they are as wanted. */
static const struct op *pending(const struct doctor *d)
{
	for (size_t i = 0; i < d->pass->plan.count; i++)
		if (op_item(&d->pass->plan.ops[i])->type == ITEM_CLAMP)
			return &d->pass->plan.ops[i];
	return NULL;
}

static void check_own(struct doctor *d, const struct ruleset *rs)
{
	const struct rule_table *t = find_table(rs, OURS);
	const char *apply = doctor_apply(d);
	const struct op *op;

	if (!d->pass || d->pass->have.blind & 1U << ITEM_CLAMP) {
		doctor_add(d, AREA, "own-table", CHECK_SKIP, NULL,
			   d->pass ? "only root may see nf_tables; run doctor as root"
				   : "without a sound configuration it is not known what table "
				     "inet " OURS " should hold");
		return;
	}
	op = pending(d);
	if (!op && count_wanted(d))
		doctor_add(d, AREA, "own-table", CHECK_PASS, NULL,
			   "table inet " OURS " is there and as it should be");
	else if (!op)
		doctor_add(d, AREA, "own-table", CHECK_PASS, NULL,
			   "no table is asked for, and there is none");
	else if (t && !t->ours)
		doctor_add(d, AREA, "own-table", CHECK_FAIL,
			   arena_printf(d->arena, "%s && %s", table_delete(d, t), apply),
			   "there is a table inet " OURS " that routerd did not make, so the "
			   "MSS of what goes through the tunnels is not kept down");
	else if (!op->want)
		doctor_add(d, AREA, "own-table", CHECK_WARN, apply,
			   "table inet " OURS " holds more than is asked for: %s",
			   item_text(d->arena, op->have));
	else
		doctor_add(
		    d, AREA, "own-table", CHECK_FAIL, apply, "table inet " OURS " %s: %s",
		    t ? "is not as it should be" : "is missing", item_text(d->arena, op->want));
}

/* ---- others ----------------------------------------------------------------------------- */

/* Does any of its base chains stop what a router is there for: any packet of any kind? */
static const struct rule_chain *blocks(const struct ruleset *rs, const struct rule_table *t)
{
	for (size_t i = 0; i < rs->chain_count; i++) {
		const struct rule_chain *c = rs->chains[i];

		if (c->table == t && !t->dormant &&
		    (c->hook == HOOK_FORWARD || c->hook == HOOK_INPUT) &&
		    ruleset_may_drop(rs, c))
			return c;
	}
	return NULL;
}

static void check_stale(struct doctor *d, const struct ruleset *rs)
{
	size_t found = 0;

	for (size_t i = 0; i < rs->table_count; i++) {
		const struct rule_table *t = rs->tables[i];
		const struct rule_chain *c;

		if (!table_is_stale(t))
			continue;
		found++;
		c = blocks(rs, t);
		doctor_add(d, AREA, "stale-table", c ? CHECK_FAIL : CHECK_WARN,
			   table_delete(d, t), "table %s %s %s and nothing asks for it%s%s",
			   t->family_name, t->name,
			   t->ours ? "was made by routerd" : "has a name like routerd's",
			   c ? "; it drops packets in its chain " : "", c ? c->name : "");
	}
	if (!found)
		doctor_add(d, AREA, "stale-table", CHECK_PASS, NULL,
			   "no table was left behind by routerd or an older one of its kind");
}

void doctor_nft(struct doctor *d)
{
	struct ruleset rs;

	if (!tables_read(d, AREA, "tables", &rs))
		return;
	if (rs.nft_error == -EOPNOTSUPP) {
		bool needed = d->pass && count_wanted(d);

		doctor_add(d, AREA, "kernel", needed ? CHECK_FAIL : CHECK_SKIP,
			   needed ? "modprobe nf_tables" : NULL,
			   "this kernel has no nf_tables, which the MSS clamps need; load the "
			   "module, or install a kernel that has it");
		return;
	}
	doctor_add(d, AREA, "kernel", CHECK_PASS, NULL, "this kernel has nf_tables");
	check_own(d, &rs);
	check_stale(d, &rs);
}
