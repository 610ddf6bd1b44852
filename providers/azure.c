#include <errno.h>

#include "base/clean.h"
#include "providers/cloudinit.h"
#include "providers/doc.h"
#include "providers/imds.h"
#include "providers/nics.h"
#include "providers/place.h"
#include "providers/told.h"

#define ASSET_TAG "7783-7084-3265-9085-8269-3286-77" /* of the chassis, on all of Azure */
#define DOCUMENT  "/metadata/instance?api-version="

static const struct doc_field fields[] = {
	{ "compute/vmId", offsetof(struct facts, instance) },
	{ "compute/name", offsetof(struct facts, name) },
	{ "compute/location", offsetof(struct facts, region) },
	{ "compute/zone", offsetof(struct facts, zone) },
	{ "compute/subscriptionId", offsetof(struct facts, subscription) },
	{ "compute/resourceGroupName", offsetof(struct facts, group) },
	{ NULL, 0 },
};

/* ---- document --------------------------------------------------------------------------- */

static void add_addresses(struct arena *a, struct facts_nic *nic, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct addr address = doc_addr(json_array_get(list, i), "privateIpAddress");

		nics_add(a, nic, &address);
	}
}

/* "10.0.0.0" and "24", which may be a number. */
static struct addr read_subnet(const json_t *nic)
{
	struct addr net = doc_addr(nic, "ipv4/subnet/0/address");
	unsigned bits = doc_number(nic, "ipv4/subnet/0/prefix", 32);

	net.bits = (uint8_t)bits;
	return net.family == AF_INET && bits && addr_is_prefix(&net) ? net : (struct addr){ 0 };
}

static struct facts_nic read_nic(struct arena *a, const json_t *j)
{
	struct facts_nic nic = {
		.mac = doc_mac(a, j, "macAddress"),
		.subnet = read_subnet(j),
		.public = doc_addr(j, "ipv4/ipAddress/0/publicIpAddress"),
	};

	add_addresses(a, &nic, doc_at(j, "ipv4/ipAddress"));
	add_addresses(a, &nic, doc_at(j, "ipv6/ipAddress"));
	return nic;
}

static const char *take(struct arena *a, const json_t *j, struct told *t)
{
	const json_t *list = doc_at(j, "network/interface");
	size_t count = json_array_size(list);
	struct told found = *t;

	doc_fill(a, j, fields, &found.facts);
	if (!found.facts.instance)
		return "the document has no compute.vmId";
	if (!count)
		return "the document has no network.interface";
	count = count < NICS_MOST ? count : NICS_MOST;
	found.facts.nics = arena_alloc(a, count * sizeof(*found.facts.nics));
	found.facts.nic_count = count;
	for (size_t i = 0; i < count; i++) {
		found.facts.nics[i] = read_nic(a, json_array_get(list, i));
		if (!found.facts.nics[i].mac)
			return "the document has a NIC without its macAddress";
	}
	found.user_data = doc_base64(a, j, "compute/userData", &found.user_data_len);
	if (!found.user_data && json_string_length(doc_at(j, "compute/userData")))
		told_warn(a, &found, "userData is not base64 and was passed over");
	*t = found;
	return NULL;
}

const char *told_azure(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);

	return j ? take(a, j, t) : "the document is not JSON";
}

const char *told_azure_recall(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);
	const json_t *imds = doc_at(j, "ds/meta_data/imds");

	return imds ? take(a, imds, t) : "it has no ds.meta_data.imds";
}

/* ---- service ---------------------------------------------------------------------------- */

#define BUSY "try again; when it stays so, look at the status of Azure in this region"

static const struct imds_status statuses[] = {
	{ 400, 400, false, 0, "it does not take the request",
	  "find out who answers at this address: it knows no API version of ours" },
	{ 401, 403, false, 0, "it refuses",
	  "see that IMDS is not disabled for this VM, and that no proxy stands between" },
	{ 404, 404, true, 0, "it does not know this VM yet", BUSY },
	{ 405, 405, false, 0, "it refuses the method", "find out who answers at this address" },
	{ 410, 410, true, 70, "it is being updated", BUSY },
	{ 429, 429, true, 0, "too many requests", "find out what else asks it on this VM" },
	{ 500, 599, true, 0, "it has a fault", BUSY },
	{ 0 },
};

static const struct imds_policy policy = {
	.who = "Azure's metadata service",
	.host = "169.254.169.254",
	.headers = "Metadata: true\r\n",
	.connect = 2,
	.read = 30,
	.first = 250,
	.most = 5000,
	.deadline = 300,
	.statuses = statuses,
};

static bool detect(struct arena *a, const struct place *p)
{
	return place_dmi_is(a, p, "chassis_asset_tag", ASSET_TAG);
}

static int ask(struct arena *a, const struct place *p, struct told *ret, const char **ret_words)
{
	struct told t = { .facts.source = "metadata" };
	struct imds_ask q = { .path = DOCUMENT "2021-08-01&extended=true",
			      .take = told_azure,
			      .told = &t };
	struct imds_reply reply;
	struct imds s;
	int r = imds_open(a, p, &policy, &s, ret_words);

	if (r < 0)
		return r;
	r = imds_get(&s, &q, &reply, ret_words);
	if (r < 0 && reply.status == 400) {
		q.path = DOCUMENT "2019-06-01";
		r = imds_get(&s, &q, &reply, ret_words);
	}
	if (r < 0)
		return r;
	if (!t.user_data) /* customData is not in it, but cloud-init takes it off the DVD */
		t.user_data = cloudinit_user_data(a, p, provider_azure.cloud, &t.user_data_len);
	*ret = t;
	return 0;
}

const struct provider provider_azure = {
	.name = "azure",
	.cloud = "azure",
	.detect = detect,
	.read = ask,
	.recall = told_azure_recall,
	.network = true,
	.by_route = true,
};
