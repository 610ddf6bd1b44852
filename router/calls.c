/* calls.c - io.routerd: what may be asked of the daemon over its socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/clock.h"
#include "base/stream.h"
#include "config/kind.h"
#include "export.h"
#include "serve.h"

#define FRESH_S	    1	  /* a pass is not made anew for a question that soon after it */
#define CONFIRM_MAX 86400 /* seconds */

#define INVALID	       CONTROL_INTERFACE ".InvalidConfiguration"
#define AWAITS	       CONTROL_INTERFACE ".AwaitsConfirmation"
#define NOTHING_THERE  CONTROL_INTERFACE ".NothingToGoBackTo"
#define NOTHING_AWAITS CONTROL_INTERFACE ".NothingToConfirm"
#define BUSY	       CONTROL_INTERFACE ".Busy"
#define NOT_FOUND      CONTROL_INTERFACE ".NotFound"
#define SYSTEM	       CONTROL_INTERFACE ".SystemError"

const char serve_description[] =
    "# What routerd holds in force, and how that fares.\n"
    "interface io.routerd\n\n"
    "type Condition (\n"
    "  type: string,\n  status: string,\n  reason: string,\n  message: string,\n"
    "  lastTransition: string\n)\n\n"
    "type Object (\n"
    "  kind: string,\n  name: string,\n  file: string,\n  line: int,\n"
    "  conditions: []Condition,\n  status: object\n)\n\n"
    "type Op (\n"
    "  verb: string,\n  text: string,\n  object: ?string,\n  item: object,\n"
    "  was: ?object,\n  error: ?string,\n  note: ?string\n)\n\n"
    "# Objects of a kind and name, or all. With more, again whenever a condition changes:\n"
    "# then only the objects that changed.\n"
    "method Get(kind: ?string, name: ?string) -> (objects: []Object)\n\n"
    "method GetStatus() -> (\n"
    "  version: string,\n  pid: int,\n  started: string,\n"
    "  config: (source: string, valid: bool, faults: []string, warnings: []string,\n"
    "    confirmUntil: ?string, reverting: ?bool),\n"
    "  keys: [](node: string, interface: string, publicKey: ?string, fingerprint: ?string,\n"
    "    nextFingerprint: ?string, setAsideAsCopy: ?string, setAsideAsDamaged: ?string,\n"
    "    generation: ?int, created: ?string),\n"
    "  objects: (total: int, ready: int, degraded: int),\n"
    "  lastPass: ?string,\n  lastPassMilliseconds: int,\n"
    "  passes: int,\n  changes: int,\n  failures: int,\n  removals: int\n)\n\n"
    "# OpenMetrics 1.0.\n"
    "method GetMetrics() -> (lines: []string)\n\n"
    "# Puts the file path, /etc/routerd/.router.yaml.*, in router.yaml's place, when it has\n"
    "# no fault. Faults name it as shown.\n"
    "method Apply(path: string, shown: ?string, confirmWithinSeconds: ?int) -> (\n"
    "  ops: []Op,\n  failures: []string\n)\n\n"
    "# Reads the files again.\n"
    "method Reload() -> (ops: []Op, failures: []string)\n\n"
    "method Confirm() -> ()\n\n"
    "method Rollback() -> (ops: []Op, failures: []string)\n\n"
    "error InvalidConfiguration (faults: []string)\n"
    "error AwaitsConfirmation ()\n"
    "error NothingToGoBackTo ()\n"
    "error NothingToConfirm ()\n"
    "error Busy ()\n"
    "error NotFound (kind: ?string, name: ?string)\n"
    "error SystemError (message: string)\n";

static void out_lines(struct out *o, const char *key, const char *text)
{
	CLEAN(free_text) char *copy = must(strdup(text ? text : ""));

	out_list(o, key);
	for (char *line = copy, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		out_text(o, NULL, line);
	}
	out_end(o);
}

static const char *parameter(const struct call *call, const char *name)
{
	const struct node *n = call->parameters ? node_get(call->parameters, name) : NULL;

	return n && n->type == NODE_SCALAR && !node_is_null(n) ? n->text : NULL;
}

static const char *bad(struct out *o, const char *name)
{
	out_text(o, "parameter", name);
	return VARLINK_BAD;
}

/* ---- questions -------------------------------------------------------------------------- */

static bool is_known(const struct serve *s, const struct kind *kind, const char *name)
{
	for (size_t i = 0; s->kept && i < s->kept->count; i++)
		if (strcmp(s->kept->objects[i].name, name) == 0 &&
		    (!kind || s->kept->objects[i].kind == kind))
			return true;
	return false;
}

static const char *get(void *arg, const struct call *call, struct out *o, uint64_t *since)
{
	const char *word = parameter(call, "kind"), *name = parameter(call, "name");
	const struct kind *kind = word ? kind_named(word) : NULL;
	struct serve *s = arg;
	size_t n = 0;

	if (word && !kind)
		return bad(o, "kind");
	if (name && !is_known(s, kind, name) && !call->again) {
		out_text(o, "kind", word);
		out_text(o, "name", name);
		return NOT_FOUND;
	}
	if (!call->again && s->kept && !s->passing && time(NULL) - s->at >= FRESH_S)
		serve_pass(s, NULL, NULL, NULL);
	out_list(o, "objects");
	if (s->status)
		n = status_out(o, s->status, s->pass, kind, name, call->since, time(NULL));
	out_end(o);
	if (s->status && (n || !call->again))
		*since = s->status->version;
	return NULL;
}

