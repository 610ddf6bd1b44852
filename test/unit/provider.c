#include "providers/provider.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/stream.h"
#include "providers/cloudinit.h"
#include "providers/nics.h"
#include "providers/route.h"
#include "providers/told.h"
#include "t.h"

static struct arena *arena;
static char folder[] = "/tmp/providerXXXXXX";

/* ---- MACs ------------------------------------------------------------------------------- */

static const struct {
	const char *text, *mac; /* NULL: none */
} macs[] = {
	{ "000D3AE51CC0", "00:0d:3a:e5:1c:c0" },
	{ "00-0D-3A-E5-1C-C0", "00:0d:3a:e5:1c:c0" },
	{ "00:0d:3a:E5:1c:c0", "00:0d:3a:e5:1c:c0" },
	{ "000d3ae51cc", NULL },
	{ "000d3ae51cc00", NULL },
	{ "00:0d:3a:e5:1c:c0:", NULL },
	{ "00:0d-3a:e5:1c:c0", NULL },
	{ "00:0d:3a:e5:1cc0", NULL },
	{ "000d:3a:e5:1c:c0", NULL },
	{ "00 0d 3a e5 1c c0", NULL },
	{ "0:d:3a:e5:1c:c0", NULL },
	{ "000d3ae51cg0", NULL },
	{ "000000000000", NULL },
	{ "00", NULL },
	{ "0", NULL },
	{ "", NULL },
};

static void check_macs(void)
{
	for (size_t i = 0; i < sizeof(macs) / sizeof(*macs); i++) {
		char mac[NICS_MAC] = "unset";
		bool is = nics_mac(macs[i].text, mac);

		CHECK(is == (macs[i].mac != NULL), "%s: %s", macs[i].text, mac);
		CHECK(strcmp(mac, macs[i].mac ? macs[i].mac : "unset") == 0, "%s: %s",
		      macs[i].text, mac);
	}
}

/* ---- documents -------------------------------------------------------------------------- */

#define NIC(mac)    "{\"macAddress\": \"" mac "\"}"
#define AZURE(nics) "{\"compute\": {\"vmId\": \"v\"}, \"network\": {\"interface\": [" nics "]}}"
#define VNIC	    "\"vnicId\": \"o\", \"macAddr\": \"020000000001\""
#define MACS(nics)                                                                             \
	"{\"instance-id\":\"i-1\",\"network\":{\"interfaces\":{\"macs\":{" nics "}}}}"
