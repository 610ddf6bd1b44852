#include <string.h>

#include "base/clean.h"
#include "providers/doc.h"
#include "providers/imds.h"
#include "providers/nics.h"
#include "providers/place.h"
#include "providers/told.h"

/* A later row wins: region may be a short key, as "phx". */
static const struct doc_field fields[] = {
	{ "id", offsetof(struct facts, instance) },
	{ "displayName", offsetof(struct facts, name) },
	{ "region", offsetof(struct facts, region) },
	{ "canonicalRegionName", offsetof(struct facts, region) },
	{ "availabilityDomain", offsetof(struct facts, zone) },
	{ "compartmentId", offsetof(struct facts, compartment) },
	{ NULL, 0 },
};

/* ---- documents -------------------------------------------------------------------------- */

const char *told_oci_instance(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);
	struct told found = *t;

	doc_fill(a, j, fields, &found.facts);
	if (!j)
		return "the document is not JSON";
	if (!found.facts.instance)
		return "the document has no id";
	found.user_data = doc_base64(a, j, "metadata/user_data", &found.user_data_len);
	if (!found.user_data && json_string_length(doc_at(j, "metadata/user_data")))
		told_warn(a, &found, "user_data is not base64 and was passed over");
	*t = found;
	return NULL;
}

/* Only the primary address of a VNIC is listed, and on one of IPv6 alone not even that. */
static struct facts_nic read_vnic(struct arena *a, const json_t *j)
{
	struct addr address = doc_addr(j, "privateIp");
	struct facts_nic nic = {
		.mac = doc_mac(a, j, "macAddr"),
		.ref = doc_text(a, j, "vnicId"),
		.subnet = doc_addr(j, "subnetCidrBlock"),
		.router = doc_addr(j, "virtualRouterIp"),
	};

	nics_add(a, &nic, &address);
	return nic;
}

const char *told_oci_vnics(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);
	size_t count = json_array_size(j);
	struct facts_nic *nics;

	if (!count)
		return j ? "the document has no VNIC" : "the document is not JSON";
	count = count < NICS_MOST ? count : NICS_MOST;
	nics = arena_alloc(a, count * sizeof(*nics));
	for (size_t i = 0; i < count; i++) {
		nics[i] = read_vnic(a, json_array_get(j, i));
		if (!nics[i].mac || !nics[i].ref)
			return "the document has a VNIC without its macAddr or vnicId";
	}
	t->facts.nics = nics;
	t->facts.nic_count = count;
	return NULL;
}

/* ---- service ---------------------------------------------------------------------------- */

#define BUSY "try again; when it stays so, look at the status of Oracle Cloud in this region"

static const struct imds_status statuses[] = {
	{ 400, 400, false, 0, "it does not take the request",
	  "find out what forwards requests of this machine, as a proxy would" },
	{ 401, 403, false, 0, "it refuses",
	  "see that the instance may use version 2 of the metadata service" },
	{ 404, 404, true, 0, "it does not know this instance yet", BUSY },
	{ 429, 429, true, 0, "too many requests",
	  "find out what else asks it on this machine" },
	{ 500, 599, true, 0, "it has a fault", BUSY },
	{ 0 },
};

static const struct imds_policy policy = {
	.who = "Oracle Cloud's metadata service",
	.host = "169.254.169.254",
	.host6 = "fd00:c1::a9fe:a9fe",
	.headers = "Authorization: Bearer Oracle\r\n",
	.connect = 2,
	.read = 5,
	.first = 100,
	.most = 3000,
	.deadline = 60,
	.statuses = statuses,
};

static bool detect(struct arena *a, const struct place *p)
{
	return place_dmi_is(a, p, "chassis_asset_tag", "OracleCloud.com");
}

static int ask(struct arena *a, const struct place *p, struct told *ret, const char **ret_words)
{
	struct told t = { .facts.source = "metadata" };
	const struct imds_ask asks[] = {
		{ .path = "/opc/v2/instance/", .take = told_oci_instance, .told = &t },
		{ .path = "/opc/v2/vnics/", .take = told_oci_vnics, .told = &t },
	};
	struct imds_reply reply;
	struct imds s;
	int r = imds_open(a, p, &policy, &s, ret_words);

	for (size_t i = 0; r == 0 && i < sizeof(asks) / sizeof(*asks); i++)
		r = imds_get(&s, &asks[i], &reply, ret_words);
	if (r == 0)
		*ret = t;
	return r;
}

const struct provider provider_oci = {
	.name = "oci",
	.cloud = "oracle", /* of which it keeps no VNICs: so there is no recall */
	.detect = detect,
	.read = ask,
	.network = true,
};
