#include "peers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "config/expand.h"
#include "base/file.h"
#include "config/net.h"
#include "keys/secret.h"

#define PUB ".pub"

/* ---- files ------------------------------------------------------------------------------ */

static bool is_pub(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(PUB) && strcmp(name + n - strlen(PUB), PUB) == 0;
}

bool peers_reads(const char *name)
{
	return load_reads(name) || (name[0] != '.' && is_pub(name));
}

/* Whose it is, as far as its file's name says. */
static const char *node_of(struct arena *a, const struct document *doc)
{
	const char *slash = strrchr(doc->path, '/'), *name = slash ? slash + 1 : doc->path;
	const char *dot = strrchr(name, '.');

	if (doc->node)
		return doc->node;
	return arena_strndup(a, name, dot ? (size_t)(dot - name) : strlen(name));
}

int peers_read_file(struct arena *a, const char *path, char **ret, size_t *ret_len)
{
	CLEAN(close_fd) int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	char *buf;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > PEERS_BYTES)
		return -EFBIG;
	buf = arena_alloc(a, (size_t)st.st_size + 1);
	n = read(fd, buf, (size_t)st.st_size);
	if (n < 0)
		return -errno;
	*ret = buf;
	*ret_len = (size_t)n;
	return 0;
}

static const char *why_not(int r)
{
	return r == -EFBIG    ? "larger than 1 MiB"
	       : r == -ELOOP  ? "a symbolic link; put the file itself here"
	       : r == -EINVAL ? "not a plain file"
			      : strerror(-r);
}

static int is_peer(const struct dirent *e)
{
	return peers_reads(e->d_name);
}

void peers_read(struct documents *s, const char *root, struct diag *d)
{
	const char *folder = arena_printf(s->arena, "%s/peers", root);
	struct dirent **list;
	int n = scandir(folder, &list, is_peer, alphasort);

	if (n < 0 && errno != ENOENT)
		diag_warn(d, (struct mark){ folder, 0, 0 }, "cannot be read: %s",
			  strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(s->arena, "%s/%s", folder, list[i]->d_name);
		struct document doc = {
			.path = path, .mode = 0644, .peer = true, .bare = is_pub(path)
		};
		int r = peers_read_file(s->arena, path, &doc.bytes, &doc.len);

		doc.name = arena_printf(s->arena, "peers/%s", list[i]->d_name);
		if (r < 0)
			diag_warn(d, (struct mark){ path, 0, 0 }, "left out: it is %s",
				  why_not(r));
		else
			load_add(s, &doc);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* ---- what is known ---------------------------------------------------------------------- */

static const char *known_path(struct arena *a, const char *node)
{
	return arena_printf(a, PEERS_KNOWN "/%s.yaml", node);
}

bool peers_fall_back(struct arena *a, struct document *doc)
{
	const char *path = known_path(a, node_of(a, doc));
	char *bytes;
	size_t len;

	if (strcmp(doc->path, path) == 0 || peers_read_file(a, path, &bytes, &len) < 0 ||
	    (len == doc->len && memcmp(bytes, doc->bytes, len) == 0))
		return false;
	doc->path = path;
	doc->name = arena_printf(a, "peers/%s", strrchr(path, '/') + 1);
	doc->bytes = bytes;
	doc->len = len;
	doc->bare = false;
	return true;
}

/* A line of base64 as a document, on its one line. */
static void spell_out(struct arena *a, const struct document *doc, char **ret, size_t *ret_len)
{
	size_t len = doc->len;

	while (len && strchr("\r\n", doc->bytes[len - 1]))
		len--;
	*ret = arena_printf(a,
			    "{\"apiVersion\": \"" API_NET "\", \"kind\": \"WireGuardPeer\", "
			    "\"metadata\": {\"name\": \"%s\"}, \"spec\": {\"publicKey\": "
			    "\"%.*s\"}}\n",
			    node_of(a, doc), (int)len, doc->bytes);
	*ret_len = strlen(*ret);
}

static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			    "+/=._-\r\n",
			    text[i]) ||
		    !text[i])
			return false;
	return true;
}

static void add(struct config *c, const struct document *doc, struct diag *d)
{
	const char *node = node_of(c->arena, doc);
	char *bytes = doc->bytes;
	size_t len = doc->len;

	if (doc->bare && (!is_plain(bytes, len) || !is_plain(node, strlen(node)))) {
		diag_error(d, (struct mark){ doc->path, 1, 0 },
			   "want one line of base64, as 'wg pubkey' prints, in a file named "
			   "after its node");
		return;
	}
	if (doc->bare)
		spell_out(c->arena, doc, &bytes, &len);
	config_add_peer(c, doc->path, bytes, len, doc->known, !doc->unvouched, d);
}

