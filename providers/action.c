#include "providers/action.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/shell.h"
#include "providers/nicref.h"

/* ---- the commands ----------------------------------------------------------------------- */

/* Limits: Azure's, Google's and Oracle's pages on limits of their networks, 2026, less the
 * NIC's own address where that counts; Amazon's is the instance type's, mostly 50 or less. */
static const struct action_forms all[] = {
	{
	    .provider = "azure",
	    .name = "Azure",
	    .setting = "IP forwarding of its NIC",
	    .good = "on",
	    .bad = "off",
	    .look = "az network nic show --ids {NICID} | grep -iE "
		    "'ipForwarding|privateIpAddress\"'",
	    .attach = "az network nic ip-config create --subscription {SUBSCRIPTION} "
		      "--resource-group {RG} --nic-name {NIC} --name {IPCONFIG} "
		      "--private-ip-address {ADDRESS}",
	    .detach = "az network nic ip-config delete --subscription {SUBSCRIPTION} "
		      "--resource-group {RG} --nic-name {NIC} --name {IPCONFIG}",
	    .mend = "az network nic update --ids {NICID} --ip-forwarding true",
	    .restore = "az network nic update --ids {NICID} --ip-forwarding false",
	    .rules = "az network nic list-effective-nsg --ids {NICID}",
	    .lists = true,
	    .most = 255,
	    .permissions = { "Microsoft.Network/networkInterfaces/read",
			     "Microsoft.Network/networkInterfaces/write",
			     ("Microsoft.Network/networkInterfaces/"
			      "effectiveNetworkSecurityGroups/action"),
			     "Microsoft.Network/virtualNetworks/subnets/join/action",
			     "Microsoft.Network/networkSecurityGroups/join/action" },
	    .finds = { { "NICID NIC",
			 "az network nic list --subscription {SUBSCRIPTION} --resource-group "
			 "{RG} --query '[].id' --output tsv" },
		       { "RG", "az network nic list --subscription {SUBSCRIPTION} --query "
			       "'[].id' --output tsv" },
		       { "SUBSCRIPTION", "az account list --output table" } },
	},
	{
	    .provider = "aws",
	    .name = "AWS",
	    .setting = "the source/destination check of its NIC",
	    .good = "off",
	    .bad = "on",
	    .look = "aws ec2 describe-network-interfaces --network-interface-ids {ENI} --query "
		    "'NetworkInterfaces[].[SourceDestCheck, "
		    "PrivateIpAddresses[].PrivateIpAddress]' --region {REGION}",
	    .attach = "aws ec2 assign-private-ip-addresses --network-interface-id {ENI} "
		      "--private-ip-addresses {ADDRESSES} --region {REGION}",
	    .detach = "aws ec2 unassign-private-ip-addresses --network-interface-id {ENI} "
		      "--private-ip-addresses {ADDRESSES} --region {REGION}",
	    .mend = "aws ec2 modify-network-interface-attribute --network-interface-id {ENI} "
		    "--no-source-dest-check --region {REGION}",
	    .restore = "aws ec2 modify-network-interface-attribute --network-interface-id "
		       "{ENI} --source-dest-check --region {REGION}",
	    .rules = "aws ec2 describe-security-groups --region {REGION} --group-ids "
		     "$(aws ec2 describe-network-interfaces --network-interface-ids {ENI} "
		     "--query 'NetworkInterfaces[].Groups[].GroupId' --output text "
		     "--region {REGION})",
	    .limit = "aws ec2 describe-instance-types --region {REGION} --query "
		     "'InstanceTypes[].[InstanceType, NetworkInfo.Ipv4AddressesPerInterface]' "
		     "--output text",
	    .lists = true,
	    .most = 49,
	    .permissions = { "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
			     "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
			     "ec2:ModifyNetworkInterfaceAttribute" },
	    .finds = { { "ENI", "aws ec2 describe-network-interfaces --filters "
				"Name=attachment.instance-id,Values={INSTANCE} --query "
				"'NetworkInterfaces[].[NetworkInterfaceId, PrivateIpAddress]' "
				"--region {REGION}" },
		       { "INSTANCE",
			 "aws ec2 describe-instances --query "
			 "'Reservations[].Instances[].[InstanceId, PrivateIpAddress]' "
			 "--region {REGION}" },
		       { "REGION", "aws ec2 describe-regions --output table" } },
	},
	{
	    .provider = "oci",
	    .name = "Oracle Cloud",
	    .setting = "skipping the source/destination check at its VNIC",
	    .good = "on",
	    .bad = "off",
	    .look = "oci network vnic get --vnic-id {VNIC} --query "
		    "'data.\"skip-source-dest-check\"' && "
		    "oci network private-ip list --vnic-id {VNIC} --query "
		    "'data[].\"ip-address\"'",
	    .attach = "oci network vnic assign-private-ip --vnic-id {VNIC} --ip-address "
		      "{ADDRESS}",
	    .detach = "oci network vnic unassign-private-ip --vnic-id {VNIC} --ip-address "
		      "{ADDRESS}",
	    .mend = "oci network vnic update --vnic-id {VNIC} --skip-source-dest-check true",
	    .restore =
		"oci network vnic update --vnic-id {VNIC} --skip-source-dest-check false",
	    .rules = "oci network vnic get --vnic-id {VNIC} --query "
		     "'data.[\"nsg-ids\", \"subnet-id\"]'",
	    .most = 63,
	    .permissions = { "use vnics", "use private-ips", "use subnets",
			     "inspect instances" },
	    .finds = { { "VNIC",
			 "oci compute instance list-vnics --instance-id {INSTANCE} --query "
			 "'data[].[id, \"private-ip\"]'" },
		       { "INSTANCE",
			 "oci compute instance list --compartment-id {COMPARTMENT} --query "
			 "'data[].[id, \"display-name\"]'" },
		       { "COMPARTMENT",
			 "oci iam compartment list --compartment-id-in-subtree true --query "
			 "'data[].[id, name]'" } },
	},
	{
	    .provider = "gcp",
	    .name = "Google Cloud",
	    .setting = "canIpForward of this instance",
	    .good = "true",
	    .bad = "false",
	    .look = "gcloud compute instances describe {VM} --project {PROJECT} --zone {ZONE} "
		    "--format='value(canIpForward, networkInterfaces[].aliasIpRanges)'",
	    .attach = "gcloud compute instances network-interfaces update {VM} --project "
		      "{PROJECT} --zone {ZONE} --network-interface {NIC} --aliases {ALIASES}",
	    .detach = "gcloud compute instances network-interfaces update {VM} --project "
		      "{PROJECT} --zone {ZONE} --network-interface {NIC} --aliases "
		      "{PREVIOUS}",
	    .attach_note = "it sets all aliases of the NIC, as its undo does: name those that "
			   "it has along; ranges among them are not known here",
	    .mend = "gcloud compute instances export {VM} --project {PROJECT} --zone {ZONE} | "
		    "sed '/^canIpForward:/d; $a canIpForward: true' >{VM}.yaml && gcloud "
		    "compute instances update-from-file {VM} --project {PROJECT} --zone {ZONE} "
		    "--source {VM}.yaml --most-disruptive-allowed-action RESTART",
	    .restore = "gcloud compute instances export {VM} --project {PROJECT} --zone {ZONE} "
		       "| sed '/^canIpForward:/d; $a canIpForward: false' >{VM}.yaml && gcloud "
		       "compute instances update-from-file {VM} --project {PROJECT} --zone "
		       "{ZONE} --source {VM}.yaml --most-disruptive-allowed-action RESTART",
	    .mend_note = "where it is false yet, this starts the instance again",
	    .rules = "gcloud compute instances network-interfaces get-effective-firewalls {VM} "
		     "--project {PROJECT} --zone {ZONE} --network-interface {NIC}",
	    .lists = true,
	    .most = 150,
	    .permissions = { "compute.instances.get", "compute.instances.update",
			     "compute.instances.updateNetworkInterface",
			     "compute.instances.getEffectiveFirewalls",
			     "compute.subnetworks.use" },
	    .finds = { { "ALIASES PREVIOUS",
			 "gcloud compute instances describe {VM} --project {PROJECT} --zone "
			 "{ZONE} --format='value(networkInterfaces[].aliasIpRanges)' # "
			 "PREVIOUS; "
			 "ALIASES is that and what is captured, with ';' between" },
		       { "VM ZONE", "gcloud compute instances list --project {PROJECT}" },
		       { "NIC",
			 "gcloud compute instances describe {VM} --project {PROJECT} --zone "
			 "{ZONE} --format='value(networkInterfaces[].name)'" },
		       { "PROJECT", "gcloud projects list" } },
	},
	{
	    .provider = "pve",
	    .name = "Proxmox VE",
	    .setting = "the firewall at the port of its NIC",
	    .good = "off",
	    .bad = "on",
	    .look = "qm config {VMID} | grep ^{NET}:",
	    .mend = "qm set {VMID} --{NET} \"$(qm config {VMID} | grep ^{NET}: | "
		    "cut -d ' ' -f 2 | sed 's/,firewall=[01]//'),firewall=0\"",
	    .restore = "qm set {VMID} --{NET} \"$(qm config {VMID} | grep ^{NET}: | "
		       "cut -d ' ' -f 2 | sed 's/,firewall=[01]//'),firewall=1\"",
	    .mend_note = "its filters may drop what proxy ARP answers; where it is off already "
			 "this changes nothing",
	    .rules = "pvesh get /nodes/localhost/qemu/{VMID}/firewall/options",
	    .rules_note = "where it stays on: ipfilter is to be 0",
	    .permissions = { "root on the host, or VM.Config.Network and VM.Audit on the VM" },
	    .finds = { { "VMID NET", "grep -i {MAC} /etc/pve/nodes/*/qemu-server/*.conf" },
		       { "MAC", "cat /sys/class/net/{LINK}/address" } },
	},
};

