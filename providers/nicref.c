#include "providers/nicref.h"

#include <regex.h>
#include <string.h>
#include <strings.h>

/* POSIX extended regular expressions; (?:) there is not. */
#define UUID	"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
#define GROUP	"^/subscriptions/" UUID "/resourceGroups/[^/]{1,90}/providers/"
#define NETWORK GROUP "Microsoft\\.Network/"
#define COMPUTE GROUP "Microsoft\\.Compute/"
#define SET	COMPUTE "virtualMachineScaleSets/[^/]+/virtualMachines/[^/]+"
#define NAME	"[a-z0-9]([a-z0-9_.-]{0,78}[a-z0-9_])?"
#define EC2	"([0-9a-f]{8}|[0-9a-f]{17})$"
#define HEX	"[0-9a-f]{2}"

/* The first row of a provider that matches decides. */
static const struct rule {
	const char *provider, *pattern;
	const char *is; /* NULL: a nicRef */
} rules[] = {
	{ "azure", NETWORK "networkInterfaces/" NAME "$", NULL },
	{ "azure", SET "/networkInterfaces/[^/]{1,80}$", NULL },
	{ "azure", "/networkInterfaces/[^/]+/ipConfigurations/",
	  "the id of an IP configuration of a NIC; leave out /ipConfigurations and what "
	  "follows" },
	{ "azure", "/virtualMachines/[^/]+/?$", "the id of a virtual machine" },
	{ "azure", "/publicIPAddresses/", "the id of a public IP address" },
	{ "azure", "/subnets/", "the id of a subnet" },
	{ "azure", "/virtualNetworks/", "the id of a virtual network" },
	{ "azure", "/networkSecurityGroups/", "the id of a network security group" },
	{ "azure", "/networkInterfaces/[^/]*$",
	  "an id of a NIC that is incomplete, or has a wrong subscription id in it" },
	{ "azure", "^" UUID "$", "a bare UUID" },
	{ "azure", "^" NAME "$", "the name of a NIC alone" },

	{ "aws", "^eni-" EC2, NULL },
	{ "aws", "^eni-attach-", "the id of an attachment of a NIC" },
	{ "aws", "^i-[0-9a-f]+$", "the id of an instance" },
	{ "aws", "^subnet-", "the id of a subnet" },
	{ "aws", "^vpc-", "the id of a VPC" },
	{ "aws", "^sg-", "the id of a security group" },
	{ "aws", "^eipalloc-", "the id of an Elastic IP" },
	{ "aws", "^arn:", "an ARN; only the part that begins with eni- is wanted" },
	{ "aws", "^eni-", "an id of a NIC that is cut off or mistyped" },

	{ "oci", "^ocid1\\.vnic\\.oc[0-9]+\\.[a-z0-9-]*\\.[a-z0-9.]+$", NULL },
	{ "oci", "^ocid1\\.vnicattachment\\.", "the OCID of a VNIC's attachment" },
	{ "oci", "^ocid1\\.privateip\\.", "the OCID of a private IP" },
	{ "oci", "^ocid1\\.publicip\\.", "the OCID of a public IP" },
	{ "oci", "^ocid1\\.instance\\.", "the OCID of an instance" },
	{ "oci", "^ocid1\\.subnet\\.", "the OCID of a subnet" },
	{ "oci", "^ocid1\\.vcn\\.", "the OCID of a VCN" },
	{ "oci", "^ocid1\\.vnic\\.", "an OCID of a VNIC that is cut off or mistyped" },
	{ "oci", "^ocid1\\.", "an OCID, but of no VNIC" },

	{ "gcp", "^projects/[^/#]+/zones/[^/#]+/instances/[^/#]+#nic[0-9]$", NULL },
	{ "gcp", "^(https://[^#]*/)?projects/[^/#]+/zones/[^/#]+/instances/[^/#]+$",
	  "the name of an instance; append #nic0" },
	{ "gcp", "^nic[0-9]$", "a NIC without its instance" },

	{ "pve", "^" HEX "(:" HEX "){5}$", NULL },
	{ "pve", "^" HEX "(-" HEX "){5}$", NULL },
	{ "pve", "^[0-9a-f]{12}$", NULL },
	{ "pve", "^net([0-9]|[12][0-9]|3[01])$", NULL },
	{ "pve", "^(vmbr|tap|fwbr|veth)[0-9]", "an interface of the Proxmox VE host" },
	{ "pve", "^(eth|ens|enp)[0-9]", "the guest's name of the NIC" },
};

#define RULES (sizeof(rules) / sizeof(*rules))

static const struct {
	const char *provider, *want;
	bool caseless; /* where ids are compared */
} forms[] = {
	{ "azure",
	  "the NIC's resource id, "
	  "/subscriptions/UUID/resourceGroups/GROUP/providers/Microsoft.Network/"
	  "networkInterfaces/NAME ('az network nic list --query [].id')",
	  true },
	{ "aws", "the NIC's id, as eni-0123456789abcdef0", false },
	{ "oci", "the VNIC's OCID, as ocid1.vnic.oc1.REGION.UNIQUE", false },
	{ "gcp", "projects/PROJECT/zones/ZONE/instances/INSTANCE#nic0", false },
	{ "pve", "the NIC's MAC address, or net0 to net31", true },
};

/* Compiled at first use and kept: thousands of claims are compared with a few patterns. */
static bool matches(size_t rule, const char *text)
{
	static regex_t compiled[RULES];
	static bool ready[RULES];

	if (!ready[rule])
		ready[rule] = regcomp(&compiled[rule], rules[rule].pattern,
				      REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0;
	return ready[rule] && regexec(&compiled[rule], text, 0, NULL, 0) == 0;
}

enum nicref nicref_check(const char *provider, const char *text, const char **ret_is,
			 const char **ret_want)
{
	bool known = false;

	*ret_is = NULL;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (strcmp(forms[i].provider, provider) == 0) {
			*ret_want = forms[i].want;
			known = true;
		}
	if (!known)
		return NICREF_PROVIDER;
	for (size_t i = 0; i < RULES; i++) {
		if (strcmp(rules[i].provider, provider) != 0 || !matches(i, text))
			continue;
		*ret_is = rules[i].is;
		return rules[i].is ? NICREF_WRONG : NICREF_OK;
	}
	/* Nothing known of this provider: perhaps of another. */
	for (size_t i = 0; i < RULES; i++)
		if (!rules[i].is && strcmp(rules[i].provider, provider) != 0 &&
		    strcmp(rules[i].provider, "pve") != 0 && matches(i, text)) {
			*ret_is = "a NIC of another provider";
			break;
		}
	return NICREF_WRONG;
}

bool nicref_equal(const char *provider, const char *a, const char *b)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (strcmp(forms[i].provider, provider) == 0 && forms[i].caseless)
			return strcasecmp(a, b) == 0;
	return strcmp(a, b) == 0;
}