#define E1	  "{\"device-number\": \"1\", \"interface-id\": \"eni-1\"}"
#define E0	  "{\"device-number\": 0, \"interface-id\": \"eni-0\"}"
#define GNIC	  "\"mac\": \"42:01:0a:32:00:04\""
#define GCP(more) "{\"name\": \"n\", \"zone\": \"projects/1/zones/a-b1-c\", " more "}"
#define BYTES_256 D64 D64 D64 D64
#define D64	  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What of a document is written to node.json, or what is wrong with it. */
static const struct {
	told_fn *read;
	const char *text, *has;
	bool wrong;
} documents[] = {
	{ told_azure, AZURE(NIC("000D3AF806EC")), "\"mac\": \"00:0d:3a:f8:06:ec\"" },
	{ told_azure, AZURE(NIC("x")), "without its macAddress", true },
	{ told_azure, AZURE(""), "no network.interface", true },
	{ told_azure, AZURE("null"), "without its macAddress", true },
	{ told_azure, "{}", "no compute.vmId", true },
	{ told_azure, "{", "not JSON", true },
	{ told_azure, "", "not JSON", true },
	{ told_azure, "[1]", "no compute.vmId", true },
	{ told_azure, "{\"compute\": {\"vmId\": \"\"}}", "no compute.vmId", true },
	{ told_azure, "{\"compute\": {\"vmId\": \"a\\nb\"}}", "no compute.vmId", true },
	{ told_azure, "{\"compute\": {\"vmId\": \"" BYTES_256 "\"}}", "no compute.vmId", true },
	{ told_azure,
	  AZURE("{\"macAddress\": \"000D3AF806EC\", \"ipv4\": {\"subnet\": [{\"address\": "
		"\"10.0.0.0\", \"prefix\": \"24\"}], \"ipAddress\": [{\"privateIpAddress\": "
		"\"10.0.0.4\"}, null, 7, {\"privateIpAddress\": \"\"}, {\"privateIpAddress\": "
		"\"10.0.0.5/24\"}]}}"),
	  "\"addresses\": [ \"10.0.0.4\" ], \"subnet\": \"10.0.0.0/24\" }" },
	{ told_azure, AZURE(NIC("000D3AF806EC") "," NIC("000D3AF806ED")), "06:ec\"," },
	{ told_oci_instance, "{\"id\": \"o\", \"metadata\": null}", "\"instanceId\": \"o\"" },
	{ told_oci_instance, "{\"id\": \"o\", \"region\": \"phx\"}", "\"region\": \"phx\"" },
	{ told_oci_instance,
	  "{\"id\": \"o\", \"canonicalRegionName\": \"us-phoenix-1\", \"region\": \"phx\"}",
	  "\"region\": \"us-phoenix-1\"" },
	{ told_oci_instance, "{\"id\": \"<null>\"}", "no id", true },
	{ told_oci_vnics, "[{" VNIC ", \"privateIp\": \"10.0.0.4\"}]",
	  "\"nicRef\": \"o\", \"addresses\": [ \"10.0.0.4\" ] }" },
	{ told_oci_vnics, "[{" VNIC ", \"subnetCidrBlock\": \"<null>\"}]",
	  "\"addresses\": [] }" },
	{ told_oci_vnics, "[]", "no VNIC", true },
	{ told_oci_vnics, "[{}]", "without its", true },
	{ told_oci_vnics, "{\"vnics\": 1}", "no VNIC", true },
	{ told_aws, MACS("\"0e:00:00:00:00:02\": " E1 ", \"0e:00:00:00:00:01\": " E0),
	  "\"nics\": [ { \"mac\": \"0e:00:00:00:00:01\", \"nicRef\": \"eni-0\"" },
	{ told_aws, MACS("\"0e:00:00:00:00:02\": {}"), "\"mac\": \"0e:00:00:00:00:02\"" },
	{ told_aws, MACS("\"x\": {}"), "no NIC", true },
	{ told_aws, "{\"instance-id\": null}", "no instance-id", true },
	{ told_aws,
	  MACS("\"0e:00:00:00:00:01\": {\"local-ipv4s\": \"10.0.0.4\\n10.0.0.5\\n\", "
	       "\"public-ipv4s\": \"1.2.3.4\"}"),
	  "\"addresses\": [ \"10.0.0.4\", \"10.0.0.5\" ] }" }, /* whose public one? */
	{ told_aws,
	  MACS("\"0e:00:00:00:00:01\": {\"local-ipv4s\": [\"10.0.0.4\"], \"public-ipv4s\": "
	       "\"1.2.3.4\"}"),
	  "\"publicAddress\": \"1.2.3.4\"" },
	{ told_aws_recall, "{\"ds\": {\"meta-data\": " MACS("\"0e:00:00:00:00:01\": " E0) "}}",
	  "\"nicRef\": \"eni-0\"" },
	{ told_aws_recall, "{\"ds\": {\"meta_data\": " MACS("\"0e:00:00:00:00:01\": " E0) "}}",
	  "\"nicRef\": \"eni-0\"" },
	{ told_aws_recall, "{\"ds\": {\"meta_data\": " MACS("\"0e:00:00:00:00:01\": {}") "}}",
	  "without its interface-id", true },
	{ told_azure_recall,
	  "{\"ds\": {\"meta_data\": {\"imds\": " AZURE(NIC("000D3AF806EC")) "}}}", "06:ec" },
	{ told_azure_recall, "{\"ds\": {\"meta_data\": \"redacted\"}}", "no ds.meta_data.imds",
	  true },
	{ told_gcp, GCP("\"networkInterfaces\": [{" GNIC "}]"),
	  "\"region\": \"a-b1\", \"zone\": \"a-b1-c\"" },
	{ told_gcp,
	  GCP("\"networkInterfaces\": [{" GNIC ", \"ip\": \"10.0.1.4\", \"subnetmask\": "
	      "\"255.255.254.0\"}]"),
	  "\"subnet\": \"10.0.0.0/23\"" },
	{ told_gcp,
	  GCP("\"networkInterfaces\": [{" GNIC ", \"ip\": \"10.0.1.4\", \"subnetmask\": "
	      "\"255.0.255.0\"}]"),
	  "\"addresses\": [ \"10.0.1.4\" ] }" },
	{ told_gcp, GCP("\"networkInterfaces\": [{\"mac\": 7}]"), "without its mac", true },
	{ told_gcp, GCP("\"id\": 1"), "no networkInterfaces", true },
	{ told_gcp_id, "14926553122446417917", "\"instanceId\": \"14926553122446417917\"" },
	{ told_gcp_id, "1 2", "no id", true },
	{ told_gcp_id, "", "no id", true },
	{ told_gcp_project, "example.com:lab-42\n", "\"project\": \"example.com:lab-42\"" },
	{ told_gcp_project, "<html>", "no id", true },
	{ told_nocloud, "instance-id: 007\nlocal-hostname: r\nhostname: x",
	  "\"instanceId\": \"007\", "
	  "\"name\": \"r\"" },
	{ told_nocloud, "hostname: x", "\"name\": \"x\"" },
	{ told_nocloud, "# nothing\n", "\"nics\": []" },
	{ told_nocloud, "instance-id: null", "{ \"nics\": []" },
	{ told_nocloud, "instance-id: [a]", "{ \"nics\": []" },
	{ told_nocloud, "a: [", "meta-data:", true },
	{ told_nocloud, "text", "no map", true },
	{ told_configdrive, "{\"uuid\": \"u\", \"hostname\": \"h\"}", "\"name\": \"h\"" },
	{ told_configdrive, "{\"uuid\": \"u\", \"hostname\": \"h\", \"name\": \"n\"}",
	  "\"name\": \"n\"" },
	{ told_configdrive, "{\"name\": \"n\"}", "no uuid", true },
	{ told_configdrive, "n", "not JSON", true },
};

