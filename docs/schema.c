/* schema.c - prints docs/routerd.schema.json from the field tables of router/config.
 *
 * JSON Schema draft-07, as yaml-language-server reads it. It may let through what routerd
 * refuses (what one field alone cannot tell), and refuses nothing that routerd takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "config/config.h"
#include "config/explain.h"

/* ---- values ------------------------------------------------------------------------------ */

#define IPV4	"[0-9]{1,3}(\\.[0-9]{1,3}){3}"
#define LENGTH4 "/([0-9]|[12][0-9]|3[0-2])"

enum shape {
	SHAPE_TEXT, /* numbers, true and false may stand for their own text */
	SHAPE_STRING,
	SHAPE_OTHER,
};

static const struct {
	enum shape shape;
	bool list;
	const char *pattern; /* of a string; NULL: any */
} types[] = {
	[FIELD_TEXT] = { SHAPE_TEXT },
	[FIELD_TEXTS] = { SHAPE_TEXT, true },
	[FIELD_WORD] = { SHAPE_OTHER },
	[FIELD_PATH] = { SHAPE_STRING, .pattern = "^/" },
	[FIELD_LINKNAME] = { SHAPE_TEXT, .pattern = "^[^/:%\\s]{1,15}$" },
	[FIELD_LINK] = { SHAPE_TEXT, .pattern = "^[^/]+(/.+)?$" },
	[FIELD_HOST4] = { SHAPE_STRING, .pattern = "^" IPV4 "(/32)?$" },
	[FIELD_HOSTS4] = { SHAPE_STRING, true, "^" IPV4 "(/32)?$" },
	[FIELD_CIDR4] = { SHAPE_STRING, .pattern = "^" IPV4 LENGTH4 "$" },
	[FIELD_PREFIX4] = { SHAPE_STRING, .pattern = "^" IPV4 LENGTH4 "$" },
	[FIELD_PREFIXES4] = { SHAPE_STRING, true, "^" IPV4 LENGTH4 "$" },
	[FIELD_PREFIXES] = { SHAPE_STRING, true, "^[0-9A-Fa-f:.]+/[0-9]{1,3}$" },
	[FIELD_NUMBER] = { SHAPE_OTHER },
	[FIELD_BOOL] = { SHAPE_OTHER },
	[FIELD_KEY] = { SHAPE_STRING, .pattern = "^[A-Za-z0-9+/]{43}=$" },
	[FIELD_ENDPOINT] = { SHAPE_STRING,
			     .pattern = "^(\\[[0-9A-Fa-f:.]+\\]|[0-9A-Za-z.-]+):[1-9][0-9]{0,4}"
					"$" },
	[FIELD_REF] = { SHAPE_TEXT },
	[FIELD_GROUP] = { SHAPE_OTHER },
	[FIELD_ITEMS] = { SHAPE_OTHER, true },
	[FIELD_REFUSED] = { SHAPE_OTHER },
};

static void texts(struct out *o, const char *key, const char *const *words)
{
	out_list(o, key);
	for (; *words; words++)
		out_text(o, NULL, *words);
	out_end(o);
}

static void put_words(struct out *o, const struct word *w)
{
	out_list(o, "enum");
	for (; w->word; w++)
		if (!w->refused)
			out_text(o, NULL, w->word);
	out_end(o);
}

static void put_text(struct out *o, const struct field *f)
{
	static const char *const text[] = { "string", "number", "boolean", NULL };
	CLEAN(arena_done) struct arena *a = arena_new();

	if (types[f->type].shape == SHAPE_TEXT)
		texts(o, "type", text);
	else
		out_text(o, "type", "string");
	out_number(o, "minLength", 1);
	if (f->type == FIELD_REF)
		out_text(o, "pattern", arena_printf(a, "^(%s/.+|[^/]+)$", f->ref->name));
	out_text(o, "pattern", types[f->type].pattern);
}

