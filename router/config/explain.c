#include "config/explain.h"

#include <string.h>

#include "base/clean.h"
#include "config/hint.h"

/* ---- words ------------------------------------------------------------------------------ */

static const struct {
	const char *words;
	const char *form; /* NULL: the words say it */
} types[] = {
	[FIELD_TEXT] = { "text" },
	[FIELD_TEXTS] = { "list of text" },
	[FIELD_WORD] = { "word" },
	[FIELD_PATH] = { "absolute path" },
	[FIELD_LINKNAME] = { "interface name",
			     "1 to 15 characters, without blanks, '/', ':' and '%'" },
	[FIELD_LINK] = { "interface",
			 "the name of an Interface, else of a WireGuardInterface, else the "
			 "kernel's; Interface/lan and WireGuardInterface/lan leave no choice" },
	[FIELD_HOST4] = { "IPv4 address", "as 10.77.60.9; /32 may follow" },
	[FIELD_CIDR4] = { "IPv4 address/length",
			  "an address with its subnet's prefix length, as 10.252.0.1/32" },
	[FIELD_PREFIX4] = { "IPv4 prefix", "as 10.77.60.0/24, no bits set after its length" },
	[FIELD_PREFIXES] = { "list of prefixes",
			     "as 10.77.60.9/32 or fd00::/64, no bits set after their length" },
	[FIELD_PREFIXES4] = { "list of IPv4 prefixes",
			      "as 10.77.60.0/24, no bits set after their length" },
	[FIELD_NUMBER] = { "number", "a whole number, without quotes" },
	[FIELD_BOOL] = { "true or false", "without quotes" },
	[FIELD_KEY] = { "public key", "44 characters of base64, as 'wg pubkey' prints it" },
	[FIELD_ENDPOINT] = { "endpoint",
			     "HOST:PORT, as 203.0.113.20:51820, [2001:db8::1]:51820 or "
			     "vpn.example.net:51820; a name is looked up when it is applied" },
	[FIELD_REF] = { "name", "NAME or KIND/NAME, in any of the files" },
	[FIELD_HOSTS4] = { "list of IPv4 addresses", "as 10.77.60.9; /32 may follow" },
	[FIELD_GROUP] = { "map" },
	[FIELD_ITEMS] = { "list of maps" },
	[FIELD_REFUSED] = { "nothing" },
};

const char explain_auto[] =
    "found in what first boot wrote down of the machine: the interface on the domain's prefix "
    "(or the only one there is), the NIC's id as its provider names it, the public address "
    "with the listen port";

/* Of a field's words, those that may stand there. */
static const char *choice(struct arena *a, const struct word *w, const char *quote)
{
	const char *list = "";

	for (; w->word; w++)
		if (!w->refused)
			list = arena_printf(a, "%s%s%s%s%s", list, *list ? " or " : "", quote,
					    w->word, quote);
	return list;
}

const char *explain_value(struct arena *a, const struct field *f, const char *quote)
{
	const char *text = types[f->type].words;

	if (f->type == FIELD_WORD)
		text = choice(a, f->words, quote);
	else if (f->type == FIELD_NUMBER)
		text = arena_printf(a, "%u to %u", f->min, f->max);
	else if (f->type == FIELD_REF)
		text = arena_printf(a, "name of %s", f->ref->name);
	return f->automatic ? arena_printf(a, "%s or %sauto%s", text, quote, quote) : text;
}

const char *explain_needed(struct arena *a, const struct field *f, const char *quote)
{
	if (f->required)
		return "required";
	return f->fallback ? arena_printf(a, "default %s%s%s", quote, f->fallback, quote) : "";
}

const char *explain_form(enum field_type type)
{
	return types[type].form;
}

/* ---- finding ---------------------------------------------------------------------------- */

static const struct field router_fields[] = {
	{ "resources", FIELD_ITEMS, 0,
	  "the node's resources, each a map of apiVersion, kind, metadata and spec",
	  .required = true, .fields = (const struct field[]){ { 0 } } },
	{ 0 },
};