const struct wireguard_peer *peers_decode(struct arena *a, const struct document *doc,
					  struct diag *d)
{
	struct config *c = arena_alloc(a, sizeof(*c));
	const struct wireguard_peer *p;

	c->arena = a;
	add(c, doc, d);
	p = c->count == 1 && !d->errors ? (const void *)c->objects[0] : NULL;
	return p && p->object.kind == &kind_wireguard_peer ? p : NULL;
}

int peers_known(struct arena *a, const char *node, const struct wireguard_peer **ret)
{
	struct document doc = { .path = known_path(a, node) };
	struct diag unread = { .arena = a };
	int r = peers_read_file(a, doc.path, &doc.bytes, &doc.len);

	*ret = r < 0 ? NULL : peers_decode(a, &doc, &unread);
	if (r == 0 && !*ret)
		r = -EBADMSG;
	return r == -ENOENT ? 0 : r;
}

/* ---- judgement -------------------------------------------------------------------------- */

/* This node's keys, the next ones too: what is judged must be none of them. */
struct own_key {
	const struct object *link;
	const char *path;
	struct key public;
	bool current;
};

struct owner {
	struct arena *arena;
	struct own_key *keys;
	size_t count;
};

static void find_key(struct owner *o, const struct object *link, const char *path, bool current)
{
	struct own_key *k = &o->keys[o->count];

	*k = (struct own_key){ link, path, { { 0 } }, current };
	if (key_load_public(path, &k->public) == 0)
		o->count++;
}

/* What is written once is not expanded yet: its interface's key is where that will look. */
static const char *key_file_of(const struct object *o)
{
	if (o->kind == &kind_sam_node_set)
		return EXPAND_KEY_FILE;
	if (o->kind != &kind_wireguard_interface)
		return NULL;
	return ((const struct wireguard_interface *)(const void *)o)->key_file;
}

static void find_keys(struct config *c, struct owner *ret)
{
	ret->arena = c->arena;
	ret->keys = arena_alloc(c->arena, (2 * c->count + 1) * sizeof(*ret->keys));
	for (size_t i = 0; i < c->count; i++) {
		const struct object *o = c->objects[i];
		const char *path = key_file_of(o);

		if (!path)
			continue;
		find_key(ret, o, path, true);
		find_key(ret, o, arena_printf(c->arena, "%s" KEY_NEXT, path), false);
	}
}

struct judged {
	const struct owner *owner;
	struct document *doc;
	const struct wireguard_peer *p, *known; /* known may be NULL */
	struct diag *d;
};

/* A key of this node's own, and by mistake perhaps the one that nobody else may see. */
static bool is_ours(const struct judged *j, const char *field, const struct key *k)
{
	struct mark at = object_mark(&j->p->object, field);

	for (size_t i = 0; i < j->owner->count && key_given(k); i++) {
		const struct own_key *own = &j->owner->keys[i];

		if (key_is_own(own->path, k))
			diag_warn(j->d, at,
				  "left out: this is the PRIVATE key of %s, which nobody may "
				  "see: remove this file, and make a new key with 'routerctl "
				  "rotate'",
				  object_where(j->d->arena, own->link));
		else if (key_equal(&own->public, k))
			diag_warn(j->d, at,
				  "left out: this is the key of this node itself, of %s; the "
				  "other node's export belongs here",
				  object_where(j->d->arena, own->link));
		else
			continue;
		return true;
	}
	return false;
}

/* For 'routerctl import'. */
static const char *again(const struct document *doc)
{
	return doc->again ? doc->again : doc->path;
}

/* The same key as ever, or the one that it vouched for. */
static bool is_known_key(const struct wireguard_peer *known, const struct key *k)
{
	return key_equal(k, &known->key) ||
	       (key_given(&known->next) && key_equal(k, &known->next));
}

static bool is_suspect(const struct judged *j)
{
	char fp[KEY_FINGERPRINT_STRLEN];

	if (!j->doc->bare || !key_looks_private(&j->p->key) || j->doc->expected ||
	    (j->known && is_known_key(j->known, &j->p->key)))
		return false;
	diag_warn(
	    j->d, object_mark(&j->p->object, "publicKey"),
	    "left out: this may be a PRIVATE key: it has the form of one, which one public "
	    "key in 16 has, too. If 'wg pubkey' printed it: 'routerctl import --expect %s "
	    "%s'",
	    key_fingerprint(&j->p->key, fp), again(j->doc));
	return true;
}