static void put_map(struct out *o, const struct field *fields);

/* One value: of a list, an entry. */
static void put_value(struct out *o, const struct field *f)
{
	if (f->type == FIELD_WORD) {
		put_words(o, f->words);
	} else if (f->type == FIELD_NUMBER) {
		out_text(o, "type", "integer");
		out_number(o, "minimum", f->min);
		out_number(o, "maximum", f->max);
	} else if (f->type == FIELD_BOOL) {
		out_text(o, "type", "boolean");
	} else if (f->type == FIELD_GROUP || f->type == FIELD_ITEMS) {
		put_map(o, f->fields);
	} else if (f->type == FIELD_REFUSED) {
		out_map(o, "not");
		out_end(o);
	} else {
		put_text(o, f);
	}
}

static void put_auto(struct out *o, const struct field *f)
{
	out_list(o, "anyOf");
	out_map(o, NULL);
	out_text(o, "const", "auto");
	out_text(o, "description", explain_auto);
	out_end(o);
	out_map(o, NULL);
	put_value(o, f);
	out_end(o);
	out_end(o);
}

/* ---- fields ------------------------------------------------------------------------------ */

static const char *description(struct arena *a, const struct field *f)
{
	const char *text = f->help, *form = explain_form(f->type);

	if (form)
		text = arena_printf(a, "%s\n%s: %s", text, explain_value(a, f, ""), form);
	for (const struct word *w = f->words; w && w->word; w++)
		if (w->refused)
			text =
			    arena_printf(a, "%s\nrefused: %s: %s", text, w->word, w->refused);
	return text;
}

static void put_field(struct out *o, const struct field *f)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	out_map(o, f->name);
	out_text(o, "description", description(a, f));
	if (f->fallback && f->type == FIELD_NUMBER)
		out_number(o, "default", strtoll(f->fallback, NULL, 10));
	else
		out_text(o, "default", f->fallback);
	if (types[f->type].list) {
		out_text(o, "type", "array");
		out_number(o, "minItems", f->required);
		out_number(o, "maxItems", LIST_MAX);
		out_map(o, "items");
		put_value(o, f);
		out_end(o);
	} else if (f->automatic) {
		put_auto(o, f);
	} else {
		put_value(o, f);
	}
	out_end(o);
}

static bool any_required(const struct field *f)
{
	while (f->name && !f->required)
		f++;
	return f->name;
}

static void put_required(struct out *o, const struct field *fields)
{
	if (!any_required(fields)) /* draft-04 wanted one at least */
		return;
	out_list(o, "required");
	for (const struct field *f = fields; f->name; f++)
		if (f->required)
			out_text(o, NULL, f->name);
	out_end(o);
}

static void put_map(struct out *o, const struct field *fields)
{
	out_text(o, "type", "object");
	out_bool(o, "additionalProperties", false);
	put_required(o, fields);
	out_map(o, "properties");
	for (const struct field *f = fields; f->name; f++)
		put_field(o, f);
	out_end(o);
}

/* ---- documents --------------------------------------------------------------------------- */

static void put_ref(struct out *o, const char *key, const char *name)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	out_map(o, key);
	out_text(o, "$ref", arena_printf(a, "#/definitions/%s", name));
	out_end(o);
}

static void put_metadata(struct out *o)
{
	static const char *const name[] = { "string", "number", "boolean", NULL };
	static const char *const required[] = { "name", NULL };
	CLEAN(arena_done) struct arena *a = arena_new();

	out_map(o, "metadata");
	out_text(o, "type", "object");
	out_bool(o, "additionalProperties", false);
	texts(o, "required", required);
	out_map(o, "properties");
	out_map(o, "name");
	out_text(o, "description", "letters, digits, '.', '_', '-'; once for each kind");
	texts(o, "type", name);
	out_text(o, "pattern", arena_printf(a, "^[A-Za-z0-9._-]{1,%d}$", NAME_MAX_BYTES));
	out_end(o);
	for (size_t i = 0; i < 2; i++) {
		out_map(o, i ? "annotations" : "labels");
		out_text(o, "description", "yours: routerd does not read it");
		out_end(o);
	}
	out_end(o);
	out_end(o);
}

