/* explain.h - the field tables in words, for who writes documents: routerctl explain and the
 * completion, and what docs/ has of the reference, the schema and the manual.
 *
 * What is given back is static, or lives in the arena. */
#pragma once

#include "base/out.h"
#include "config/kind.h"

/* A field and where it stands: "nodes[].wireGuard.endpoint". */
struct explained {
	const char *path;
	const struct field *field;
	unsigned depth; /* 0: of the spec itself */
};

extern const struct kind explain_router; /* the document that names the node; no object */

/* kind_named(), or the Router. */
const struct kind *explain_kind(const char *name);
/* Fields and what is below them, in the tables' order; *ret_count of them. prefix is what their
 * paths begin with. */
struct explained *explain_fields(struct arena *a, const char *prefix,
				 const struct field *fields, size_t *ret_count);
/* "capture.type", "nodes.site" or "nodes[].site", perhaps after "spec."; false: there is none,
 * and *fault says so. path NULL or "": all of the kind, and ret->field is NULL. */
bool explain_find(struct arena *a, const struct kind *k, const char *path,
		  struct explained *ret, const char **fault);

/* What may stand there, in a few words: "1 to 65535", "`onprem` or `cloud`" with quote "`". */
const char *explain_value(struct arena *a, const struct field *f, const char *quote);
/* "required", "default 254" or "". */
const char *explain_needed(struct arena *a, const struct field *f, const char *quote);
/* How such a value is written, where that wants saying; else NULL. */
const char *explain_form(enum field_type type);
/* What follows from 'auto'. */
extern const char explain_auto[];

/* What routerctl explain prints: all kinds; one, or with e->field that field and those below.
 */
void explain_kinds_print(FILE *out);
void explain_kinds_out(struct out *o);
void explain_print(const struct kind *k, const struct explained *e, FILE *out);
void explain_out(struct out *o, const struct kind *k, const struct explained *e);
