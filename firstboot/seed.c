#include "firstboot/seed.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clean.h"
#include "firstboot/mime.h"
#include "firstboot/seed_read.h"
#include "firstboot/unpack.h"

#define USER_DATA "user-data"
#define LEVELS	  3 /* of a text that are of interest: write_files, a file, its content */
#define PACKED	  4 /* gzip in base64 in MIME in gzip is nearly too much */

static void read_text(struct seed_reading *r, const struct seed_text *t, const char *type,
		      int packed);

static void fault(struct seed_reading *r, const char *file, const char *words)
{
	diag_error(r->diag, (struct mark){ file, 0, 0 }, "%s", words);
}

/* ---- what is for us --------------------------------------------------------------------- */

/* False, after words, when there is something for us already. */
static bool claim(struct seed_reading *r, struct mark at, const char *form)
{
	if (r->found.file) {
		diag_error(r->diag, at,
			   "a second part for routerd; the first is in %s, line %d: want one",
			   r->found.file, r->found.line);
		return false;
	}
	r->found = at;
	r->seed->form = form;
	return true;
}

static bool has(const struct seed_text *t, const char *text)
{
	return memmem(t->bytes, t->len, text, strlen(text)) != NULL;
}

/* A text that cannot be read, and yet was probably meant for us. */
static bool mentions_us(const struct seed_text *t)
{
	return has(t, "routerd:") || has(t, "routerd.net/") || has(t, SEED_FILE) ||
	       has(t, "config_url:") || has(t, "configUrl:") || has(t, "config-url:");
}

static bool is_resource(const struct sketch *map)
{
	const struct sketch *version = sketch_get(map, "apiVersion");
	const struct sketch *kind = sketch_get(map, "kind");

	return (version && version->text && strstr(version->text, "routerd.net")) ||
	       (kind && kind->text && strcmp(kind->text, "Router") == 0);
}

/* The text as a whole; list: NULL, or the one list that it is. */
static void read_config(struct seed_reading *r, const struct seed_text *t,
			const struct sketch *list)
{
	if (!claim(r, (struct mark){ t->file, 1, 1 }, "routerd configuration"))
		return;
	if (seed_refuse_secrets(r->diag, t) || !seed_parse(r, t))
		return;
	r->seed->config = t->bytes;
	r->seed->config_len = t->len;
	if (list)
		seed_join(r, t, list);
}

/* ---- YAML of our own -------------------------------------------------------------------- */

static void read_map(struct seed_reading *r, const struct seed_text *t, struct mark at,
		     const struct sketch *map, const char *form)
{
	if (claim(r, at, form))
		seed_read_fields(r, t, map);
}

/* must: it says of itself that it is ours. */
static void read_own(struct seed_reading *r, const struct seed_text *t, bool must)
{
	struct diag d = { .arena = r->arena };
	const struct sketch *s = sketch_parse(r->arena, t->file, t->bytes, t->len, LEVELS, &d);
	const struct sketch *routerd = sketch_get(s, "routerd");

	if (!s && d.errors && (must || mentions_us(t)) && !seed_refuse_secrets(r->diag, t))
		diag_take(r->diag, &d);
	if (!s)
		return;
	if (routerd)
		read_map(r, t, routerd->key_mark, routerd, "routerd mapping");
	else if (s->type == SKETCH_MAP && is_resource(s))
		read_config(r, t, NULL);
	else if (s->type == SKETCH_LIST && s->child && is_resource(s->child))
		read_config(r, t, s);
	else if (must || (s->type == SKETCH_MAP && seed_is_fields(s)))
		read_map(r, t, s->mark, s, "routerd mapping");
}

/* ---- #cloud-config ---------------------------------------------------------------------- */

/* cloud-init's cc_write_files: "gz", "gzip", "gz+base64", "b64" and so on. */
static bool unpack_content(struct seed_reading *r, struct seed_text *t, const char *encoding)
{
	bool base64 = strstr(encoding, "64") != NULL, gzip = strncmp(encoding, "gz", 2) == 0;
	char *bytes = NULL;

	if (base64) {
		if (unpack_base64(r->arena, t->bytes, t->len, &bytes, &t->len) < 0)
			return false;
		t->bytes = bytes;
	}
	if (gzip) {
		if (unpack_gzip(r->arena, t->bytes, t->len, SEED_BYTES, &bytes, &t->len) < 0)
			return false;
		t->bytes = bytes;
	}
	return true;
}