const struct kind explain_router = {
	.name = "Router",
	.api = API_ROUTER,
	.help = "names the node and lists its resources, which may as well be documents of "
		"their own",
	.fields = router_fields,
};

const struct kind *explain_kind(const char *name)
{
	const struct kind *k = kind_named(name);

	return k || !kind_is(&explain_router, name) ? k : &explain_router;
}

static bool has_fields(const struct field *f)
{
	return f->type == FIELD_GROUP || f->type == FIELD_ITEMS;
}

static const char *below(struct arena *a, const struct explained *e)
{
	return arena_printf(a, "%s%s.", e->path, e->field->type == FIELD_ITEMS ? "[]" : "");
}

struct list_of_explained {
	struct arena *arena;
	struct explained *items;
	size_t count, room;
};

static void collect(struct list_of_explained *l, const char *prefix, const struct field *fields,
		    unsigned depth)
{
	for (const struct field *f = fields; f->name; f++) {
		struct explained e = { arena_printf(l->arena, "%s%s", prefix, f->name), f,
				       depth };

		l->items =
		    arena_grow(l->arena, l->items, l->count, &l->room, sizeof(*l->items));
		l->items[l->count++] = e;
		if (has_fields(f))
			collect(l, below(l->arena, &e), f->fields, depth + 1);
	}
}

struct explained *explain_fields(struct arena *a, const char *prefix,
				 const struct field *fields, size_t *ret_count)
{
	struct list_of_explained l = { .arena = a };

	collect(&l, prefix, fields, 0);
	*ret_count = l.count;
	return l.items;
}

/* The name of the first field of path, and what follows its dot. */
static const char *step(struct arena *a, const char **path)
{
	size_t n = strcspn(*path, ".");
	char *name = arena_strndup(a, *path, n);

	name[strcspn(name, "[")] = '\0';
	*path += n + ((*path)[n] == '.');
	return name;
}

static const struct field *find(const struct field *fields, struct hint *hint)
{
	for (const struct field *f = fields; f->name; f++) {
		if (strcmp(f->name, hint->text) == 0)
			return f;
		hint_try(hint, f->name);
	}
	return NULL;
}

bool explain_find(struct arena *a, const struct kind *k, const char *path,
		  struct explained *ret, const char **fault)
{
	const struct field *fields = k->fields;
	struct explained e = { .path = "" };

	if (path && strncmp(path, "spec", 4) == 0 && (!path[4] || path[4] == '.'))
		path += 4 + (path[4] == '.');
	while (path && *path) {
		struct hint hint = { .text = step(a, &path) };
		const char *prefix = e.field ? below(a, &e) : "";
		const struct field *f = fields ? find(fields, &hint) : NULL;

		if (!f) {
			*fault = arena_printf(a, "%s has no field '%s%.60s'%s", k->name, prefix,
					      hint.text, hint_text(a, &hint));
			return false;
		}
		e = (struct explained){ arena_printf(a, "%s%s", prefix, f->name), f, 0 };
		fields = has_fields(f) ? f->fields : NULL;
	}
	*ret = e;
	return true;
}

/* ---- for people ------------------------------------------------------------------------- */

#define LABEL 14 /* where what is said of one field begins */

void explain_kinds_print(FILE *out)
{
	out_term(out, 0, explain_router.name, 24, explain_router.help);
	for (const struct kind *const *k = kinds; *k; k++)
		out_term(out, 0, (*k)->name, 24, (*k)->help);
	fputs("\n'routerctl explain KIND' has its fields, KIND.FIELD more of one\n", out);
}

static void print_row(const struct explained *e, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *needed = explain_needed(a, e->field, "");
	unsigned indent = 2 + 2 * e->depth;

	fprintf(out, "\n%*s%s: %s%s%s\n", (int)indent, "", e->path,
		e->field->type == FIELD_REFUSED ? "refused" : explain_value(a, e->field, ""),
		*needed ? ", " : "", needed);
	fprintf(out, "%*s", (int)indent + 4, "");
	out_wrap(out, indent + 4, e->field->help);
}

