/* provider.c - do claims name a NIC of the cloud as that cloud does, and one of this
 * machine's? No cloud is asked: first boot left what it knows in NODE_FILE. */
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"
#include "config/hybrid.h"
#include "doctor/doctor.h"
#include "providers/nicref.h"

#define AREA	   "provider"
#define NODE_FILE  "/run/routerd/node.json"
#define NODE_BYTES (1024 * 1024)

struct node_facts {
	const char *provider;	 /* NULL: unknown */
	const struct node *nics; /* NULL: unknown */
	const char *list;	 /* the NICs' names and references, for people */
};

static const struct address_claim *claim_of(const struct object *o)
{
	return (const void *)o;
}

static const struct cloud_provider *profile_of(const struct address_claim *a)
{
	return (const void *)a->provider.to;
}

/* {"provider": "aws", "nics": [{"name": "eth0", "mac": "...", "nicRef": "eni-..."}]} */
static void read_facts(struct doctor *d, struct node_facts *ret)
{
	struct diag diag = { .arena = d->arena };
	const struct node *doc;
	size_t len;
	char *text;

	if (file_read(d->arena, NODE_FILE, NODE_BYTES, &text, &len) < 0) {
		doctor_add(d, AREA, "node", CHECK_SKIP, NULL,
			   "there is no " NODE_FILE
			   ", which first boot writes: what is configured cannot be compared "
			   "with this machine's NICs");
		return;
	}
	doc = node_parse(d->arena, NODE_FILE, text, len, &diag)->child;
	if (diag.errors || !doc || doc->type != NODE_MAP) {
		doctor_add(d, AREA, "node", CHECK_WARN, NULL,
			   NODE_FILE
			   " is not as first boot writes it; remove it, and let first "
			   "boot run again");
		return;
	}
	ret->provider = node_text(doc, "provider");
	ret->nics = node_get(doc, "nics");
	if (ret->nics && ret->nics->type != NODE_LIST)
		ret->nics = NULL;
	ret->list = "";
	for (const struct node *n = ret->nics ? ret->nics->child : NULL; n; n = n->next) {
		const char *name = n->type == NODE_MAP ? node_text(n, "name") : NULL;
		const char *ref = n->type == NODE_MAP ? node_text(n, "nicRef") : NULL;

		if (ref)
			ret->list =
			    arena_printf(d->arena, "%s%s%s is %s", ret->list,
					 *ret->list ? ", " : "", name ? name : "one", ref);
	}
}

static bool is_here(const struct node_facts *f, const char *provider, const char *ref)
{
	for (const struct node *n = f->nics->child; n; n = n->next) {
		const char *own = n->type == NODE_MAP ? node_text(n, "nicRef") : NULL;

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
static const char *only_nic(const struct node_facts *f)
{
	const char *only = NULL;

	for (const struct node *n = f->nics ? f->nics->child : NULL; n; n = n->next) {
		const char *ref = n->type == NODE_MAP ? node_text(n, "nicRef") : NULL;

		if (ref && only)
			return NULL;
		only = ref ? ref : only;
	}
	return only;
}

static void check_nic(struct doctor *d, struct tally *t, const struct address_claim *a,
		      const struct node_facts *f)
{
	const char *provider = profile_of(a)->provider, *is, *want = "";
	const char *value = only_nic(f);
	const char *where = object_where(d->arena, &a->object);

	if (nicref_check(provider, a->nic, &is, &want) == NICREF_WRONG) {
		tally_bad(t, CHECK_FAIL,
			  edit(d, &a->object, "capture.nicRef", value ? value : want),
			  "nicRef '%s' of %s is %s; %s wants %s", a->nic, where,
			  is ? is : "no id of a NIC", provider, want);
	} else if (*f->list && !is_here(f, provider, a->nic)) {
		tally_bad(t, CHECK_WARN,
			  edit(d, &a->object, "capture.nicRef",
			       value ? value : "the one on the shared subnet"),
			  "nicRef '%s' of %s is no NIC of this machine: %s", a->nic, where,
			  f->list);
	} else {
		t->good++;
	}
}

static void check_claims(struct doctor *d, const struct object **list, size_t n,
			 const struct node_facts *f)
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
			check_nic(d, &nics, a, f);
		else
			tally_bad(
			    &nics, CHECK_WARN,
			    edit(d, list[i], "capture.nicRef",
				 only_nic(f) ? only_nic(f) : "the id of this router's NIC"),
			    "%s names no nicRef: to which NIC is the address to be "
			    "attached?%s%s",
			    where, *f->list ? " Here " : "", f->list);
	}
	tally_end(&profiles, "%zu claims name theirs", profiles.good);
	tally_end(&nics, "%zu, in the form of their provider%s", nics.good,
		  *f->list ? ", and of this machine" : "");
}

static void check_profiles(struct doctor *d, const struct node_facts *f)
{
	struct tally t = { .d = d, .area = AREA, .name = "provider" };
	size_t n;
	const struct object **list = doctor_objects(d, &kind_cloud_provider, &n);

	for (size_t i = 0; i < n && f->provider; i++) {
		const struct cloud_provider *p = (const void *)list[i];

		if (strcmp(p->provider, f->provider) == 0)
			t.good++;
		else
			tally_bad(&t, CHECK_WARN, edit(d, list[i], "provider", f->provider),
				  "%s says %s, and this machine runs on %s",
				  object_where(d->arena, list[i]), p->provider, f->provider);
	}
	tally_end(&t, "%s, as configured", f->provider);
}

void doctor_provider(struct doctor *d)
{
	struct node_facts f = { .list = "" };
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
	read_facts(d, &f);
	check_profiles(d, &f);
	check_claims(d, list, kept, &f);
}
