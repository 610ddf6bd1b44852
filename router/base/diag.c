#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"

struct fault {
	struct mark at;
	bool warning;
	unsigned seq;
	const char *text;
	struct fault *next;
};

static void __attribute__((format(printf, 4, 0))) add(struct diag *d, struct mark at,
						      bool warning, const char *fmt, va_list ap)
{
	struct fault *f;

	if (d->errors + d->warnings < DIAG_MAX) {
		f = arena_alloc(d->arena, sizeof(*f));
		*f = (struct fault){
			.at = at,
			.warning = warning,
			.seq = d->errors + d->warnings,
			.text = arena_vprintf(d->arena, fmt, ap),
		};
		if (d->last)
			d->last->next = f;
		else
			d->faults = f;
		d->last = f;
	}
	d->errors += !warning;
	d->warnings += warning;
}

void diag_error(struct diag *d, struct mark at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, at, false, fmt, ap);
	va_end(ap);
}

void diag_warn(struct diag *d, struct mark at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, at, true, fmt, ap);
	va_end(ap);
}

bool diag_has(const struct diag *d, const char *file)
{
	for (const struct fault *f = d->faults; f; f = f->next)
		if (!f->warning && f->at.file == file)
			return true;
	return false;
}

void diag_forgive(struct diag *d, const struct diag *from, const char *file)
{
	for (const struct fault *f = from->faults; f; f = f->next)
		if (f->at.file == file)
			diag_warn(d, f->at, "%s%s", f->warning ? "" : "left out: ", f->text);
}

void diag_take(struct diag *d, const struct diag *from)
{
	unsigned errors = from->errors, warnings = from->warnings;

	for (const struct fault *f = from->faults; f; f = f->next) {
		(f->warning ? diag_warn : diag_error)(d, f->at, "%s", f->text);
		errors -= !f->warning;
		warnings -= f->warning;
	}
	d->errors += errors; /* those that were only counted */
	d->warnings += warnings;
}

static int compare(const void *pa, const void *pb)
{
	const struct fault *const *a = pa, *const *b = pb;
	int r = strcmp((*a)->at.file, (*b)->at.file);

	if (r == 0)
		r = (*a)->at.line - (*b)->at.line;
	return r ? r : (*a)->at.column - (*b)->at.column;
}

static int compare_order(const void *pa, const void *pb)
{
	const struct fault *const *a = pa, *const *b = pb;
	int r = compare(pa, pb);

	return r ? r : (int)(*a)->seq - (int)(*b)->seq;
}

void diag_print(const struct diag *d, FILE *out)
{
	const struct fault *sorted[DIAG_MAX];
	size_t n = 0;

	for (const struct fault *f = d->faults; f; f = f->next)
		sorted[n++] = f;
	qsort(sorted, n, sizeof(*sorted), compare_order);
	for (size_t i = 0; i < n; i++) {
		const struct fault *f = sorted[i];

		if (i > 0 && compare(&sorted[i - 1], &f) == 0 &&
		    strcmp(sorted[i - 1]->text, f->text) == 0)
			continue;
		out_escape(out, f->at.file);
		if (f->at.line)
			fprintf(out, ":%d:%d", f->at.line, f->at.column);
		fputs(f->warning ? ": warning: " : ": error: ", out);
		out_escape(out, f->text);
		fputc('\n', out);
	}
	if (d->errors + d->warnings > DIAG_MAX)
		fprintf(out, "... and %u more\n", d->errors + d->warnings - DIAG_MAX);
}
