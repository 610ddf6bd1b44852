/* metrics.c - the daemon's numbers, as OpenMetrics 1.0 text
 * (https://github.com/prometheus/OpenMetrics, specification/OpenMetrics.md). */
#include <inttypes.h>
#include <string.h>

#include "config/kind.h"
#include "serve.h"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

/* Inside the quotes of a label: backslash, quote and newline are escaped. */
static void label(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', out);
		fputc(*text == '\n' ? ' ' : *text, out);
	}
}

static void counter(FILE *out, const char *name, const char *help, uint64_t value)
{
	family(out, name, "counter", help);
	fprintf(out, "%s_total %" PRIu64 "\n", name, value);
}

static void gauge(FILE *out, const char *name, const char *help, double value)
{
	family(out, name, "gauge", help);
	fprintf(out, "%s %.17g\n", name, value);
}

static bool any(const struct fate *f)
{
	(void)f;
	return true;
}

static bool is_ready(const struct fate *f)
{
	return f->ready.is == STATUS_TRUE;
}

static bool is_degraded(const struct fate *f)
{
	return f->degraded.is == STATUS_TRUE;
}

/* Objects are in order of their kinds. */
static void by_kind(FILE *out, const struct status *s, const char *name, const char *help,
		    bool (*counts)(const struct fate *f))
{
	size_t n;

	family(out, name, "gauge", help);
	for (size_t i = 0; s && i < s->kept->count; i += n) {
		const struct kind *k = s->kept->objects[i].kind;
		size_t sum = 0;

		for (n = 0; i + n < s->kept->count && s->kept->objects[i + n].kind == k; n++)
			sum += counts(&s->fates[i + n]);
		fprintf(out, "%s{kind=\"%s\"} %zu\n", name, k->name, sum);
	}
}

static uint64_t received(const struct item *h)
{
	return h->peer.received;
}

static uint64_t sent(const struct item *h)
{
	return h->peer.sent;
}

static uint64_t handshake(const struct item *h)
{
	return (uint64_t)h->peer.handshake;
}

static void by_peer(FILE *out, const struct pass *p, const char *name, const char *suffix,
		    uint64_t (*value)(const struct item *have))
{
	for (size_t i = 0; p && i < p->want.count; i++) {
		const struct item *w = &p->want.items[i], *h;

		if (w->type != ITEM_PEER || w->peer.idle || !w->origin ||
		    !(h = state_find(&p->have, w)))
			continue;
		fprintf(out, "%s%s{interface=\"", name, suffix);
		label(out, w->link);
		fputs("\",peer=\"", out);
		label(out, w->origin->name);
		fprintf(out, "\"} %" PRIu64 "\n", value(h));
	}
}

void metrics_out(const struct serve *s, FILE *out)
{
	family(out, "routerd_build", "info", "The version that runs");
	fputs("routerd_build_info{version=\"" VERSION "\"} 1\n", out);
	gauge(out, "routerd_up", "1: the daemon answers", 1);
	gauge(out, "routerd_config_valid", "1: the files have no fault", !s->active.faults);
	gauge(out, "routerd_config_last_good",
	      "1: started with faulty files, on the last good configuration",
	      s->active.source == ACTIVE_LAST_GOOD);
	by_kind(out, s->status, "routerd_objects", "Objects in force", any);
	by_kind(out, s->status, "routerd_objects_ready", "Objects that are all in the kernel",
		is_ready);
	by_kind(out, s->status, "routerd_objects_degraded",
		"Objects that do not work as they should", is_degraded);
	counter(out, "routerd_passes", "Times that the kernel was looked at",
		s->counters.passes);
	counter(out, "routerd_changes", "Operations done", s->counters.changes);
	counter(out, "routerd_failed_changes", "Operations that failed", s->counters.failures);
	counter(out, "routerd_removed_addresses",
		"Times that a captured address was taken off a link", s->counters.removals);
	counter(out, "routerd_config_reloads", "Configurations taken into force",
		s->active.reloads);
	counter(out, "routerd_config_rejections", "Configurations refused for their faults",
		s->active.rejected);
	family(out, "routerd_pass_duration_seconds", "gauge", "How long the latest pass took");
	fprintf(out, "routerd_pass_duration_seconds %" PRId64 ".%03" PRId64 "\n",
		s->took / 1000, s->took % 1000);
	gauge(out, "routerd_last_pass_timestamp_seconds", "When it was", (double)s->at);
	family(out, "routerd_peer_latest_handshake_timestamp_seconds", "gauge",
	       "When the peer was last heard of; 0: never");
	by_peer(out, s->pass, "routerd_peer_latest_handshake_timestamp_seconds", "", handshake);
	family(out, "routerd_peer_receive_bytes", "counter", "Bytes from the peer");
	by_peer(out, s->pass, "routerd_peer_receive_bytes", "_total", received);
	family(out, "routerd_peer_transmit_bytes", "counter", "Bytes to the peer");
	by_peer(out, s->pass, "routerd_peer_transmit_bytes", "_total", sent);
	fputs("# EOF\n", out);
}
