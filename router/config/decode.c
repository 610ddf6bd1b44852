/* decode.c - text to values, by the field tables. */
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/hint.h"
#include "config/kind.h"

#define QUOTE 60 /* bytes of a stranger's text repeated in an error */

/* ---- places and words ------------------------------------------------------------------- */

/* "nodes[2]": the entry of the list that map has. */
static const struct node *entry(const struct node *map, char *part)
{
	char *open = strchr(part, '[');
	unsigned long i = open ? strtoul(open + 1, NULL, 10) : 0;
	const struct node *n;

	if (open)
		*open = '\0';
	n = node_get(map, part);
	for (n = open && n ? n->child : n; open && n && i; i--)
		n = n->next;
	return n;
}

struct mark object_mark(const struct object *o, const char *path)
{
	const struct node *n = o->spec;
	struct mark at = o->mark;
	char part[64];

	while (n && *path) {
		size_t len = strcspn(path, ".");

		if (len >= sizeof(part))
			break;
		memcpy(part, path, len);
		part[len] = '\0';
		n = entry(n, part);
		if (n)
			at = n->mark;
		path += len + (path[len] == '.');
	}
	return at;
}

static const char *__attribute__((format(printf, 2, 0))) vwords(struct diag *d, const char *fmt,
								va_list ap)
{
	return arena_vprintf(d->arena, fmt, ap);
}

void object_error(const struct object *o, const char *path, struct diag *d, const char *fmt,
		  ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_error(d, object_mark(o, path), "%s/%s: spec%s%s: %s", o->kind->name, o->name,
		   *path ? "." : "", path, vwords(d, fmt, ap));
	va_end(ap);
}

void object_warn(const struct object *o, const char *path, struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_warn(d, object_mark(o, path), "%s/%s: spec%s%s: %s", o->kind->name, o->name,
		  *path ? "." : "", path, vwords(d, fmt, ap));
	va_end(ap);
}

const char *object_where(struct arena *a, const struct object *o)
{
	return arena_printf(a, "%s/%s (%s:%d)", o->kind->name, o->name, o->mark.file,
			    o->mark.line);
}

/* ---- one decoder for each type; each returns what it wants, or NULL when it got it ------ */

struct decoding {
	struct arena *arena;
	const struct field *field;
};

/* dev_valid_name(), net/core/dev.c, less '%', which makes the kernel choose a number, and
 * the two words that mean every interface under /proc/sys/net. */
bool decode_link_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n < IFNAMSIZ && strcmp(text, ".") != 0 && strcmp(text, "..") != 0 &&
	       strcmp(text, "all") != 0 && strcmp(text, "default") != 0 &&
	       !strpbrk(text, "/:% \t\n\v\f\r");
}

static const char *decode_text(struct decoding *c, const char *text, void *at)
{
	(void)c;
	*(const char **)at = text;
	return *text ? NULL : "some text";
}

static const char *decode_word(struct decoding *c, const char *text, void *at)
{
	struct hint hint = { .text = text };
	const char *list = "";

	for (const struct word *w = c->field->words; w->word; w++) {
		if (w->refused && hint_distance(text, w->word) == 0)
			return arena_printf(c->arena, "something else: %s", w->refused);
		if (w->refused)
			continue;
		if (strcmp(text, w->word) == 0) {
			*(const char **)at = w->word;
			return NULL;
		}
		hint_try(&hint, w->word);
		list = arena_printf(c->arena, "%s%s'%s'", list, *list ? " or " : "", w->word);
	}
	return arena_printf(c->arena, "%s%s", list, hint_text(c->arena, &hint));
}

static const char *decode_path(struct decoding *c, const char *text, void *at)
{
	(void)c;
	*(const char **)at = text;
	return *text == '/' ? NULL : "an absolute path";
}

#define WANT_LINK "an interface name: 1 to 15 characters, no blank, '/', ':' or '%'"

