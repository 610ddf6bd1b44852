#include "doctor/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "config/kind.h"

#define TALLY_ROWS 5	  /* of one check; the others are counted */
#define READ_BYTES 262144 /* of a file under /proc or /etc */

static const struct {
	const char *name;
	void (*examine)(struct doctor *d);
} areas[] = {
	{ "config", doctor_config },
	{ "hybrid", doctor_hybrid },
	{ "wireguard", doctor_wireguard },
	{ "firewall", doctor_firewall },
	{ "nft", doctor_nft },
	{ "sysctl", doctor_sysctl },
	{ "mtu", doctor_mtu },
	{ "provider", doctor_provider },
	{ "host", doctor_host },
};

#define AREAS (sizeof(areas) / sizeof(*areas))

/* ---- rows ------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 6, 0)))
add(struct doctor *d, const char *area, const char *name, enum check_status status,
    const char *remedy, const char *fmt, va_list ap)
{
	struct check *c;

	d->checks = arena_grow(d->arena, d->checks, d->count, &d->room, sizeof(*d->checks));
	c = &d->checks[d->count++];
	*c = (struct check){ area, name, status, NULL, remedy };
	c->detail = arena_vprintf(d->arena, fmt, ap);
}

void doctor_add(struct doctor *d, const char *area, const char *name, enum check_status status,
		const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, area, name, status, remedy, fmt, ap);
	va_end(ap);
}

/* Pass, skip, warn, fail: the later, the worse. */
static int badness(enum check_status s)
{
	static const int rank[] = {
		[CHECK_PASS] = 0, [CHECK_SKIP] = 1, [CHECK_WARN] = 2, [CHECK_FAIL] = 3
	};

	return rank[s];
}

void tally_bad(struct tally *t, enum check_status status, const char *remedy, const char *fmt,
	       ...)
{
	va_list ap;

	if (t->bad == 0 || badness(status) > badness(t->worst))
		t->worst = status;
	if (t->bad++ >= TALLY_ROWS)
		return;
	va_start(ap, fmt);
	add(t->d, t->area, t->name, status, remedy, fmt, ap);
	va_end(ap);
}

void tally_end(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	if (t->bad > TALLY_ROWS)
		doctor_add(t->d, t->area, t->name, t->worst, NULL, "and %zu more like these",
			   t->bad - TALLY_ROWS);
	if (t->bad || !t->good)
		return;
	va_start(ap, fmt);
	add(t->d, t->area, t->name, CHECK_PASS, NULL, fmt, ap);
	va_end(ap);
}

enum check_status doctor_overall(const struct doctor *d)
{
	enum check_status worst = d->count ? d->checks[0].status : CHECK_PASS;
	bool passed = false;

	for (size_t i = 0; i < d->count; i++) {
		passed |= d->checks[i].status == CHECK_PASS;
		if (badness(d->checks[i].status) > badness(worst))
			worst = d->checks[i].status;
	}
	return worst == CHECK_SKIP && passed ? CHECK_PASS : worst;
}

/* ---- what areas share ------------------------------------------------------------------- */

bool doctor_can(struct doctor *d, const char *area)
{
	if (d->pass)
		return true;
	doctor_add(d, area, "all", CHECK_SKIP, NULL, "%s",
		   d->unconfigured ? "nothing is configured yet, so nothing can be compared"
		   : !d->config
		       ? "the configuration has faults, so nothing can be compared; "
			 "area config tells them"
		       : arena_printf(d->arena, "the kernel could not be asked: %s", d->deaf));
	return false;
}

bool doctor_sees(struct doctor *d, enum item_type type, const char *area, const char *name)
{
	if (!(d->pass->have.blind >> type & 1))
		return true;
	doctor_add(d, area, name, CHECK_SKIP,
		   arena_printf(d->arena, "sudo routerctl doctor%s %s", d->files, area),
		   "only root can see this");
	return false;
}

const char *doctor_apply(const struct doctor *d)
{
	return arena_printf(d->arena, "routerctl apply%s", d->files);
}

const struct object **doctor_objects(const struct doctor *d, const struct kind *k,
				     size_t *ret_count)
{
	const struct object **list =
	    arena_alloc(d->arena, (d->config->count + 1) * sizeof(struct object *));
	size_t n = 0;

	for (size_t i = 0; i < d->config->count; i++)
		if (d->config->objects[i]->kind == k && !d->config->objects[i]->waits)
			list[n++] = d->config->objects[i];
	*ret_count = n;
	return list;
}

const char *doctor_read(const struct doctor *d, const char *path)
{
	size_t n;
	char *text;

	if (file_read_plain(d->arena, path, READ_BYTES, &text, &n) < 0)
		return NULL;
	while (n > 0 && strchr(" \t\n", text[n - 1]))
		text[--n] = '\0';
	return text;
}

/* ---- the whole -------------------------------------------------------------------------- */

bool doctor_knows(const char *area)
{
	for (size_t i = 0; i < AREAS; i++)
		if (strcmp(areas[i].name, area) == 0)
			return true;
	return false;
}

const char *doctor_areas(struct arena *a)
{
	const char *text = "";

	for (size_t i = 0; i < AREAS; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "", areas[i].name);
	return text;
}

void doctor_examine(struct doctor *d, const char *const *names, size_t n)
{
	for (size_t i = 0; i < AREAS; i++) {
		bool asked = n == 0;

		for (size_t j = 0; j < n; j++)
			asked |= strcmp(names[j], areas[i].name) == 0;
		if (asked)
			areas[i].examine(d);
	}
}

static const char *files_text(struct arena *a, const char *const *files, size_t n)
{
	const char *text = "";

	for (size_t i = 0; i < n; i++)
		text = arena_printf(a, "%s -f %s", text, doctor_quote(a, files[i]));
	return text;
}

static bool is_unconfigured(size_t named, const struct config *c)
{
	struct stat st;

	return named == 0 && c->count == 0 && stat(LOAD_FILE, &st) < 0 && errno == ENOENT;
}

void doctor_open(struct doctor *d, struct sight *s, const char *const *files, size_t n)
{
	struct arena *a = d->arena;
	int r;

	*s = (struct sight){
		.diag.arena = a, .config.arena = a, .want.arena = a, .have.arena = a
	};
	d->diag = &s->diag;
	d->root = reconcile_allowed();
	d->files = files_text(a, files, n);
	if (load_config(&s->config, &s->documents, files, n, &s->diag))
		d->config = &s->config;
	else
		d->unconfigured = is_unconfigured(n, &s->config);
	r = kernel_open(&s->kernel);
	s->kernel.arena = a;
	s->kernel.want = &s->want;
	s->kernel.have = &s->have;
	if (r == 0 && d->config) {
		config_lower(&s->config, &s->want);
		r = pass_new(&s->kernel, &s->want, &s->pass);
	} else if (r == 0) {
		r = kernel_read_links(&s->kernel);
	}
	if (r == 0) {
		d->kernel = &s->kernel;
		d->pass = s->pass;
	} else {
		d->deaf = strerror(-r);
	}
}

void doctor_close(struct sight *s)
{
	pass_free(s->pass);
	kernel_close(&s->kernel);
}

bool doctor_run(const struct doctor_request *q, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(doctor_close) struct sight s = { 0 };
	struct doctor d = { .arena = a, .probe = q->probe };

	doctor_open(&d, &s, q->files, q->file_count);
	doctor_examine(&d, q->areas, q->area_count);
	doctor_print(&d, q->format, q->colour, out);
	return doctor_overall(&d) != CHECK_FAIL;
}
