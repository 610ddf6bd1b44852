#include "firstboot/report.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/stream.h"
#include "base/table.h"
#include "base/yaml.h"
#include "firstboot/named.h"

static const char *const ends[] = {
	[BOOT_DONE] = "done", [BOOT_WAITING] = "waiting", [BOOT_FAILED] = "failed"
};

/* What stands after "fingerprint" in what was published. */
static const char *fingerprint(const struct boot *b)
{
	static const char word[] = " fingerprint ";
	const char *at = b->published ? strstr(b->published, word) : NULL;

	return at ? at + strlen(word) : NULL;
}

static const char *config_from(const struct boot *b)
{
	if (b->source.kind != SOURCE_NONE)
		return b->source.from;
	return access("/etc/routerd/router.yaml", F_OK) == 0 ? "/etc/routerd/router.yaml"
							     : NULL;
}

static const char *summary(const struct boot *b, enum boot_end end)
{
	const struct facts *f = &b->told.facts;
	const char *from = config_from(b);
	bool digest = b->source.kind != SOURCE_NONE;

	return arena_printf(
	    b->arena, "first boot %s: node %s on %s%s%s%s, configuration: %s%s%.12s",
	    end == BOOT_WAITING ? "waits" : ends[end], b->node,
	    b->provider ? b->provider->name : "an unknown platform", f->instance ? " (" : "",
	    f->instance ? f->instance : "", f->instance ? ")" : "", from ? from : "none",
	    digest ? ", sha256 " : "", digest ? b->source.digest : "");
}

static size_t compose_keys(const struct boot *b, const char *ret[static 2])
{
	size_t n = 0;

	if (b->published)
		ret[n++] = b->published;
	if (b->signing)
		ret[n++] = arena_printf(b->arena, "node %s: signing key of its exchange %s",
					b->node, b->signing);
	return n;
}

/* What the console is told; returns how many lines. */
static size_t compose(const struct boot *b, const struct boot_result *results,
		      enum boot_end end, const char *ret[static BOOT_LINES])
{
	size_t n;

	n = compose_keys(b, ret);
	ret[n++] = summary(b, end);
	for (size_t i = 0; i < BOOT_STEPS; i++)
		if (results[i].end == BOOT_FAILED)
			ret[n++] = arena_printf(b->arena, "first boot could not %s: %s",
						boot_steps[i].does, results[i].detail);
	if (b->next)
		ret[n++] = arena_printf(b->arena, "next: %s", b->next);
	return n;
}

/* ---- the file --------------------------------------------------------------------------- */

static void out_steps(struct out *o, const struct boot_result *results)
{
	out_list(o, "steps");
	for (size_t i = 0; i < BOOT_STEPS; i++) {
		out_map(o, NULL);
		out_text(o, "name", boot_steps[i].name);
		out_text(o, "result", ends[results[i].end]);
		out_number(o, "milliseconds", results[i].ms);
		out_text(o, "detail", results[i].detail);
		out_end(o);
	}
	out_end(o);
}

static void out_config(struct out *o, const struct boot *b)
{
	const char *from = config_from(b);

	if (!from)
		return;
	out_map(o, "config");
	out_text(o, "from", from);
	if (b->source.kind != SOURCE_NONE)
		out_text(o, "sha256", b->source.digest);
	out_end(o);
}

static void out_report(struct out *o, const struct boot *b, const struct boot_result *results,
		       enum boot_end end, long long ms, const char *const *lines, size_t n)
{
	out_text(o, "result", ends[end]);
	out_text(o, "node", b->node);
	out_text(o, "role", b->seed.role);
	out_text(o, "provider", b->provider ? b->provider->name : NULL);
	out_text(o, "fingerprint", fingerprint(b));
	out_text(o, "signingKey", b->signing);
	out_config(o, b);
	out_text(o, "next", b->next);
	out_number(o, "milliseconds", ms);
	out_steps(o, results);
	out_list(o, "console");
	for (size_t i = 0; i < n; i++)
		out_text(o, NULL, lines[i]);
	out_end(o);
}

/* By this run, or, where there was nothing new so far, by the last one of this boot: /run is
 * empty after one. What comes after news is told again: what is to be done may be so again. */
static bool is_told(const struct boot *b, const char *line)
{
	const struct node *report = facts_report(b->arena);
	const struct node *told = report ? node_get(report, "console") : NULL;

	for (size_t i = 0; i < b->told_count; i++)
		if (strcmp(b->told_lines[i], line) == 0)
			return true;
	for (const struct node *n = told && !b->told_count ? told->child : NULL; n; n = n->next)
		if (n->text && strcmp(n->text, line) == 0)
			return true;
	return false;
}

static void tell(struct boot *b, enum log_level level, const char *line)
{
	if (is_told(b, line)) {
		log_line(LOG_INFO, "%s", line);
		return;
	}
	log_console(level, line);
	if (b->told_count < BOOT_LINES)
		b->told_lines[b->told_count++] = line;
}

void report_keys(struct boot *b)
{
	const char *lines[2];
	size_t n = compose_keys(b, lines);

	for (size_t i = 0; i < n; i++)
		tell(b, LOG_INFO, lines[i]);
}

/* For who reads lines. */
static const char *escaped(struct arena *a, const char *text)
{
	CLEAN(stream_done) struct stream s = { 0 };

	out_escape(stream_open(&s), text);
	return arena_printf(a, "%s", stream_text(&s));
}

bool report_boot(struct boot *b, const struct boot_result results[static BOOT_STEPS],
		 enum boot_end end, long long ms)
{
	CLEAN(stream_done) struct stream text = { 0 };
	const char *lines[BOOT_LINES];
	size_t n = compose(b, results, end, lines);
	struct out o;
	int r;

	out_open(&o, stream_open(&text), OUT_JSON);
	out_report(&o, b, results, end, ms, lines, n);
	out_close(&o);
	stream_text(&text);
	for (size_t i = 0; i < n; i++)
		tell(b, end == BOOT_FAILED ? LOG_ERROR : LOG_INFO, lines[i]);
	notify_send("STATUS=%s", escaped(b->arena, summary(b, end)));
	r = file_make_folder(FACTS_REPORT, 0755);
	if (r == 0)
		r = file_write(FACTS_REPORT, text.bytes, text.len, 0644);
	if (r < 0)
		log_line(LOG_ERROR, FACTS_REPORT ": cannot be written: %s", strerror(-r));
	return r == 0;
}

void report_print(const struct boot *b, const struct boot_result results[static BOOT_STEPS])
{
	struct table t = { .arena = b->arena, .columns = 4 };

	for (size_t i = 0; i < BOOT_STEPS; i++) {
		table_add(&t, boot_steps[i].name, TABLE_PLAIN);
		table_add(&t, ends[results[i].end],
			  results[i].end == BOOT_DONE	  ? TABLE_GREEN
			  : results[i].end == BOOT_FAILED ? TABLE_RED
							  : TABLE_YELLOW);
		table_add(&t, arena_printf(b->arena, "%lld ms", results[i].ms), TABLE_PLAIN);
		table_add(&t, results[i].detail, TABLE_PLAIN);
	}
	table_print(&t, stdout);
	if (b->next)
		printf("next: %s\n", b->next);
}