static const char *decode_linkname(struct decoding *c, const char *text, void *at)
{
	(void)c;
	*(const char **)at = text;
	return decode_link_name(text) ? NULL : WANT_LINK;
}

/* Kind/name, or a bare word; which of them there are is found out later. */
static const char *decode_link(struct decoding *c, const char *text, void *at)
{
	const char *slash = strchr(text, '/');
	size_t n = strlen(text);

	(void)c;
	if (n == 0 || n > NAME_MAX_BYTES || slash == text || (slash && !slash[1]))
		return WANT_LINK;
	((struct link_ref *)at)->text = text;
	return NULL;
}

static const char *decode_host4(struct decoding *c, const char *text, void *at)
{
	struct addr a;

	(void)c;
	if (!addr_parse(text, &a))
		return "one IPv4 address, as 10.77.60.9/32";
	if (a.family != AF_INET)
		return "an IPv4 address; IPv6 is not delivered yet";
	if (a.bytes[0] == 0)
		return "an address of a host; 0.0.0.0/8 is none";
	if (!addr_is_host(&a))
		return "one host, so a /32; a prefix is HybridRoute's matter";
	*(struct addr *)at = a;
	return NULL;
}

static const char *decode_cidr4(struct decoding *c, const char *text, void *at)
{
	struct addr a;

	(void)c;
	if (!addr_parse(text, &a) || a.family != AF_INET || !strchr(text, '/'))
		return "an IPv4 address with its prefix length, as 10.252.0.1/32";
	if (a.bytes[0] == 0)
		return "an address of a host; 0.0.0.0/8 is none";
	*(struct addr *)at = a;
	return NULL;
}

static const char *decode_any_prefix(const char *text, bool v4, struct addr *at)
{
	struct addr a;

	if (!addr_parse(text, &a) || (v4 && a.family != AF_INET) || !strchr(text, '/'))
		return v4 ? "an IPv4 prefix, as 10.77.60.0/24"
			  : "a prefix, as 10.77.60.9/32 or fd00::/64";
	if (!addr_is_prefix(&a))
		return "a prefix without host bits: 10.77.60.0/24, not 10.77.60.1/24";
	*at = a;
	return NULL;
}

static const char *decode_prefix4(struct decoding *c, const char *text, void *at)
{
	(void)c;
	return decode_any_prefix(text, true, at);
}

static const char *decode_prefix(struct decoding *c, const char *text, void *at)
{
	(void)c;
	return decode_any_prefix(text, false, at);
}

static const char *decode_number(struct decoding *c, const char *text, void *at)
{
	const struct field *f = c->field;
	uint64_t v = 0;
	size_t n = strlen(text);

	if (n == 0 || n > 10 || strspn(text, "0123456789") != n || (n > 1 && *text == '0'))
		v = UINT64_MAX;
	for (; v != UINT64_MAX && *text; text++)
		v = v * 10 + (uint64_t)(*text - '0');
	if (v < f->min || v > f->max)
		return arena_printf(c->arena, "a whole number, %u to %u", f->min, f->max);
	*(uint32_t *)at = (uint32_t)v;
	return NULL;
}

static const char *decode_bool(struct decoding *c, const char *text, void *at)
{
	(void)c;
	*(bool *)at = strcmp(text, "true") == 0;
	return *(bool *)at || strcmp(text, "false") == 0 ? NULL : "true or false";
}

static const char *decode_key(struct decoding *c, const char *text, void *at)
{
	struct key k;

	(void)c;
	if (key_parse(text, &k) < 0)
		return "a WireGuard public key: 44 characters of base64, as 'wg pubkey' prints";
	if (!key_is_usable(&k))
		return "a usable WireGuard public key; this is a point of low order, which no "
		       "private key has";
	*(struct key *)at = k;
	return NULL;
}

/* A DNS name, RFC 1123 section 2.1: labels of 1 to 63 letters, digits and inner hyphens. An
 * all-numeric last label would be an address mistyped. */
