#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clean.h"
#include "providers/doc.h"
#include "providers/imds.h"
#include "providers/nics.h"
#include "providers/place.h"
#include "providers/told.h"

#define META	    "/latest/meta-data/"
#define MACS	    "network/interfaces/macs"
#define TOKEN_BYTES 4096
#define TOKEN_TTL   "600" /* s: longer than a run */
#define PRIMARY	    "0"	  /* device-number */

static const struct doc_field fields[] = {
	{ "instance-id", offsetof(struct facts, instance) },
	{ "local-hostname", offsetof(struct facts, name) },
	{ "placement/region", offsetof(struct facts, region) },
	{ "placement/availability-zone", offsetof(struct facts, zone) },
	{ NULL, 0 },
};

/* ---- document --------------------------------------------------------------------------- */

/* Calls for each word of a text of lines, or of a list. */
static void each_word(const json_t *list, void (*call)(const char *word, void *into),
		      void *into)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		each_word(json_array_get(list, i), call, into);
	for (const char *text = json_string_value(list); text && *text;) {
		size_t len = strcspn(text, "\n");
		char word[DOC_TEXT + 1];

		if (len && len < sizeof(word)) {
			memcpy(word, text, len);
			word[len] = '\0';
			call(word, into);
		}
		text += len + (text[len] == '\n');
	}
}

struct words {
	struct arena *arena;
	struct facts_nic *nic;
	struct addr first; /* of a list */
};

static void add_address(const char *word, void *into)
{
	struct words *w = into;
	struct addr address;

	if (!addr_parse(word, &address))
		return;
	if (!w->first.family)
		w->first = address;
	if (w->nic)
		nics_add(w->arena, w->nic, &address);
}

static struct addr first_of(const json_t *list)
{
	struct words w = { 0 };

	each_word(list, add_address, &w);
	return w.first;
}

/* Which of several addresses a public one belongs to is said of the machine's own only. */
static struct addr read_public(const json_t *meta, const json_t *nic, bool primary,
			       const struct facts_nic *read)
{
	struct addr machine = doc_addr(meta, "public-ipv4");

	if (primary && machine.family)
		return machine;
	if (read->address_count > 1 && read->addresses[1].family == AF_INET)
		return (struct addr){ 0 };
	return first_of(doc_at(nic, "public-ipv4s"));
}

static struct facts_nic read_nic(struct arena *a, const json_t *meta, const char *mac,
				 const json_t *j, bool primary)
{
	struct facts_nic nic = {
		.mac = mac,
		.ref = doc_text(a, j, "interface-id"),
		.subnet = doc_addr(j, "subnet-ipv4-cidr-block"),
	};
	struct words w = { .arena = a, .nic = &nic };

	each_word(doc_at(j, "local-ipv4s"), add_address, &w);
	each_word(doc_at(j, "ipv6s"), add_address, &w);
	nic.public = read_public(meta, j, primary, &nic);
	return nic;
}

static bool is_primary(struct arena *a, const json_t *j)
{
	const char *number = doc_text(a, j, "device-number");

	return number && strcmp(number, PRIMARY) == 0;
}

/* The primary one, device number 0, first. */
static void read_nics(struct arena *a, const json_t *meta, const json_t *macs, bool primary,
		      struct facts *f)
{
	void *at = json_object_iter((json_t *)macs);

	for (; at && f->nic_count < NICS_MOST; at = json_object_iter_next((json_t *)macs, at)) {
		const json_t *j = json_object_iter_value(at);
		char mac[NICS_MAC];

		if (!nics_mac(json_object_iter_key(at), mac) || is_primary(a, j) != primary)
			continue;
		f->nics[f->nic_count++] =
		    read_nic(a, meta, arena_strndup(a, mac, sizeof(mac) - 1), j, primary);
	}
}

static const char *take(struct arena *a, const json_t *meta, struct told *t)
{
	const json_t *macs = doc_at(meta, MACS);
	struct told found = *t;
	struct facts *f = &found.facts;

	doc_fill(a, meta, fields, f);
	if (!f->instance)
		return "there is no instance-id";
	f->nics = arena_alloc(a, NICS_MOST * sizeof(*f->nics));
	f->nic_count = 0;
	read_nics(a, meta, macs, true, f);
	read_nics(a, meta, macs, false, f);
	if (!f->nic_count)
		return "there is no NIC in " MACS;
	for (size_t i = 0; i < f->nic_count; i++)
		if (!f->nics[i].ref)
			told_warn(a, &found, "the service does not say the interface-id of %s",
				  f->nics[i].mac);
	*t = found;
	return NULL;
}