/* On one line, with a blank for each run of them. */
static const char *print(const struct facts *f)
{
	CLEAN(stream_done) struct stream s = { 0 };
	struct out o;
	char *text, *to;

	out_open(&o, stream_open(&s), OUT_JSON);
	facts_out(&o, f);
	out_close(&o);
	text = stream_text(&s);
	to = text = arena_strndup(arena, text, strlen(text));
	for (const char *from = text; *from; from++)
		if (*from != '\n' && *from != ' ')
			*to++ = *from;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	*to = '\0';
	return text;
}

static void check_documents(void)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		const char *text = documents[i].text, *wrong, *all;
		struct told t = { 0 };

		wrong = documents[i].read(arena, text, strlen(text), &t);
		all = wrong ? wrong : print(&t.facts);
		CHECK((wrong != NULL) == documents[i].wrong, "%zu: %s", i, all);
		CHECK(strstr(all, documents[i].has) != NULL, "%zu: %s", i, all);
		if (wrong)
			CHECK(strcmp(print(&t.facts), "{ \"nics\": [] } ") == 0,
			      "%zu: it took %s", i, print(&t.facts));
	}
}

/* More than any machine has, and JSON that is deeper than any document. */
static void check_bounds(void)
{
	CLEAN(stream_done) struct stream s = { 0 };
	FILE *f = stream_open(&s);
	struct told t = { 0 };
	const char *wrong;
	char *deep;

	fputs("{\"compute\": {\"vmId\": \"v\"}, \"network\": {\"interface\": [", f);
	for (int i = 0; i < 1000; i++) {
		fprintf(f, "%s{\"macAddress\": \"0200000%05x\", \"ipv4\": {\"ipAddress\": [",
			i ? "," : "", i + 1);
		for (int n = 0; n < 300; n++)
			fprintf(f, "%s{\"privateIpAddress\": \"10.0.%d.%d\"}", n ? "," : "",
				n / 256, n % 256);
		fputs("]}}", f);
	}
	fputs("]}}", f);
	stream_text(&s);
	wrong = told_azure(arena, s.bytes, s.len, &t);
	CHECK(!wrong && t.facts.nic_count == NICS_MOST &&
		  t.facts.nics[0].address_count == NICS_ADDRESSES,
	      "%s %zu", wrong, t.facts.nic_count);
	deep = arena_alloc(arena, 100001);
	memset(deep, '[', 100000);
	CHECK(told_oci_vnics(arena, deep, 100000, &t) != NULL, "deep");
}

