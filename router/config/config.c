#include "config/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/expand.h"
#include "config/hint.h"
#include "config/net.h"

#define HINT_OBJECTS 1000 /* looked at for a name mistyped: a page of errors stays fast */

const struct kind *const kinds[] = {
	&kind_sam_node_set,
	&kind_interface,
	&kind_wireguard_interface,
	&kind_wireguard_peer,
	&kind_static_address,
	&kind_route,
	&kind_sysctl,
	&kind_overlay_peer,
	&kind_hybrid_route,
	&kind_mobility_domain,
	&kind_cloud_provider,
	&kind_mobility_pool,
	&kind_address_claim,
	NULL,
};

/* ---- documents to objects --------------------------------------------------------------- */

static const struct kind *kind_find(const char *name)
{
	for (const struct kind *const *k = kinds; *k; k++)
		if (strcmp((*k)->name, name) == 0)
			return *k;
	return NULL;
}

bool kind_is(const struct kind *k, const char *name)
{
	size_t n = strlen(k->name);
	const char *more = k->name[n - 1] == 's' ? "es" : "s";

	return strncasecmp(name, k->name, n) == 0 &&
	       (!name[n] || strcasecmp(name + n, more) == 0);
}

const struct kind *kind_named(const char *name)
{
	for (const struct kind *const *k = kinds; *k; k++)
		if (kind_is(*k, name))
			return *k;
	return NULL;
}

static void unknown_kind(const struct node *word, struct diag *d)
{
	struct hint hint = { .text = word->text };

	for (const struct kind *const *k = kinds; *k; k++)
		hint_try(&hint, (*k)->name);
	diag_error(d, word->mark, "no kind '%.60s'%s", key_hide(word->text),
		   hint_text(d->arena, &hint));
}

