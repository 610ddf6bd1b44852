/* path_print.c - the hops, for people and for programs. */
#include <string.h>

#include "doctor/path.h"

static const struct {
	const char *word, *whole, *colour; /* SGR, ECMA-48 8.3.117 */
} verdicts[] = {
	[HOP_PASS] = { "ok", "passes", "32" },
	[HOP_UNSURE] = { "unsure", "unsure", "33" },
	[HOP_DROP] = { "drop", "dropped", "31;1" },
};

enum hop_verdict path_verdict(const struct path *p)
{
	enum hop_verdict worst = HOP_PASS;

	for (size_t i = 0; i < p->count; i++)
		if (p->hops[i].verdict > worst)
			worst = p->hops[i].verdict;
	return worst;
}

static void print_word(const char *word, const char *sgr, bool colour, FILE *out)
{
	if (colour)
		fprintf(out, "\033[%sm%s\033[m", sgr, word);
	else
		fputs(word, out);
}

static int widest(const struct path *p)
{
	size_t most = 0;

	for (size_t i = 0; i < p->count; i++)
		if (strlen(p->hops[i].step) > most)
			most = strlen(p->hops[i].step);
	return (int)most;
}

static void print_hop(const struct hop *h, size_t number, int width, bool colour, FILE *out)
{
	fprintf(out, "%2zu  %-*s  ", number, width, h->step);
	print_word(verdicts[h->verdict].word, verdicts[h->verdict].colour, colour, out);
	fprintf(out, "%*s", (int)(8 - strlen(verdicts[h->verdict].word)), "");
	out_escape(out, h->detail);
	fputc('\n', out);
	if (!h->remedy)
		return;
	fprintf(out, "%*sremedy: ", width + 14, "");
	out_escape(out, h->remedy);
	fputc('\n', out);
}

static void print_table(const struct path *p, bool colour, FILE *out)
{
	enum hop_verdict v = path_verdict(p);
	int width = widest(p);

	for (size_t i = 0; i < p->count; i++)
		print_hop(&p->hops[i], i + 1, width, colour, out);
	if (p->from.address.family)
		fprintf(out, "%s to ", path_host(p, &p->from.address));
	fprintf(out, "%s: ", path_host(p, &p->to.address));
	print_word(verdicts[v].whole, verdicts[v].colour, colour, out);
	if (v == HOP_DROP)
		fprintf(out, " at hop %zu, %s", p->count, p->hops[p->count - 1].step);
	fputc('\n', out);
}

void path_print(const struct path *p, enum report_format format, bool colour, FILE *out)
{
	struct out o;

	if (format == REPORT_TABLE) {
		print_table(p, colour, out);
		return;
	}
	out_open(&o, out, format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	out_text(&o, "to", path_host(p, &p->to.address));
	out_text(&o, "from", p->from.address.family ? path_host(p, &p->from.address) : "");
	out_text(&o, "verdict", verdicts[path_verdict(p)].whole);
	out_list(&o, "hops");
	for (size_t i = 0; i < p->count; i++) {
		const struct hop *h = &p->hops[i];

		out_map(&o, NULL);
		out_text(&o, "step", h->step);
		if (h->verdict == HOP_UNSURE)
			out_null(&o, "ok");
		else
			out_bool(&o, "ok", h->verdict == HOP_PASS);
		out_text(&o, "detail", h->detail);
		out_text(&o, "object", h->object);
		out_text(&o, "remedy", h->remedy ? h->remedy : "");
		out_end(&o);
	}
	out_end(&o);
	out_close(&o);
}
