#include "base/yaml.h"

#include <string.h>
#include <yaml.h>

struct parse {
	yaml_parser_t yaml;
	struct arena *arena;
	struct diag *diag;
	const char *file;
	const char *buf;
	size_t len;
	unsigned nodes;
};

static struct mark mark_of(const struct parse *p, yaml_mark_t at)
{
	return (struct mark){ p->file, (int)at.line + 1, (int)at.column + 1 };
}

/* libyaml's marks count characters, not bytes. */
static bool is_tab(const struct parse *p, yaml_mark_t at)
{
	const char *c = p->buf, *end = p->buf + p->len;

	for (; at.line > 0 && c < end; c++)
		at.line -= *c == '\n';
	for (; c < end && (at.column > 0 || (*c & 0xc0) == 0x80); c++)
		at.column -= (*c & 0xc0) != 0x80;
	return c < end && *c == '\t';
}

static bool next(struct parse *p, yaml_event_t *ev)
{
	const yaml_parser_t *y = &p->yaml;
	yaml_mark_t at;

	if (yaml_parser_parse(&p->yaml, ev))
		return true;
	at = y->problem_mark;
	if (y->error == YAML_READER_ERROR) { /* has an offset, but no mark */
		at = (yaml_mark_t){ 0 };
		for (size_t i = 0; i < y->problem_offset && i < p->len; i++) {
			at.column++;
			if (p->buf[i] == '\n')
				at = (yaml_mark_t){ .line = at.line + 1 };
		}
	}
	if (is_tab(p, at))
		diag_error(p->diag, mark_of(p, at), "a tab where YAML wants spaces");
	else
		diag_error(p->diag, mark_of(p, at), "not YAML: %s%s%s", y->problem,
			   y->context ? ", " : "", y->context ? y->context : "");
	return false;
}

static struct node *parse_node(struct parse *p, yaml_event_t *ev, int depth);

static const struct node *parse_key(struct parse *p, yaml_event_t *ev, const struct node *map,
				    unsigned count, int depth)
{
	const struct node *n = parse_node(p, ev, depth), *twin;

	if (!n)
		return NULL;
	if (n->type != NODE_SCALAR) {
		diag_error(p->diag, n->mark, "a key must be a plain word");
		return NULL;
	}
	if (count == YAML_KEYS) {
		diag_error(p->diag, n->mark, "more than %d keys in one map", YAML_KEYS);
		return NULL;
	}
	twin = node_get(map, n->text);
	if (twin)
		diag_error(p->diag, n->mark, "key '%s' is here twice; the first is in line %d",
			   n->text, twin->mark.line);
	return n;
}

/* Members of a map or list up to its end event. False after an error. */
static bool parse_children(struct parse *p, struct node *parent, int depth)
{
	struct node **tail = &parent->child;

	for (unsigned count = 0;; count++) {
		const struct node *key = NULL;
		struct node *n;
		yaml_event_t ev;

		if (!next(p, &ev))
			return false;
		if (ev.type == YAML_MAPPING_END_EVENT || ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			return true;
		}
		if (parent->type == NODE_MAP) {
			key = parse_key(p, &ev, parent, count, depth);
			if (!key || !next(p, &ev))
				return false;
		}
		n = parse_node(p, &ev, depth);
		if (!n)
			return false;
		if (key) {
			n->key = key->text;
			n->key_mark = key->mark;
		}
		if (key && node_get(parent, n->key))
			continue; /* said already; what else is wrong is still of interest */
		*tail = n;
		tail = &n->next;
	}
}

static bool scalar(struct parse *p, const yaml_event_t *ev, struct node *n)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;

	if (len > YAML_TEXT)
		diag_error(p->diag, n->mark, "a value of more than %d bytes", YAML_TEXT);
	else if (strlen(text) != len)
		diag_error(p->diag, n->mark, "a value with a NUL byte in it");
	else {
		n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		n->text = arena_strndup(p->arena, text, len);
		return true;
	}
	return false;
}

