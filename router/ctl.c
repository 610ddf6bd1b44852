#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clean.h"
#include "base/table.h"
#include "config/encode.h"
#include "config/hint.h"
#include "config/kind.h"
#include "doctor/doctor.h"
#include "doctor/path.h"
#include "peers.h"
#include "reconcile.h"
#include "serve.h"

#define LOCK_SECONDS 30

bool ctl_load(struct config *c, struct documents *s, const char *const *files, size_t n)
{
	struct diag d = { .arena = c->arena };
	bool ok = load_config(c, s, files, n, &d);

	diag_print(&d, stderr);
	return ok;
}

enum ctl_exit ctl_complain(const char *what, int error)
{
	fprintf(stderr, "routerctl: %s: %s\n", what, strerror(-error));
	return CTL_FAILED;
}

/* A full disk or a closed pipe must not look like success. */
enum ctl_exit ctl_printed(enum ctl_exit e)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return e;
	return ctl_complain("standard output", -errno);
}

void ctl_unknown_kind(const char *name)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct hint hint = { .text = name };

	for (const struct kind *const *k = kinds; *k; k++)
		hint_try(&hint, (*k)->name);
	fprintf(stderr,
		"routerctl: there is no kind '%.60s'%s; 'routerctl explain' lists them\n", name,
		hint_text(a, &hint));
}

/* Read on none of its machines, a file that is every node's is judged as one node of each role
 * sees it: what all nodes see alike is the same then, and the rest follows from the role. */
static bool validate_as_others(struct config *c, struct documents *s, struct diag *d)
{
	struct arena *a = c->arena;
	const char *names[CONFIG_ROLES];
	size_t n = config_examples(c, names);

	for (size_t i = 0; i < n; i++) {
		*c = (struct config){ .arena = a, .as = names[i] };
		(void)load_check(c, s, d);
	}
	return d->errors == 0;
}

enum ctl_exit ctl_validate(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a, .as = o->node };
	struct diag d = { .arena = a };
	struct documents s;
	bool ok = load_config(&c, &s, o->files, o->file_count, &d);

	if (c.stranger && !o->node && o->file_count) {
		d = s.unread;
		ok = validate_as_others(&c, &s, &d);
	}
	diag_print(&d, stderr);
	return ok ? CTL_OK : CTL_FAILED;
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
	return ctl_printed(o->exit_code && p->plan.count ? CTL_PENDING : CTL_OK);
}

/* What waits is in neither state, so it cannot be compared. */
static void tell_waiting(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->objects[i]->waits != NULL;
	if (n)
		fprintf(stderr,
			"note: %zu objects of %s wait, for keys or an interface, and are not "
			"compared; on the router itself they are known\n",
			n, c->objects[0]->mark.file);
}

static enum ctl_exit plan_against(const struct ctl *o, const struct config *c,
				  const struct state *want)
{
	struct pass p = { .want = *want, .have.arena = want->arena };
	struct config from = { .arena = want->arena, .as = o->node };
	struct documents s;

	if (!ctl_load(&from, &s, o->against, o->against_count))
		return CTL_FAILED;
	tell_waiting(c);
	tell_waiting(&from);
	config_lower(&from, &p.have);
	state_imagine(&p.have);
	state_diff(&p.have, &p.want, &p.plan);
	return show_plan(o, &p);
}

enum ctl_exit ctl_plan(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(pass_done) struct pass *p = NULL;
	struct state want = { .arena = a };
	struct config c = { .arena = a, .as = o->node };
	struct documents s;
	int r;

	if (!ctl_load(&c, &s, o->files, o->file_count))
		return CTL_FAILED;
	config_lower(&c, &want);
	if (o->against_count)
		return plan_against(o, &c, &want);
	r = kernel_open(&k);
	if (r == 0)
		r = pass_new(&k, &want, &p);
	if (!p)
		return ctl_complain("the kernel could not be asked", r);
	kernel_foresee(&k, &p->plan);
	return show_plan(o, p);
}

bool ctl_may_change(void)
{
	if (!reconcile_allowed())
		fputs("routerctl: changing the network needs root (CAP_NET_ADMIN); nothing was "
		      "done\n",
		      stderr);
	return reconcile_allowed();
}

enum ctl_exit ctl_change(const struct ctl *o, const struct state *want)
{
	CLEAN(kernel_close) struct kernel k = { 0 };
	CLEAN(close_fd) int lock = reconcile_lock(RECONCILE_PASS, LOCK_SECONDS);
	bool again = true;
	unsigned failed = 0;
	int r;

	if (lock == -EAGAIN)
		fputs("routerctl: another routerctl or routerd has been changing this network "
		      "for "
		      "30 s; nothing was done, try again\n",
		      stderr);
	if (lock < 0)
		return lock == -EAGAIN ? CTL_FAILED
				       : ctl_complain("/run/routerd: the lock", lock);
	r = kernel_open(&k);
	for (int i = 0; i < PASSES && again && r == 0; i++) {
		CLEAN(pass_done) struct pass *p = NULL;

		r = pass_new(&k, want, &p);
		if (r < 0)
			break;
		if (!o->dry_run)
			pass_apply(&k, p);
		if (i == 0 || p->plan.count > p->failed)
			report_plan(&p->plan, &p->have, o->format, stdout);
		again = !o->dry_run && i + 1 < PASSES && pass_again(p);
		if (!again)
			report_failures(&p->plan, stderr);
		failed = p->failed;
	}
	if (r < 0)
		return ctl_complain("the kernel could not be asked", r);
	return ctl_printed(failed ? CTL_FAILED : CTL_OK);
}

