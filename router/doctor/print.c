/* print.c - the doctor's rows, for people and for programs. */
#include <string.h>

#include "doctor/doctor.h"

static const struct {
	const char *word, *colour; /* SGR, ECMA-48 8.3.117 */
} statuses[] = {
	[CHECK_PASS] = { "pass", "32" },
	[CHECK_WARN] = { "warn", "33" },
	[CHECK_FAIL] = { "fail", "31;1" },
	[CHECK_SKIP] = { "skip", "36" },
};

#define STATUSES (sizeof(statuses) / sizeof(*statuses))

static size_t how_many(const struct doctor *d, enum check_status s)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->checks[i].status == s;
	return n;
}

static int widest(const struct doctor *d, bool area)
{
	size_t most = 0;

	for (size_t i = 0; i < d->count; i++) {
		size_t n = strlen(area ? d->checks[i].area : d->checks[i].name);

		most = n > most ? n : most;
	}
	return (int)most;
}

static void print_status(enum check_status s, bool colour, FILE *out)
{
	if (colour)
		fprintf(out, "\033[%sm%s\033[m", statuses[s].colour, statuses[s].word);
	else
		fputs(statuses[s].word, out);
}

static void print_table(const struct doctor *d, bool colour, FILE *out)
{
	int area = widest(d, true), name = widest(d, false);

	for (size_t i = 0; i < d->count; i++) {
		const struct check *c = &d->checks[i];

		fprintf(out, "%-*s  %-*s  ", area, c->area, name, c->name);
		print_status(c->status, colour, out);
		fputs("  ", out);
		out_escape(out, c->detail);
		fputc('\n', out);
		if (!c->remedy)
			continue;
		fprintf(out, "%*sremedy: ", area + name + 10, "");
		out_escape(out, c->remedy);
		fputc('\n', out);
	}
	fprintf(out, "%zu pass, %zu warn, %zu fail, %zu skip\n", how_many(d, CHECK_PASS),
		how_many(d, CHECK_WARN), how_many(d, CHECK_FAIL), how_many(d, CHECK_SKIP));
}

void doctor_print(const struct doctor *d, enum report_format format, bool colour, FILE *out)
{
	struct out o;

	if (format == REPORT_TABLE) {
		print_table(d, colour, out);
		return;
	}
	out_open(&o, out, format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	out_map(&o, "summary");
	out_text(&o, "overall", statuses[doctor_overall(d)].word);
	for (size_t s = 0; s < STATUSES; s++)
		out_number(&o, statuses[s].word, (long long)how_many(d, (enum check_status)s));
	out_end(&o);
	out_list(&o, "checks");
	for (size_t i = 0; i < d->count; i++) {
		const struct check *c = &d->checks[i];

		out_map(&o, NULL);
		out_text(&o, "area", c->area);
		out_text(&o, "name", c->name);
		out_text(&o, "status", statuses[c->status].word);
		out_text(&o, "detail", c->detail);
		out_text(&o, "remedy", c->remedy ? c->remedy : "");
		out_end(&o);
	}
	out_end(&o);
	out_close(&o);
}
