#include "peers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/file.h"
#include "config/net.h"

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
	return r == -EFBIG    ? "larger than 64 KiB"
	       : r == -ELOOP  ? "a symbolic link; put the file itself here"
	       : r == -EINVAL ? "not a plain file"
			      : strerror(-r);
}

/* A NODE.yaml says all that NODE.pub beside it does. */
static bool is_told_twice(struct arena *a, const char *path)
{
	struct stat st;

	return is_pub(path) &&
	       stat(arena_printf(a, "%.*syaml", (int)(strlen(path) - strlen("pub")), path),
		    &st) == 0;
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
		int r = is_told_twice(s->arena, path)
			    ? 1
			    : peers_read_file(s->arena, path, &doc.bytes, &doc.len);

		doc.name = arena_printf(s->arena, "peers/%s", list[i]->d_name);
		if (r < 0)
			diag_warn(d, (struct mark){ path, 0, 0 }, "left out: it is %s",
				  why_not(r));
		else if (r == 0)
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
	config_add_peer(c, doc->path, bytes, len, !doc->unvouched, d);
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

const struct wireguard_peer *peers_known(struct arena *a, const char *node)
{
	struct document doc = { .path = known_path(a, node) };
	struct diag unread = { .arena = a };

	if (peers_read_file(a, doc.path, &doc.bytes, &doc.len) < 0)
		return NULL;
	return peers_decode(a, &doc, &unread);
}

/* ---- judgement -------------------------------------------------------------------------- */

struct judged {
	struct config *c;
	struct document *doc;
	const struct wireguard_peer *p, *known; /* known may be NULL */
	struct diag *d;
};

static struct mark at(const struct judged *j)
{
	return object_mark(&j->p->object, "publicKey");
}

static bool is_public_half(const char *path, const struct key *k)
{
	CLEAN(key_wipe) struct key private = { 0 };
	struct key public;

	return key_load(path, &private) == 0 && key_public(&private, &public) == 0 &&
	       key_equal(&public, k);
}

/* A key of this node's own, and by mistake perhaps the one that nobody else may see. */
static bool is_ours(const struct judged *j)
{
	for (size_t i = 0; i < j->c->count; i++) {
		const struct wireguard_interface *w = (const void *)j->c->objects[i];

		if (w->object.kind != &kind_wireguard_interface || !w->key_file)
			continue;
		if (key_is_own(w->key_file, &j->p->key))
			diag_warn(j->d, at(j),
				  "left out: this is the PRIVATE key of %s, which nobody may "
				  "see: remove this file, and make a new key with 'routerctl "
				  "rotate'",
				  object_where(j->d->arena, &w->object));
		else if (is_public_half(w->key_file, &j->p->key))
			diag_warn(j->d, at(j),
				  "left out: this is the key of this node itself, of %s; the "
				  "other node's export belongs here",
				  object_where(j->d->arena, &w->object));
		else
			continue;
		return true;
	}
	return false;
}

static bool is_suspect(const struct judged *j)
{
	char fp[KEY_FINGERPRINT_STRLEN];

	if (!j->doc->bare || !key_looks_private(&j->p->key) || j->known || j->doc->expected)
		return false;
	diag_warn(
	    j->d, at(j),
	    "left out: this may be a PRIVATE key: it has the form of one, which one public "
	    "key in 16 has, too. If 'wg pubkey' printed it: 'routerctl import --expect %s "
	    "%s'",
	    key_fingerprint(&j->p->key, fp), j->doc->path);
	return true;
}

/* Does the known key vouch to us for the next one? */
static bool is_vouched(const struct judged *j)
{
	const char *const *list = j->p->vouchers.items;
	char fp[KEY_FINGERPRINT_STRLEN];

	for (size_t i = 0; i < j->c->count; i++) {
		const struct wireguard_interface *w = (const void *)j->c->objects[i];
		CLEAN(key_wipe) struct key private = { 0 };
		struct key public, voucher;

		if (w->object.kind != &kind_wireguard_interface || !w->key_file ||
		    key_load(w->key_file, &private) < 0 || key_public(&private, &public) < 0)
			continue;
		key_fingerprint(&public, fp);
		for (size_t k = 0; k < j->p->vouchers.count; k++)
			if (strncmp(list[k], fp, strlen(fp)) == 0 &&
			    list[k][strlen(fp)] == ' ' &&
			    key_parse(list[k] + strlen(fp) + 1, &voucher) == 0 &&
			    key_vouched(w->key_file, &j->known->key, &j->p->next,
					voucher.bytes) == 0)
				return true;
	}
	return false;
}

/* The same key as ever, or the one that it vouched for. */
static bool is_as_known(const struct judged *j)
{
	char was[KEY_FINGERPRINT_STRLEN], is[KEY_FINGERPRINT_STRLEN];

	if (!j->known || j->doc->confirmed || key_equal(&j->p->key, &j->known->key) ||
	    (key_given(&j->known->next) && key_equal(&j->p->key, &j->known->next)))
		return true;
	diag_warn(
	    j->d, at(j),
	    "left out: node '%s' is known by the key %s, and this is %s: somebody else's, "
	    "or a new one. Ask over there ('routerctl export'); if it is right, "
	    "'routerctl import --replace %s'",
	    j->p->object.name, key_fingerprint(&j->known->key, was),
	    key_fingerprint(&j->p->key, is), j->doc->path);
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
	    j->p->object.name, key_fingerprint(&j->p->next, next), j->doc->path);
	return false;
}

static void judge(struct config *c, struct document *doc, struct diag *d)
{
	struct diag own = { .arena = d->arena };
	struct judged j = { c, doc, peers_decode(c->arena, doc, &own), NULL, d };

	doc->judged = true;
	if (!j.p) {
		doc->node = node_of(c->arena, doc);
		if (!own.errors)
			diag_error(&own, (struct mark){ doc->path, 0, 0 },
				   "there is no WireGuardPeer in it");
		diag_forgive(d, &own, doc->path);
		doc->left_out = !peers_fall_back(c->arena, doc);
		return;
	}
	doc->node = j.p->object.name;
	j.known = peers_known(c->arena, doc->node);
	doc->left_out = is_ours(&j) || is_suspect(&j);
	if (!doc->left_out && !is_as_known(&j))
		doc->left_out = !peers_fall_back(c->arena, doc);
	else if (!doc->left_out)
		doc->unvouched = !is_next_known(&j);
}

void peers_add(struct config *c, struct documents *s, struct diag *now, struct diag *d)
{
	for (size_t i = 0; i < s->count; i++) {
		struct document *doc = &s->items[i];

		if (!doc->peer)
			continue;
		if (!doc->judged)
			judge(c, doc, d);
		if (!doc->left_out)
			add(c, doc, now);
	}
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

int peers_accept(const struct documents *s)
{
	bool changed;
	int r = 0;

	for (size_t i = 0; i < s->count && r == 0; i++)
		if (s->items[i].peer && !s->items[i].left_out)
			r = peers_know(&s->items[i], &changed);
	return r;
}
