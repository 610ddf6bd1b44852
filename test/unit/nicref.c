/* What is a NIC's id, and what people paste instead. */
#include <string.h>

#include "providers/nicref.h"
#include "t.h"

#define UUID "00000000-1111-2222-3333-444455556666"
#define RG   "/subscriptions/" UUID "/resourceGroups/rg-lab"
#define NET  RG "/providers/Microsoft.Network/"
#define VM   RG "/providers/Microsoft.Compute/virtualMachines/rt"
#define SET  RG "/providers/Microsoft.Compute/virtualMachineScaleSets/s/virtualMachines/0"
#define C80  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* is NULL: right; "": wrong, and nothing known; else a part of what it is */
static const struct {
	const char *provider, *text, *is;
} cases[] = {
	{ "azure", NET "networkInterfaces/rt-nic", NULL },
	{ "azure",
	  "/SUBSCRIPTIONS/" UUID
	  "/resourcegroups/RG/providers/microsoft.network/networkinterfaces/N",
	  NULL },
	{ "azure", NET "networkInterfaces/" C80, NULL },
	{ "azure", NET "networkInterfaces/" C80 "a", "incomplete" },
	{ "azure", SET "/networkInterfaces/nic0", NULL },
	{ "azure", NET "networkInterfaces/", "incomplete" },
	{ "azure",
	  "/subscriptions/x/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/n",
	  "subscription" },
	{ "azure", "rt-nic", "name of a NIC alone" },
	{ "azure", VM, "virtual machine" },
	{ "azure", NET "networkInterfaces/rt-nic/ipConfigurations/ipconfig1",
	  "IP configuration" },
	{ "azure", NET "virtualNetworks/v/subnets/s", "subnet" },
	{ "azure", UUID, "UUID" },
	{ "azure", "eni-0123456789abcdef0", "name of a NIC alone" },
	{ "azure", "", "" },
	{ "aws", "eni-01234567", NULL },
	{ "aws", "eni-0123456789abcdef0", NULL },
	{ "aws", "eni-0123456789abcdef", "cut off" },
	{ "aws", "eni-0123456789abcdef01", "cut off" },
	{ "aws", "i-0123456789abcdef0", "instance" },
	{ "aws", "subnet-0123456789abcdef0", "subnet" },
	{ "aws", "eni-attach-0123456789abcdef0", "attachment" },
	{ "aws", "arn:aws:ec2:eu-west-1:1:network-interface/eni-0123456789abcdef0", "ARN" },
	{ "aws", NET "networkInterfaces/n", "another provider" },
	{ "aws", " eni-01234567", "" },
	{ "oci", "ocid1.vnic.oc1.phx.abyhqljsx", NULL },
	{ "oci", "ocid1.vnic.oc1..abyhqljsx", NULL },
	{ "oci", "ocid1.vnic.oc19.eu-frankfurt-2.aa.bb", NULL },
	{ "oci", "ocid1.vnic.oc1.phx.", "cut off" },
	{ "oci", "ocid1.vnicattachment.oc1.phx.x", "attachment" },
	{ "oci", "ocid1.privateip.oc1.phx.x", "private IP" },
	{ "oci", "ocid1.instance.oc1.phx.x", "instance" },
	{ "oci", "ocid1.bucket.oc1.phx.x", "no VNIC" },
	{ "oci", "nic0", "" },
	{ "gcp", "projects/p/zones/z/instances/i#nic0", NULL },
	{ "gcp", "projects/p/zones/z/instances/i", "#nic0" },
	{ "gcp", "nic0", "without its instance" },
	{ "pve", "net0", NULL },
	{ "pve", "net31", NULL },
	{ "pve", "net32", "" },
	{ "pve", "BC:24:11:0a:b0:01", NULL },
	{ "pve", "00-0D-3A-E5-1C-C0", NULL },
	{ "pve", "000D3AE51CC0", NULL },
	{ "pve", "00:0d:3a:e5:1c", "" },
	{ "pve", "vmbr0", "host" },
	{ "pve", "ens18", "guest" },
};

int main(void)
{
	const char *is, *want = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum nicref r = nicref_check(cases[i].provider, cases[i].text, &is, &want);

		CHECK((r == NICREF_OK) == !cases[i].is, "%s %s", cases[i].provider,
		      cases[i].text);
		CHECK(want && *want, "%s says what it wants", cases[i].provider);
		if (cases[i].is)
			CHECK(*cases[i].is ? is && strstr(is, cases[i].is) : !is, "%s %s: '%s'",
			      cases[i].provider, cases[i].text, is ? is : "");
	}
	CHECK(nicref_check("heaven", "x", &is, &want) == NICREF_PROVIDER, "no such provider");
	CHECK(nicref_equal("azure", "/A", "/a"), "Azure folds case");
	CHECK(!nicref_equal("oci", "ocid1.A", "ocid1.a"), "OCI does not");
	return t_failed;
}