static void check_user_data(void)
{
	static const struct {
		const char *text, *is;
		bool warns;
	} rows[] = {
		{ "aGVsbG8=", "hello", false },
		{ "aGVs\\r\\n bG8=\\n", "hello", false },
		{ "", NULL, false },
		{ "#cloud-config", NULL, true },
		{ "aGVsbG8", NULL, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct told t = { 0 };
		const char *text = arena_printf(
		    arena, "{\"id\": \"o\", \"metadata\": {\"user_data\": \"%s\"}}",
		    rows[i].text);

		CHECK(told_oci_instance(arena, text, strlen(text), &t) == NULL, "%zu", i);
		CHECK((t.warnings != NULL) == rows[i].warns, "%zu: %s", i, t.warnings);
		CHECK((t.user_data != NULL) == (rows[i].is != NULL), "%zu", i);
		if (t.user_data)
			CHECK(t.user_data_len == 5 && strcmp(t.user_data, rows[i].is) == 0,
			      "%s", t.user_data);
	}
}

/* ---- machines --------------------------------------------------------------------------- */

static const char *in_picture(const char *path, const char *text)
{
	const char *name = arena_printf(arena, "%s%s", folder, path);

	CHECK(file_make_folder(name, 0755) == 0 &&
		  file_write(name, text, strlen(text), 0644) == 0,
	      "%s", name);
	return name;
}

#define EC2    "ec2a38e4-0000-1111-2222-333344445555"
#define LITTLE "e4382aec-0000-1111-2222-333344445555"

static const struct {
	struct {
		const char *field, *text;
	} dmi[3];
	const char *provider; /* NULL: none */
} machines[] = {
	{ { { "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n" } }, "azure" },
	{ { { "chassis_asset_tag", " 7783-7084-3265-9085-8269-3286-77 " } }, "azure" },
	{ { { "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-78" } }, NULL },
	{ { { "sys_vendor", "Microsoft Corporation" } }, NULL }, /* Hyper-V elsewhere */
	{ { { "chassis_asset_tag", "OracleCloud.com" } }, "oci" },
	{ { { "sys_vendor", "Amazon EC2" } }, "aws" },
	{ { { "bios_vendor", "Amazon EC2" } }, "aws" },
	{ { { "product_uuid", EC2 } }, NULL }, /* by chance */
	{ { { "product_uuid", LITTLE } }, NULL },
	{ { { "product_uuid", EC2 }, { "product_serial", EC2 } }, "aws" },
	{ { { "product_uuid", "EC2A38E4-0000-1111-2222-333344445555" },
	    { "product_serial", EC2 } },
	  "aws" },
	{ { { "product_uuid", LITTLE }, { "bios_version", "4.11.amazon" } }, "aws" },
	{ { { "bios_version", "4.11.amazon" } }, NULL },
	{ { { "product_name", "Google Compute Engine" } }, "gcp" },
	{ { { "product_serial", "GoogleCloud-8F1C" } }, "gcp" },
	{ { { "product_serial", "ds=nocloud" } }, "nocloud" },
	{ { { "product_serial", "ds=nocloud-net;s=http://x/" } }, "nocloud" },
	{ { { "product_serial", "ds=none" } }, NULL },
	{ { { "product_serial", "ds=nocloud" }, { "sys_vendor", "Amazon EC2" } }, "aws" },
	{ { { "sys_vendor", "QEMU" } }, NULL },
	{ { { "sys_vendor", "" } }, NULL },
};

static void check_machines(void)
{
	const struct place p = { .root = folder };

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		const char *files[3] = { 0 }, *is = NULL;

		for (size_t n = 0; n < 3 && machines[i].dmi[n].field; n++)
			files[n] = in_picture(arena_printf(arena, "/sys/class/dmi/id/%s",
							   machines[i].dmi[n].field),
					      machines[i].dmi[n].text);
		for (size_t n = 0; providers[n] && !is; n++)
			if (providers[n]->detect(arena, &p))
				is = providers[n]->name;
		CHECK(is == machines[i].provider ||
			  (is && machines[i].provider && strcmp(is, machines[i].provider) == 0),
		      "%zu: %s", i, is);
		for (size_t n = 0; n < 3 && files[n]; n++)
			unlink(files[n]);
	}
}

#define HEAD                                                                                   \
	"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
#define V4(name, to, flags, metric, mask)                                                      \
	name "\t" to "\t00000000\t" flags "\t0\t0\t" metric "\t" mask "\t0\t0\t0\n"
#define DEFAULT(name, metric) V4(name, "00000000", "0003", metric, "00000000")