const char *told_aws(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);

	return j ? take(a, j, t) : "the document is not JSON";
}

const char *told_aws_recall(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	CLEAN(doc_done) json_t *j = doc_parse(bytes, len);
	const json_t *meta = doc_at(j, "ds/meta-data");
	struct told found = *t;
	const char *wrong;

	meta = meta ? meta : doc_at(j, "ds/meta_data");
	wrong = take(a, meta, &found);
	if (wrong)
		return wrong;
	for (size_t i = 0; i < found.facts.nic_count; i++)
		if (!found.facts.nics[i].ref)
			return "it has a NIC without its interface-id";
	*t = found;
	return NULL;
}

/* ---- service ---------------------------------------------------------------------------- */

#define BUSY "try again; when it stays so, look at the status of AWS in this region"

static const struct imds_status statuses[] = {
	{ 400, 400, false, 0, "it does not take the request",
	  "find out who answers at this address" },
	{ 401, 401, false, 0, "it does not take its own token",
	  "find out who answers at this address" },
	{ 403, 403, false, 0, "it refuses",
	  "'aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled "
	  "--http-tokens required'" },
	{ 404, 404, true, 0, "it has no such key yet", BUSY },
	{ 429, 429, true, 0, "too many requests",
	  "find out what else asks it on this machine" },
	{ 500, 599, true, 0, "it has a fault", BUSY },
	{ 0 },
};

static const struct imds_policy policy = {
	.who = "AWS's metadata service",
	.host = "169.254.169.254",
	.host6 = "fd00:ec2::254",
	.headers = "",
	.connect = 2,
	.read = 5,
	.first = 250,
	.most = 5000,
	.deadline = 240,
	.statuses = statuses,
};

/* The keys of a NIC, and of the machine: required ones may lag. */
struct key {
	const char *name;
	enum imds_absent absent;
};

static const struct key nic_keys[] = {
	{ "device-number", IMDS_LAGS },
	{ "interface-id", IMDS_LAGS },
	{ "local-ipv4s", IMDS_NONE }, /* none where it is IPv6 alone */
	{ "subnet-ipv4-cidr-block", IMDS_NONE },
	{ "public-ipv4s", IMDS_NONE },
	{ "ipv6s", IMDS_NONE },
};

static const struct key machine_keys[] = {
	{ "instance-id", IMDS_NOT_YET },   { "local-hostname", IMDS_NONE },
	{ "placement/region", IMDS_NONE }, { "placement/availability-zone", IMDS_NONE },
	{ "public-ipv4", IMDS_NONE },
};

/* A run: its token, and the document as far as it is known. */
struct run {
	struct imds imds;
	char *token; /* a header */
	json_t *meta;
	const char **words;
};

static void end_run(struct run *r)
{
	json_decref(r->meta);
}

/* It goes into a header: nothing but a word may. */
static const char *take_token(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	(void)a;
	(void)t;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)bytes[i]))
			return "it gives a token that is none";
	return len ? NULL : "it gives an empty token";
}

static int get_token(struct run *r)
{
	static const struct imds_ask q = {
		.method = "PUT",
		.path = "/latest/api/token",
		.headers = "X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_TTL "\r\n",
		.max = TOKEN_BYTES,
		.take = take_token,
	};
	struct imds_reply reply;
	int error = imds_get(&r->imds, &q, &reply, r->words);

	if (error == 0)
		r->token = arena_printf(r->imds.arena, "X-aws-ec2-metadata-token: %s\r\n",
					reply.bytes);
	return error;
}

/* With a new token when the old one is refused, once. */
static int get(struct run *r, struct imds_ask q, struct imds_reply *ret)
{
	int error;

	q.headers = r->token;
	error = imds_get(&r->imds, &q, ret, r->words);
	if (error < 0 && ret->status == 401) {
		error = get_token(r);
		q.headers = r->token;
		if (error == 0)
			error = imds_get(&r->imds, &q, ret, r->words);
	}
	return error;
}

/* Puts a text where its path says, making the maps on the way. What is not UTF-8 is left out.
 */
static void put(json_t *map, const char *path, const struct imds_reply *reply)
{
	size_t len = strcspn(path, "/");
	char part[64];

	if (len >= sizeof(part))
		return;
	memcpy(part, path, len);
	part[len] = '\0';
	if (!path[len]) {
		(void)json_object_set_new(map, part, json_stringn(reply->bytes, reply->len));
		return;
	}
	if (!json_object_get(map, part))
		(void)json_object_set_new(map, part, json_object());
	put(json_object_get(map, part), path + len + 1, reply);
}

