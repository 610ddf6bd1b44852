/* capture_part.c - what is to be done at one NIC. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capture.h"
#include "config/kind.h"
#include "providers/nicref.h"

/* One part while it is made. */
struct making {
	struct arena *arena;
	const struct facts *facts; /* of the node; NULL: not known */
	struct capture_part *part;
	const struct facts_nic *nic; /* as first boot heard of it; NULL: it did not */
	struct addr *addresses, *missing, *others;
	size_t count, missing_count, other_count;
	struct action_names names;
	unsigned needed; /* bits of words */
};

static void add_text(struct arena *a, struct list *list, const char *text)
{
	size_t room = list->count; /* a new array each time: they are short */

	list->items = arena_grow(a, list->items, list->count, &room, sizeof(const char *));
	((const char **)list->items)[list->count++] = text;
}

static const struct cloud_provider *profile_of(const struct address_claim *a)
{
	return (const void *)a->provider.to;
}

/* ---- what is attached ------------------------------------------------------------------- */

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static const struct facts_nic *nic_of(const struct making *k)
{
	const struct facts_nic *nic = NULL;

	if (!capture_there(k->facts, k->part->forms))
		return NULL;
	for (size_t i = 0; k->part->nic && i < k->facts->nic_count; i++)
		if (k->facts->nics[i].ref &&
		    nicref_equal(k->part->forms->provider, k->facts->nics[i].ref, k->part->nic))
			return &k->facts->nics[i];
	if (k->part->link)
		nic = capture_nic(k->facts, k->part->link);
	else if (k->facts->nic_count == 1)
		nic = &k->facts->nics[0];
	/* Azure's metadata names no NIC; one that is named is another. */
	return nic && nic->ref && k->part->nic ? NULL : nic;
}

/* The IPv4 addresses of the NIC but its own, in order. */
static struct addr *secondary(struct arena *a, const struct facts_nic *nic, size_t *ret_count)
{
	struct addr *list = arena_alloc(a, (nic->address_count + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 1; i < nic->address_count; i++)
		if (nic->addresses[i].family == AF_INET)
			list[n++] = nic->addresses[i];
	if (n)
		qsort(list, n, sizeof(*list), by_addr);
	*ret_count = n;
	return list;
}

/* Each claim's address: is it among those of the NIC? And which of those are nobody's here. */
static void compare(struct making *k)
{
	bool seen = k->nic && k->part->forms->lists;
	size_t n = 0, next = 0;
	struct addr *there = seen ? secondary(k->arena, k->nic, &n) : NULL;

	k->others = arena_alloc(k->arena, (n + 1) * sizeof(*k->others));
	for (size_t i = 0; i < k->count; i++) {
		struct capture_claim *c = &k->part->claims[i];

		while (next < n && addr_compare(&there[next], &k->addresses[i]) < 0)
			k->others[k->other_count++] = there[next++];
		c->state = !seen ? CAPTURE_UNSEEN : CAPTURE_TODO;
		if (next < n && addr_compare(&there[next], &k->addresses[i]) == 0) {
			c->state = CAPTURE_DONE;
			next++;
		} else {
			k->missing[k->missing_count++] = k->addresses[i];
		}
	}
	while (next < n)
		k->others[k->other_count++] = there[next++];
}

/* ---- steps ------------------------------------------------------------------------------ */

static const char *fill(struct making *k, const char *form)
{
	return form ? action_fill(k->arena, form, &k->names, &k->needed) : NULL;
}

/* One command for all the addresses, or one for each. */
static void fill_each(struct making *k, const char *form, const struct addr *list, size_t n,
		      struct list *to)
{
	struct arena *a = k->arena;
	const char **texts;

	if (!n)
		return;
	k->names.addresses = action_list(a, list, n, ' ', false);
	if (!strstr(form, "{ADDRESS}") && !strstr(form, "{IPCONFIG}")) {
		add_text(a, to, fill(k, form));
		return;
	}
	to->items = texts = arena_alloc(a, n * sizeof(*texts));
	to->count = n;
	for (size_t i = 0; i < n; i++) {
		k->names.address = action_list(a, &list[i], 1, ' ', false);
		texts[i] = fill(k, form);
	}
}

static struct capture_step *add_step(struct making *k, const char *name,
				     enum capture_state state)
{
	struct capture_step *s = &k->part->steps[k->part->step_count++];

