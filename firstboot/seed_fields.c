#include <string.h>

#include "firstboot/exchange_settings.h"
#include "firstboot/http.h"
#include "firstboot/seed_read.h"
#include "keys/seal.h"

#define NAMES	   4  /* one field may have, and a NULL */
#define DIGITS	   64 /* of SHA-256 */
#define NAME_SHOWN 40 /* bytes: what is longer may be a key that has lost its name */

struct decoding {
	struct seed_reading *reading;
	const struct seed_text *text;
	const struct sketch *map;
};

/* Returns what it wants, or NULL when it got it, or has said itself what is wrong. */
typedef const char *decode_fn(struct decoding *r, const struct node *n, void *into);

struct field {
	const char *names[NAMES]; /* the first is ours, the others are taken, too */
	decode_fn *decode;
	size_t offset;
	bool common; /* others may have a field of that name */
};

/* ---- texts ------------------------------------------------------------------------------ */

const struct node *seed_parse(struct seed_reading *r, const struct seed_text *t)
{
	struct diag d = { .arena = r->arena };
	const struct node *docs = node_parse(r->arena, t->file, t->bytes, t->len, &d);

	/* What is wrong with a text that is not to be here is of no interest. */
	if (seed_refuse_secret_nodes(r->diag, docs))
		return NULL;
	diag_take(r->diag, &d);
	return d.errors ? NULL : docs;
}

void seed_join(struct seed_reading *r, const struct seed_text *t, const struct sketch *list)
{
	size_t room = list->stop - list->start, len = 0;
	char *all, *to;

	for (const struct sketch *n = list->child; n; n = n->next)
		room += 8;
	all = to = arena_alloc(r->arena, room + 1);
	for (const struct sketch *n = list->child; n; n = n->next) {
		const char *one = sketch_cut(r->arena, t->bytes, n, &len);

		to = mempcpy(mempcpy(to, "---\n", 4), one, len);
	}
	r->seed->config = all;
	r->seed->config_len = (size_t)(to - all);
}

/* ---- a configuration -------------------------------------------------------------------- */

#define WANT_CONFIG                                                                            \
	"want a configuration: a map with apiVersion and kind, a list of such maps, or "       \
	"either "                                                                              \
	"as a text"

static const char *check_resource(struct decoding *r, const struct node *n)
{
	if (n->type == NODE_MAP && node_text(n, "apiVersion") && node_text(n, "kind"))
		return NULL;
	diag_error(r->reading->diag, n->mark,
		   "want a resource: a map with apiVersion and kind");
	return NULL;
}

static const char *decode_text(struct decoding *r, const struct sketch *from)
{
	struct seed_reading *s = r->reading;
	struct seed_text t = { .file = r->text->file };
	const struct node *docs;

	t.bytes = sketch_pad_text(s->arena, r->text->bytes, from, &t.len);
	if (seed_refuse_secrets(s->diag, &t))
		return NULL;
	docs = seed_parse(s, &t);
	if (docs && !docs->child)
		return WANT_CONFIG;
	for (const struct node *n = docs ? docs->child : NULL; n; n = n->next)
		check_resource(r, n);
	s->seed->config = from->text;
	s->seed->config_len = from->len;
	return NULL;
}

static const char *decode_list(struct decoding *r, const struct node *n)
{
	if (n->type != NODE_LIST || !n->child)
		return "want a list of resources, each a map with apiVersion and kind";
	for (const struct node *c = n->child; c; c = c->next)
		check_resource(r, c);
	seed_join(r->reading, r->text, sketch_get(r->map, n->key));
	return NULL;
}

static const char *decode_config(struct decoding *r, const struct node *n, void *into)
{
	const struct sketch *from = sketch_get(r->map, n->key);
	struct seed *seed = r->reading->seed;

	(void)into;
	if (from->type == SKETCH_SCALAR)
		return decode_text(r, from);
	if (n->type == NODE_LIST)
		return n->child ? decode_list(r, n) : WANT_CONFIG;
	if (n->type != NODE_MAP || !node_get(n, "apiVersion") || !node_get(n, "kind"))
		return WANT_CONFIG;
	seed->config = sketch_cut(r->reading->arena, r->text->bytes, from, &seed->config_len);
	return NULL;
}

static const char *decode_resources(struct decoding *r, const struct node *n, void *into)
{
	(void)into;
	return decode_list(r, n);
}