static void print_rows(const char *prefix, const struct field *fields, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	size_t n;
	struct explained *list = explain_fields(a, prefix, fields, &n);

	for (size_t i = 0; i < n; i++)
		print_row(&list[i], out);
}

static void print_field(const struct field *f, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *needed = explain_needed(a, f, "");

	out_term(out, 2, "value", LABEL, explain_value(a, f, ""));
	if (*needed)
		out_term(out, 2, "needed", LABEL, needed);
	if (explain_form(f->type))
		out_term(out, 2, "written", LABEL, explain_form(f->type));
	if (f->automatic)
		out_term(out, 2, "auto", LABEL, explain_auto);
	for (const struct word *w = f->words; w && w->word; w++)
		if (w->refused)
			out_term(out, 2, "refused", LABEL,
				 arena_printf(a, "%s: %s", w->word, w->refused));
}

void explain_print(const struct kind *k, const struct explained *e, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const struct field *f = e->field;

	fprintf(out, "%s%s%s\n", k->name, f ? "." : "", e->path);
	fputs("  ", out);
	out_wrap(out, 2, f ? f->help : k->help);
	fputc('\n', out);
	if (f && f->type != FIELD_REFUSED)
		print_field(f, out);
	else if (f)
		out_term(out, 2, "refused", LABEL, "it may not be given at all");
	else
		out_term(out, 2, "apiVersion", LABEL, k->api);
	if (!f)
		print_rows("", k->fields, out);
	else if (has_fields(f))
		print_rows(below(a, e), f->fields, out);
}

/* ---- for programs ----------------------------------------------------------------------- */

static void kind_out(struct out *o, const struct kind *k)
{
	out_text(o, "kind", k->name);
	out_text(o, "apiVersion", k->api);
	out_text(o, "help", k->help);
}

void explain_kinds_out(struct out *o)
{
	out_list(o, "kinds");
	out_map(o, NULL);
	kind_out(o, &explain_router);
	out_end(o);
	for (const struct kind *const *k = kinds; *k; k++) {
		out_map(o, NULL);
		kind_out(o, *k);
		out_end(o);
	}
	out_end(o);
}

static void words_out(struct out *o, const struct word *words)
{
	out_list(o, "words");
	for (const struct word *w = words; w->word; w++)
		if (!w->refused)
			out_text(o, NULL, w->word);
	out_end(o);
	out_list(o, "refusedWords");
	for (const struct word *w = words; w->word; w++) {
		if (!w->refused)
			continue;
		out_map(o, NULL);
		out_text(o, "word", w->word);
		out_text(o, "reason", w->refused);
		out_end(o);
	}
	out_end(o);
}

static void field_out(struct out *o, const struct explained *e)
{
	const struct field *f = e->field;

	out_map(o, NULL);
	out_text(o, "path", e->path);
	out_text(o, "type", types[f->type].words);
	out_text(o, "help", f->help);
	out_text(o, "written", types[f->type].form);
	out_bool(o, "required", f->required);
	out_bool(o, "refused", f->type == FIELD_REFUSED);
	out_bool(o, "auto", f->automatic != 0);
	out_text(o, "default", f->fallback);
	if (f->type == FIELD_NUMBER) {
		out_number(o, "minimum", f->min);
		out_number(o, "maximum", f->max);
	}
	if (f->type == FIELD_REF)
		out_text(o, "kind", f->ref->name);
	if (f->words)
		words_out(o, f->words);
	out_end(o);
}

void explain_out(struct out *o, const struct kind *k, const struct explained *e)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const struct field one[] = { e->field ? *e->field : (struct field){ 0 }, { 0 } };
	const char *dot = strrchr(e->path, '.');
	size_t n;
	struct explained *list =
	    explain_fields(a, dot ? arena_strndup(a, e->path, (size_t)(dot + 1 - e->path)) : "",
			   e->field ? one : k->fields, &n);

	kind_out(o, k);
	out_list(o, "fields");
	for (size_t i = 0; i < n; i++)
		field_out(o, &list[i]);
	out_end(o);
}
