#include "ctl.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clean.h"
#include "doctor/doctor.h"
#include "load.h"
#include "reconcile.h"

#define LOCK_SECONDS 30
#define PASSES	     3 /* when answers of the kernel were lost */

static bool load(struct config *c, const char *const *files, size_t n)
{
	struct diag d = { .arena = c->arena };
	bool ok = load_config(c, files, n, &d);

	diag_print(&d, stderr);
	return ok;
}

static enum ctl_exit complain(const char *what, int error)
{
	fprintf(stderr, "routerctl: %s: %s\n", what, strerror(-error));
	return CTL_FAILED;
}

/* A full disk or a closed pipe must not look like success. */
static enum ctl_exit printed(enum ctl_exit e)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return e;
	return complain("standard output", -errno);
}

enum ctl_exit ctl_validate(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a };

	return load(&c, o->files, o->file_count) ? CTL_OK : CTL_FAILED;
}

static enum ctl_exit show_plan(const struct ctl *o, const struct pass *p)
{
	report_blind(&p->have, stderr);
	if (o->exit_code && p->have.blind) {
		fputs("routerctl: --exit-code must see everything to tell; run it as root\n",
		      stderr);
		return CTL_FAILED;
	}
	report_plan(&p->plan, &p->have, o->format, stdout);
	return printed(o->exit_code && p->plan.count ? CTL_PENDING : CTL_OK);
}

static enum ctl_exit plan_against(const struct ctl *o, struct pass *p)
{
	struct config from = { .arena = p->have.arena };

	if (!load(&from, o->against, o->against_count))
		return CTL_FAILED;
	config_lower(&from, &p->have);
	state_imagine(&p->have);
	state_diff(&p->have, &p->want, &p->plan);
	return show_plan(o, p);
}

enum ctl_exit ctl_plan(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(kernel_close) struct kernel k = { 0 };
	struct pass p = { .want.arena = a, .have.arena = a };
	struct config c = { .arena = a };
	int r;

	if (!load(&c, o->files, o->file_count))
		return CTL_FAILED;
	config_lower(&c, &p.want);
	if (o->against_count)
		return plan_against(o, &p);
	r = kernel_open(&k);
	if (r == 0)
		r = reconcile_plan(&k, &p);
	if (r < 0)
		return complain("the kernel could not be asked", r);
	kernel_foresee(&k, &p.plan);
	return show_plan(o, &p);
}

static bool may_change(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) == 0 && (d[0].effective >> CAP_NET_ADMIN & 1))
		return true;
	fputs("routerctl: changing the network needs root (CAP_NET_ADMIN); nothing was done\n",
	      stderr);
	return false;
}

static bool answers_lost(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->ops[i].error == -ENOBUFS)
			return true;
	return false;
}

/* c NULL: nothing is wanted. */
static enum ctl_exit change(const struct ctl *o, const struct config *c)
{
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(close_fd) int lock = reconcile_lock(LOCK_SECONDS);
	bool again = true;
	unsigned failed = 0;
	int r;

	if (lock == -EAGAIN)
		fputs("routerctl: another routerctl or routerd has been changing this network "
		      "for "
		      "30 s; nothing was done, try again\n",
		      stderr);
	if (lock < 0)
		return lock == -EAGAIN ? CTL_FAILED : complain("/run/routerd: the lock", lock);
	r = kernel_open(&k);
	for (int i = 0; i < PASSES && again && r == 0; i++) {
		CLEAN(arena_done) struct arena *a = arena_new();
		struct pass p = { .want.arena = a, .have.arena = a };

		if (c)
			config_lower(c, &p.want);
		r = reconcile_plan(&k, &p);
		if (r < 0)
			break;
		if (!o->dry_run)
			reconcile_apply(&k, &p);
		if (i == 0 || p.plan.count > p.failed)
			report_plan(&p.plan, &p.have, o->format, stdout);
		/* What was done may undo other things (the last address of a link takes its
		 * routes along) or make possible what failed (a gateway's own route). */
		again = !o->dry_run && i + 1 < PASSES &&
			(answers_lost(&p.plan) || p.plan.count > p.failed);
		if (!again)
			report_failures(&p.plan, stderr);
		failed = p.failed;
	}
	if (r < 0)
		return complain("the kernel could not be asked", r);
	return printed(failed ? CTL_FAILED : CTL_OK);
}

enum ctl_exit ctl_apply(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a };

	if (!load(&c, o->files, o->file_count))
		return CTL_FAILED;
	return may_change() ? change(o, &c) : CTL_FAILED;
}

enum ctl_exit ctl_delete(const struct ctl *o)
{
	if (!o->all) {
		fputs("routerctl: delete takes down all that routerd made here; say so with "
		      "--all, "
		      "or see it first with --all --dry-run\n",
		      stderr);
		return CTL_USAGE;
	}
	return may_change() ? change(o, NULL) : CTL_FAILED;
}

enum ctl_exit ctl_render(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a };
	struct state want = { .arena = a };

	if (!load(&c, o->files, o->file_count))
		return CTL_FAILED;
	config_lower(&c, &want);
	report_state(&want, o->formatted ? o->format : REPORT_YAML, stdout);
	return printed(CTL_OK);
}

enum ctl_exit ctl_doctor(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *term = getenv("TERM");
	struct doctor_request q = {
		.files = o->files,
		.file_count = o->file_count,
		.areas = o->words,
		.area_count = o->word_count,
		.format = o->format,
		.colour = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0,
		.probe = o->probe,
	};

	for (size_t i = 0; i < o->word_count; i++)
		if (!doctor_knows(o->words[i])) {
			fprintf(stderr, "routerctl: doctor has no area '%.60s'; it has %s\n",
				o->words[i], doctor_areas(a));
			return CTL_USAGE;
		}
	return printed(doctor_run(&q, stdout) ? CTL_OK : CTL_FAILED);
}

enum ctl_exit ctl_version(const struct ctl *o)
{
	struct out out;

	if (o->format == REPORT_TABLE) {
		puts("routerd " VERSION);
		return printed(CTL_OK);
	}
	out_open(&out, stdout, o->format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	out_text(&out, "version", VERSION);
	out_close(&out);
	return printed(CTL_OK);
}