static bool is_dns_name(const char *text, size_t len)
{
	size_t label = 0;
	bool letter = false;

	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		char ch = text[i];
		bool alpha = (ch | 32) >= 'a' && (ch | 32) <= 'z';

		if (ch == '.') {
			if (label == 0 || text[i - 1] == '-')
				return false;
			label = 0;
			letter = false;
			continue;
		}
		if (!alpha && !(ch >= '0' && ch <= '9') && (ch != '-' || label == 0))
			return false;
		letter |= alpha;
		if (++label > 63)
			return false;
	}
	return label > 0 && letter && text[len - 1] != '-';
}

#define WANT_ENDPOINT                                                                          \
	"HOST:PORT, as 203.0.113.20:51820, [2001:db8::1]:51820 or vpn.example.net:51820"

static const char *decode_endpoint(struct decoding *c, const char *text, void *at)
{
	const char *colon = strrchr(text, ':');
	struct field port_field = { .min = 1, .max = UINT16_MAX };
	struct decoding port_of = { c->arena, &port_field };
	struct endpoint e = { 0 };
	uint32_t port = 0;
	size_t len;
	char *host;

	if (!colon || decode_number(&port_of, colon + 1, &port))
		return WANT_ENDPOINT;
	len = (size_t)(colon - text);
	host = arena_strndup(c->arena, text, len);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
		if (!strchr(host, ':') || strchr(host, '/') || !addr_parse(host, &e.address))
			return WANT_ENDPOINT;
	} else if (strpbrk(host, "/:") ||
		   (!addr_parse(host, &e.address) && !is_dns_name(host, len))) {
		return WANT_ENDPOINT;
	}
	e.host = host;
	e.port = (uint16_t)port;
	*(struct endpoint *)at = e;
	return NULL;
}

bool decode_endpoint_text(struct arena *a, const char *text, struct endpoint *ret)
{
	struct decoding c = { a, NULL };

	return !decode_endpoint(&c, text, ret);
}

static const char *decode_ref(struct decoding *c, const char *text, void *at)
{
	const char *kind = c->field->ref->name, *slash = strchr(text, '/');
	size_t n = strlen(kind);

	if ((slash && ((size_t)(slash - text) != n || strncmp(text, kind, n) != 0)) ||
	    !(slash ? slash + 1 : text)[0])
		return arena_printf(c->arena, "NAME or %s/NAME", kind);
	((struct ref *)at)->name = slash ? slash + 1 : text;
	return NULL;
}

static const char *decode_refused(struct decoding *c, const char *text, void *at)
{
	(void)text, (void)at;
	return arena_printf(c->arena, "nothing here; %s", c->field->help);
}

enum quoting { ANY, PLAIN };

static const struct decoder {
	const char *(*decode)(struct decoding *c, const char *text, void *at);
	size_t element;	      /* bytes of one entry of a list; 0: a scalar */
	enum quoting quoting; /* PLAIN: "8" and "true" in quotes are text, not this */
	bool secret;	      /* what stands there may be a secret: not repeated */
} decoders[] = {
	[FIELD_TEXT] = { decode_text },
	[FIELD_TEXTS] = { decode_text, sizeof(const char *) },
	[FIELD_WORD] = { decode_word },
	[FIELD_PATH] = { decode_path, .secret = true }, /* people paste the key itself */
	[FIELD_LINKNAME] = { decode_linkname },
	[FIELD_LINK] = { decode_link },
	[FIELD_HOST4] = { decode_host4 },
	[FIELD_CIDR4] = { decode_cidr4 },
	[FIELD_PREFIX4] = { decode_prefix4 },
	[FIELD_PREFIXES] = { decode_prefix, sizeof(struct addr) },
	[FIELD_PREFIXES4] = { decode_prefix4, sizeof(struct addr) },
	[FIELD_NUMBER] = { decode_number, .quoting = PLAIN },
	[FIELD_BOOL] = { decode_bool, .quoting = PLAIN },
	[FIELD_KEY] = { decode_key, .secret = true },
	[FIELD_ENDPOINT] = { decode_endpoint },
	[FIELD_REF] = { decode_ref },
	[FIELD_HOSTS4] = { decode_host4, sizeof(struct addr) },
	[FIELD_GROUP] = { NULL },
	[FIELD_ITEMS] = { NULL },
	[FIELD_REFUSED] = { decode_refused, .secret = true },
};

