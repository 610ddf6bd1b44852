#include "config/encode.h"

#include <string.h>

#include "config/fabric.h"

/* What stands in the field, or NULL: nothing. */
static const char *print_text(struct arena *a, const void *at)
{
	(void)a;
	return *(const char *const *)at;
}

static const char *print_link(struct arena *a, const void *at)
{
	(void)a;
	return ((const struct link_ref *)at)->text;
}

static const char *print_addr(struct arena *a, const void *at)
{
	const struct addr *address = at;
	char text[ADDR_STRLEN];

	return address->family ? arena_printf(a, "%s", addr_print(address, text)) : NULL;
}

static const char *print_key(struct arena *a, const void *at)
{
	char text[KEY_STRLEN];

	return key_given(at) ? arena_printf(a, "%s", key_print(at, text)) : NULL;
}

static const char *print_endpoint(struct arena *a, const void *at)
{
	const struct endpoint *p = at;
	char text[ENDPOINT_STRLEN];

	return p->host ? arena_printf(a, "%s", endpoint_print(p, text)) : NULL;
}

static const char *print_ref(struct arena *a, const void *at)
{
	(void)a;
	return ((const struct ref *)at)->name;
}

static const struct encoder {
	const char *(*print)(struct arena *a, const void *at);
	size_t element; /* bytes of one entry of a list; 0: a scalar */
} encoders[] = {
	[FIELD_TEXT] = { print_text },
	[FIELD_TEXTS] = { print_text, sizeof(const char *) },
	[FIELD_WORD] = { print_text },
	[FIELD_PATH] = { print_text },
	[FIELD_LINKNAME] = { print_text },
	[FIELD_LINK] = { print_link },
	[FIELD_HOST4] = { print_addr },
	[FIELD_HOSTS4] = { print_addr, sizeof(struct addr) },
	[FIELD_CIDR4] = { print_addr },
	[FIELD_PREFIX4] = { print_addr },
	[FIELD_PREFIXES] = { print_addr, sizeof(struct addr) },
	[FIELD_PREFIXES4] = { print_addr, sizeof(struct addr) },
	[FIELD_KEY] = { print_key },
	[FIELD_ENDPOINT] = { print_endpoint },
	[FIELD_REF] = { print_ref },
	[FIELD_REFUSED] = { NULL }, /* never there */
	[FIELD_ITEMS] = { NULL },   /* of what was written once alone */
};

static bool is_automatic(const void *base, const struct field *f)
{
	return f->automatic && *(const bool *)((const char *)base + f->automatic);
}

/* Was anything said of it, or is it other than what is so unsaid? */
static bool is_set(struct arena *a, const void *base, const struct field *f)
{
	const void *at = (const char *)base + f->offset;
	const struct encoder *enc = &encoders[f->type];

	if (f->type == FIELD_GROUP) {
		for (const struct field *g = f->fields; g->name; g++)
			if (is_set(a, base, g))
				return true;
		return false;
	}
	if (f->type == FIELD_BOOL)
		return *(const bool *)at;
	if (f->type == FIELD_NUMBER)
		return *(const uint32_t *)at != 0;
	if (!enc->print)
		return false;
	if (enc->element)
		return ((const struct list *)at)->count;
	return is_automatic(base, f) || enc->print(a, at);
}

static void encode_fields(struct arena *a, const void *base, const struct field *fields,
			  struct out *o);

static void encode_field(struct arena *a, const void *base, const struct field *f,
			 struct out *o)
{
	const void *at = (const char *)base + f->offset;
	const struct encoder *enc = &encoders[f->type];
	const struct list *list = at;
	const char *text;

	if (f->type == FIELD_GROUP) {
		out_map(o, f->name);
		encode_fields(a, base, f->fields, o);
		out_end(o);
	} else if (f->type == FIELD_BOOL) {
		out_bool(o, f->name, *(const bool *)at);
	} else if (f->type == FIELD_NUMBER) {
		out_number(o, f->name, *(const uint32_t *)at);
	} else if (enc->element) {
		out_list(o, f->name);
		for (size_t i = 0; i < list->count; i++)
			out_text(o, NULL,
				 enc->print(a, (const char *)list->items + i * enc->element));
		out_end(o);
	} else {
		text = enc->print(a, at);
		out_text(o, f->name, text ? text : "auto");
	}
}

static void encode_fields(struct arena *a, const void *base, const struct field *fields,
			  struct out *o)
{
	for (const struct field *f = fields; f->name; f++)
		if (is_set(a, base, f))
			encode_field(a, base, f, o);
}

void object_encode(struct arena *a, const struct object *object, struct out *o)
{
	out_text(o, "apiVersion", object->kind->api);
	out_text(o, "kind", object->kind->name);
	out_map(o, "metadata");
	out_text(o, "name", object->name);
	if (object->from) {
		out_map(o, "annotations");
		out_text(o, "expandedFrom",
			 arena_printf(a, "%s (%s:%d)", object_name(a, object->from),
				      object->mark.file, object->mark.line));
		out_end(o);
	}
	out_end(o);
	out_map(o, "spec");
	encode_fields(a, object, object->kind->fields, o);
	out_end(o);
}

/* How this node's documents may call it, so that they read the same. */
static const char *node_name(const struct config *c)
{
	if (c->self)
		return c->self;
	return c->node ? c->node : "expanded";
}

void config_encode(const struct config *c, struct out *o)
{
	out_text(o, "apiVersion", API_ROUTER);
	out_text(o, "kind", "Router");
	out_map(o, "metadata");
	out_text(o, "name", node_name(c));
	out_end(o);
	out_map(o, "spec");
	out_list(o, "resources");
	for (size_t i = 0; i < c->count; i++) {
		if (fabric_is(c->objects[i]))
			continue;
		out_map(o, NULL);
		object_encode(c->arena, c->objects[i], o);
		out_end(o);
	}
	out_end(o);
	out_end(o);
}
