#include "export.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/stream.h"
#include "keys/aside.h"
#include "keys/record.h"
#include "keys/rotate.h"
#include "peers.h"

#define FIRST_LINE     "# Node %.*s." /* export_sweep() knows our own by it */
#define VOUCHER_STRLEN (KEY_FINGERPRINT_STRLEN + KEY_STRLEN)

/* ---- what is told ----------------------------------------------------------------------- */

struct told {
	const struct self *self;
	struct key public, next; /* next all zero: none */
	struct record record;
	struct identity identity;
};

static int tell(struct arena *a, const struct self *s, struct told *ret)
{
	int r;

	*ret = (struct told){ .self = s };
	r = key_load_public(s->key_file, &ret->public);
	if (r < 0)
		return r;
	if (rotate_next(s->key_file, &ret->next) < 0)
		ret->next = (struct key){ 0 };
	if (record_load(s->key_file, &ret->record) < 0)
		ret->record = (struct record){ 0 };
	identity_read(a, &ret->identity);
	return 0;
}

static void out_key(struct out *o, const char *name, const struct key *k)
{
	char text[KEY_STRLEN];

	out_text(o, name, key_print(k, text));
}

static void out_voucher(struct out *o, const struct told *t, const struct key *peer)
{
	char fp[KEY_FINGERPRINT_STRLEN], proof[KEY_STRLEN], text[VOUCHER_STRLEN];
	struct key voucher;

	if (!key_given(peer) || key_vouch(t->self->key_file, peer, &t->next, voucher.bytes) < 0)
		return;
	snprintf(text, sizeof(text), "%s %s", key_fingerprint(peer, fp),
		 key_print(&voucher, proof));
	out_text(o, NULL, text);
}

/* Those who know the key in use may trust the next one for it. */
static void out_vouchers(struct out *o, const struct told *t)
{
	out_list(o, "vouchers");
	for (size_t i = 0; i < t->self->peer_count; i++) {
		out_voucher(o, t, &t->self->peers[i].key);
		out_voucher(o, t, &t->self->peers[i].next);
	}
	out_end(o);
}

static void out_spec(struct out *o, const struct told *t)
{
	const struct self *s = t->self;
	char endpoint[ENDPOINT_STRLEN], address[ADDR_STRLEN];

	out_map(o, "spec");
	out_text(o, "interface", s->link);
	out_key(o, "publicKey", &t->public);
	if (key_given(&t->next)) {
		out_key(o, "nextPublicKey", &t->next);
		out_vouchers(o, t);
	}
	if (s->endpoint.host)
		out_text(o, "endpoint", endpoint_print(&s->endpoint, endpoint));
	out_text(o, "fabric", s->fabric);
	out_list(o, "allowedIPs");
	for (size_t i = 0; i < s->allowed_count; i++)
		out_text(o, NULL, addr_print(&s->allowed[i], address));
	out_end(o);
	out_end(o);
}

static void out_peer(const struct told *t, enum out_format format, FILE *file)
{
	struct out o;

	out_open(&o, file, format);
	out_text(&o, "apiVersion", API_NET);
	out_text(&o, "kind", "WireGuardPeer");
	out_map(&o, "metadata");
	out_text(&o, "name", t->self->node);
	out_end(&o);
	out_spec(&o, t);
	out_close(&o);
}

static void print_comments(const struct told *t, FILE *out)
{
	char fp[KEY_FINGERPRINT_STRLEN], time[24];

	fprintf(out,
		FIRST_LINE " Put this file into " LOAD_PEERS " of the other nodes, or give\n"
			   "# it to 'routerctl import' there; nothing in it is secret.\n"
			   "# fingerprint %s\n",
		(int)strlen(t->self->node), t->self->node, key_fingerprint(&t->public, fp));
	if (key_given(&t->next))
		fprintf(out, "# next fingerprint %s\n", key_fingerprint(&t->next, fp));
	if (t->record.generation)
		fprintf(out, "# generation %u%s\n", t->record.generation,
			key_given(&t->next) ? ", and the next is announced" : "");
	if (t->record.created)
		fprintf(out, "# created %s\n", clock_print(t->record.created, time));
	if (t->identity.provider && config_is_name(t->identity.provider))
		fprintf(out, "# provider %s\n", t->identity.provider);
}