static const char *get_status(void *arg, const struct call *call, struct out *o,
			      uint64_t *since)
{
	static const char *const sources[] = {
		[ACTIVE_NONE] = "none",
		[ACTIVE_FILES] = "files",
		[ACTIVE_LAST_GOOD] = "last-good",
	};
	const struct serve *s = arg;
	char text[24];

	(void)call, (void)since;
	out_text(o, "version", VERSION);
	out_number(o, "pid", getpid());
	out_text(o, "started", clock_print(s->started, text));
	out_map(o, "config");
	out_text(o, "source", sources[s->active.source]);
	out_bool(o, "valid", !s->active.faults);
	out_lines(o, "faults", s->active.faults);
	out_lines(o, "warnings", s->active.warnings);
	if (s->active.confirm_until && !s->active.reverting)
		out_text(o, "confirmUntil",
			 clock_print(time(NULL) + (s->active.confirm_until - now_ms()) / 1000,
				     text));
	if (s->active.reverting)
		out_bool(o, "reverting", true);
	out_end(o);
	out_list(o, "keys");
	for (size_t i = 0; s->kept && i < s->kept->self_count; i++) {
		out_map(o, NULL);
		export_out(o, &s->kept->selves[i]);
		out_end(o);
	}
	out_end(o);
	out_map(o, "objects");
	out_number(o, "total", s->kept ? (long long)s->kept->count : 0);
	out_number(o, "ready", s->status ? (long long)s->status->ready : 0);
	out_number(o, "degraded", s->status ? (long long)s->status->degraded : 0);
	out_end(o);
	if (s->at)
		out_text(o, "lastPass", clock_print(s->at, text));
	out_number(o, "lastPassMilliseconds", s->took);
	out_number(o, "passes", (long long)s->counters.passes);
	out_number(o, "changes", (long long)s->counters.changes);
	out_number(o, "failures", (long long)s->counters.failures);
	out_number(o, "removals", (long long)s->counters.removals);
	return NULL;
}

static const char *get_metrics(void *arg, const struct call *call, struct out *o,
			       uint64_t *since)
{
	CLEAN(stream_done) struct stream text = { 0 };

	(void)call, (void)since;
	metrics_out(arg, stream_open(&text));
	out_lines(o, "lines", stream_text(&text));
	return NULL;
}

/* ---- changes ---------------------------------------------------------------------------- */

/* The pass that follows a change, and its report. */
static const char *pass(struct serve *s, struct kept *next, struct out *o)
{
	CLEAN(stream_done) struct stream failed = { 0 };

	serve_arm_confirm(s);
	out_list(o, "ops");
	serve_pass(s, next, o, stream_open(&failed));
	out_end(o);
	out_lines(o, "failures", stream_text(&failed));
	return NULL;
}

static const char *refusal(int r, const char *faults, struct out *o)
{
	if (r == -EALREADY)
		return AWAITS;
	if (r == -ENODATA)
		return NOTHING_THERE;
	if (r == -EBADMSG) {
		out_lines(o, "faults", faults);
		return INVALID;
	}
	out_text(o, "message", strerror(-r));
	return SYSTEM;
}

static const char *apply(void *arg, const struct call *call, struct out *o, uint64_t *since)
{
	const char *path = parameter(call, "path"), *shown = parameter(call, "shown");
	const char *seconds = parameter(call, "confirmWithinSeconds");
	CLEAN(free_text) char *faults = NULL;
	struct serve *s = arg;
	struct kept *next;
	long confirm = 0;
	char *end;
	int r;

	(void)since;
	if (!path || strncmp(path, ACTIVE_STAGED, strlen(ACTIVE_STAGED)) != 0 ||
	    strchr(path + strlen(ACTIVE_STAGED), '/'))
		return bad(o, "path");
	if (seconds) {
		confirm = strtol(seconds, &end, 10);
		if (*end || confirm < 1 || confirm > CONFIRM_MAX)
			return bad(o, "confirmWithinSeconds");
	}
	if (s->passing)
		return BUSY;
	r = active_install(&s->active, path, shown ? shown : path, confirm * 1000, &next,
			   &faults);
	return r < 0 ? refusal(r, faults, o) : pass(s, next, o);
}

static const char *reload(void *arg, const struct call *call, struct out *o, uint64_t *since)
{
	struct serve *s = arg;
	struct kept *next;
	int r;

	(void)call, (void)since;
	if (s->passing)
		return BUSY;
	r = active_reload(&s->active, &next);
	return r < 0 ? refusal(r, s->active.faults, o) : pass(s, next, o);
}

static const char *confirm(void *arg, const struct call *call, struct out *o, uint64_t *since)
{
	struct serve *s = arg;
	int r = active_confirm(&s->active);

	(void)call, (void)since;
	serve_arm_confirm(s);
	return r == -ENODATA ? NOTHING_AWAITS : r < 0 ? refusal(r, NULL, o) : NULL;
}

static const char *rollback(void *arg, const struct call *call, struct out *o, uint64_t *since)
{
	CLEAN(free_text) char *faults = NULL;
	struct serve *s = arg;
	struct kept *next;
	int r;

	(void)call, (void)since;
	if (s->passing)
		return BUSY;
	r = active_rollback(&s->active, &next, &faults);
	serve_arm_confirm(s);
	if (r < 0 && next)
		serve_pass(s, next, NULL, NULL); /* the files follow: confirm_ready() */
	return r < 0 ? refusal(r, faults, o) : pass(s, next, o);
}

const struct control_entry serve_calls[] = {
	{ "Get", get, .watched = true },	{ "GetStatus", get_status },
	{ "GetMetrics", get_metrics },		{ "Apply", apply, .root = true },
	{ "Reload", reload, .root = true },	{ "Confirm", confirm, .root = true },
	{ "Rollback", rollback, .root = true }, { 0 },
};
