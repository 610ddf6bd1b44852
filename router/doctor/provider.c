/* provider.c - do claims name a NIC of the cloud as that cloud does, and one of this
 * machine's? No cloud is asked: first boot left what it knows in NODE_FILE. */
#include <errno.h>
#include <string.h>

#include "doctor/provider.h"
#include "providers/action.h"
#include "providers/nicref.h"

#define AREA "provider"

static void read_facts(struct doctor *d, struct here *ret)
{
	int r = facts_load(d->arena, &ret->facts);

	if (r == -EBADMSG)
		doctor_add(d, AREA, "node", CHECK_WARN,
			   "systemctl restart routerd-firstboot.service",
			   FACTS_FILE " is not as first boot writes it");
	else if (r < 0)
		doctor_add(d, AREA, "node", CHECK_SKIP, NULL,
			   "there is no " FACTS_FILE
			   ", which first boot writes: what is configured cannot be compared "
			   "with this machine's NICs");
	ret->list = "";
	for (size_t i = 0; i < ret->facts.nic_count; i++) {
		struct facts_nic *nic = &ret->facts.nics[i];
		const char *is, *want;

		/* It will stand in commands. */
		if (nic->ref && ret->facts.provider &&
		    nicref_check(ret->facts.provider, nic->ref, &is, &want) == NICREF_WRONG)
			nic->ref = NULL;

		if (nic->ref)
			ret->list = arena_printf(d->arena, "%s%s%s is %s", ret->list,
						 *ret->list ? ", " : "",
						 nic->name ? nic->name : "one", nic->ref);
	}
}

static bool is_here(const struct here *h, const char *provider, const char *ref)
{
	for (size_t i = 0; i < h->facts.nic_count; i++) {
		const char *own = h->facts.nics[i].ref;

		if (own && nicref_equal(provider, own, ref))
			return true;
	}
	return false;
}

static const char *edit(struct doctor *d, const struct object *o, const char *path,
			const char *value)
{
	struct mark at = object_mark(o, path);

	return arena_printf(d->arena, "set spec.%s: %s in %s/%s (%s:%d)", path, value,
			    o->kind->name, o->name, at.file, at.line);
}

/* The one reference there is to choose, or NULL. */
static const char *only_nic(const struct here *h)
{
	const char *only = NULL;

	for (size_t i = 0; i < h->facts.nic_count; i++) {
		const char *ref = h->facts.nics[i].ref;

		if (ref && only)
			return NULL;
		only = ref ? ref : only;
	}
	return only;
}

static void check_nic(struct doctor *d, struct tally *t, const struct address_claim *a,
		      const struct here *h)
{
	const char *provider = profile_of(a)->provider, *is, *want = "";
	const char *value = only_nic(h);
	const char *where = object_where(d->arena, &a->object);

	if (nicref_check(provider, a->nic, &is, &want) == NICREF_WRONG) {
		tally_bad(t, CHECK_FAIL,
			  edit(d, &a->object, "capture.nicRef", value ? value : want),
			  "nicRef '%s' of %s is %s; %s wants %s", a->nic, where,
			  is ? is : "no id of a NIC", provider, want);
	} else if (*h->list && !is_here(h, provider, a->nic)) {
		tally_bad(t, CHECK_WARN,
			  edit(d, &a->object, "capture.nicRef",
			       value ? value : "the one on the shared subnet"),
			  "nicRef '%s' of %s is no NIC of this machine: %s", a->nic, where,
			  h->list);
	} else {
		t->good++;
	}
}

