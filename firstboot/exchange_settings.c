#include "firstboot/exchange_settings.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"
#include "firstboot/http.h"

struct reading {
	struct arena *arena;
	struct diag *diag;
	bool open_file; /* others than root may read it */
	const char *path;
};

/* Returns what it wants, or NULL when it got it, or has said itself what is wrong. */
typedef const char *decode_fn(struct reading *r, const struct node *n, void *into);

struct field {
	const char *name;
	decode_fn *decode;
	size_t offset;
};

/* ---- values ----------------------------------------------------------------------------- */

static const char *decode_bool(struct reading *r, const struct node *n, void *into)
{
	bool *b = into;

	(void)r;
	*b = node_is_true(n);
	return *b || (n->type == NODE_SCALAR && n->plain && strcmp(n->text, "false") == 0)
		   ? NULL
		   : "want true or false";
}

static const char *decode_path(struct reading *r, const struct node *n, void *into)
{
	const char **path = into;

	(void)r;
	if (n->type != NODE_SCALAR || *n->text != '/')
		return "want the path of a file, from / on";
	*path = n->text;
	return NULL;
}

static const char *decode_url(struct reading *r, const struct node *n, void *into)
{
	const char **url = into, *fault;

	if (n->type != NODE_SCALAR)
		return "want a URL, https://HOST/PATH";
	*url = n->text;
	fault = http_url_fault(r->arena, n->text);
	if (!fault && r->open_file && http_url_is_secret(r->arena, n->text))
		return arena_printf(r->arena,
				    "a secret in a file that others may read: chmod 600 %s, or "
				    "put the URL into a file of its own, as urlFile",
				    r->path);
	return fault;
}

static const char *decode_node(struct reading *r, const struct node *n, void *into)
{
	const char **node = into;

	(void)r;
	if (n->type != NODE_SCALAR || !seal_node_is_valid(n->text))
		return "want the name of a node: at most 63 letters, digits, '.', '_' and "
		       "'-', the first a letter or digit";
	*node = n->text;
	return NULL;
}

static const char *decode_signing_key(struct reading *r, const struct node *n, void *into)
{
	struct exchange_peer *p = into;

	(void)r;
	p->pinned = true;
	return n->type == NODE_SCALAR && key_parse(n->text, &p->signing_key) == 0
		   ? NULL
		   : "want 44 characters of base64, as 'routerd-exchange --show' prints them "
		     "on that node";
}

static const char *decode_seal(struct reading *r, const struct node *n, void *into)
{
	enum exchange_seal *seal = into;
	const char *text = n->type == NODE_SCALAR ? n->text : "";

	(void)r;
	if (strcmp(text, "signature") == 0)
		*seal = EXCHANGE_SIGNATURE;
	else if (strcmp(text, "secret") == 0)
		*seal = EXCHANGE_SECRET;
	else
		return "want signature or secret";
	return NULL;
}

/* ---- maps ------------------------------------------------------------------------------- */