static void read_content(struct seed_reading *r, const struct seed_text *t,
			 const struct sketch *file)
{
	const struct sketch *content = sketch_get(file, "content");
	const struct sketch *encoding = sketch_get(file, "encoding");
	struct seed_text inner = { .file = t->file };
	struct sketch *s;

	if (!claim(r, file->mark, "#cloud-config's file " SEED_FILE))
		return;
	if (!content || content->type != SKETCH_SCALAR) {
		diag_error(r->diag, content ? content->mark : file->mark,
			   "want content, the text of " SEED_FILE);
		return;
	}
	inner.bytes = sketch_pad_text(r->arena, t->bytes, content, &inner.len);
	if (encoding && encoding->text && strcmp(encoding->text, "text/plain") != 0) {
		inner = (struct seed_text){ SEED_FILE, content->text, content->len };
		if (!unpack_content(r, &inner, encoding->text)) {
			diag_error(r->diag, content->mark,
				   "content: it cannot be unpacked as its encoding says");
			return;
		}
	}
	if (seed_refuse_secrets(r->diag, &inner))
		return;
	s = sketch_parse(r->arena, inner.file, inner.bytes, inner.len, LEVELS, r->diag);
	if (s)
		seed_read_fields(r, &inner, s);
}

static void read_files(struct seed_reading *r, const struct seed_text *t,
		       const struct sketch *list)
{
	for (const struct sketch *n = list->child; n; n = n->next) {
		const struct sketch *path = sketch_get(n, "path");

		if (path && path->text && strcmp(path->text, SEED_FILE) == 0)
			read_content(r, t, n);
	}
}

static void read_cloud_config(struct seed_reading *r, const struct seed_text *t)
{
	struct diag d = { .arena = r->arena };
	const struct sketch *s = sketch_parse(r->arena, t->file, t->bytes, t->len, LEVELS, &d);

	if (!s && d.errors && mentions_us(t) && !seed_refuse_secrets(r->diag, t))
		diag_take(r->diag, &d);
	for (const struct sketch *n = s ? s->child : NULL; n; n = n->next) {
		if (n->key && strcmp(n->key, "routerd") == 0)
			read_map(r, t, n->key_mark, n, "#cloud-config");
		else if (n->key && strcmp(n->key, "write_files") == 0)
			read_files(r, t, n);
	}
}

/* ---- what it is ------------------------------------------------------------------------- */

/* cloud-init's handlers: what a text begins with says what it is. */
static const struct beginning {
	const char *text;
	const char *words; /* why nothing in it reaches us, though it may be meant to; NULL */
} others[] = {
	{ "#cloud-config-archive", "an archive is only cloud-init's to open: use MIME, or one "
				   "#cloud-config" },
	{ "#cloud-config-jsonp", "a patch is only cloud-init's to apply: use #cloud-config" },
	{ "#cloud-boothook", NULL },
	{ "#include", NULL },
	{ "#part-handler", NULL },
	{ "#upstart-job", NULL },
	{ "#!", NULL },
	{ "## template:", "a template is only cloud-init's to fill in: take '## template' out, "
			  "and what it fills in" },
};

static bool begins(const struct seed_text *t, const char *text)
{
	size_t n = strlen(text), i = 0;

	while (i < t->len && strchr(" \t\r\n", t->bytes[i]) && t->bytes[i])
		i++;
	return t->len - i >= n && strncasecmp(t->bytes + i, text, n) == 0;
}

static bool is_others(struct seed_reading *r, const struct seed_text *t)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (begins(t, others[i].text)) {
			if (others[i].words && mentions_us(t))
				diag_warn(r->diag, (struct mark){ t->file, 1, 1 },
					  "what is in it for routerd is not seen: %s",
					  others[i].words);
			return true;
		}
	return false;
}