const struct action_forms *action_forms_at(size_t i)
{
	return i < sizeof(all) / sizeof(*all) ? &all[i] : NULL;
}

const struct action_forms *action_forms(const char *provider)
{
	const struct action_forms *f;

	for (size_t i = 0; provider && (f = action_forms_at(i)); i++)
		if (strcmp(f->provider, provider) == 0)
			return f;
	return NULL;
}

/* ---- the words -------------------------------------------------------------------------- */

/* What may stand for one. */
enum form {
	FORM_NAME, /* no path: some are part of a file's name */
	FORM_ID,
	FORM_OURS, /* made here, of addresses: not quoted */
	FORM_TEXT, /* the same, quoted */
};

#define AT(member) offsetof(struct action_names, member)

static const struct {
	const char *word;
	size_t offset; /* 0 is nic's */
	enum form form;
} words[] = {
	{ "NICID", AT(nic), FORM_ID },
	{ "ENI", AT(nic), FORM_ID },
	{ "VNIC", AT(nic), FORM_ID },
	{ "NIC", AT(nic_name), FORM_NAME },
	{ "SUBSCRIPTION", AT(subscription), FORM_NAME },
	{ "RG", AT(group), FORM_NAME },
	{ "REGION", AT(region), FORM_NAME },
	{ "INSTANCE", AT(instance), FORM_NAME },
	{ "COMPARTMENT", AT(compartment), FORM_NAME },
	{ "PROJECT", AT(project), FORM_NAME },
	{ "ZONE", AT(zone), FORM_NAME },
	{ "VM", AT(vm), FORM_NAME },
	{ "VMID", SIZE_MAX, FORM_NAME }, /* nobody tells */
	{ "NET", SIZE_MAX, FORM_NAME },
	{ "MAC", AT(mac), FORM_NAME },
	{ "LINK", AT(link), FORM_NAME },
	{ "ADDRESS", AT(address), FORM_OURS },
	{ "ADDRESSES", AT(addresses), FORM_OURS },
	{ "ALIASES", AT(aliases), FORM_TEXT },
	{ "PREVIOUS", AT(previous), FORM_TEXT },
	{ "IPCONFIG", AT(address), FORM_OURS },
};

