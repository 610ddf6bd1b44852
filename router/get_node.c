#include <errno.h>
#include <string.h>

#include "base/clean.h"
#include "base/facts.h"
#include "base/table.h"
#include "get.h"

struct view {
	struct arena *arena;
	struct facts facts;
	const struct node *boot; /* first boot's report; NULL: there is none */
};

static void print_document(const struct ctl *o, const struct view *v)
{
	struct out out;

	out_open(&out, stdout, o->format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	facts_out(&out, &v->facts);
	if (v->boot)
		get_out(&out, "firstBoot", v->boot);
	out_close(&out);
}

/* ---- for people ------------------------------------------------------------------------- */

static void add_pair(struct table *t, const char *name, const char *value)
{
	if (!value)
		return;
	table_add(t, name, TABLE_PLAIN);
	table_add(t, value, TABLE_PLAIN);
}

static const char *place(const struct view *v)
{
	const struct facts *f = &v->facts;

	if (!f->region)
		return NULL;
	return arena_printf(v->arena, "%s%s%s", f->region, f->zone ? ", zone " : "",
			    f->zone ? f->zone : "");
}

static void print_machine(const struct view *v)
{
	struct table t = { .arena = v->arena, .columns = 2 };
	const struct node *config = v->boot ? node_get(v->boot, "config") : NULL;

	add_pair(&t, "node", v->boot ? node_text(v->boot, "node") : NULL);
	add_pair(&t, "fingerprint", v->boot ? node_text(v->boot, "fingerprint") : NULL);
	add_pair(&t, "signing key", v->boot ? node_text(v->boot, "signingKey") : NULL);
	add_pair(&t, "machine", v->facts.name);
	add_pair(&t, "provider", v->facts.provider);
	add_pair(&t, "told by", v->facts.source);
	add_pair(&t, "instance", v->facts.instance);
	add_pair(&t, "region", place(v));
	if (config)
		add_pair(&t, "config", node_text(config, "from"));
	if (v->boot) {
		add_pair(&t, "first boot",
			 arena_printf(v->arena,
				      "%s, when it ran; 'routerctl get' has what is now",
				      node_text(v->boot, "result")));
		add_pair(&t, "next", node_text(v->boot, "next"));
	}
	table_print(&t, stdout);
}

static const char *addresses(const struct view *v, const struct facts_nic *nic)
{
	const char *list = "";
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < nic->address_count; i++)
		list = arena_printf(v->arena, "%s%s%s", list, i ? "," : "",
				    addr_print_host(&nic->addresses[i], text));
	return list;
}

static const char *text_of(const struct view *v, const struct addr *a, bool prefix)
{
	char text[ADDR_STRLEN];

	if (!a->family)
		return "";
	return arena_printf(v->arena, "%s",
			    prefix ? addr_print(a, text) : addr_print_host(a, text));
}

static void print_nics(const struct view *v)
{
	static const char *const head[] = { "NIC",    "MAC",	"MTU",	 "ADDRESSES",
					    "SUBNET", "PUBLIC", "NICREF" };
	struct table t = { .arena = v->arena, .columns = sizeof(head) / sizeof(*head) };

	for (size_t i = 0; i < t.columns; i++)
		table_add(&t, head[i], TABLE_PLAIN);
	for (size_t i = 0; i < v->facts.nic_count; i++) {
		const struct facts_nic *nic = &v->facts.nics[i];

		table_add(&t, nic->name ? nic->name : "-", TABLE_PLAIN);
		table_add(&t, nic->mac, TABLE_PLAIN);
		table_add(&t, nic->mtu ? arena_printf(v->arena, "%u", nic->mtu) : "",
			  TABLE_PLAIN);
		table_add(&t, addresses(v, nic), TABLE_PLAIN);
		table_add(&t, text_of(v, &nic->subnet, true), TABLE_PLAIN);
		table_add(&t, text_of(v, &nic->public, false), TABLE_PLAIN);
		table_add(&t, nic->ref ? nic->ref : "", TABLE_PLAIN);
	}
	putchar('\n');
	table_print(&t, stdout);
}

static enum table_colour colour(const char *result)
{
	if (strcmp(result, "failed") == 0)
		return TABLE_RED;
	return strcmp(result, "waiting") == 0 ? TABLE_YELLOW : TABLE_GREEN;
}

static void print_steps(const struct view *v)
{
	static const char *const head[] = { "STEP", "RESULT", "MS", "DETAIL" };
	const struct node *steps = v->boot ? node_get(v->boot, "steps") : NULL;
	struct table t = { .arena = v->arena, .columns = sizeof(head) / sizeof(*head) };

	if (!steps || steps->type != NODE_LIST)
		return;
	for (size_t i = 0; i < t.columns; i++)
		table_add(&t, head[i], TABLE_PLAIN);
	for (const struct node *n = steps->child; n; n = n->next) {
		const char *result = n->type == NODE_MAP ? node_text(n, "result") : NULL;

		if (!result)
			continue;
		table_add(&t, node_text(n, "name"), TABLE_PLAIN);
		table_add(&t, result, colour(result));
		table_add(&t, node_text(n, "milliseconds"), TABLE_PLAIN);
		table_add(&t, node_text(n, "detail"), TABLE_PLAIN);
	}
	putchar('\n');
	table_print(&t, stdout);
}

enum ctl_exit get_node(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct view v = { .arena = a, .boot = facts_report(a) };
	int r = facts_read(a, FACTS_FILE, &v.facts);

	if (r == -ENOENT && !v.boot) {
		fputs("routerctl: first boot has not run since this machine was started: "
		      "'systemctl start routerd-firstboot' runs it\n",
		      stderr);
		return CTL_FAILED;
	}
	if (r < 0 && r != -ENOENT)
		return ctl_complain(FACTS_FILE, r);
	if (o->format != REPORT_TABLE) {
		print_document(o, &v);
		return ctl_printed(CTL_OK);
	}
	print_machine(&v);
	if (v.facts.nic_count)
		print_nics(&v);
	print_steps(&v);
	return ctl_printed(CTL_OK);
}
