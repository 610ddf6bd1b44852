#include "config/auto.h"

#include <string.h>
#include <sys/socket.h>

static bool is_on(const struct facts_nic *nic, const struct addr *prefix)
{
	if (nic->subnet.family == prefix->family &&
	    (addr_contains(&nic->subnet, prefix) || addr_contains(prefix, &nic->subnet)))
		return true;
	for (size_t i = 0; i < nic->address_count; i++)
		if (addr_contains(prefix, &nic->addresses[i]))
			return true;
	return false;
}

/* "eth0, eth1" */
static const char *names(const struct config *c, struct arena *a)
{
	const char *list = "";

	for (size_t i = 0; i < c->facts.nic_count; i++)
		if (c->facts.nics[i].name)
			list = arena_printf(a, "%s%s%s", list, *list ? ", " : "",
					    c->facts.nics[i].name);
	return list;
}

const struct facts_nic *auto_nic(const struct config *c, const struct addr *prefix,
				 struct arena *a, const char **ret_words)
{
	const struct facts_nic *on = NULL, *only = NULL;
	size_t matching = 0, named = 0;
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < c->facts.nic_count; i++) {
		const struct facts_nic *nic = &c->facts.nics[i];

		if (!nic->name)
			continue;
		named++;
		only = nic;
		if (is_on(nic, prefix)) {
			matching++;
			on = nic;
		}
	}
	if (matching == 1)
		return on;
	if (!matching && named == 1 && !c->facts.seen)
		return only;
	if (!matching && c->facts.seen)
		*ret_words = arena_printf(a,
					  "no interface of this machine has an address of %s: "
					  "give the one that is meant its address, or write "
					  "its name",
					  addr_print(prefix, text));
	else if (!named)
		*ret_words = "what this machine has is not known yet: first boot writes it "
			     "to " FACTS_FILE;
	else
		*ret_words = arena_printf(a,
					  "%s of this machine's interfaces (%s) %s on %s: "
					  "write the name of the one that is meant",
					  matching ? "more than one" : "none", names(c, a),
					  matching ? "are" : "is", addr_print(prefix, text));
	return NULL;
}

void auto_claim(const struct config *c, struct address_claim *claim, struct diag *d)
{
	const struct mobility_domain *dom = (const void *)claim->domain.to;
	struct object *o = &claim->object;
	const struct facts_nic *nic;
	const char *words;

	if (!claim->auto_link && !claim->auto_nic)
		return;
	nic = auto_nic(c, &dom->prefix, d->arena, &words);
	if (claim->auto_link && nic) {
		claim->link.text = claim->link.name = nic->name;
	} else if (claim->auto_link && strcmp(claim->capture, "proxy-arp") != 0) {
		if (!o->from) /* which nobody has asked for */
			object_warn(o, "capture.interface", d, "is left out: %s", words);
	} else if (claim->auto_link) {
		o->waits = arena_printf(d->arena, "waits for its interface: %s", words);
		o->waits_reason = WAITING_FOR_FACTS;
		if (!c->elsewhere)
			object_warn(o, "capture.interface", d, "%s", o->waits);
	}
	if (claim->auto_nic && nic && nic->ref)
		claim->nic = nic->ref;
	else if (claim->auto_nic)
		object_warn(o, "capture.nicRef", d, "is left out: %s",
			    nic ? "the provider does not tell the NIC's id; write it" : words);
}

void auto_endpoint(const struct config *c, struct wireguard_interface *w, struct diag *d)
{
	char text[ADDR_STRLEN];

	if (!w->auto_endpoint)
		return;
	for (size_t i = 0; i < c->facts.nic_count; i++) {
		const struct facts_nic *nic = &c->facts.nics[i];

		if (!nic->public.family)
			continue;
		addr_print_host(&nic->public, text);
		w->endpoint = (struct endpoint){ arena_printf(c->arena, "%s", text),
						 nic->public, (uint16_t)w->port };
		return;
	}
	if (c->elsewhere)
		return;
	object_warn(&w->object, "endpoint", d,
		    "is left out of the export: %s; write ADDRESS:PORT, or let the other side "
		    "be the one that is dialled",
		    c->facts.provider ? "the provider names no public address of this machine"
				      : "what this machine has is not known yet: first boot "
					"writes it to " FACTS_FILE);
}
