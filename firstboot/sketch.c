#include "firstboot/sketch.h"

#include <string.h>
#include <yaml.h>

#include "base/clean.h"

struct sketching {
	yaml_parser_t yaml;
	struct arena *arena;
	struct diag *diag;
	const char *file;
	const char *buf;
	size_t len;
	size_t index, byte; /* libyaml's marks count characters: the same place in both */
	size_t stop;	    /* the byte after the latest thing that is more than a mark */
	int levels;	    /* to keep */
	unsigned kept;
};

static void end_event(yaml_event_t *ev)
{
	yaml_event_delete(ev);
}

/* ---- places ----------------------------------------------------------------------------- */

static struct mark mark_of(const struct sketching *s, yaml_mark_t at)
{
	return (struct mark){ s->file, (int)at.line + 1, (int)at.column + 1 };
}

static bool is_later(char c) /* a byte of UTF-8 that begins no character */
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Marks come almost in order, so the way from the latest is short. */
static size_t byte_of(struct sketching *s, yaml_mark_t at)
{
	while (s->index > at.index && s->byte > 0) {
		s->byte--;
		s->index -= !is_later(s->buf[s->byte]);
	}
	while (s->index < at.index && s->byte < s->len) {
		s->byte++;
		while (s->byte < s->len && is_later(s->buf[s->byte]))
			s->byte++;
		s->index++;
	}
	return s->byte;
}

/* ---- events ----------------------------------------------------------------------------- */

static bool next(struct sketching *s, yaml_event_t *ev)
{
	const yaml_parser_t *y = &s->yaml;

	if (yaml_parser_parse(&s->yaml, ev)) {
		size_t end = byte_of(s, ev->end_mark);

		if (ev->start_mark.index < ev->end_mark.index || ev->type == YAML_SCALAR_EVENT)
			s->stop = end;
		return true;
	}
	diag_error(s->diag, mark_of(s, y->problem_mark), "not YAML: %s%s%s", y->problem,
		   y->context ? ", " : "", y->context ? y->context : "");
	return false;
}

static bool too_much(struct sketching *s, const yaml_event_t *ev, const char *what)
{
	diag_error(s->diag, mark_of(s, ev->start_mark), "%s", what);
	return false;
}

/* The rest of what ev begins, unkept. */
static bool skip(struct sketching *s, const yaml_event_t *begin, int level)
{
	int depth = 0;
	yaml_event_type_t type = begin->type;

	for (;;) {
		CLEAN(end_event) yaml_event_t ev = { 0 };

		depth += type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
		depth -= type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
		if (depth == 0)
			return true;
		if (!next(s, &ev))
			return false;
		if (level + depth > SKETCH_LEVELS)
			return too_much(s, &ev, "nested too deep");
		type = ev.type;
	}
}

static struct sketch *sketch_node(struct sketching *s, const yaml_event_t *ev, int level);

static bool is_end(const yaml_event_t *ev)
{
	return ev->type == YAML_MAPPING_END_EVENT || ev->type == YAML_SEQUENCE_END_EVENT;
}

/* One member. *ret_end: there was none, but the end. */
static struct sketch *sketch_member(struct sketching *s, bool map, int level, bool *ret_end)
{
	CLEAN(end_event) yaml_event_t key = { 0 };
	CLEAN(end_event) yaml_event_t value = { 0 };
	struct sketch *n;

	*ret_end = false;
	if (!next(s, map ? &key : &value))
		return NULL;
	*ret_end = is_end(map ? &key : &value);
	if (*ret_end || (map && (!skip(s, &key, level) || !next(s, &value))))
		return NULL;
	n = sketch_node(s, &value, level);
	if (n && key.type == YAML_SCALAR_EVENT) {
		n->key = arena_strndup(s->arena, (char *)key.data.scalar.value,
				       key.data.scalar.length);
		n->key_mark = mark_of(s, key.start_mark);
	}
	return n;
}

static bool sketch_children(struct sketching *s, struct sketch *parent, int level)
{
	struct sketch **tail = &parent->child;
	bool end = false;

	while (!end) {
		struct sketch *n =
		    sketch_member(s, parent->type == SKETCH_MAP, level + 1, &end);

		if (!n && !end)
			return false;
		if (n) {
			*tail = n;
			tail = &n->next;
		}
	}
	return true;
}

static void keep_scalar(struct sketching *s, const yaml_event_t *ev, struct sketch *n)
{
	yaml_scalar_style_t style = ev->data.scalar.style;

	n->literal = style == YAML_LITERAL_SCALAR_STYLE;
	n->block = n->literal || style == YAML_FOLDED_SCALAR_STYLE;
	n->len = ev->data.scalar.length;
	n->text = arena_strndup(s->arena, (char *)ev->data.scalar.value, n->len);
}

/* NULL after a fault. */
static struct sketch *sketch_node(struct sketching *s, const yaml_event_t *ev, int level)
{
	struct sketch *n = arena_alloc(s->arena, sizeof(*n));
	bool ok = true;