/* ---- other values ----------------------------------------------------------------------- */

static const char *decode_node(struct decoding *r, const struct node *n, void *into)
{
	const char **node = into;

	(void)r;
	if (n->type != NODE_SCALAR || !seal_node_is_valid(n->text))
		return "want a name: at most 63 letters, digits, '.', '_' and '-', the first a "
		       "letter or digit";
	*node = n->text;
	return NULL;
}

static const char *decode_path(struct decoding *r, const struct node *n, void *into)
{
	const char **path = into;

	(void)r;
	if (n->type != NODE_SCALAR || *n->text != '/')
		return "want the path of a file, from / on";
	*path = n->text;
	return NULL;
}

static const char *decode_url(struct decoding *r, const struct node *n, void *into)
{
	const char **url = into;

	if (n->type != NODE_SCALAR)
		return "want a URL of http, https or file";
	*url = n->text;
	return http_config_url_fault(r->reading->arena, n->text);
}

static const char *decode_digest(struct decoding *r, const struct node *n, void *into)
{
	const char **digest = into;
	char *lower;

	if (n->type != NODE_SCALAR || strlen(n->text) != DIGITS ||
	    strspn(n->text, "0123456789abcdefABCDEF") != DIGITS)
		return "want the 64 hexadecimal digits that 'sha256sum FILE' prints";
	lower = arena_strndup(r->reading->arena, n->text, DIGITS);
	for (char *c = lower; *c; c++)
		if (*c >= 'A' && *c <= 'F')
			*c = (char)(*c - 'A' + 'a');
	*digest = lower;
	return NULL;
}

static const char *decode_install(struct decoding *r, const struct node *n, void *into)
{
	bool *no = into;

	(void)r;
	*no = !node_is_true(n);
	return !*no || (n->type == NODE_SCALAR && n->plain && strcmp(n->text, "false") == 0)
		   ? NULL
		   : "want true or false";
}

static const char *decode_exchange(struct decoding *r, const struct node *n, void *into)
{
	struct seed_reading *s = r->reading;
	const struct sketch *from = sketch_get(r->map, n->key);
	struct exchange_settings *settings = arena_alloc(s->arena, sizeof(*settings));
	struct seed *seed = into;
	const char *padded;
	size_t len;

	if (n->type != NODE_MAP)
		return "want a map, as /etc/routerd/exchange.yaml holds one";
	padded = sketch_pad(s->arena, r->text->bytes, from, NULL, &len);
	(void)exchange_settings_parse(s->arena, r->text->file, padded, len, false, settings,
				      s->diag); /* the faults are counted there */
	seed->exchange = sketch_cut(s->arena, r->text->bytes, from, &seed->exchange_len);
	return NULL;
}

/* ---- the mapping ------------------------------------------------------------------------ */

enum {
	FIELD_NODE,
	FIELD_ROLE,
	FIELD_CONFIG,
	FIELD_RESOURCES,
	FIELD_URL,
	FIELD_DIGEST,
	FIELD_CA,
	FIELD_EXCHANGE,
	FIELD_INSTALL,
	FIELDS,
};

#define AT(member) offsetof(struct seed, member)

static const struct field fields[FIELDS] = {
	[FIELD_NODE] = { { "node", "node_name", "nodeName", "hostname" },
			 decode_node,
			 AT(node),
			 true },
	[FIELD_ROLE] = { { "node_role", "nodeRole", "role" }, decode_node, AT(role), true },
	[FIELD_CONFIG] = { { "config" }, decode_config, 0, true },
	[FIELD_RESOURCES] = { { "resources" }, decode_resources, 0, true },
	[FIELD_URL] = { { "config_url", "configUrl", "config-url" },
			decode_url,
			AT(config_url) },
	[FIELD_DIGEST] = { { "config_sha256", "configSha256", "config-sha256" },
			   decode_digest,
			   AT(config_digest) },
	[FIELD_CA] = { { "config_ca_file", "configCaFile", "config-ca-file" },
		       decode_path,
		       AT(config_ca_file) },
	[FIELD_EXCHANGE] = { { "exchange" }, decode_exchange, 0, true },
	[FIELD_INSTALL] = { { "install_packages", "installPackages" },
			    decode_install,
			    AT(no_install) },
};

static const struct field *find_field(const char *key)
{
	for (size_t i = 0; i < FIELDS; i++)
		for (size_t j = 0; j < NAMES && fields[i].names[j]; j++)
			if (strcmp(fields[i].names[j], key) == 0)
				return &fields[i];
	return NULL;
}