	s->name = name;
	s->state = state;
	return s;
}

static const char *why_attached(const struct making *k)
{
	const struct action_forms *f = k->part->forms;

	if (!f->lists)
		return arena_printf(k->arena, "the metadata of %s does not tell", f->name);
	if (!k->nic)
		return "nothing is known here of this node's NIC: 'routerctl action-plan' on "
		       "it, or --facts with its " FACTS_NAME ", knows more";
	return k->missing_count ? "the metadata service did not say so when first boot asked"
				: "the metadata service said so when first boot asked";
}

/* Google's command sets all aliases, so those that are not ours are kept by naming them. Where
 * nobody saw the NIC, nobody here knows them. */
static void name_aliases(struct making *k)
{
	struct arena *a = k->arena;
	const char *ours = action_list(a, k->addresses, k->count, ';', true);

	if (!k->nic)
		return;
	k->names.previous = action_list(a, k->others, k->other_count, ';', true);
	k->names.aliases =
	    *k->names.previous ? arena_printf(a, "%s;%s", k->names.previous, ours) : ours;
}

static void add_attach(struct making *k)
{
	const struct action_forms *f = k->part->forms;
	bool seen = k->nic && f->lists;
	struct capture_step *s = add_step(k, "attach",
					  !k->missing_count ? CAPTURE_DONE
					  : seen	    ? CAPTURE_TODO
							    : CAPTURE_UNSEEN);

	name_aliases(k);
	s->text = k->count == 1 ? "the captured address is attached to the NIC"
				: "the captured addresses are attached to the NIC";
	s->why = why_attached(k);
	s->note = f->attach_note;
	fill_each(k, f->attach, k->missing, k->missing_count, &s->commands);
	fill_each(k, f->detach, k->addresses, k->count, &s->undo);
	s->look = fill(k, f->look);
}

static void add_setting(struct making *k)
{
	const struct action_forms *f = k->part->forms;
	struct arena *a = k->arena;
	struct capture_step *s = add_step(k, "setting", CAPTURE_UNSEEN);

	s->text = arena_printf(a, "%s is %s", f->setting, f->good);
	s->why = f->attach ? "no metadata tells it; on the node 'routerctl doctor --probe "
			     "provider' tries it out"
			   : "no guest can see it";
	s->look = fill(k, f->look);
	add_text(a, &s->commands, fill(k, f->mend));
	add_text(a, &s->undo, fill(k, f->restore));
	s->prior = f->bad;
	s->note = f->mend_note;
}

/* "51820, 51821": of the tunnels that the addresses are delivered by. */
static const char *ports(const struct making *k)
{
	const char *text = "";

	for (size_t i = 0; i < k->count; i++) {
		const struct object *o = claim_peer(k->part->claims[i].claim)->link.to;
		const char *port;

		if (!o || o->kind != &kind_wireguard_interface)
			continue;
		port =
		    arena_printf(k->arena, "UDP %u, ",
				 ((const struct wireguard_interface *)(const void *)o)->port);
		if (!strstr(text, port))
			text = arena_printf(k->arena, "%s%s", text, port);
	}
	return text;
}

static const char *prefixes(const struct making *k)
{
	const char *text = "";
	char prefix[ADDR_STRLEN];

	for (size_t i = 0; i < k->count; i++) {
		const struct mobility_domain *d =
		    (const void *)k->part->claims[i].claim->domain.to;

		addr_print(&d->prefix, prefix);
		if (!strstr(text, prefix))
			text =
			    arena_printf(k->arena, "%s%s%s", text, *text ? ", " : "", prefix);
	}
	return text;
}

static void add_rules(struct making *k)
{
	const struct action_forms *f = k->part->forms;
	struct capture_step *s = add_step(k, "rules", CAPTURE_UNSEEN);

	s->text = arena_printf(k->arena,
			       "the firewall there lets in %sICMP type 3 code 4 and all that "
			       "comes from %s",
			       ports(k), prefixes(k));
	s->why = "no metadata tells it";
	s->note = f->rules_note;
	s->look = fill(k, f->rules);
}

/* ---- words and warnings ----------------------------------------------------------------- */

static const char *shown(const struct making *k, unsigned bit)
{
	return k->names.variables
		   ? arena_printf(k->arena, "%s%s", action_word(bit), k->names.variables)
		   : action_word(bit);
}

/* Each word that is not known, once, with what tells it, and what that needs to be known. */
static void add_words(struct making *k)
{
	const struct action_forms *f = k->part->forms;
	struct action_names plain = k->names;
	unsigned wanted = k->needed, told = 0;
	size_t room = 0;

	plain.variables = NULL;
	for (size_t i = 0; i < ACTION_FINDS && f->finds[i].words; i++)
		if (action_bits(f->finds[i].words) & wanted)
			(void)action_fill(k->arena, f->finds[i].form, &plain, &wanted);
	for (unsigned bit = 0; action_word(bit); bit++) {
		struct capture_word w = { .word = shown(k, bit),
					  .needed = k->needed >> bit & 1,
					  .may_be_empty = action_may_be_empty(bit) };

		for (size_t i = 0; i < ACTION_FINDS && f->finds[i].words && !w.find; i++)
			if (action_bits(f->finds[i].words) >> bit & 1)
				w.find = action_fill(k->arena, f->finds[i].form, &plain, &told);
		if (!(wanted >> bit & 1))
			continue;
		k->part->words.items = arena_grow(k->arena, k->part->words.items,
						  k->part->words.count, &room, sizeof(w));
		((struct capture_word *)k->part->words.items)[k->part->words.count++] = w;
	}
}

static void warn_ref(struct making *k, const struct address_claim *a)
{
	const char *is, *want;

	if (!a->nic || nicref_check(k->part->forms->provider, a->nic, &is, &want) == NICREF_OK)
		return;
	add_text(k->arena, &k->part->warnings,
		 arena_printf(k->arena, "nicRef '%s' of %s is %s; %s wants %s", a->nic,
			      object_where(k->arena, &a->object), is ? is : "no id of a NIC",
			      k->part->forms->name, want));
}

static void warn(struct making *k)
{
	const struct action_forms *f = k->part->forms;
	const struct cloud_provider *p = profile_of(k->part->claims[0].claim);
	struct arena *a = k->arena;
	struct list *to = &k->part->warnings;

	warn_ref(k, k->part->claims[0].claim);
	if (k->part->nic && !k->nic && capture_there(k->facts, f) && f->lists)
		add_text(a, to,
			 arena_printf(
			     a,
			     "%s is none of the NICs that first boot heard of on this machine: "
			     "is it another machine's?",
			     k->part->nic));
	if (p && k->facts && k->facts->provider && strcmp(k->facts->provider, p->provider) != 0)
		add_text(a, to,
			 arena_printf(a, "%s says %s, and this machine runs on %s",
				      object_where(a, &p->object), p->provider,
				      k->facts->provider));
	if (k->part->nic && strcasestr(k->part->nic, "/virtualMachineScaleSets/"))
		add_text(a, to,
			 "the NIC is a scale set's: its addresses are changed in the scale "
			 "set's model, not by these commands");
	if (f->most && k->count + k->other_count > f->most)
		add_text(
		    a, to,
		    arena_printf(a,
				 "%zu addresses at one NIC, and %s allows %u%s: share them "
				 "out among several NICs or routers",
				 k->count + k->other_count, f->name, f->most,
				 f->limit ? " to most types of instances, or fewer" : ""));
}

/* ---- the whole ------------------------------------------------------------------------- */

static void name_part(struct making *k, bool shell)
{
	static const struct cloud_provider none = { 0 };
	const struct cloud_provider *p = profile_of(k->part->claims[0].claim);
	const struct facts_nic *nic = capture_nic(k->facts, k->part->link);

	p = p ? p : &none;
	k->names = (struct action_names){ .subscription = p->subscription,
					  .group = p->group,
					  .region = p->region,
					  .compartment = p->compartment,
					  .project = p->project,
					  .zone = p->zone,
					  .link = k->part->link,
					  .mac = nic ? nic->mac : NULL };
	if (shell)
		k->names.variables =
		    k->part->number > 1 ? arena_printf(k->arena, "_%u", k->part->number) : "";
	action_name(k->arena, k->part->forms, k->part->nic, k->facts, &k->names);
}

static void make_steps(struct making *k, bool shell)
{
	const struct action_forms *f = k->part->forms;
	struct action_names plain;
	unsigned ignored = 0;

	name_part(k, shell);
	k->nic = nic_of(k);
	compare(k);
	if (f->attach)
		add_attach(k);
	add_setting(k);
	add_rules(k);
	add_words(k);
	warn(k);
	plain = k->names;
	plain.variables = NULL;
	if (f->limit)
		k->part->limit = action_fill(k->arena, f->limit, &plain, &ignored);
}

void capture_make(struct arena *a, const struct facts *facts, bool shell,
		  struct capture_part *p)
{
	struct making k = { .arena = a, .facts = facts, .part = p, .count = p->claim_count };

	if (!p->forms) {
		add_text(a, &p->warnings,
			 arena_printf(
			     a,
			     "%s names no CloudProviderProfile, so nobody can say what "
			     "to do at the provider: set %s",
			     object_where(a, &p->claims[0].claim->object),
			     p->claims[0].claim->object.from
				 ? "capture.providerRef of the node in its MobilityPool, or "
				   "call its site azure, aws, oci or gcp"
				 : "spec.capture.providerRef"));
		return;
	}
	k.addresses = arena_alloc(a, k.count * sizeof(struct addr));
	k.missing = arena_alloc(a, k.count * sizeof(struct addr));
	for (size_t i = 0; i < k.count; i++)
		k.addresses[i] = p->claims[i].claim->address;
	make_steps(&k, shell);
}