static const struct field *find(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static const char *list_names(struct arena *a, const struct field *fields)
{
	const char *text = fields->name;

	for (fields++; fields->name; fields++)
		text = arena_printf(a, "%s, %s", text, fields->name);
	return text;
}

static void decode_map(struct reading *r, const struct node *map, const struct field *fields,
		       void *into)
{
	if (map->type != NODE_MAP) {
		diag_error(r->diag, map->mark, "want a map of %s",
			   list_names(r->arena, fields));
		return;
	}
	for (const struct node *n = map->child; n; n = n->next) {
		const struct field *f = find(fields, n->key);
		const char *want;

		if (!f) {
			diag_error(r->diag, n->key_mark, "no field %.60s; there are %s",
				   key_hide(n->key), list_names(r->arena, fields));
			continue;
		}
		want = f->decode(r, n, (char *)into + f->offset);
		if (want)
			diag_error(r->diag, n->mark, "%s: %s", f->name, want);
	}
}

static void check_place(struct reading *r, const struct node *map)
{
	const struct node *url = node_get(map, "url"), *file = node_get(map, "urlFile");

	if (!url && !file)
		diag_error(r->diag, map->mark, "want url or urlFile");
	if (url && file)
		diag_error(r->diag, file->key_mark, "urlFile: there is url already; want one");
}

static const char *decode_publish(struct reading *r, const struct node *n, void *into)
{
	static const struct field fields[] = {
		{ "url", decode_url, offsetof(struct exchange_settings, place.url) },
		{ "urlFile", decode_path, offsetof(struct exchange_settings, place.file) },
		{ NULL, NULL, 0 },
	};
	struct exchange_settings *s = into;

	s->publish = true;
	decode_map(r, n, fields, s);
	check_place(r, n);
	return NULL;
}

static void check_peer(struct reading *r, const struct node *map, struct exchange_peer *p)
{
	check_place(r, map);
	if (!node_get(map, "node"))
		diag_error(r->diag, map->mark, "want node, whose document it is");
	if (p->pinned && p->secret)
		diag_error(r->diag, node_get(map, "secret")->key_mark,
			   "secret: there is signingKey already; want one");
	if (p->preshared && !p->secret)
		diag_error(r->diag, node_get(map, "preshared")->key_mark,
			   "preshared: it follows from the secret; want secret: true, too");
	p->seal = p->secret   ? EXCHANGE_SECRET
		  : p->pinned ? EXCHANGE_SIGNATURE
			      : EXCHANGE_UNSEALED;
}

static void check_twin(struct reading *r, const struct node *map,
		       const struct exchange_settings *s, const struct exchange_peer *p)
{
	for (size_t i = 0; i < s->count; i++)
		if (p->node && s->peers[i].node && strcmp(s->peers[i].node, p->node) == 0)
			diag_error(r->diag, node_get(map, "node")->mark,
				   "node: %s is here twice", p->node);
}

static const char *decode_peers(struct reading *r, const struct node *n, void *into)
{
	static const struct field fields[] = {
		{ "node", decode_node, offsetof(struct exchange_peer, node) },
		{ "url", decode_url, offsetof(struct exchange_peer, place.url) },
		{ "urlFile", decode_path, offsetof(struct exchange_peer, place.file) },
		{ "signingKey", decode_signing_key, 0 },
		{ "secret", decode_bool, offsetof(struct exchange_peer, secret) },
		{ "preshared", decode_bool, offsetof(struct exchange_peer, preshared) },
		{ NULL, NULL, 0 },
	};
	struct exchange_settings *s = into;

	if (n->type != NODE_LIST)
		return node_is_null(n) ? NULL : "want a list of peers";
	for (const struct node *map = n->child; map; map = map->next) {
		struct exchange_peer *p = &s->peers[s->count];

		if (s->count == EXCHANGE_PEERS) {
			diag_error(r->diag, map->mark, "more than %d peers", EXCHANGE_PEERS);
			break;
		}
		decode_map(r, map, fields, p);
		if (map->type == NODE_MAP) {
			check_peer(r, map, p);
			check_twin(r, map, s, p);
		}
		s->count++;
	}
	return NULL;
}

static void check(struct reading *r, const struct node *map, const struct exchange_settings *s)
{
	bool secret = s->seal == EXCHANGE_SECRET;

	if (s->publish && !node_get(map, "seal"))
		diag_error(r->diag, node_get(map, "publish")->key_mark,
			   "publish: want seal: signature or secret, too");
	for (size_t i = 0; i < s->count; i++)
		secret = secret || s->peers[i].secret;
	if (secret && !node_get(map, "secretFile"))
		diag_error(r->diag, map->mark,
			   "want secretFile, the secret of both sides; make it with 'openssl "
			   "rand -base64 32'");
}

/* ---- the document ----------------------------------------------------------------------- */

static void decode(struct reading *r, const struct node *doc, struct exchange_settings *s)
{
	static const struct field fields[] = {
		{ "publish", decode_publish, 0 },
		{ "seal", decode_seal, offsetof(struct exchange_settings, seal) },
		{ "secretFile", decode_path, offsetof(struct exchange_settings, secret_file) },
		{ "peers", decode_peers, 0 },
		{ "caFile", decode_path, offsetof(struct exchange_settings, ca_file) },
		{ NULL, NULL, 0 },
	};

	decode_map(r, doc, fields, s);
	if (doc->type == NODE_MAP)
		check(r, doc, s);
	if (doc->next)
		diag_error(r->diag, doc->next->mark, "a second document; want one");
}

int exchange_settings_parse(struct arena *a, const char *path, const char *text, size_t len,
			    bool open_file, struct exchange_settings *ret, struct diag *d)
{
	struct reading r = { .arena = a, .diag = d, .path = path, .open_file = open_file };
	const struct node *docs = node_parse(a, path, text, len, d);

	*ret = (struct exchange_settings){ 0 };
	if (docs->child)
		decode(&r, docs->child, ret);
	return d->errors ? -EINVAL : 0;
}

int exchange_settings_read(struct arena *a, const char *path, struct exchange_settings *ret,
			   struct diag *d)
{
	char *text;
	size_t len;
	int r = file_read_plain(a, path, EXCHANGE_SETTINGS, &text, &len);

	return r < 0 ? r
		     : exchange_settings_parse(a, path, text, len,
					       key_check_mode(path) == -EPERM, ret, d);
}