/* What no export says, and would turn against us. */
static bool is_greedy(const struct judged *j)
{
	const struct addr *allowed = j->p->allowed.items;
	const char *psk = arena_printf(j->d->arena, SECRET_PSK, j->p->object.name);

	for (size_t i = 0; i < j->p->allowed.count; i++)
		if (allowed[i].bits == 0) {
			diag_warn(
			    j->d, object_mark(&j->p->object, "allowedIPs"),
			    "left out: it would have every address; what lies behind a node "
			    "the configuration says");
			return true;
		}
	if (!j->p->psk_file || strcmp(j->p->psk_file, psk) == 0)
		return false;
	diag_warn(j->d, object_mark(&j->p->object, "presharedKeyFile"),
		  "left out: an import may name %s and no other file", psk);
	return true;
}

/* Does the key in use vouch to us for the next one? */
static bool is_vouched(const struct judged *j)
{
	const char *const *list = j->p->vouchers.items;
	char fp[KEY_FINGERPRINT_STRLEN];
	struct key voucher;

	for (size_t i = 0; i < j->owner->count; i++) {
		const struct own_key *own = &j->owner->keys[i];

		if (!own->current)
			continue;
		key_fingerprint(&own->public, fp);
		for (size_t k = 0; k < j->p->vouchers.count; k++)
			if (strncmp(list[k], fp, strlen(fp)) == 0 &&
			    list[k][strlen(fp)] == ' ' &&
			    key_parse(list[k] + strlen(fp) + 1, &voucher) == 0 &&
			    key_vouched(own->path, &j->p->key, &j->p->next, voucher.bytes) == 0)
				return true;
	}
	return false;
}

static bool is_as_known(const struct judged *j)
{
	char was[KEY_FINGERPRINT_STRLEN], is[KEY_FINGERPRINT_STRLEN];

	if (!j->known || j->doc->confirmed || is_known_key(j->known, &j->p->key))
		return true;
	diag_warn(
	    j->d, object_mark(&j->p->object, "publicKey"),
	    "left out: node '%s' is known by the key %s, and this is %s: somebody else's, "
	    "or a new one. Ask over there ('routerctl export'); if it is right, "
	    "'routerctl import --replace %s'",
	    j->p->object.name, key_fingerprint(&j->known->key, was),
	    key_fingerprint(&j->p->key, is), again(j->doc));
	return false;
}

static bool is_next_known(const struct judged *j)
{
	char next[KEY_FINGERPRINT_STRLEN];

	if (!key_given(&j->p->next) || !j->known || j->doc->confirmed ||
	    key_equal(&j->p->next, &j->known->next) || is_vouched(j))
		return true;
	diag_warn(
	    j->d, object_mark(&j->p->object, "nextPublicKey"),
	    "node '%s': its next key, %s, is not used: the known key does not vouch for it "
	    "to this node. If it is right, 'routerctl import --replace %s'",
	    j->p->object.name, key_fingerprint(&j->p->next, next), again(j->doc));
	return false;
}

/* NULL, with words: there is none to be judged. */
static const struct wireguard_peer *open_document(struct arena *a, struct document *doc,
						  struct diag *d)
{
	struct diag own = { .arena = d->arena };
	const struct wireguard_peer *p = peers_decode(a, doc, &own);
	const char *blank = " \t\r\n";

	if (p && config_is_node(p->object.name))
		return p;
	if (p || !own.errors || strspn(doc->bytes, blank) == doc->len) {
		own = (struct diag){ .arena = d->arena };
		diag_error(&own, (struct mark){ doc->path, 0, 0 }, "%s",
			   p ? "a node's name has at most 200 bytes, and no '.' comes first"
			     : "there is no WireGuardPeer in it");
	}
	diag_forgive(d, &own, doc->path);
	return NULL;
}