/* ---- tables ----------------------------------------------------------------------------- */

static void fault(const struct object *o, const struct node *n, const char *path,
		  const struct field *f, const char *wants, struct diag *d)
{
	struct key k;
	bool show = n->type == NODE_SCALAR && !decoders[f->type].secret && *n->text &&
		    key_parse(n->text, &k) < 0; /* a key pasted into the wrong field */

	if (show)
		diag_error(d, n->mark, "%s/%s: spec.%s: '%.*s' will not do: want %s",
			   o->kind->name, o->name, path, QUOTE, n->text, wants);
	else
		diag_error(d, n->mark, "%s/%s: spec.%s: want %s", o->kind->name, o->name, path,
			   wants);
}

/* base: what the field's offsets are from, the object or an item of a list. */
static void decode_scalar(struct arena *a, struct object *o, void *base, const struct node *n,
			  const char *path, const struct field *f, void *at, struct diag *d)
{
	const struct decoder *dec = &decoders[f->type];
	struct decoding c = { a, f };
	const char *wants;

	if (f->type == FIELD_REFUSED) {
		fault(o, n, path, f, dec->decode(&c, "", at), d);
		return;
	}
	if (n->type != NODE_SCALAR) {
		fault(o, n, path, f,
		      n->type == NODE_MAP ? "a value, not a map" : "a value, not a list", d);
		return;
	}
	if (node_is_null(n)) {
		fault(o, n, path, f, "a value, or leave the line out", d);
		return;
	}
	if (f->automatic && strcmp(n->text, "auto") == 0) {
		*(bool *)((char *)base + f->automatic) = true;
		return;
	}
	wants = dec->decode(&c, n->text, at);
	if (!wants && dec->quoting == PLAIN && !n->plain)
		wants = "it without quotes";
	if (wants)
		fault(o, n, path, f, wants, d);
}

/* The room for the entries of a list; false: it will not do. */
static bool start_list(struct arena *a, struct object *o, const struct node *n,
		       const char *path, const struct field *f, size_t size, struct list *at,
		       struct diag *d)
{
	size_t count = 0;

	if (n->type != NODE_LIST) {
		fault(o, n, path, f,
		      f->type == FIELD_ITEMS
			  ? arena_printf(a, "a list of maps, as [{ %s: ... }]", f->fields->name)
			  : "a list, as [a, b]",
		      d);
		return false;
	}
	for (const struct node *e = n->child; e; e = e->next)
		count++;
	if (count == 0 && f->required) {
		fault(o, n, path, f, "at least one entry", d);
		return false;
	}
	if (count > LIST_MAX) {
		fault(o, n, path, f, "fewer entries: at most 100000", d);
		return false;
	}
	at->items = arena_alloc(a, (count + 1) * size);
	return true;
}

static void decode_list(struct arena *a, struct object *o, void *base, const struct node *n,
			const char *path, const struct field *f, struct list *at,
			struct diag *d)
{
	size_t size = decoders[f->type].element;

	if (!start_list(a, o, n, path, f, size, at, d))
		return;
	for (const struct node *e = n->child; e; e = e->next, at->count++)
		decode_scalar(a, o, base, e, arena_printf(d->arena, "%s[%zu]", path, at->count),
			      f, (char *)at->items + at->count * size, d);
}

static void decode_map(struct arena *a, struct object *o, void *base, const struct node *map,
		       const char *prefix, const struct field *fields, struct diag *d);