bool config_is_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= NAME_MAX_BYTES &&
	       strspn(text,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

bool config_is_node(const char *text)
{
	return config_is_name(text) && text[0] != '.' && strlen(text) <= NODE_MAX_BYTES;
}

/* Only words of list may be keys of map; where says of what. */
static void check_keys(const struct node *map, const char *const *list, const char *where,
		       struct diag *d)
{
	for (const struct node *n = map->child; n; n = n->next) {
		struct hint hint = { .text = n->key };
		const char *const *w = list;

		while (*w && strcmp(*w, n->key) != 0)
			w++;
		if (*w)
			continue;
		for (w = list; *w; w++)
			hint_try(&hint, *w);
		diag_error(d, n->key_mark, "no field %s%.60s%s", where, key_hide(n->key),
			   hint_text(d->arena, &hint));
	}
}

/* metadata.name, or NULL after saying what is wrong with it. */
static const char *read_name(const struct node *doc, const char *kind, struct diag *d)
{
	static const char *const known[] = { "name", "labels", "annotations", NULL };
	const struct node *meta = node_get(doc, "metadata"), *name = node_get(meta, "name");

	if (meta && meta->type == NODE_MAP)
		check_keys(meta, known, "metadata.", d);
	if (name && name->type == NODE_SCALAR && config_is_name(name->text) &&
	    !node_is_null(name))
		return name->text;
	diag_error(
	    d,
	    name   ? name->mark
	    : meta ? meta->mark
		   : doc->mark,
	    "%s: metadata.name: want a name of letters, digits, '.', '_' and '-', at most "
	    "%d bytes",
	    kind, NAME_MAX_BYTES);
	return NULL;
}

void object_add(struct config *c, struct object *o)
{
	c->objects =
	    arena_grow(c->arena, c->objects, c->count, &c->room, sizeof(struct object *));
	c->objects[c->count++] = o;
}

static bool check_api(const struct node *doc, const char *kind, const char *api, struct diag *d)
{
	const struct node *n = node_get(doc, "apiVersion");

	if (n && n->type == NODE_SCALAR && strcmp(n->text, api) == 0)
		return true;
	diag_error(d, n ? n->mark : doc->mark, "%s: apiVersion: want %s", kind, api);
	return false;
}

static void read_resource(struct config *c, const struct node *doc, struct diag *d)
{
	static const char *const known[] = { "apiVersion", "kind", "metadata", "spec", NULL };
	const struct node *word = doc->type == NODE_MAP ? node_get(doc, "kind") : NULL;
	const struct kind *k;
	const char *name;
	unsigned before;
	struct object *o;

	if (!word || word->type != NODE_SCALAR) {
		diag_error(d, doc->mark,
			   "want a resource: a map of apiVersion, kind, metadata "
			   "and spec");
		return;
	}
	check_keys(doc, known, "", d);
	k = kind_find(word->text);
	if (!k) {
		unknown_kind(word, d);
		return;
	}
	check_api(doc, k->name, k->api, d);
	name = read_name(doc, k->name, d);
	if (!name)
		return;
	if (c->count == CONFIG_OBJECTS) {
		diag_error(d, word->mark, "more than %d resources", CONFIG_OBJECTS);
		c->count++; /* said once */
	}
	if (c->count > CONFIG_OBJECTS)
		return;
	o = arena_alloc(c->arena, k->size);
	o->kind = k;
	o->name = name;
	o->mark = word->mark;
	o->spec = node_get(doc, "spec");
	if (o->spec && node_is_null(o->spec))
		o->spec = NULL;
	before = d->errors;
	decode_spec(c->arena, o, d);
	o->faulty = d->errors != before;
	object_add(c, o);
}

static void read_router(struct config *c, const struct node *doc, struct diag *d)
{
	static const char *const known[] = { "apiVersion", "kind", "metadata", "spec", NULL };
	static const char *const fields[] = { "resources", NULL };
	const struct node *spec = node_get(doc, "spec"), *list = node_get(spec, "resources");
	const char *name = read_name(doc, "Router", d);

	check_keys(doc, known, "", d);
	check_api(doc, "Router", API_ROUTER, d);
	if (c->node && name && strcmp(c->node, name) != 0)
		diag_error(d, doc->mark,
			   "Router: metadata.name: '%s', but another Router document "
			   "says this node is '%s'",
			   name, c->node);
	c->node = name;
	if (spec && spec->type == NODE_MAP)
		check_keys(spec, fields, "spec.", d);
	if (!list || list->type != NODE_LIST) {
		diag_error(d,
			   list	  ? list->mark
			   : spec ? spec->mark
				  : doc->mark,
			   "Router: spec.resources: want a list of resources");
		return;
	}
	for (const struct node *n = list->child; n; n = n->next) {
		const char *kind = n->type == NODE_MAP ? node_text(n, "kind") : NULL;

		if (kind && strcmp(kind, "Router") == 0)
			diag_error(d, n->mark, "a Router inside a Router");
		else
			read_resource(c, n, d);
	}
}

void config_add(struct config *c, const char *file, const char *buf, size_t len, struct diag *d)
{
	unsigned before = d->errors;
	const struct node *docs = node_parse(c->arena, file, buf, len, d);

	if (!docs->child && d->errors == before)
		diag_error(d, docs->mark,
			   "nothing in it; 'routerctl delete --all' takes "
			   "everything down");
	for (const struct node *n = docs->child; n; n = n->next) {
		const char *kind = n->type == NODE_MAP ? node_text(n, "kind") : NULL;

		if (kind && strcmp(kind, "Router") == 0)
			read_router(c, n, d);
		else
			read_resource(c, n, d);
	}
}

void config_add_peer(struct config *c, const char *file, const char *buf, size_t len,
		     bool known, bool vouched, struct diag *d)
{
	size_t first = c->count;
	bool told = false;

	config_add(c, file, buf, len, d);
	for (size_t i = first; i < c->count && i < CONFIG_OBJECTS; i++) {
		struct object *o = c->objects[i];

		o->imported = known ? IMPORT_KNOWN : IMPORT_NEW;
		if (o->kind == &kind_wireguard_peer && !vouched)
			((struct wireguard_peer *)(void *)o)->next = (struct key){ 0 };
		if (o->kind != &kind_wireguard_peer || i > first)
			o->faulty = true;
		if (o->faulty && !told)
			diag_error(
			    d, o->mark,
			    "%s/%s: want one WireGuardPeer and nothing else, as 'routerctl "
			    "export' prints it; a configuration belongs into conf.d",
			    o->kind->name, o->name);
		told |= o->faulty;
	}
}

/* ---- references ------------------------------------------------------------------------- */

static int object_compare(const struct object *a, const struct object *b)
{
	int r = strcmp(a->kind->name, b->kind->name);

	return r ? r : strcmp(a->name, b->name);
}

/* What was imported comes last: it is at fault, not the configuration. */
static bool is_after(const struct object *a, const struct object *b)
{
	int r = (int)a->imported - (int)b->imported;

	if (r == 0)
		r = strcmp(a->mark.file, b->mark.file);
	return (r ? r : a->mark.line - b->mark.line) > 0;
}

/* The first of two namesakes is the one kept. */
static int by_name_and_place(const void *pa, const void *pb)
{
	struct object *const *a = pa, *const *b = pb;
	int r = object_compare(*a, *b);

	return r ? r : is_after(*a, *b) ? 1 : -1;
}

static void make_index(struct config *c)
{
	c->index_count = c->count;
	c->index = arena_alloc(c->arena, (c->count + 1) * sizeof(struct object *));
	if (c->count) {
		memcpy(c->index, c->objects, c->count * sizeof(struct object *));
		qsort(c->index, c->count, sizeof(*c->index), by_name_and_place);
	}
}

static void check_twins(struct config *c, struct diag *d)
{
	for (size_t i = 1; i < c->count; i++)
		if (object_compare(c->index[i - 1], c->index[i]) == 0) {
			c->index[i]->faulty = true;
			diag_error(d, c->index[i]->mark,
				   "%s/%s is here twice; the first is %s:%d",
				   c->index[i]->kind->name, c->index[i]->name,
				   c->index[i - 1]->mark.file, c->index[i - 1]->mark.line);
		}
}

const struct object *config_find(const struct config *c, const struct kind *k, const char *name)
{
	const struct object key = { .kind = k, .name = name };
	size_t low = 0, high = c->index_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (object_compare(c->index[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->index_count && object_compare(c->index[low], &key) == 0 ? c->index[low]
										: NULL;
}

static void resolve_ref(const struct config *c, const struct object *o, const char *path,
			const struct kind *k, struct ref *r, struct diag *d)
{
	struct hint hint = { .text = r->name };

	if (!r->name)
		return;
	r->to = config_find(c, k, r->name);
	if (r->to)
		return;
	for (size_t i = 0; i < c->count && i < HINT_OBJECTS && d->errors < DIAG_MAX; i++)
		if (c->objects[i]->kind == k)
			hint_try(&hint, c->objects[i]->name);
	object_error(o, path, d, "no %s is named '%.60s'%s", k->name, r->name,
		     hint_text(d->arena, &hint));
}

/* Objects come first: a bare word may name an Interface, a WireGuardInterface or, last, an
 * interface of the kernel's. */
static void resolve_link(const struct config *c, const struct object *o, const char *path,
			 struct link_ref *r, struct diag *d)
{
	static const struct kind *const named[] = { &kind_interface,
						    &kind_wireguard_interface };
	const char *slash = r->text ? strchr(r->text, '/') : NULL;
	const char *name = slash ? slash + 1 : r->text;

	if (!r->text)
		return;
	for (size_t i = 0; i < sizeof(named) / sizeof(*named) && !r->to; i++) {
		size_t n = strlen(named[i]->name);

		if (slash && ((size_t)(slash - r->text) != n ||
			      strncmp(r->text, named[i]->name, n) != 0))
			continue;
		r->to = config_find(c, named[i], name);
	}
	if (r->to)
		r->name = link_name(r->to);
	else if (slash)
		object_error(o, path, d, "'%.60s' names no Interface and no WireGuardInterface",
			     r->text);
	else if (!decode_link_name(name))
		object_error(o, path, d,
			     "'%.60s' is neither an Interface object nor an interface "
			     "name of 1 to 15 characters",
			     name);
	else
		r->name = name;
}

/* base: what the fields' offsets are from, the object or an item of a list. */
static void resolve_fields(const struct config *c, struct object *o, void *base,
			   const char *prefix, const struct field *fields, struct diag *d)
{
	for (const struct field *f = fields; f->name; f++) {
		void *at = (char *)base + f->offset;
		const struct list *list = at;
		const char *path;

		if (f->type != FIELD_REF && f->type != FIELD_LINK && f->type != FIELD_GROUP &&
		    f->type != FIELD_ITEMS)
			continue;
		path = arena_printf(d->arena, "%s%s%s", prefix, *prefix ? "." : "", f->name);
		if (f->type == FIELD_REF)
			resolve_ref(c, o, path, f->ref, at, d);
		else if (f->type == FIELD_LINK)
			resolve_link(c, o, path, at, d);
		else if (f->type == FIELD_GROUP)
			resolve_fields(c, o, base, path, f->fields, d);
		else
			for (size_t i = 0; i < list->count; i++)
				resolve_fields(c, o, (char *)list->items + i * f->size,
					       arena_printf(d->arena, "%s[%zu]", path, i),
					       f->fields, d);
	}
}

/* ---- the whole -------------------------------------------------------------------------- */

struct clash {
	struct arena *arena;
	struct diag *diag;
};

static void clash(void *arg, const struct item *a, const struct item *b)
{
	struct clash *k = arg;
	const struct object *first = a->origin, *second = b->origin;

	if (is_after(first, second)) {
		const struct item *t = a;

		a = b;
		b = t;
		first = a->origin;
		second = b->origin;
	}
	diag_error(k->diag, second->mark, "%s/%s: wants '%s', but %s wants '%s'",
		   second->kind->name, second->name, item_text(k->arena, b),
		   object_where(k->arena, first), item_text(k->arena, a));
}

/* ---- soundness: an object is judged only when all it refers to is right ----------------- */

static bool is_sound(struct object *o);

static bool refs_sound(void *base, const struct field *fields)
{
	for (const struct field *f = fields; f->name; f++) {
		void *at = (char *)base + f->offset;
		const struct list *list = at;
		const struct object *to = f->type == FIELD_REF	  ? ((struct ref *)at)->to
					  : f->type == FIELD_LINK ? ((struct link_ref *)at)->to
								  : NULL;

		if (to && !is_sound((struct object *)to))
			return false;
		if (f->type == FIELD_GROUP && !refs_sound(base, f->fields))
			return false;
		for (size_t i = 0; f->type == FIELD_ITEMS && i < list->count; i++)
			if (!refs_sound((char *)list->items + i * f->size, f->fields))
				return false;
	}
	return true;
}

/* Ends, because a kind refers only to those before it in kinds[]. */
static bool is_sound(struct object *o)
{
	if (o->sound == SOUND_UNKNOWN)
		o->sound = !o->faulty && refs_sound(o, o->kind->fields) ? SOUND_YES : SOUND_NO;
	return o->sound == SOUND_YES;
}

/* What one object says of itself is judged once it and all it refers to could be read; a
 * fault found now counts only against what is lowered. */
static void check_object(struct config *c, struct object *o, struct diag *d)
{
	unsigned before = d->errors;

	if (o->kind->check && is_sound(o))
		o->kind->check(c, o, d);
	o->faulty |= d->errors != before;
}

static void judge_again(struct config *c)
{
	for (size_t i = 0; i < c->count; i++)
		c->objects[i]->sound = SOUND_UNKNOWN;
}

static void lower(const struct config *c, struct state *want)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->objects[i]->kind->lower && !c->objects[i]->waits &&
		    is_sound(c->objects[i]))
			c->objects[i]->kind->lower(c, c->objects[i], want);
}

/* What they are about was not expanded: nothing is wrong with them. */
static void drop_imports(struct config *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++)
		if (!c->objects[i]->imported)
			c->objects[kept++] = c->objects[i];
	c->count = kept;
}

bool config_check(struct config *c, struct diag *d)
{
	struct state scratch = { .arena = c->arena };
	struct clash arg = { c->arena, d };

	if (c->count > CONFIG_OBJECTS)
		return false;
	make_index(c);
	if (!config_expand(c, d))
		drop_imports(c);
	if (c->count > CONFIG_OBJECTS)
		return false;
	peers_join(c, d);
	make_index(c);
	check_twins(c, d);
	c->allowed.arena = c->arena;
	for (size_t i = 0; i < c->count; i++) {
		unsigned before = d->errors;

		resolve_fields(c, c->objects[i], c->objects[i], "", c->objects[i]->kind->fields,
			       d);
		c->objects[i]->faulty |= d->errors != before;
	}
	/* kinds[] names what is referred to before what refers. */
	for (const struct kind *const *k = kinds; *k; k++)
		for (size_t i = 0; i < c->count; i++)
			if (c->objects[i]->kind == *k)
				check_object(c, c->objects[i], d);
	claims_check(c, d);
	ports_check(c, d);
	judge_again(c);
	lower(c, &scratch);
	state_sort(&scratch, clash, &arg);
	return d->errors == 0;
}

/* Each link carries the sum of its peers' endpoint_digest() as they are configured, so that
 * a changed configuration can be told from a peer that roamed. want is sorted: links first,
 * then peers by link. */
static void seal_endpoints(struct state *want)
{
	size_t link = 0;

	for (size_t i = 0; i < want->count; i++) {
		const struct item *p = &want->items[i];

		if (p->type != ITEM_PEER)
			continue;
		while (want->items[link].type == ITEM_LINK &&
		       strcmp(want->items[link].link, p->link) < 0)
			link++;
		if (want->items[link].type == ITEM_LINK &&
		    strcmp(want->items[link].link, p->link) == 0)
			want->items[link].wg.endpoints +=
			    endpoint_digest(&p->peer.key, &p->peer.endpoint);
	}
}

void config_lower(const struct config *c, struct state *want)
{
	lower(c, want);
	state_sort(want, NULL, NULL);
	seal_endpoints(want);
}

const char *object_name(struct arena *a, const struct object *o)
{
	return o ? arena_printf(a, "%s/%s", o->kind->name, o->name) : "";
}