static void say(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	if (level == LOG_INFO)
		return; /* the ops tell */
	fputs("routerctl: ", stderr);
	out_escape(stderr, line);
	fputc('\n', stderr);
}

const struct voice ctl_voice = { say, NULL };

enum ctl_exit ctl_apply(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a };
	struct state want = { .arena = a };
	struct documents s;
	struct self *selves;
	enum ctl_exit e;
	size_t n;
	int r;

	if (!ctl_may_change())
		return CTL_FAILED;
	if (reconcile_served())
		return ctl_apply_by_daemon(o);
	if (o->confirm_within) {
		fputs("routerctl: --confirm-within needs the daemon, which would go back; "
		      "'systemctl start routerd' starts it; nothing was done\n",
		      stderr);
		return CTL_FAILED;
	}
	if (!ctl_load(&c, &s, o->files, o->file_count))
		return CTL_FAILED;
	config_lower(&c, &want);
	n = config_selves(&c, a, &selves);
	own_settle(selves, n, o->adopt, &ctl_voice);
	e = ctl_change(o, &want);
	own_publish(selves, n, &ctl_voice);
	r = o->file_count ? 0 : peers_accept(&s);
	return r < 0 ? ctl_complain(PEERS_KNOWN, r) : e;
}

enum ctl_exit ctl_delete(const struct ctl *o)
{
	static const struct state nothing = { 0 };

	if (!o->all) {
		fputs("routerctl: delete takes down all that routerd made here; say so with "
		      "--all, or see it first with --all --dry-run\n",
		      stderr);
		return CTL_USAGE;
	}
	if (!ctl_may_change())
		return CTL_FAILED;
	if (reconcile_served() && !o->dry_run) {
		fputs("routerctl: routerd serves this network and would put everything back; "
		      "'systemctl stop routerd' stops it; nothing was done\n",
		      stderr);
		return CTL_FAILED;
	}
	return ctl_change(o, &nothing);
}

enum ctl_exit ctl_render(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct config c = { .arena = a, .as = o->node };
	struct state want = { .arena = a };
	struct documents s;
	struct out out;

	if (!ctl_load(&c, &s, o->files, o->file_count))
		return CTL_FAILED;
	if (o->expand) {
		out_open(&out, stdout,
			 o->formatted && o->format == REPORT_JSON ? OUT_JSON : OUT_YAML);
		config_encode(&c, &out);
		out_close(&out);
		return ctl_printed(CTL_OK);
	}
	config_lower(&c, &want);
	report_state(&want, o->formatted ? o->format : REPORT_YAML, stdout);
	return ctl_printed(CTL_OK);
}

enum ctl_exit ctl_serve(const struct ctl *o)
{
	return ctl_may_change() && serve_run(o->adopt) == 0 ? CTL_OK : CTL_FAILED;
}

enum ctl_exit ctl_doctor(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct doctor_request q = {
		.files = o->files,
		.file_count = o->file_count,
		.areas = o->words,
		.area_count = o->word_count,
		.format = o->format,
		.colour = table_terminal(stdout) > 0,
		.probe = o->probe,
	};

	for (size_t i = 0; i < o->word_count; i++)
		if (!doctor_knows(o->words[i])) {
			fprintf(stderr, "routerctl: doctor has no area '%.60s'; it has %s\n",
				o->words[i], doctor_areas(a));
			return CTL_USAGE;
		}
	return ctl_printed(doctor_run(&q, stdout) ? CTL_OK : CTL_FAILED);
}

/* An IPv4 host that may be asked for; else says why not. */
static bool read_host(const char *what, const char *text, struct addr *ret)
{
	if (addr_parse(text, ret) && ret->family == AF_INET && addr_is_host(ret) &&
	    ret->bytes[0] > 0 && ret->bytes[0] < 224 && ret->bytes[0] != 127)
		return true;
	fprintf(stderr, "routerctl: path: %s '", what);
	out_escape(stderr, text);
	fputs("' is no IPv4 address of a host, as 10.77.60.9\n", stderr);
	return false;
}

enum ctl_exit ctl_path(const struct ctl *o)
{
	struct path_request q = { .files = o->files,
				  .file_count = o->file_count,
				  .format = o->format,
				  .colour = table_terminal(stdout) > 0 };

	if (!o->word_count) {
		fputs("routerctl: path of a packet to whom? 'routerctl path ADDRESS'\n",
		      stderr);
		return CTL_USAGE;
	}
	if (!read_host("the address", o->words[0], &q.to) ||
	    (o->from && !read_host("--from", o->from, &q.from)))
		return CTL_USAGE;
	if (o->from && addr_compare(&q.to, &q.from) == 0) {
		fputs("routerctl: path: a packet goes from one address to another; these are "
		      "the same\n",
		      stderr);
		return CTL_USAGE;
	}
	return ctl_printed(path_run(&q, stdout) ? CTL_OK : CTL_FAILED);
}

enum ctl_exit ctl_version(const struct ctl *o)
{
	struct out out;

	if (o->format == REPORT_TABLE) {
		puts("routerd " VERSION);
		return ctl_printed(CTL_OK);
	}
	out_open(&out, stdout, o->format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	out_text(&out, "version", VERSION);
	out_close(&out);
	return ctl_printed(CTL_OK);
}
