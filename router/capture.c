#include "capture.h"

#include <stdlib.h>
#include <string.h>

#include "config/kind.h"
#include "config/self.h"
#include "providers/nicref.h"

/* A claim and where it is captured. */
struct entry {
	const struct address_claim *claim;
	const struct action_forms *forms;
	const char *nic, *link, *profile;
};

/* One node while its part of the plan is made. */
struct maker {
	struct capture_plan *plan;
	struct arena *arena;
	const struct facts *facts; /* of this node; NULL: not known */
};

static bool is_cloud(const struct address_claim *a)
{
	return strcmp(a->capture, "provider-secondary-ip") == 0;
}

static const struct cloud_provider *profile_of(const struct address_claim *a)
{
	return (const void *)a->provider.to;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* ---- which claim is of which NIC -------------------------------------------------------- */

const struct facts_nic *capture_nic(const struct facts *f, const char *link)
{
	for (size_t i = 0; f && link && i < f->nic_count; i++)
		if (f->nics[i].name && strcmp(f->nics[i].name, link) == 0)
			return &f->nics[i];
	return NULL;
}

bool capture_there(const struct facts *f, const struct action_forms *forms)
{
	return f && f->provider && strcmp(f->provider, forms->provider) == 0;
}

/* As the claim names it, or as first boot heard of it; one that is wrong is as none. */
static const char *ref_of(const struct maker *m, const struct entry *e)
{
	const struct facts_nic *nic =
	    capture_there(m->facts, e->forms) ? capture_nic(m->facts, e->link) : NULL;
	const char *ref = e->claim->nic ? e->claim->nic : nic ? nic->ref : NULL, *is, *want;

	if (!ref || nicref_check(e->forms->provider, ref, &is, &want) != NICREF_OK)
		return NULL;
	return ref;
}

static struct entry entry_of(const struct maker *m, const struct address_claim *a)
{
	struct entry e = { .claim = a, .link = a->link.name, .profile = a->provider.name };

	if (!is_cloud(a))
		e.forms = action_forms("pve");
	else if (profile_of(a))
		e.forms = action_forms(profile_of(a)->provider);
	else if (m->facts)
		e.forms = action_forms(m->facts->provider);
	if (e.forms)
		e.nic = ref_of(m, &e);
	return e;
}

/* The same NIC? By its reference, or where that is not known by the interface. */
static int by_nic(const struct entry *a, const struct entry *b)
{
	int r = compare_text(a->forms ? a->forms->provider : NULL,
			     b->forms ? b->forms->provider : NULL);

	if (r == 0)
		r = compare_text(a->nic, b->nic);
	if (r == 0 && !a->nic)
		r = compare_text(a->link, b->link);
	if (r == 0 && !a->nic)
		r = compare_text(a->profile, b->profile);
	if (r == 0 && !a->nic && !a->link) /* a NIC stands in one subnet */
		r = compare_text(a->claim->domain.name, b->claim->domain.name);
	return r;
}

static int by_place(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int r = by_nic(a, b);

	return r ? r : addr_compare(&a->claim->address, &b->claim->address);
}

/* ---- the whole -------------------------------------------------------------------------- */

static void add_part(const struct maker *m, const struct entry *list, size_t n,
		     struct capture_part *p)
{
	char text[ADDR_STRLEN];

	*p = (struct capture_part){
		.number = ++m->plan->parts,
		.forms = list->forms,
		.nic = list->nic,
		.link = list->link,
		.claims = arena_alloc(m->arena, n * sizeof(*p->claims)),
		.claim_count = n,
	};
	for (size_t i = 0; i < n; i++) {
		addr_print_host(&list[i].claim->address, text);
		p->claims[i] = (struct capture_claim){
			.claim = list[i].claim,
			.address = arena_printf(m->arena, "%s", text),
			.state = CAPTURE_UNSEEN,
		};
	}
	capture_make(m->arena, m->facts, m->plan->shell, p);
}

/* As its export is called; else what the machine is. */
static const char *name_of(const struct config *c, struct arena *a)
{
	const char *known[] = { c->node_file, c->node, c->facts.name, c->host };
	struct self *selves;

	if (config_selves(c, a, &selves) == 1)
		return selves->node;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] && config_is_node(known[i]))
			return known[i];
	return "this-node";
}

void capture_add(struct capture_plan *plan, const struct config *c, bool own)
{
	struct maker m = { plan, plan->arena, own ? &c->facts : NULL };
	struct entry *list = arena_alloc(plan->arena, (c->count + 1) * sizeof(*list));
	struct capture_node *node;
	size_t n = 0, room = 0;

	plan->nodes =
	    arena_grow(plan->arena, plan->nodes, plan->count, &plan->room, sizeof(*node));
	node = &plan->nodes[plan->count++];
	*node = (struct capture_node){ .name = name_of(c, plan->arena) };
	for (size_t i = 0; i < c->count; i++)
		if (c->objects[i]->kind == &kind_address_claim)
			list[n++] = entry_of(&m, (const void *)c->objects[i]);
	if (n)
		qsort(list, n, sizeof(*list), by_place);
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && by_nic(&list[i], &list[next]) == 0;)
			next++;
		node->parts = arena_grow(plan->arena, node->parts, node->count, &room,
					 sizeof(*node->parts));
		add_part(&m, &list[i], next - i, &node->parts[node->count++]);
	}
}