static int get_keys(struct run *r, const char *below, const struct key *keys, size_t count)
{
	struct arena *a = r->imds.arena;

	for (size_t i = 0; i < count; i++) {
		const char *key = arena_printf(a, "%s%s", below, keys[i].name);
		const struct imds_ask q = { .path = arena_printf(a, META "%s", key),
					    .absent = keys[i].absent };
		struct imds_reply reply;
		int error = get(r, q, &reply);

		if (error == 0)
			put(r->meta, key, &reply);
		else if (error != -ENOENT)
			return error;
	}
	return 0;
}

/* "0e:49:61:0f:c3:11/" a line; a machine has one at least. */
static const char *take_macs(struct arena *a, const char *bytes, size_t len, struct told *t)
{
	char mac[NICS_MAC], *text = arena_strndup(a, bytes, len);

	(void)t;
	text[strcspn(text, "/\n")] = '\0';
	return nics_mac(text, mac) ? NULL : "the list of NICs does not begin with a MAC";
}

static int get_nics(struct run *r)
{
	static const struct imds_ask q = { .path = META MACS "/", .take = take_macs };
	struct arena *a = r->imds.arena;
	struct imds_reply list;
	int error = get(r, q, &list);
	char *text = error < 0 ? NULL : list.bytes;
	unsigned count = 0;
	char *line;

	while (error == 0 && count < NICS_MOST && (line = strsep(&text, "\n"))) {
		char mac[NICS_MAC];

		line[strcspn(line, "/")] = '\0';
		if (!nics_mac(line, mac))
			continue;
		count++;
		error = get_keys(r, arena_printf(a, MACS "/%s/", mac), nic_keys,
				 sizeof(nic_keys) / sizeof(*nic_keys));
	}
	return error;
}

static int get_user_data(struct run *r, struct told *t)
{
	static const struct imds_ask q = { .path = "/latest/user-data", .absent = IMDS_NONE };
	struct imds_reply reply;
	int error = get(r, q, &reply);

	if (error == 0 && reply.len) {
		t->user_data = reply.bytes;
		t->user_data_len = reply.len;
	}
	return error == -ENOENT ? 0 : error;
}

static int ask(struct arena *a, const struct place *p, struct told *ret, const char **ret_words)
{
	CLEAN(end_run) struct run r = { .meta = json_object(), .words = ret_words };
	struct told t = { .facts.source = "metadata" };
	int error = imds_open(a, p, &policy, &r.imds, ret_words);
	const char *wrong;

	if (error == 0)
		error = get_token(&r);
	if (error == 0)
		error = get_keys(&r, "", machine_keys,
				 sizeof(machine_keys) / sizeof(*machine_keys));
	if (error == 0)
		error = get_nics(&r);
	if (error == 0)
		error = get_user_data(&r, &t);
	if (error < 0)
		return error;
	wrong = take(a, r.meta, &t);
	if (wrong) {
		*ret_words =
		    arena_printf(a,
				 "AWS's metadata service answers in part only: %s; try "
				 "again in a minute",
				 wrong);
		return -EAGAIN;
	}
	*ret = t;
	return 0;
}

/* ---- firmware --------------------------------------------------------------------------- */

/* "ec2" at the start of an UUID, or where its first field has the bytes the other way round. */
static bool is_ec2(const char *uuid)
{
	return strncasecmp(uuid, "ec2", 3) == 0 ||
	       (strlen(uuid) == 36 && uuid[4] == '2' && strncasecmp(uuid + 6, "ec", 2) == 0);
}

/* One UUID in two thousand is like that by chance: on Xen the serial repeats it, or the
 * version of the firmware names Amazon. */
static bool is_xen(struct arena *a, const struct place *p)
{
	const char *uuid = place_dmi(a, p, "product_uuid");
	const char *serial = place_dmi(a, p, "product_serial");
	const char *version = place_dmi(a, p, "bios_version");

	return uuid && is_ec2(uuid) &&
	       ((serial && strcasecmp(serial, uuid) == 0) ||
		(version && strstr(version, "amazon")));
}

static bool detect(struct arena *a, const struct place *p)
{
	return place_dmi_is(a, p, "sys_vendor", "Amazon EC2") ||
	       place_dmi_is(a, p, "bios_vendor", "Amazon EC2") || is_xen(a, p);
}

const struct provider provider_aws = {
	.name = "aws",
	.cloud = "aws",
	.detect = detect,
	.read = ask,
	.recall = told_aws_recall,
	.network = true,
};
