#include "get.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clean.h"
#include "base/stream.h"
#include "base/table.h"
#include "status.h"

/* ---- for programs ----------------------------------------------------------------------- */

static bool is_number(const char *text)
{
	size_t n = strspn(text + (*text == '-'), "0123456789");

	return n > 0 && n < 19 && text[n + (*text == '-')] == '\0';
}

void get_out(struct out *o, const char *key, const struct node *n)
{
	if (n->type == NODE_SCALAR) {
		bool truth =
		    n->plain && (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0);

		if (truth)
			out_bool(o, key, *n->text == 't');
		else if (n->plain && is_number(n->text))
			out_number(o, key, strtoll(n->text, NULL, 10));
		else
			out_text(o, key, n->text);
		return;
	}
	if (n->type == NODE_MAP)
		out_map(o, key);
	else
		out_list(o, key);
	for (const struct node *m = n->child; m; m = m->next)
		get_out(o, m->key, m);
	out_end(o);
}

void get_lines(const struct node *list, FILE *out)
{
	for (const struct node *n = list ? list->child : NULL; n; n = n->next) {
		out_escape(out, n->text ? n->text : "");
		fputc('\n', out);
	}
}

/* ---- for people ------------------------------------------------------------------------- */

static const struct node *condition(const struct node *object, const char *type)
{
	const struct node *list = node_get(object, "conditions");

	for (const struct node *n = list ? list->child : NULL; n; n = n->next)
		if (node_text(n, "type") && strcmp(node_text(n, "type"), type) == 0)
			return n;
	return NULL;
}

static bool holds(const struct node *condition, const char *status)
{
	const char *is = condition ? node_text(condition, "status") : NULL;

	return is && strcmp(is, status) == 0;
}

static long long number(const struct node *map, const char *key)
{
	const char *text = map ? node_text(map, key) : NULL;

	return text ? strtoll(text, NULL, 10) : 0;
}

/* "12s", "5m", "3h", "4d": the two figures a person reads. */
static const char *age(struct arena *a, long long seconds)
{
	static const struct {
		long long unit;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (seconds >= 2 * units[i].unit)
			return arena_printf(a, "%lld%c", seconds / units[i].unit,
					    units[i].letter);
	return arena_printf(a, "%llds", seconds > 0 ? seconds : 0);
}

static const char *bytes(struct arena *a, long long n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)n;
	size_t i = 0;

	for (; value >= 1024 && i < 4; i++)
		value /= 1024;
	return arena_printf(a, "%.*f %s", i ? 1 : 0, value, units[i]);
}

static const char *since(struct arena *a, const struct node *condition)
{
	const char *text = condition ? node_text(condition, "lastTransition") : NULL;
	struct tm tm = { 0 };

	if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "";
	return age(a, (long long)(time(NULL) - timegm(&tm)));
}

/* What one wants to know of an object with which all is well. */
static const char *facts(struct arena *a, const struct node *object)
{
	const struct node *s = node_get(object, "status"), *absence;
	const char *key, *from;

	if (!s)
		return "";
	key = node_text(s, "publicKey");
	from = node_text(s, "effectiveMTUFrom");
	absence = node_get(s, "captureOSAddressAbsence");
	if (node_get(s, "latestHandshake"))
		return arena_printf(a, "handshake %s ago, %s in, %s out",
				    age(a, number(s, "handshakeAgeSeconds")),
				    bytes(a, number(s, "receivedBytes")),
				    bytes(a, number(s, "sentBytes")));
	if (key)
		return arena_printf(a, "public key %s, by %s", key, node_text(s, "carriedBy"));
	if (from && absence && number(absence, "removedCount"))
		return arena_printf(a, "mss %lld, address removed %lld times", number(s, "mss"),
				    number(absence, "removedCount"));
	if (from)
		return arena_printf(a, "mss %lld (%s)", number(s, "mss"), from);
	return "";
}