/* What the subset leaves out, by event; NULL when ev is welcome. */
static const char *refusal(const yaml_event_t *ev)
{
	bool scalar = ev->type == YAML_SCALAR_EVENT;
	bool map = ev->type == YAML_MAPPING_START_EVENT;

	if (ev->type == YAML_ALIAS_EVENT)
		return "aliases (*name) are not accepted; write the value out";
	if (scalar ? ev->data.scalar.anchor != NULL
	    : map  ? ev->data.mapping_start.anchor != NULL
		   : ev->data.sequence_start.anchor != NULL)
		return "anchors (&name) are not accepted; write the value out";
	if (scalar ? ev->data.scalar.tag != NULL
	    : map  ? ev->data.mapping_start.tag != NULL
		   : ev->data.sequence_start.tag != NULL)
		return "tags (!name) are not accepted";
	return NULL;
}

/* Consumes ev. NULL after an error. */
static struct node *parse_node(struct parse *p, yaml_event_t *ev, int depth)
{
	struct node *n = arena_alloc(p->arena, sizeof(*n));
	yaml_event_type_t type = ev->type;
	const char *no = refusal(ev);
	bool ok = true;

	n->mark = mark_of(p, ev->start_mark);
	if (!no && ++p->nodes > YAML_NODES)
		no = "too many values in one file";
	if (!no && type != YAML_SCALAR_EVENT && depth == YAML_DEPTH)
		no = "nested too deep";
	if (no)
		diag_error(p->diag, n->mark, "%s", no);
	else if (type == YAML_SCALAR_EVENT)
		ok = scalar(p, ev, n);
	yaml_event_delete(ev);

	if (no || !ok)
		return NULL;
	if (type == YAML_SCALAR_EVENT)
		return n;
	n->type = type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST;
	return parse_children(p, n, depth + 1) ? n : NULL;
}

/* What libyaml would take or explain badly. */
static const char *encoding_fault(const char *buf, size_t len)
{
	const unsigned char *b = (const unsigned char *)buf;

	if (len > YAML_BYTES)
		return "larger than 32 MiB";
	if (len >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
		return "the file is UTF-16; save it as UTF-8";
	if (memchr(buf, 0, len))
		return "the file holds NUL bytes: not a text file, or not UTF-8";
	/* libyaml compares each with all before it, and no tag is accepted anyway. */
	if (memmem(buf, len, "\n%TAG", 5) || (len >= 4 && memcmp(buf, "%TAG", 4) == 0))
		return "%TAG lines are not accepted";
	return NULL;
}

struct node *node_parse(struct arena *a, const char *file, const char *buf, size_t len,
			struct diag *d)
{
	struct parse p = { .arena = a, .diag = d, .file = file, .buf = buf, .len = len };
	struct node *docs = arena_alloc(a, sizeof(*docs)), **tail = &docs->child;
	const char *fault = encoding_fault(buf, len);
	bool more = !fault;

	docs->type = NODE_LIST;
	docs->mark = (struct mark){ file, 0, 0 };
	if (fault)
		diag_error(d, docs->mark, "%s", fault);
	yaml_parser_initialize(&p.yaml);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)buf, len);
	while (more) {
		yaml_event_t ev;

		more = next(&p, &ev);
		if (!more)
			break;
		switch (ev.type) {
		case YAML_STREAM_END_EVENT:
			more = false;
			/* fall through */
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			yaml_event_delete(&ev);
			break;
		default:
			*tail = parse_node(&p, &ev, 0);
			more = *tail != NULL;
			if (more && !node_is_null(*tail)) /* "---" twice is no document */
				tail = &(*tail)->next;
		}
	}
	*tail = NULL;
	yaml_parser_delete(&p.yaml);
	return docs;
}

const struct node *node_get(const struct node *map, const char *key)
{
	for (const struct node *n = map ? map->child : NULL; n; n = n->next)
		if (n->key && strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

const char *node_text(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->type == NODE_SCALAR ? n->text : NULL;
}

bool node_is_true(const struct node *n)
{
	return n && n->type == NODE_SCALAR && n->plain && strcmp(n->text, "true") == 0;
}

bool node_is_null(const struct node *n)
{
	return n->type == NODE_SCALAR && n->plain &&
	       (!*n->text || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}