static const char *list_names(struct arena *a)
{
	const char *text = fields[0].names[0];

	for (size_t i = 1; i < FIELDS; i++)
		text = arena_printf(a, "%s, %s", text, fields[i].names[0]);
	return text;
}

bool seed_is_fields(const struct sketch *map)
{
	bool own = false;

	for (const struct sketch *n = map->child; n; n = n->next) {
		const struct field *f = n->key ? find_field(n->key) : NULL;

		if (!f)
			return false;
		own |= !f->common || strcmp(n->key, "nodeName") == 0 ||
		       strcmp(n->key, "node_name") == 0;
	}
	return own;
}

/* given: the key of each field that is there, or NULL. */
static void check(struct decoding *r, const struct node *const given[static FIELDS])
{
	static const struct {
		int field, other;
		const char *words; /* what is wrong when both are there */
	} contradictions[] = {
		{ FIELD_RESOURCES, FIELD_CONFIG, "config" },
		{ FIELD_URL, FIELD_CONFIG, "config" },
		{ FIELD_URL, FIELD_RESOURCES, "resources" },
	};
	static const struct {
		int field, needs;
		const char *words;
	} needs[] = {
		{ FIELD_URL, FIELD_DIGEST,
		  "want config_sha256, too: the digest that 'sha256sum FILE' prints proves "
		  "that what comes from there is what was meant" },
		{ FIELD_DIGEST, FIELD_URL,
		  "it is the digest of what config_url names; want that, too" },
		{ FIELD_CA, FIELD_URL, "it is for config_url; want that, too" },
	};
	struct diag *d = r->reading->diag;

	for (size_t i = 0; i < sizeof(contradictions) / sizeof(*contradictions); i++) {
		const struct node *n = given[contradictions[i].field];

		if (n && given[contradictions[i].other])
			diag_error(d, n->key_mark, "%s: there is %s already; want one", n->key,
				   contradictions[i].words);
	}
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		const struct node *n = given[needs[i].field];

		if (n && !given[needs[i].needs])
			diag_error(d, n->key_mark, "%s: %s", n->key, needs[i].words);
	}
}

static void decode_map(struct decoding *r, const struct node *map)
{
	const struct node *given[FIELDS] = { NULL };
	struct seed_reading *s = r->reading;

	for (const struct node *n = map->child; n; n = n->next) {
		const struct field *f = find_field(n->key);
		const char *want;

		if (!f) {
			diag_error(s->diag, n->key_mark, "no field %s; there are %s",
				   strlen(n->key) > NAME_SHOWN ? "of that name" : n->key,
				   list_names(s->arena));
			continue;
		}
		if (given[f - fields]) {
			diag_error(s->diag, n->key_mark,
				   "%s: there is %s already, which is the same; want one",
				   n->key, given[f - fields]->key);
			continue;
		}
		given[f - fields] = n;
		want = f->decode(r, n, (char *)s->seed + f->offset);
		if (want)
			diag_error(s->diag, n->mark, "%s: %s", n->key, want);
	}
	check(r, given);
}

/* A mapping that is a resource itself. */
static void decode_itself(struct decoding *r)
{
	struct seed *seed = r->reading->seed;

	seed->config = sketch_cut(r->reading->arena, r->text->bytes, r->map, &seed->config_len);
}

void seed_read_fields(struct seed_reading *r, const struct seed_text *t,
		      const struct sketch *map)
{
	struct decoding decoding = { r, t, map };
	const struct sketch *config = sketch_get(map, "config");
	struct seed_text own = { .file = t->file };
	const struct node *docs;

	own.bytes = sketch_pad(r->arena, t->bytes, map, NULL, &own.len);
	if (seed_refuse_secrets(r->diag, &own))
		return;
	if (config && config->type == SKETCH_SCALAR) /* may be longer than a value may be */
		own.bytes = sketch_pad(r->arena, t->bytes, map, config, &own.len);
	docs = seed_parse(r, &own);
	if (!docs)
		return;
	if (!docs->child || docs->child->type != NODE_MAP)
		diag_error(r->diag, map->mark, "want a map of %s", list_names(r->arena));
	else if (node_get(docs->child, "apiVersion") && node_get(docs->child, "kind"))
		decode_itself(&decoding);
	else
		decode_map(&decoding, docs->child);
}
