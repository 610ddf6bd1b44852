/* ctl_import.c - takes another node's export into the peers folder. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/stream.h"
#include "config/encode.h"
#include "ctl.h"
#include "keys/secret.h"
#include "peers.h"
#include "reconcile.h"

struct import {
	const struct ctl *o;
	struct arena *arena;
	struct document doc;
	const struct wireguard_peer *peer;
	const char *target;   /* where it is installed */
	struct config config; /* with it in its place */
};

/* A line of base64 and nothing else: a key without a name. */
static bool is_bare(const char *text, size_t n)
{
	return n < 128 && !memchr(text, ':', n);
}

static bool read_import(struct import *im)
{
	const char *from = im->o->words[0];
	const char *shown = strcmp(from, "-") == 0 ? "stdin" : from;
	struct document *doc = &im->doc;
	size_t len = strlen(from);
	int r = file_read(im->arena, from, PEERS_BYTES, &doc->bytes, &doc->len);

	if (r < 0) {
		fprintf(stderr, "routerctl: %s: %s\n", shown,
			r == -EFBIG ? "larger than 1 MiB, so no node's export" : strerror(-r));
		return false;
	}
	*doc = (struct document){ .path = shown,
				  .mode = 0644,
				  .peer = true,
				  .confirmed = im->o->replace,
				  .expected = im->o->expect != NULL,
				  .bytes = doc->bytes,
				  .len = doc->len };
	doc->again =
	    im->o->node ? arena_printf(im->arena, "--node %s %s", im->o->node, from) : from;
	if (strspn(doc->bytes, " \t\r\n") == doc->len) {
		fprintf(stderr,
			"routerctl: %s: empty: did the export on the other side fail?\n",
			shown);
		return false;
	}
	doc->bare = is_bare(doc->bytes, doc->len);
	if (im->o->node && !config_is_node(im->o->node)) {
		fprintf(
		    stderr,
		    "routerctl: --node %.60s: want letters, digits, '.', '_' and '-', at most "
		    "200\n",
		    im->o->node);
		return false;
	}
	if (doc->bare && im->o->node)
		doc->node = im->o->node;
	else if (doc->bare && (len < 5 || strcmp(from + len - 4, ".pub") != 0)) {
		fprintf(
		    stderr,
		    "routerctl: %s: a bare key does not say whose it is; say so with --node "
		    "NAME\n",
		    shown);
		return false;
	}
	return true;
}

static bool decode_import(struct import *im)
{
	struct diag d = { .arena = im->arena };

	im->peer = peers_decode(im->arena, &im->doc, &d);
	diag_print(&d, stderr);
	if (!im->peer) {
		if (!d.errors)
			fprintf(stderr, "routerctl: %s: there is no WireGuardPeer in it\n",
				im->doc.path);
		return false;
	}
	if (!key_given(&im->peer->key)) {
		fprintf(stderr, "routerctl: %s: there is no publicKey in it\n", im->doc.path);
		return false;
	}
	if (im->o->node && strcmp(im->o->node, im->peer->object.name) != 0) {
		fprintf(stderr, "routerctl: %s: this is the export of node '%s', not of '%s'\n",
			im->doc.path, im->peer->object.name, im->o->node);
		return false;
	}
	return true;
}

/* As people write it: with or without hyphens, in any case. */
static bool same_print(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == '-')
			a++;
		while (*b == '-')
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

static bool is_print(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		if (isxdigit((unsigned char)*text))
			n++;
		else if (*text != '-')
			return false;
	return n == 20;
}

static bool is_expected(const struct import *im)
{
	char fp[KEY_FINGERPRINT_STRLEN];

	if (im->o->expect && !is_print(im->o->expect)) {
		fprintf(
		    stderr,
		    "routerctl: --expect %.60s: that is no fingerprint, which has 20 digits as "
		    "3f2a-91bc-77d0-1e5a-c4b2\n",
		    im->o->expect);
		return false;
	}

	key_fingerprint(&im->peer->key, fp);
	if (!im->o->expect || same_print(im->o->expect, fp))
		return true;
	fprintf(stderr,
		"routerctl: %s: its fingerprint is %s, not %s: this is not the key that was "
		"expected; nothing was done\n",
		im->doc.path, fp, im->o->expect);
	return false;
}