static void check_claims(struct doctor *d, const struct object **list, size_t n,
			 const struct here *h)
{
	struct tally nics = { .d = d, .area = AREA, .name = "nicref" };
	struct tally profiles = { .d = d, .area = AREA, .name = "profile" };

	for (size_t i = 0; i < n; i++) {
		const struct address_claim *a = claim_of(list[i]);
		const char *where = object_where(d->arena, list[i]);

		if (!a->provider.to) {
			tally_bad(
			    &profiles, CHECK_WARN,
			    edit(d, list[i], "capture.providerRef",
				 "the CloudProviderProfile's name"),
			    "%s names no CloudProviderProfile, so nobody can say what to do "
			    "at the provider",
			    where);
			continue;
		}
		profiles.good++;
		if (a->nic)
			check_nic(d, &nics, a, h);
		else
			tally_bad(
			    &nics, CHECK_WARN,
			    edit(d, list[i], "capture.nicRef",
				 only_nic(h) ? only_nic(h) : "the id of this router's NIC"),
			    "%s names no nicRef: to which NIC is the address to be "
			    "attached?%s%s",
			    where, *h->list ? " Here " : "", h->list);
	}
	tally_end(&profiles, "%zu claims name theirs", profiles.good);
	tally_end(&nics, "%zu, in the form of their provider%s", nics.good,
		  *h->list ? ", and of this machine" : "");
}

static bool is_listed(const struct here *h, const struct addr *address)
{
	for (size_t i = 0; i < h->facts.nic_count; i++)
		for (size_t k = 0; k < h->facts.nics[i].address_count; k++)
			if (addr_compare(&h->facts.nics[i].addresses[k], address) == 0)
				return true;
	return false;
}

/* Does its provider's metadata list secondary addresses? */
static bool lists_addresses(const struct here *h)
{
	const struct action_forms *f = action_forms(h->facts.provider);

	return f && f->lists;
}

static void check_attached(struct doctor *d, const struct object **list, size_t n,
			   const struct here *h)
{
	struct tally t = { .d = d, .area = AREA, .name = "attached" };
	char text[ADDR_STRLEN];

	if (!lists_addresses(h))
		return;
	for (size_t i = 0; i < n; i++)
		if (is_listed(h, &claim_of(list[i])->address))
			t.good++;
		else
			tally_bad(&t, CHECK_WARN,
				  "by hand: attach it at the provider, and 'systemctl restart "
				  "routerd-firstboot' to look again",
				  "%s of %s was no address of this machine's NICs when first "
				  "boot asked %s: packets for it do not come here",
				  addr_print_host(&claim_of(list[i])->address, text),
				  object_where(d->arena, list[i]), h->facts.provider);
	tally_end(&t, "%zu captured addresses are attached to this machine's NICs", t.good);
}

static void check_profiles(struct doctor *d, const struct here *h)
{
	struct tally t = { .d = d, .area = AREA, .name = "provider" };
	size_t n;
	const struct object **list = doctor_objects(d, &kind_cloud_provider, &n);

	for (size_t i = 0; i < n && h->facts.provider; i++) {
		const struct cloud_provider *p = (const void *)list[i];

		if (strcmp(p->provider, h->facts.provider) == 0)
			t.good++;
		else
			tally_bad(
			    &t, CHECK_WARN, edit(d, list[i], "provider", h->facts.provider),
			    "%s says %s, and this machine runs on %s",
			    object_where(d->arena, list[i]), p->provider, h->facts.provider);
	}
	tally_end(&t, "%s, as configured", h->facts.provider);
}

void doctor_provider(struct doctor *d)
{
	struct here h = { .list = "" };
	const struct object **list;
	size_t n, kept = 0;

	if (!d->config) {
		doctor_can(d, AREA);
		return;
	}
	list = doctor_objects(d, &kind_address_claim, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(claim_of(list[i])->capture, "provider-secondary-ip") == 0)
			list[kept++] = list[i];
	if (!kept) {
		doctor_add(d, AREA, "all", CHECK_PASS, NULL,
			   "no claim is captured by a provider, but for those that wait for a "
			   "key");
		return;
	}
	read_facts(d, &h);
	check_profiles(d, &h);
	check_claims(d, list, kept, &h);
	check_attached(d, list, kept, &h);
	provider_sources(d, list, kept, &h);
}