static void print(const struct told *t, enum export_form form, FILE *out)
{
	char key[KEY_STRLEN];

	if (form == EXPORT_PUB) {
		fprintf(out, "%s\n", key_print(&t->public, key));
		return;
	}
	if (form == EXPORT_YAML)
		print_comments(t, out);
	out_peer(t, form == EXPORT_YAML ? OUT_YAML : OUT_JSON, out);
}

int export_print(const struct self *s, enum export_form form, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct told t;
	int r = tell(a, s, &t);

	if (r == 0)
		print(&t, form, out);
	return r;
}

/* ---- the folder ------------------------------------------------------------------------- */

static int write_form(struct arena *a, const struct told *t, enum export_form form,
		      const char *ending, bool *ret_changed)
{
	CLEAN(stream_done) struct stream text = { 0 };
	const char *path = arena_printf(a, EXPORT_FOLDER "/%s%s", t->self->node, ending);
	size_t len;
	char *old;

	print(t, form, stream_open(&text));
	stream_text(&text);
	if (peers_read_file(a, path, &old, &len) == 0 && len == text.len &&
	    memcmp(old, text.bytes, len) == 0)
		return 0;
	*ret_changed = true;
	return file_write(path, text.bytes, text.len, 0644);
}

int export_write(const struct self *s, bool *ret_changed)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct told t;
	struct stat st;
	int r = tell(a, s, &t);

	if (r == 0)
		r = file_make_folder(EXPORT_FOLDER "/", 0755);
	if (r == 0 && lstat(EXPORT_FOLDER, &st) == 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR; /* a link to somebody else's */
	if (r == 0)
		r = write_form(a, &t, EXPORT_YAML, ".yaml", ret_changed);
	if (r == 0)
		r = write_form(a, &t, EXPORT_PUB, ".pub", ret_changed);
	return r;
}

static bool is_current(const char *name, size_t len, const struct self *selves, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(selves[i].node) == len && strncmp(name, selves[i].node, len) == 0)
			return true;
	return false;
}

/* Does it begin as we write one of that name? */
static bool is_ours(struct arena *a, const char *path, const char *name, size_t len)
{
	const char *line = arena_printf(a, FIRST_LINE, (int)len, name);
	char *text;
	size_t n;

	return peers_read_file(a, path, &text, &n) == 0 &&
	       strncmp(text, line, strlen(line)) == 0;
}

void export_sweep(const struct self *selves, size_t n)
{
	CLEAN(close_folder) DIR *dir = opendir(EXPORT_FOLDER);
	CLEAN(arena_done) struct arena *a = arena_new();
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		const char *dot = strrchr(e->d_name, '.');
		size_t len = dot ? (size_t)(dot - e->d_name) : 0;
		const char *path = arena_printf(a, EXPORT_FOLDER "/%s", e->d_name);

		if (!len || strcmp(dot, ".yaml") != 0 ||
		    is_current(e->d_name, len, selves, n) || !is_ours(a, path, e->d_name, len))
			continue;
		(void)unlink(arena_printf(a, EXPORT_FOLDER "/%.*s.pub", (int)len, e->d_name));
		(void)unlink(path);
	}
}

/* ---- words ------------------------------------------------------------------------------ */

const char *export_line(struct arena *a, const struct self *s)
{
	char key[KEY_STRLEN], fp[KEY_FINGERPRINT_STRLEN];
	struct told t;

	if (tell(a, s, &t) < 0)
		return NULL;
	return arena_printf(a, "node %s: public key %s fingerprint %s", s->node,
			    key_print(&t.public, key), key_fingerprint(&t.public, fp));
}

void export_out(struct out *o, const struct self *s)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	char fp[KEY_FINGERPRINT_STRLEN], time[24];
	struct told t;

	out_text(o, "node", s->node);
	out_text(o, "interface", s->link);
	if (tell(a, s, &t) < 0)
		return;
	out_key(o, "publicKey", &t.public);
	out_text(o, "fingerprint", key_fingerprint(&t.public, fp));
	if (key_given(&t.next))
		out_text(o, "nextFingerprint", key_fingerprint(&t.next, fp));
	out_text(o, "setAsideAsCopy", aside_find(a, s->key_file, "clone"));
	out_text(o, "setAsideAsDamaged", aside_find(a, s->key_file, "damaged"));
	out_number(o, "generation", t.record.generation);
	if (t.record.created)
		out_text(o, "created", clock_print(t.record.created, time));
}