/* What a document says of the node; NULL: it is about another, or nothing. */
static const struct wireguard_peer *about(const struct import *im, const struct document *doc)
{
	struct diag unread = { .arena = im->arena };
	const struct wireguard_peer *p =
	    doc->peer ? peers_decode(im->arena, doc, &unread) : NULL;

	return p && strcmp(p->object.name, im->peer->object.name) == 0 ? p : NULL;
}

/* What is said of the node now: what is known of it, or else a file in the folder. */
static const struct wireguard_peer *find_old(const struct import *im, const struct documents *s)
{
	const struct wireguard_peer *found;

	(void)peers_known(im->arena, im->peer->object.name, &found);
	for (size_t i = 0; i < s->count && !found; i++)
		found = about(im, &s->items[i]);
	return found;
}

static const char *allowed_text(struct arena *a, const struct wireguard_peer *p)
{
	const struct addr *list = p->allowed.items;
	const char *text = "";
	char buf[ADDR_STRLEN];

	for (size_t i = 0; i < p->allowed.count; i++)
		text = arena_printf(a, "%s%s%s", text, *text ? " " : "",
				    addr_print(&list[i], buf));
	return *text ? text : "not said";
}

static const char *endpoint_text(struct arena *a, const struct wireguard_peer *p)
{
	char buf[ENDPOINT_STRLEN];

	return p->endpoint.host ? arena_printf(a, "%s", endpoint_print(&p->endpoint, buf))
				: "not said";
}

static const char *key_text(struct arena *a, const struct key *k)
{
	char buf[KEY_FINGERPRINT_STRLEN];

	return key_given(k) ? arena_printf(a, "%s", key_fingerprint(k, buf)) : "none";
}

static void show_change(const char *what, const char *old, const char *new)
{
	printf("  %-16s ", what);
	out_escape(stdout, new);
	if (old && strcmp(old, new) != 0) {
		fputs("  (was ", stdout);
		out_escape(stdout, old);
		fputc(')', stdout);
	}
	fputc('\n', stdout);
}

static void show_changes(const struct import *im, const struct wireguard_peer *old)
{
	const struct wireguard_peer *p = im->peer;
	struct arena *a = im->arena;

	printf("node %s%s\n", p->object.name, old ? "" : ", not known before");
	show_change("fingerprint", old ? key_text(a, &old->key) : NULL, key_text(a, &p->key));
	if (key_given(&p->next))
		show_change("next fingerprint", old ? key_text(a, &old->next) : NULL,
			    key_text(a, &p->next));
	show_change("endpoint", old ? endpoint_text(a, old) : NULL, endpoint_text(a, p));
	show_change("allowed IPs", old ? allowed_text(a, old) : NULL, allowed_text(a, p));
	if (p->fabric)
		show_change("fabric", old ? old->fabric : NULL, p->fabric);
}

/* A bare key says nothing else of its node: what was known of that stays. */
static void keep_rest(struct import *im, const struct wireguard_peer *old)
{
	struct wireguard_peer *p;

	if (!im->doc.bare || !old)
		return;
	p = arena_alloc(im->arena, sizeof(*p));
	*p = *old;
	p->key = im->peer->key;
	p->next = (struct key){ 0 };
	p->vouchers.count = 0;
	im->peer = p;
}

/* Without what is said of this node. */
static void drop_old(struct import *im, struct documents *s)
{
	size_t at = 0;

	for (size_t i = 0; i < s->count; i++)
		if (!about(im, &s->items[i]))
			s->items[at++] = s->items[i];
	s->count = at;
}

/* Files of the folder that are taken as they are. */
static size_t taken(const struct documents *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += s->items[i].peer && !s->items[i].left_out &&
		     strncmp(s->items[i].path, PEERS_KNOWN, strlen(PEERS_KNOWN)) != 0;
	return n;
}

/* The whole configuration with this file in its place. What is wrong with the rest is no
 * reason to refuse it; but what it would put out is. */
static bool check_import(struct import *im, struct documents *without, struct documents *with)
{
	struct config c = { .arena = im->arena }, d = { .arena = im->arena };
	struct diag unread = { .arena = im->arena }, all = unread, own = unread;
	const struct document *doc;

	drop_old(im, without);
	drop_old(im, with);
	load_add(with, &im->doc);
	(void)load_check(&c, without, &unread);
	(void)load_check(&d, with, &all);
	doc = &with->items[with->count - 1];
	if (!doc->left_out && !doc->unvouched && doc->path == im->doc.path &&
	    taken(with) == taken(without) + 1) {
		im->config = d;
		return true;
	}
	diag_forgive(&own, &all, im->doc.path);
	diag_print(own.warnings ? &own : &all, stderr);
	fputs("routerctl: nothing was done; the warnings above say why\n", stderr);
	return false;
}