#define WORDS (sizeof(words) / sizeof(*words))

const char *action_word(unsigned bit)
{
	return bit < WORDS ? words[bit].word : NULL;
}

bool action_may_be_empty(unsigned bit)
{
	return bit < WORDS && words[bit].form == FORM_TEXT;
}

/* Of the word of n letters; WORDS: there is none. */
static unsigned bit_of(const char *word, size_t n)
{
	unsigned i = 0;

	while (i < WORDS &&
	       (strlen(words[i].word) != n || strncmp(words[i].word, word, n) != 0))
		i++;
	return i;
}

unsigned action_bits(const char *list)
{
	unsigned bits = 0;

	while (*list) {
		size_t n = strcspn(list, " ");
		unsigned bit = bit_of(list, n);

		if (bit < WORDS)
			bits |= 1U << bit;
		list += n + strspn(list + n, " ");
	}
	return bits;
}

/* Azure's name of what is attached: "sam-10-77-60-9". */
static const char *ip_config(struct arena *a, const char *address)
{
	char *name = arena_printf(a, "sam-%s", address);

	for (char *c = name; (c = strchr(c, '.'));)
		*c = '-';
	return name;
}

/* As it may stand in a command, or NULL. What a metadata service says goes into root's. */
static const char *value_of(struct arena *a, const struct action_names *n, unsigned bit)
{
	size_t offset = words[bit].offset;
	const char *text =
	    offset == SIZE_MAX ? NULL : *(const char *const *)((const char *)n + offset);

	if (!text)
		return NULL;
	if (words[bit].form == FORM_OURS)
		return strcmp(words[bit].word, "IPCONFIG") == 0 ? ip_config(a, text) : text;
	if (words[bit].form != FORM_TEXT &&
	    (!*text || *text == '-' || !shell_is_plain(text) ||
	     (words[bit].form == FORM_NAME && strchr(text, '/'))))
		return NULL;
	return shell_quote(a, text);
}