	if (++s->kept > SKETCH_KEPT)
		return too_much(s, ev, "too many values"), NULL;
	n->mark = mark_of(s, ev->start_mark);
	n->start = byte_of(s, ev->start_mark);
	n->type = ev->type == YAML_MAPPING_START_EVENT	  ? SKETCH_MAP
		  : ev->type == YAML_SEQUENCE_START_EVENT ? SKETCH_LIST
		  : ev->type == YAML_ALIAS_EVENT	  ? SKETCH_ALIAS
							  : SKETCH_SCALAR;
	if (n->type == SKETCH_SCALAR)
		keep_scalar(s, ev, n);
	else if (n->type != SKETCH_ALIAS && level < s->levels)
		ok = sketch_children(s, n, level);
	else
		ok = skip(s, ev, level);
	n->stop = s->stop > n->start ? s->stop : n->start;
	return ok ? n : NULL;
}

static struct sketch *sketch_document(struct sketching *s)
{
	for (;;) {
		CLEAN(end_event) yaml_event_t ev = { 0 };

		if (!next(s, &ev) || ev.type == YAML_STREAM_END_EVENT)
			return NULL;
		if (ev.type != YAML_STREAM_START_EVENT && ev.type != YAML_DOCUMENT_START_EVENT)
			return sketch_node(s, &ev, 0);
	}
}

/* What libyaml would take or explain badly. */
static const char *text_fault(const char *buf, size_t len)
{
	if (memchr(buf, 0, len))
		return "it holds NUL bytes: no text, or not UTF-8";
	/* libyaml compares each with all before it. */
	if (memmem(buf, len, "\n%TAG", 5) || (len >= 4 && memcmp(buf, "%TAG", 4) == 0))
		return "%TAG lines are not accepted";
	return NULL;
}

struct sketch *sketch_parse(struct arena *a, const char *file, const char *buf, size_t len,
			    int levels, struct diag *d)
{
	struct sketching s = {
		.arena = a, .diag = d, .file = file, .buf = buf, .len = len, .levels = levels
	};
	const char *fault = text_fault(buf, len);
	struct sketch *found;

	if (fault) {
		diag_error(d, (struct mark){ file, 0, 0 }, "%s", fault);
		return NULL;
	}
	yaml_parser_initialize(&s.yaml);
	yaml_parser_set_encoding(&s.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&s.yaml, (const unsigned char *)buf, len);
	found = sketch_document(&s);
	yaml_parser_delete(&s.yaml);
	return found;
}

const struct sketch *sketch_get(const struct sketch *map, const char *key)
{
	for (const struct sketch *n = map ? map->child : NULL; n; n = n->next)
		if (n->key && strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

/* ---- cutting out ------------------------------------------------------------------------ */

static char *put(char *to, char c, int n)
{
	if (n > 0)
		memset(to, c, (size_t)n);
	return n > 0 ? to + n : to;
}

char *sketch_pad(struct arena *a, const char *buf, const struct sketch *s,
		 const struct sketch *without, size_t *ret_len)
{
	size_t before = (size_t)s->mark.line + (size_t)s->mark.column;
	char *text = arena_alloc(a, before + s->stop - s->start + 1);
	char *to = put(put(text, '\n', s->mark.line - 1), ' ', s->mark.column - 1);

	for (size_t i = s->start; i < s->stop; i++) {
		bool blank = without && i >= without->start && i < without->stop;

		if (!blank || buf[i] == '\n')
			*to++ = buf[i];
		else if (!is_later(buf[i]))
			*to++ = ' ';
	}
	*ret_len = (size_t)(to - text);
	return text;
}

char *sketch_cut(struct arena *a, const char *buf, const struct sketch *s, size_t *ret_len)
{
	char *text = arena_alloc(a, s->stop - s->start + 2), *to = text;
	size_t stop = s->stop;

	while (stop > s->start && strchr(" \t\r\n", buf[stop - 1]))
		stop--;
	for (size_t i = s->start; i < stop; i++) {
		*to++ = buf[i];
		if (buf[i] == '\n')
			for (int n = s->mark.column - 1; n > 0 && buf[i + 1] == ' '; n--)
				i++;
	}
	*to++ = '\n';
	*ret_len = (size_t)(to - text);
	return text;
}

/* Columns between a block scalar's lines in the original and its text's; 0 where its lines
 * mean something else when they are indented. */
static int indent_of(const char *buf, const struct sketch *s)
{
	const char *line = memchr(buf + s->start, '\n', s->stop - s->start), *text = s->text;
	size_t there, here;

	if (!s->literal || !line || strchr("-.%", *text) || memmem(text, s->len, "\n---", 4) ||
	    memmem(text, s->len, "\n...", 4))
		return 0;
	for (line++; *text == '\n'; text++) {
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	there = strspn(line, " ");
	here = strspn(text, " ");
	return there > here ? (int)(there - here) : 0;
}

static size_t count_lines(const struct sketch *s)
{
	size_t n = 1;

	for (size_t i = 0; i < s->len; i++)
		n += s->text[i] == '\n' && s->text[i + 1] != '\n';
	return n;
}

char *sketch_pad_text(struct arena *a, const char *buf, const struct sketch *s, size_t *ret_len)
{
	int lines = s->block ? s->mark.line : s->mark.line - 1;
	int indent = memchr(s->text, '\n', s->len) ? indent_of(buf, s) : s->mark.column - 1;
	size_t room = (size_t)lines + count_lines(s) * (size_t)indent + s->len;
	char *text = arena_alloc(a, room + 1), *to = put(text, '\n', lines);

	for (size_t i = 0; i < s->len; i++) {
		if ((i == 0 || s->text[i - 1] == '\n') && s->text[i] != '\n')
			to = put(to, ' ', indent);
		*to++ = s->text[i];
	}
	*ret_len = (size_t)(to - text);
	return text;
}