/* A name mistyped, here or in the configuration, shows in what waits on. */
static void show_waiting(const struct import *im)
{
	for (size_t i = 0; i < im->config.count; i++) {
		const struct object *o = im->config.objects[i];

		if (o->waits &&
		    (o->kind == &kind_wireguard_peer || o->kind == &kind_overlay_peer))
			printf("still, %s/%s %s\n", o->kind->name, o->name, o->waits);
	}
}

static void print_import(const struct import *im, FILE *file)
{
	struct wireguard_peer p = *im->peer;
	char text[KEY_FINGERPRINT_STRLEN];
	struct out out;

	if (im->o->preshared)
		p.psk_file = arena_printf(im->arena, SECRET_PSK, p.object.name);
	fprintf(file, "# fingerprint %s\n", key_fingerprint(&p.key, text));
	out_open(&out, file, OUT_YAML);
	object_encode(im->arena, &p.object, &out);
	out_close(&out);
}

/* Other files of the folder that are about the same node. */
static int remove_others(struct import *im)
{
	struct documents now = { .arena = im->arena };
	struct diag unread = { .arena = im->arena };

	peers_read(&now, LOAD_ROOT, &unread);
	for (size_t i = 0; i < now.count; i++)
		if (strcmp(now.items[i].path, im->target) != 0 && about(im, &now.items[i]) &&
		    unlink(now.items[i].path) < 0)
			return -errno;
	return 0;
}

static bool is_there(struct import *im, const struct document *doc)
{
	char *was;
	size_t n;

	return peers_read_file(im->arena, im->target, &was, &n) == 0 && n == doc->len &&
	       memcmp(was, doc->bytes, n) == 0;
}

/* First what confirms it, then the file: a kill in between leaves the old file, of which the
 * key is known no more, and the one that was confirmed in force. */
static enum ctl_exit install(struct import *im)
{
	CLEAN(stream_done) struct stream text = { 0 };
	struct document doc = im->doc;
	bool changed = false;
	int r;

	print_import(im, stream_open(&text));
	doc.bytes = stream_text(&text);
	doc.len = text.len;
	doc.bare = false;
	doc.node = im->peer->object.name;
	r = peers_know(&doc, &changed);
	if (r < 0)
		return ctl_complain(PEERS_KNOWN, r);
	if (!changed && is_there(im, &doc)) {
		printf("it is there already, as %s\n", im->target);
		return ctl_printed(CTL_OK);
	}
	r = file_make_folder(im->target, 0755);
	if (r == 0)
		r = file_write(im->target, doc.bytes, doc.len, 0644);
	if (r == 0)
		r = remove_others(im);
	if (r < 0)
		return ctl_complain(im->target, r);
	printf("installed as %s%s\n", im->target,
	       reconcile_served() ? "; routerd takes it up"
				  : "; 'routerctl apply' puts it in force");
	return ctl_printed(CTL_OK);
}

enum ctl_exit ctl_import(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct import im = { .o = o, .arena = a };
	struct documents without = { .arena = a }, with = { .arena = a };
	struct diag unread = { .arena = a };
	const struct wireguard_peer *old;

	if (!o->word_count) {
		fputs("routerctl: import what? a node's NAME.yaml or NAME.pub, or -\n", stderr);
		return CTL_USAGE;
	}
	if (!read_import(&im) || !decode_import(&im) || !is_expected(&im))
		return CTL_FAILED;
	im.target = arena_printf(a, LOAD_PEERS "/%s.yaml", im.peer->object.name);
	load_root(&without, LOAD_ROOT, NULL, NULL, &unread);
	load_root(&with, LOAD_ROOT, NULL, NULL, &unread);
	old = find_old(&im, &without);
	if (!check_import(&im, &without, &with))
		return CTL_FAILED;
	keep_rest(&im, old);
	show_changes(&im, old);
	show_waiting(&im);
	return o->dry_run ? ctl_printed(CTL_OK) : install(&im);
}
