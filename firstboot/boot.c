#include "firstboot/boot.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "firstboot/report.h"
#include "firstboot/run.h"
#include "firstboot/steps.h"

#define LOCK	      FACTS_FOLDER "/firstboot.lock"
#define TOOL_SECONDS  60
#define SYSTEMD	      "/run/systemd/system"
#define PATH_VARIABLE "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const struct boot_step boot_steps[BOOT_STEPS] = {
	{ "platform", "name the platform", step_platform },
	{ "metadata", "read its metadata", step_metadata },
	{ "identity", "settle whose the key is", step_identity },
	{ "key", "make the WireGuard key", step_key },
	{ "publish", "publish the public key", step_publish },
	{ "config", "find the configuration", step_config },
	{ "prerequisites", "see to what the router needs", step_prerequisites },
	{ "install", "install the configuration", step_install },
	{ "service", "start the service", step_service },
	{ "report", "tell what is next", step_report },
};

/* ---- programs --------------------------------------------------------------------------- */

static int run_tool(struct boot *b, const char *path, const char *const *args,
		    struct run_end *ret, const char **ret_words)
{
	static const char *const env[] = { PATH_VARIABLE, NULL };
	const struct run q = {
		.path = path, .args = args, .env = env, .deadline = TOOL_SECONDS
	};
	int r = run_program(b->arena, &q, ret);

	if (r == 0 && run_is_fine(ret))
		return 0;
	if (r < 0)
		*ret_words =
		    arena_printf(b->arena, "%s: %s: is it installed?", path, strerror(-r));
	else
		*ret_words = arena_printf(b->arena, "'%s %s' %s: %.*s", args[0], args[1],
					  run_words(b->arena, &q, ret),
					  (int)strcspn(ret->out, "\n"), ret->out);
	return r < 0 ? r : -EIO;
}

int boot_routerctl(struct boot *b, const char *const *args, struct run_end *ret,
		   const char **ret_words)
{
	return run_tool(b, b->routerctl, args, ret, ret_words);
}

int boot_systemctl(struct boot *b, const char *const *args, const char **ret_words)
{
	struct run_end end;

	if (access(SYSTEMD, F_OK) < 0)
		return -ENOSYS;
	return run_tool(b, "systemctl", args, &end, ret_words);
}

/* ---- the run ---------------------------------------------------------------------------- */

/* What a run before this one was killed over. */
static void sweep(void)
{
	static const char *const written[] = { "/etc/routerd", "/etc/routerd/keys",
					       "/var/lib/routerd", FACTS_FOLDER };

	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
		file_sweep(written[i]);
}

static enum boot_end run_steps(struct boot *b, struct boot_result *results)
{
	enum boot_end worst = BOOT_DONE;

	for (size_t i = 0; i < BOOT_STEPS; i++) {
		int64_t start = clock_ms();
		struct boot_result *r = &results[i];

		log_line(LOG_DEBUG, "%s", boot_steps[i].does);
		r->end = boot_steps[i].run(b, &r->detail);
		r->ms = clock_ms() - start;
		if (!b->o->dry_run)
			log_line(r->end == BOOT_FAILED ? LOG_ERROR : LOG_INFO, "%s: %s",
				 boot_steps[i].name, r->detail);
		if (r->end > worst)
			worst = r->end;
	}
	return worst;
}

enum boot_end boot_run(const struct boot_options *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(close_fd) int fd = o->dry_run ? -1 : file_lock(LOCK);
	struct boot b = { .arena = a, .o = o, .routerctl = run_find(a, "routerctl") };
	struct boot_result results[BOOT_STEPS] = { 0 };
	int64_t start = clock_ms();
	enum boot_end end;

	if (!o->dry_run && fd < 0) {
		log_console(LOG_ERROR,
			    arena_printf(a, "first boot: " LOCK ": %s",
					 fd == -EWOULDBLOCK
					     ? "another run is at it; wait for its end"
					     : strerror(-fd)));
		return BOOT_FAILED;
	}
	if (!o->dry_run)
		sweep();
	journal_read(a, &b.journal);
	end = run_steps(&b, results);
	if (end == BOOT_FAILED && !b.next)
		b.next =
		    "mend it; it is tried again every minute, or now by 'systemctl restart "
		    "routerd-firstboot'";
	if (o->dry_run)
		report_print(&b, results);
	else if (!report_boot(&b, results, end, clock_ms() - start))
		end = BOOT_FAILED;
	return end;
}