static void judge(const struct owner *owner, struct document *doc, struct diag *d)
{
	struct judged j = { owner, doc, open_document(owner->arena, doc, d), NULL, d };
	int r;

	doc->judged = true;
	doc->left_out = true;
	doc->node = j.p ? j.p->object.name : node_of(owner->arena, doc);
	if (!j.p)
		return;
	r = peers_known(owner->arena, doc->node, &j.known);
	doc->known = j.known != NULL;
	if (r < 0 && !doc->confirmed)
		diag_warn(d, (struct mark){ doc->path, 0, 0 },
			  "left out: by which key node '%s' is known cannot be read from "
			  "%s (%s); if this one is right, 'routerctl import --replace %s'",
			  doc->node, known_path(d->arena, doc->node),
			  r == -EBADMSG ? "it is damaged" : strerror(-r), again(doc));
	else if (!is_ours(&j, "publicKey", &j.p->key) &&
		 !is_ours(&j, "nextPublicKey", &j.p->next) && !is_suspect(&j) &&
		 !is_greedy(&j) && is_as_known(&j))
		doc->left_out = false;
	if (!doc->left_out)
		doc->unvouched = !is_next_known(&j);
}

/* Of the files about one node, the first is the one to take: a good one, a document before a
 * bare key, then by name. */
static int by_node(const void *pa, const void *pb)
{
	const struct document *const *a = pa, *const *b = pb;
	int r = strcmp((*a)->node, (*b)->node);

	if (r == 0)
		r = (*a)->left_out - (*b)->left_out;
	if (r == 0)
		r = (*a)->bare - (*b)->bare;
	return r ? r : strcmp((*a)->path, (*b)->path);
}

static bool same_key(struct arena *a, const struct document *one, const struct document *two)
{
	struct diag unread = { .arena = a };
	const struct wireguard_peer *p = peers_decode(a, one, &unread);
	const struct wireguard_peer *q = peers_decode(a, two, &unread);

	return p && q && key_equal(&p->key, &q->key);
}

/* One document of each node: another one beside it, or the known one where none is good. */
static void choose(struct arena *a, struct document **docs, size_t n, struct diag *d)
{
	for (size_t i = 0, first = 0; i < n; i++) {
		if (i == 0 || strcmp(docs[i]->node, docs[first]->node) != 0) {
			first = i;
			if (docs[i]->left_out)
				docs[i]->left_out = !peers_fall_back(a, docs[i]);
			continue;
		}
		if (!docs[i]->left_out && !(docs[i]->bare && same_key(a, docs[i], docs[first])))
			diag_warn(d, (struct mark){ docs[i]->path, 0, 0 },
				  "left out: %s is about node '%s' already", docs[first]->path,
				  docs[i]->node);
		docs[i]->left_out = true;
	}
}

void peers_add(struct config *c, struct documents *s, struct diag *now, struct diag *d)
{
	struct document **docs = arena_alloc(c->arena, (s->count + 1) * sizeof(*docs));
	struct owner owner = { 0 };
	bool fresh = false;
	size_t n = 0;

	if (c->count > CONFIG_OBJECTS)
		return;
	find_keys(c, &owner);
	for (size_t i = 0; i < s->count; i++) {
		if (!s->items[i].peer)
			continue;
		docs[n++] = &s->items[i];
		fresh |= !s->items[i].judged;
		if (!s->items[i].judged)
			judge(&owner, &s->items[i], d);
	}
	if (fresh) {
		qsort(docs, n, sizeof(struct document *), by_node);
		choose(c->arena, docs, n, d);
	}
	for (size_t i = 0; i < n; i++)
		if (!docs[i]->left_out)
			add(c, docs[i], now);
}

/* ---- what is in force ------------------------------------------------------------------- */

int peers_know(const struct document *doc, bool *ret_changed)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *path = known_path(a, doc->node);
	char *bytes = doc->bytes, *old;
	size_t len = doc->len, old_len;
	int r;

	if (strcmp(path, doc->path) == 0 || doc->unvouched)
		return 0;
	if (doc->bare)
		spell_out(a, doc, &bytes, &len);
	if (peers_read_file(a, path, &old, &old_len) == 0 && old_len == len &&
	    memcmp(old, bytes, len) == 0)
		return 0;
	*ret_changed = true;
	r = file_make_folder(path, 0755);
	return r < 0 ? r : file_write(path, bytes, len, 0644);
}

/* Somebody may have confirmed another key since this one was judged. */
static bool is_overtaken(struct arena *a, const struct document *doc)
{
	struct diag unread = { .arena = a };
	const struct wireguard_peer *p = peers_decode(a, doc, &unread), *known;

	return peers_known(a, doc->node, &known) < 0 ||
	       (p && known && !is_known_key(known, &p->key));
}

int peers_accept(const struct documents *s)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	bool changed;
	int result = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct document *doc = &s->items[i];
		int r = 0;

		if (doc->peer && !doc->left_out && !is_overtaken(a, doc))
			r = peers_know(doc, &changed);
		result = result ? result : r;
	}
	return result;
}