static void decode_items(struct arena *a, struct object *o, const struct node *n,
			 const char *path, const struct field *f, struct list *at,
			 struct diag *d)
{
	if (!start_list(a, o, n, path, f, f->size, at, d))
		return;
	for (const struct node *e = n->child; e; e = e->next, at->count++) {
		struct list_item *item = (void *)((char *)at->items + at->count * f->size);

		item->node = e;
		if (e->type == NODE_MAP)
			decode_map(a, o, item, e, arena_printf(a, "%s[%zu]", path, at->count),
				   f->fields, d);
		else
			fault(o, e, arena_printf(a, "%s[%zu]", path, at->count), f,
			      arena_printf(a, "a map, as { %s: ... }", f->fields->name), d);
	}
}

static const struct field *find(const struct field *fields, const char *name)
{
	for (const struct field *f = fields; f->name; f++)
		if (strcmp(name, f->name) == 0)
			return f;
	return NULL;
}

static void unknown_field(const struct object *o, const struct node *n, const char *path,
			  const struct field *fields, struct diag *d)
{
	struct hint hint = { .text = n->key };

	for (const struct field *f = fields; f->name; f++)
		hint_try(&hint, f->name);
	diag_error(d, n->key_mark, "%s/%s: no field spec.%.*s%s", o->kind->name, o->name, QUOTE,
		   path, hint_text(d->arena, &hint));
}

static void decode_field(struct arena *a, struct object *o, void *base, const struct node *n,
			 const char *path, const struct field *f, struct diag *d)
{
	void *at = (char *)base + f->offset;

	if (f->type == FIELD_GROUP)
		decode_map(a, o, base, n, path, f->fields, d);
	else if (f->type == FIELD_ITEMS)
		decode_items(a, o, n, path, f, at, d);
	else if (decoders[f->type].element)
		decode_list(a, o, base, n, path, f, at, d);
	else
		decode_scalar(a, o, base, n, path, f, at, d);
}

static void apply_fallback(struct arena *a, void *base, const struct field *f)
{
	struct decoding c = { a, f };

	if (f->fallback)
		(void)decoders[f->type].decode(&c, f->fallback, (char *)base + f->offset);
	if (f->type == FIELD_GROUP && !f->required)
		for (const struct field *g = f->fields; g->name; g++)
			apply_fallback(a, base, g);
}

/* map is NULL where it was left out: then only what is required is missed. */
static void decode_map(struct arena *a, struct object *o, void *base, const struct node *map,
		       const char *prefix, const struct field *fields, struct diag *d)
{
	const char *dot = *prefix ? "." : "";

	if (map && map->type != NODE_MAP) {
		diag_error(d, map->mark, "%s/%s: spec%s%s: want a map of fields", o->kind->name,
			   o->name, dot, prefix);
		return;
	}
	for (const struct node *n = map ? map->child : NULL; n; n = n->next) {
		const char *path = arena_printf(a, "%s%s%s", prefix, dot, key_hide(n->key));
		const struct field *f = find(fields, n->key);

		if (f)
			decode_field(a, o, base, n, path, f, d);
		else
			unknown_field(o, n, path, fields, d);
	}
	for (const struct field *f = fields; f->name; f++) {
		if (node_get(map, f->name))
			continue;
		if (f->required)
			diag_error(d, map ? map->mark : object_mark(o, prefix),
				   "%s/%s: spec.%s%s%s is missing: %s", o->kind->name, o->name,
				   prefix, dot, f->name, f->help);
		apply_fallback(a, base, f);
	}
}

void decode_spec(struct arena *a, struct object *o, struct diag *d)
{
	decode_map(a, o, o, o->spec, "", o->kind->fields, d);
}

void decode_defaults(struct arena *a, struct object *o)
{
	for (const struct field *f = o->kind->fields; f->name; f++)
		apply_fallback(a, o, f);
}