static const struct {
	const char *table, *first, *only; /* NULL: none */
} routes[] = {
	{ HEAD, NULL, NULL },
	{ HEAD DEFAULT("eth1", "200") DEFAULT("eth0", "100"), "eth0", NULL },
	{ HEAD DEFAULT("eth0", "100") DEFAULT("eth1", "200"), "eth0", NULL },
	{ HEAD DEFAULT("eth1", "0") DEFAULT("eth0", "0"), "eth1", NULL },
	{ HEAD V4("*", "00000000", "0200", "0", "00000000") DEFAULT("eth0", "9"), "eth0",
	  "eth0" },
	{ HEAD V4("eth0", "00000000", "0002", "0", "00000000"), NULL, NULL },
	{ HEAD V4("eth0", "00000000", "0001", "0", "00000080"), NULL, NULL }, /* 0.0.0.0/1 */
	{ HEAD V4("eth0", "FEA9FEA9", "0005", "0", "FFFFFFFF"), NULL, "eth0" },
	{ HEAD V4("eth0", "0000FEA9", "0001", "0", "0000FFFF"), NULL, "eth0" },
	{ HEAD V4("eth0", "0000FEA9", "0001", "0", "0000FFFF")
	      V4("eth1", "FEA9FEA9", "0005", "0", "FFFFFFFF"),
	  NULL, NULL },
	{ HEAD V4("eth0", "0000FEA9", "0001", "0", "0000FFFF")
	      V4("eth0", "FEA9FEA9", "0005", "0", "FFFFFFFF")
		  V4("eth1", "0000000A", "0001", "0", "000000FF"),
	  NULL, "eth0" },
	{ "nonsense\n\n\t\n", NULL, NULL },
};

static const char *const any6 = "00000000000000000000000000000000";

static void check_routes(void)
{
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		in_picture("/proc/net/route", routes[i].table);
		if (route_default(arena, folder, name))
			CHECK(routes[i].first && strcmp(name, routes[i].first) == 0, "%zu: %s",
			      i, name);
		else
			CHECK(!routes[i].first, "%zu: none", i);
		if (route_only(arena, folder, "169.254.169.254", name))
			CHECK(routes[i].only && strcmp(name, routes[i].only) == 0, "%zu: %s", i,
			      name);
		else
			CHECK(!routes[i].only, "%zu: none", i);
	}
	CHECK(!route_default6(arena, folder, name), "no table");
	in_picture("/proc/net/ipv6_route",
		   arena_printf(arena,
				"%s 00 %s 00 %s ffffffff 00000001 00000000 00200200       lo\n"
				"%s 40 %s 00 %s 00000001 00000001 00000000 00000001     eth2\n"
				"%s 00 %s 00 %s 00000400 00000001 00000000 00000003     eth1\n"
				"%s 00 %s 00 %s 00000064 00000001 00000000 00000003     eth0\n",
				any6, any6, any6, any6, any6, any6, any6, any6, any6, any6,
				any6, any6));
	CHECK(route_default6(arena, folder, name) && strcmp(name, "eth0") == 0, "%s", name);
}

static void check_instances(void)
{
	static const char is[] = "02aab8a4-74ef-476e-8182-f6d2ba4166a6";
	static const struct {
		const char *kept;
		bool same;
	} rows[] = {
		{ "02aab8a4-74ef-476e-8182-f6d2ba4166a6", true },
		{ "02AAB8A4-74EF-476E-8182-F6D2BA4166A6", true },
		{ "a4b8aa02-ef74-6e47-8182-f6d2ba4166a6", true },
		{ "a4b8aa02-ef74-476e-8182-f6d2ba4166a6", false },
		{ "a4b8aa02-ef74-6e47-8182-f6d2ba4166a7", false },
		{ "02aab8a4-74ef-476e-8281-f6d2ba4166a6", false },
		{ "i-0123456789abcdef0", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK(cloudinit_is_instance(rows[i].kept, is) == rows[i].same, "%s",
		      rows[i].kept);
}

int main(void)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	arena = a;
	if (!mkdtemp(folder))
		return 1;
	check_macs();
	check_documents();
	check_bounds();
	check_user_data();
	check_machines();
	check_routes();
	check_instances();
	if (system(arena_printf(arena, "rm -r %s", folder)) != 0)
		return 1;
	return t_failed;
}