static void put_const(struct out *o, const char *key, const char *value)
{
	out_map(o, key);
	out_text(o, "const", value);
	out_end(o);
}

/* A spec of which nothing is required may be left out, or be empty. */
static void put_spec(struct out *o, const struct kind *k)
{
	out_map(o, "spec");
	if (any_required(k->fields)) {
		put_map(o, k->fields);
	} else {
		out_list(o, "anyOf");
		out_map(o, NULL);
		put_map(o, k->fields);
		out_end(o);
		out_map(o, NULL);
		out_text(o, "type", "null");
		out_end(o);
		out_end(o);
	}
	out_end(o);
}

static void put_resources(struct out *o, const struct field *f)
{
	static const char *const required[] = { "resources", NULL };

	out_map(o, "spec");
	out_text(o, "type", "object");
	out_bool(o, "additionalProperties", false);
	texts(o, "required", required);
	out_map(o, "properties");
	out_map(o, f->name);
	out_text(o, "description", f->help);
	out_text(o, "type", "array");
	put_ref(o, "items", "resource");
	out_end(o);
	out_end(o);
	out_end(o);
}

static void put_kind(struct out *o, const struct kind *k)
{
	static const char *const required[] = { "apiVersion", "kind", "metadata", "spec",
						NULL };
	static const char *const bare[] = { "apiVersion", "kind", "metadata", NULL };

	out_map(o, k->name);
	out_text(o, "description", k->help);
	out_text(o, "type", "object");
	out_bool(o, "additionalProperties", false);
	texts(o, "required", any_required(k->fields) ? required : bare);
	out_map(o, "properties");
	put_const(o, "apiVersion", k->api);
	put_const(o, "kind", k->name);
	put_metadata(o);
	if (k == &explain_router)
		put_resources(o, k->fields);
	else
		put_spec(o, k);
	out_end(o);
	out_end(o);
}

static void put_choice(struct out *o, const struct kind *k)
{
	static const char *const required[] = { "kind", NULL };

	out_map(o, NULL);
	out_map(o, "if");
	texts(o, "required", required);
	out_map(o, "properties");
	put_const(o, "kind", k->name);
	out_end(o);
	out_end(o);
	put_ref(o, "then", k->name);
	out_end(o);
}

/* By kind, so that a fault is that kind's, not one for each. */
static void put_choices(struct out *o, bool router)
{
	static const char *const required[] = { "apiVersion", "kind", NULL };

	out_text(o, "type", "object");
	texts(o, "required", required);
	out_map(o, "properties");
	out_map(o, "kind");
	out_list(o, "enum");
	if (router)
		out_text(o, NULL, explain_router.name);
	for (const struct kind *const *k = kinds; *k; k++)
		out_text(o, NULL, (*k)->name);
	out_end(o);
	out_end(o);
	out_end(o);
	out_list(o, "allOf");
	if (router)
		put_choice(o, &explain_router);
	for (const struct kind *const *k = kinds; *k; k++)
		put_choice(o, *k);
	out_end(o);
}

int main(void)
{
	struct out o;

	out_open(&o, stdout, OUT_JSON);
	out_text(&o, "$schema", "http://json-schema.org/draft-07/schema#");
	out_text(&o, "title", "A document of routerd's configuration");
	put_choices(&o, true);
	out_map(&o, "definitions");
	out_map(&o, "resource");
	put_choices(&o, false);
	out_end(&o);
	put_kind(&o, &explain_router);
	for (const struct kind *const *k = kinds; *k; k++)
		put_kind(&o, *k);
	out_end(&o);
	out_close(&o);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