/* What a MIME part's type says: "" that the content is to be looked at. */
static const char *plain_type(const char *type)
{
	static const struct {
		const char *type, *plain;
	} types[] = {
		{ "text/plain", "" },	      { "text/x-not-multipart", "" },
		{ "text/x-shellscript", "" }, { "application/octet-stream", "" },
		{ "application/yaml", "" },   { "application/x-yaml", "" },
		{ "text/yaml", "" },	      { "text/x-yaml", "" },
		{ "application/json", "" },   { "application/gzip", "" },
		{ "application/x-gzip", "" }, { "application/x-routerd", "text/x-routerd" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].plain;
	return type;
}

static void read_message(struct seed_reading *r, const struct seed_text *t, int packed)
{
	bool before = r->found.file != NULL;
	struct mime m;

	mime_read(r->arena, t->bytes, t->len, &m);
	for (size_t i = 0; i < m.count; i++) {
		const struct mime_part *p = &m.parts[i];
		const char *name = arena_printf(r->diag->arena, "%s part %zu", t->file, i + 1);
		struct seed_text part = { name, p->bytes, p->len };

		if (!p->fault)
			read_text(r, &part, plain_type(p->type), packed + 1);
		else if (strcmp(plain_type(p->type), "text/x-routerd") == 0 ||
			 strcmp(p->type, "text/cloud-config") == 0)
			fault(r, name, p->fault);
	}
	/* What was cut off may end too early and look whole. */
	if (m.fault && !before && (r->found.file || mentions_us(t)))
		fault(r, t->file, arena_printf(r->arena, "the MIME message: %s", m.fault));
}

static void read_gzip(struct seed_reading *r, const struct seed_text *t, const char *type,
		      int packed)
{
	struct seed_text inner = { .file = t->file };
	char *bytes;
	int e = unpack_gzip(r->arena, t->bytes, t->len, SEED_BYTES - r->unpacked, &bytes,
			    &inner.len);

	if (e < 0) {
		fault(r, t->file,
		      e == -EFBIG
			  ? arena_printf(r->arena, "gzip of more than %d bytes", SEED_BYTES)
			  : "gzip that is damaged or cut off");
		return;
	}
	inner.bytes = bytes;
	r->unpacked += inner.len;
	read_text(r, &inner, type, packed + 1);
}

/* Base64 has no colon, so no text of ours is taken for it. */
static bool read_base64(struct seed_reading *r, const struct seed_text *t, int packed)
{
	struct seed_text inner = { .file = t->file };
	char *bytes;

	if (memchr(t->bytes, ':', t->len) ||
	    unpack_base64(r->arena, t->bytes, t->len, &bytes, &inner.len) < 0 || !inner.len)
		return false;
	inner.bytes = bytes;
	read_text(r, &inner, "", packed + 1);
	return true;
}

static void read_text(struct seed_reading *r, const struct seed_text *whole, const char *type,
		      int packed)
{
	struct seed_text t = *whole;

	if (t.len >= 3 && memcmp(t.bytes, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
		t.bytes += 3;
		t.len -= 3;
	}
	if (t.len >= 2 &&
	    (memcmp(t.bytes, "\xff\xfe", 2) == 0 || memcmp(t.bytes, "\xfe\xff", 2) == 0))
		diag_warn(r->diag, (struct mark){ t.file, 1, 1 },
			  "it is UTF-16, and passed over: save it as UTF-8");
	else if (packed > PACKED)
		fault(r, t.file, "packed in too many layers");
	else if (unpack_is_gzip(t.bytes, t.len))
		read_gzip(r, &t, type, packed);
	else if (!*type && mime_is_message(t.bytes, t.len))
		read_message(r, &t, packed);
	else if (!*type && is_others(r, &t))
		return;
	else if (strcmp(type, "text/cloud-config") == 0 ||
		 (!*type && begins(&t, "#cloud-config")))
		read_cloud_config(r, &t);
	else if (strcmp(type, "text/x-routerd") == 0)
		read_own(r, &t, true);
	else if (!*type && !read_base64(r, &t, packed))
		read_own(r, &t, false);
	if (!r->seed->form && !r->diag->errors && mentions_us(&t))
		diag_warn(r->diag, (struct mark){ t.file, 1, 1 },
			  "it speaks of routerd, but not in a form that is read, as of a line "
			  "'#cloud-config' first, and then write_files with " SEED_FILE
			  ": docs/user-data.md has the forms");
}

/* ---- the whole -------------------------------------------------------------------------- */

static const char *copy(struct arena *a, const char *text, size_t len)
{
	return text ? arena_strndup(a, text, len) : NULL;
}

static const char *copy_text(struct arena *a, const char *text)
{
	return text ? copy(a, text, strlen(text)) : NULL;
}

static void copy_seed(struct arena *a, const struct seed *s, struct seed *ret)
{
	*ret = (struct seed){
		.form = s->form, /* static */
		.node = copy_text(a, s->node),
		.role = copy_text(a, s->role),
		.config = copy(a, s->config, s->config_len),
		.config_len = s->config_len,
		.config_url = copy_text(a, s->config_url),
		.config_digest = copy_text(a, s->config_digest),
		.config_ca_file = copy_text(a, s->config_ca_file),
		.exchange = copy(a, s->exchange, s->exchange_len),
		.exchange_len = s->exchange_len,
		.no_install = s->no_install,
	};
}

bool seed_read(struct arena *a, const char *bytes, size_t len, struct seed *ret, struct diag *d)
{
	CLEAN(arena_wiped) struct arena *own = arena_new();
	struct seed seed = { .form = NULL };
	struct seed_reading r = { .arena = own, .diag = d, .seed = &seed };
	unsigned before = d->errors;

	if (len > SEED_BYTES)
		diag_error(d, (struct mark){ USER_DATA, 0, 0 }, "more than %d bytes",
			   SEED_BYTES);
	else
		read_text(&r,
			  &(struct seed_text){ USER_DATA, arena_strndup(own, bytes, len), len },
			  "", 0);
	if (d->errors > before)
		return false;
	copy_seed(a, &seed, ret);
	return true;
}
