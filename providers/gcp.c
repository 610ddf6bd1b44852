#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clean.h"
#include "providers/doc.h"
#include "providers/imds.h"
#include "providers/nics.h"
#include "providers/place.h"
#include "providers/told.h"

#define V1     "/computeMetadata/v1/"
#define SERIAL "GoogleCloud-"

/* ---- documents -------------------------------------------------------------------------- */

/* One word, as an id is. */
static const char *take_word(struct arena *a, const char *bytes, size_t len, const char **ret)
{
	char *text = arena_strndup(a, bytes, len);

	text[strcspn(text, "\r\n")] = '\0';
	if (!*text || strlen(text) > DOC_TEXT ||
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.:-")])
		return "it is no id";
	*ret = text;
	return NULL;
}

/* Asked for by itself: in the document it is a number of 64 bits, more than JSON's hold. */
const char *told_gcp_id(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	return take_word(a, bytes, len, &t->facts.instance);
}

const char *told_gcp_project(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	return take_word(a, bytes, len, &t->facts.project);
}

static struct addr read_subnet(const json_t *nic)
{
	struct addr net = doc_addr(nic, "ip"), mask = doc_addr(nic, "subnetmask");
	unsigned bits = 0;

	if (net.family != AF_INET || mask.family != AF_INET)
		return (struct addr){ 0 };
	for (int i = 0; i < 4; i++) {
		bits += (unsigned)__builtin_popcount(mask.bytes[i]);
		net.bytes[i] &= mask.bytes[i];
	}
	net.bits = (uint8_t)bits;
	return addr_is_prefix(&net) ? net : (struct addr){ 0 };
}

/* ipAliases are prefixes, of which only hosts are addresses. */
static void add_addresses(struct arena *a, struct facts_nic *nic, const json_t *j)
{
	const json_t *aliases = doc_at(j, "ipAliases");
	struct addr address = doc_addr(j, "ip");

	nics_add(a, nic, &address);
	for (size_t i = 0; i < json_array_size(aliases); i++) {
		address = doc_addr(json_array_get(aliases, i), "");
		nics_add(a, nic, &address);
	}
}

static struct facts_nic read_nic(struct arena *a, const json_t *j, const struct facts *f,
				 size_t i)
{
	struct facts_nic nic = {
		.mac = doc_mac(a, j, "mac"),
		.mtu = doc_number(j, "mtu", 65535),
		.subnet = read_subnet(j),
		.router = doc_addr(j, "gateway"),
		.public = doc_addr(j, "accessConfigs/0/externalIp"),
	};

	if (f->project && f->zone && f->name)
		nic.ref = arena_printf(a, "projects/%s/zones/%s/instances/%s#nic%zu",
				       f->project, f->zone, f->name, i);
	add_addresses(a, &nic, j);
	return nic;
}

/* zone: "projects/123456789/zones/europe-west1-b" */
static void read_place(struct arena *a, const json_t *j, struct facts *f)
{
	const char *zone = doc_text(a, j, "zone"), *slash = zone ? strrchr(zone, '/') : NULL;
	const char *dash;

	f->name = doc_text(a, j, "name");
	f->zone = slash ? slash + 1 : zone;
	dash = f->zone ? strrchr(f->zone, '-') : NULL;
	f->region = dash ? arena_strndup(a, f->zone, (size_t)(dash - f->zone)) : NULL;
}

static void read_user_data(struct arena *a, const json_t *j, struct told *t)
{
	const json_t *text = json_object_get(doc_at(j, "attributes"), "user-data");

	if (!json_is_string(text) || !json_string_length(text))
		return;
	t->user_data_len = json_string_length(text);
	t->user_data = arena_strndup(a, json_string_value(text), t->user_data_len);
}

const char *told_gcp(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);
	const json_t *list = doc_at(j, "networkInterfaces");
	size_t count = json_array_size(list);
	struct told found = *t;

	if (!count)
		return j ? "the document has no networkInterfaces" : "the document is not JSON";
	read_place(a, j, &found.facts);
	count = count < NICS_MOST ? count : NICS_MOST;
	found.facts.nics = arena_alloc(a, count * sizeof(*found.facts.nics));
	found.facts.nic_count = count;
	for (size_t i = 0; i < count; i++) {
		found.facts.nics[i] = read_nic(a, json_array_get(list, i), &found.facts, i);
		if (!found.facts.nics[i].mac)
			return "the document has a NIC without its mac";
	}
	read_user_data(a, j, &found);
	*t = found;
	return NULL;
}

/* ---- service ---------------------------------------------------------------------------- */

#define BUSY "try again; when it stays so, look at the status of Google Cloud in this region"

static const struct imds_status statuses[] = {
	{ 403, 403, false, 0, "it refuses",
	  "find out what forwards requests of this machine, as a proxy would" },
	{ 429, 429, true, 0, "too many requests",
	  "find out what else asks it on this machine" },
	{ 500, 599, true, 0, "it has a fault", BUSY },
	{ 0 },
};

static const struct imds_policy policy = {
	.who = "Google Cloud's metadata service",
	.host = "169.254.169.254",
	.headers = "Metadata-Flavor: Google\r\n",
	.google = true,
	.connect = 2,
	.read = 5,
	.first = 250,
	.most = 5000,
	.deadline = 120,
	.statuses = statuses,
};

static bool detect(struct arena *a, const struct place *p)
{
	const char *serial = place_dmi(a, p, "product_serial");

	return place_dmi_is(a, p, "product_name", "Google Compute Engine") ||
	       (serial && strncmp(serial, SERIAL, sizeof(SERIAL) - 1) == 0);
}

static int ask(struct arena *a, const struct place *p, struct told *ret, const char **ret_words)
{
	struct told t = { .facts.source = "metadata" };
	const struct imds_ask asks[] = {
		{ .path = V1 "instance/id", .max = 4096, .take = told_gcp_id, .told = &t },
		{ .path = V1 "project/project-id",
		  .max = 4096,
		  .take = told_gcp_project,
		  .told = &t },
		{ .path = V1 "instance/?recursive=true&alt=json",
		  .take = told_gcp,
		  .told = &t },
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

const struct provider provider_gcp = {
	.name = "gcp",
	.cloud = "gce", /* of which it keeps no NICs: so there is no recall */
	.detect = detect,
	.read = ask,
	.network = true,
};