/* {WORD}'s value, or the word in the place of one that is not known. */
static const char *stand_in(struct arena *a, const struct action_names *n, unsigned bit,
			    unsigned *missing)
{
	const char *value = value_of(a, n, bit);

	if (value)
		return value;
	*missing |= 1U << bit;
	return n->variables ? arena_printf(a, "\"$%s%s\"", words[bit].word, n->variables)
			    : words[bit].word;
}

const char *action_fill(struct arena *a, const char *form, const struct action_names *n,
			unsigned *missing)
{
	const char *text = "", *open;

	while ((open = strchr(form, '{'))) {
		size_t length = strcspn(open + 1, "}");
		unsigned bit = bit_of(open + 1, length);

		assert(bit < WORDS); /* forms are ours */
		text = arena_printf(a, "%s%.*s%s", text, (int)(open - form), form,
				    stand_in(a, n, bit, missing));
		form = open + length + 2;
	}
	return arena_printf(a, "%s%s", text, form);
}

const char *action_list(struct arena *a, const struct addr *list, size_t n, char separator,
			bool bits)
{
	char *text = arena_alloc(a, n * (ADDR_STRLEN + 1) + 1), *to = text;
	char one[ADDR_STRLEN];

	for (size_t i = 0; i < n; i++) {
		if (i)
			*to++ = separator;
		to = stpcpy(to,
			    bits ? addr_print(&list[i], one) : addr_print_host(&list[i], one));
	}
	return text;
}

/* ---- the values ------------------------------------------------------------------------- */

/* What follows key, up to '/' or '#' or the end; NULL: it is not there. */
static const char *part_of(struct arena *a, const char *ref, const char *key)
{
	const char *at = strcasestr(ref, key);

	return at ? arena_strndup(a, at + strlen(key), strcspn(at + strlen(key), "/#")) : NULL;
}

/* Each provider's nicRef names what it is in. */
static void name_by_ref(struct arena *a, const struct action_forms *f, const char *nic,
			struct action_names *n)
{
	n->nic = nic;
	if (strcmp(f->provider, "azure") == 0) {
		/* A scale set's are changed in its model, not by these commands. */
		bool plain = strcasestr(nic, "/providers/Microsoft.Network/") != NULL;

		n->subscription = part_of(a, nic, "/subscriptions/");
		n->group = part_of(a, nic, "/resourceGroups/");
		n->nic_name = plain ? part_of(a, nic, "/networkInterfaces/") : NULL;
	} else if (strcmp(f->provider, "gcp") == 0) {
		n->project = part_of(a, nic, "projects/");
		n->zone = part_of(a, nic, "/zones/");
		n->vm = part_of(a, nic, "/instances/");
		n->nic_name = part_of(a, nic, "#");
	}
}

static void fall_back(const char **to, const char *value)
{
	if (!*to)
		*to = value;
}

static void name_by_facts(const struct facts *f, struct action_names *n)
{
	fall_back(&n->subscription, f->subscription);
	fall_back(&n->group, f->group);
	fall_back(&n->region, f->region);
	fall_back(&n->instance, f->instance);
	fall_back(&n->compartment, f->compartment);
	fall_back(&n->project, f->project);
	fall_back(&n->zone, f->zone);
	fall_back(&n->vm, f->name);
}

void action_name(struct arena *a, const struct action_forms *f, const char *nic,
		 const struct facts *facts, struct action_names *n)
{
	const char *is, *want;

	if (nic && nicref_check(f->provider, nic, &is, &want) == NICREF_OK)
		name_by_ref(a, f, nic, n);
	if (facts && (!facts->provider || strcmp(facts->provider, f->provider) == 0))
		name_by_facts(facts, n);
}