static void add_row(struct table *t, const struct node *object, bool wide)
{
	const struct node *ready = condition(object, "Ready");
	const struct node *degraded = condition(object, "Degraded"), *say = ready;
	enum table_colour colour = TABLE_GREEN;
	const char *word = "Ready";
	struct arena *a = t->arena;

	if (holds(ready, "False")) {
		word = "NotReady";
		colour = TABLE_RED;
	} else if (holds(degraded, "True")) {
		word = "Degraded";
		colour = TABLE_YELLOW;
		say = degraded;
	} else if (holds(ready, "Unknown")) {
		word = "Unknown";
		colour = TABLE_YELLOW;
	}
	table_add(
	    t, arena_printf(a, "%s/%s", node_text(object, "kind"), node_text(object, "name")),
	    TABLE_PLAIN);
	table_add(t, word, colour);
	table_add(t, since(a, say), TABLE_PLAIN);
	if (wide) {
		table_add(t, say ? node_text(say, "reason") : "", TABLE_PLAIN);
		table_add(t,
			  arena_printf(a, "%s:%s", node_text(object, "file"),
				       node_text(object, "line")),
			  TABLE_PLAIN);
	}
	table_add(t,
		  colour == TABLE_GREEN ? facts(a, object)
		  : say			? node_text(say, "message")
					: "",
		  TABLE_PLAIN);
}

void get_print(const struct ctl *o, const struct node *objects, bool first)
{
	static const char *const heads[] = { "OBJECT", "STATE", "SINCE",
					     "REASON", "PLACE", "DETAIL" };
	CLEAN(arena_done) struct arena *a = arena_new();
	struct table t = { .arena = a, .columns = o->wide ? 6 : 4 };
	struct out out;

	if (o->format != REPORT_TABLE) {
		out_open(&out, stdout, o->format == REPORT_JSON ? OUT_JSON : OUT_YAML);
		get_out(&out, "objects", objects);
		out_close(&out);
		return;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads) && first; i++)
		if (o->wide || (i != 3 && i != 4))
			table_add(&t, heads[i], TABLE_PLAIN);
	for (const struct node *n = objects->child; n; n = n->next)
		add_row(&t, n, o->wide);
	if (!objects->child && first)
		fputs("routerctl: nothing is in force\n", stderr);
	else
		table_print(&t, stdout);
}

/* ---- without the daemon ----------------------------------------------------------------- */

/* The objects selected, as the daemon would tell of them. */
static size_t tell(const char *what, const struct kept *kept, const struct pass *p, FILE *to)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(status_done) struct status *s = status_new(NULL, kept, p, time(NULL));
	const char *slash = what ? strchr(what, '/') : NULL;
	const char *kind = slash ? arena_strndup(a, what, (size_t)(slash - what)) : what;
	struct out out;
	size_t n;

	out_open(&out, to, OUT_JSON);
	out_list(&out, "objects");
	n = status_out(&out, s, p, kind ? kind_named(kind) : NULL, slash ? slash + 1 : NULL, 0,
		       time(NULL));
	out_end(&out);
	out_close(&out);
	return n;
}

static bool has_ours(const struct state *have)
{
	for (size_t i = 0; i < have->count; i++)
		if (have->items[i].ours)
			return true;
	return false;
}

int get_seen(struct arena *a, const struct config *c, const char *what, bool *ret_ours,
	     const struct node **ret)
{
	CLEAN(stream_done) struct stream text = { 0 };
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(pass_done) struct pass *p = NULL;
	CLEAN(kept_done) struct kept *kept = config_keep(c);
	struct diag d = { .arena = a };
	int r = kernel_open(&k);

	if (r == 0)
		r = pass_new(&k, &kept->want, &p);
	if (r < 0)
		return r;
	if (tell(what, kept, p, stream_open(&text)) == 0)
		return -ENOENT;
	stream_text(&text);
	*ret = node_get(node_parse(a, "status", text.bytes, text.len, &d)->child, "objects");
	*ret_ours = has_ours(&p->have);
	return 0;
}

enum ctl_exit get_without_daemon(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a };
	const struct node *objects;
	struct documents s;
	bool ours;
	int r;

	if (!ctl_load(&c, &s, o->files, o->file_count))
		return CTL_FAILED;
	r = get_seen(a, &c, o->words[0], &ours, &objects);
	if (r == -ENOENT) {
		fprintf(stderr, "routerctl: the configuration has no '%.320s'\n",
			o->words[0] ? o->words[0] : "object");
		return CTL_FAILED;
	}
	if (r < 0)
		return ctl_complain("the kernel could not be asked", r);
	get_print(o, objects, true);
	return ctl_printed(CTL_OK);
}

enum ctl_exit ctl_describe(const struct ctl *o)
{
	struct ctl c = *o;

	if (!o->formatted)
		c.format = REPORT_YAML;
	return ctl_get(&c);
}
