/* steps_config.c - the configuration: found, checked, put in place, kept by a service. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stream.h"
#include "firstboot/keyname.h"
#include "firstboot/named.h"
#include "firstboot/prereq.h"
#include "firstboot/run.h"
#include "firstboot/settle.h"
#include "firstboot/steps.h"
#include "firstboot/suppress.h"

#define ASK_SECONDS   120
#define FAULTS_SHOWN  20
#define FAULTS_HINT   "; 'routerctl validate -f FILE' shows all"
#define EDITED	      NAMED_FILE " was changed here since it was installed: it stays"
#define WAITS	      "waits for the public key of node '"
#define WAITING_SHOWN 3

/* ---- config ----------------------------------------------------------------------------- */

/* What has this digest was installed before: it need not be fetched again. */
static bool is_installed(const struct boot *b)
{
	return b->seed.config_url && access(NAMED_FILE, F_OK) == 0 &&
	       journal_has(&b->journal, JOURNAL_CONFIG, b->seed.config_digest) &&
	       !source_disk(b->arena, &b->o->place);
}

static enum boot_end nothing_found(struct boot *b, const char **ret_detail)
{
	const char *why = b->read ? "neither a disk " SOURCE_LABEL " nor user-data has one"
				  : "user-data could not be read";

	if (named_is_in_place()) {
		*ret_detail = arena_printf(b->arena, "%s: what is in /etc/routerd stays", why);
		return BOOT_DONE;
	}
	*ret_detail = arena_printf(b->arena, "%s, and there is none in /etc/routerd", why);
	b->next = "give it a configuration: 'routerctl apply -f FILE' here, a disk "
		  "labelled " SOURCE_LABEL " with router.yaml on it, or user-data "
		  "(docs/user-data.md)";
	return BOOT_WAITING;
}

/* A disk that was plugged in before may not have its name yet. */
static void settle_disks(struct boot *b)
{
	static const char *const args[] = { "udevadm", "settle", "--timeout=10", NULL };
	const struct run q = { .path = "udevadm", .args = args, .deadline = 15 };
	struct run_end end;

	if (access("/run/udev/queue", F_OK) == 0) /* udev(7): it has something to do */
		(void)run_program(b->arena, &q, &end);
}

enum boot_end step_config(struct boot *b, const char **ret_detail)
{
	int r;

	if (b->seed_faults) {
		log_text(LOG_ERROR, b->seed_faults, FAULTS_SHOWN, "");
		*ret_detail = arena_printf(b->arena, "nothing of user-data is used: %.*s",
					   (int)strcspn(b->seed_faults, "\n"), b->seed_faults);
		return BOOT_FAILED;
	}
	if (is_installed(b)) {
		*ret_detail = "config_url has the digest of what was installed before";
		return BOOT_DONE;
	}
	settle_disks(b);
	r = source_find(b->arena, &b->o->place, &b->seed, b->o->deadline, &b->source,
			ret_detail);
	if (r < 0) {
		b->source.kind = SOURCE_NONE;
		return BOOT_FAILED;
	}
	if (b->source.kind == SOURCE_NONE)
		return nothing_found(b, ret_detail);
	*ret_detail =
	    arena_printf(b->arena, "%s, sha256 %.12s", b->source.from, b->source.digest);
	return BOOT_DONE;
}

/* ---- prerequisites ---------------------------------------------------------------------- */

static const char *add_words(struct arena *a, const char *list, const char *more)
{
	if (!more)
		return list;
	return list ? arena_printf(a, "%s; %s", list, more) : more;
}

enum boot_end step_prerequisites(struct boot *b, const char **ret_detail)
{
	struct prereq q = { .root = "",
			    .routerctl = b->routerctl,
			    .no_install = b->seed.no_install,
			    .dry_run = b->o->dry_run,
			    .deadline = b->o->deadline };
	struct prereq_end end = { 0 };
	const char *suppressed, *said;
	bool changed = false;
	struct utsname u;
	int r, s;

	(void)uname(&u);
	/* What somebody removed since stays away, as long as the router can do without it. */
	q.no_install |= journal_has(&b->journal, JOURNAL_PACKAGES, "done");
	r = prereq_run(b->arena, &q, &end);
	if (r == -ENODEV && q.no_install && !b->seed.no_install) {
		q.no_install = false;
		r = prereq_run(b->arena, &q, &end);
	}
	s = suppress_addresses(b->arena, b->o->place.root,
			       b->provider ? b->provider->name : NULL, b->o->dry_run, &changed,
			       &suppressed);
	if (r == 0 && !end.wished && !b->o->dry_run)
		r = journal_note(&b->journal, JOURNAL_PACKAGES, "done");
	said = end.installed ? arena_printf(b->arena, "installed %s", end.installed) : NULL;
	said = add_words(b->arena, said, end.missing);
	said = add_words(b->arena, said, end.wished);
	if (changed || s < 0)
		said = add_words(b->arena, said, suppressed);
	*ret_detail = said ? said : arena_printf(b->arena, "all there, on %s", u.release);
	if (r < 0 && r != -ENODEV)
		*ret_detail = arena_printf(b->arena, "%s: %s", *ret_detail, strerror(-r));
	return r < 0 || s < 0 ? BOOT_FAILED : BOOT_DONE;
}

/* ---- install ---------------------------------------------------------------------------- */

/* Faults of standard input, as those of where it came from. */
static const char *name_faults(struct arena *a, const char *from, const char *said)
{
	static const char in[] = "stdin:";
	CLEAN(stream_done) struct stream text = { 0 };
	FILE *out = stream_open(&text);

	while (*said) {
		size_t n = strcspn(said, "\n");
		bool named = strncmp(said, in, strlen(in)) == 0;
		size_t skip = named ? strlen(in) : 0;

		fprintf(out, "%s%s%.*s\n", named ? from : "", named ? ", line " : "",
			(int)(n - skip), said + skip);
		said += n + (said[n] == '\n');
	}
	return arena_printf(a, "%s", stream_text(&text));
}

/* routerctl with what was found on its standard input, and what is in conf.d beside it; its
 * faults are told. */
static int ask(struct boot *b, const char *command, struct run_end *ret, const char **ret_words)
{
	const char *const args[] = {
		"routerctl",  command, "-f", "-", named_has_folder() ? "-f" : NULL,
		NAMED_FOLDER, NULL
	};
	const struct run q = { .path = b->routerctl,
			       .args = args,
			       .in = b->source.bytes,
			       .in_len = b->source.len,
			       .deadline = ASK_SECONDS };
	const char *said = "";
	int r = run_program(b->arena, &q, ret);

	if (r == 0 && run_is_fine(ret))
		return 0;
	if (r == 0)
		said = ret->len ? name_faults(b->arena, b->source.from, ret->out)
				: run_words(b->arena, &q, ret);
	log_text(LOG_ERROR, said, FAULTS_SHOWN, FAULTS_HINT);
	*ret_words = r < 0 ? arena_printf(b->arena, "%s: %s: is it installed?", b->routerctl,
					  strerror(-r))
			   : arena_printf(b->arena, "%s has faults, and is not installed: %.*s",
					  b->source.from, (int)strcspn(said, "\n"), said);
	return r < 0 ? r : -EBADMSG;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* ---- in place --------------------------------------------------------------------------- */

static int place_file(struct boot *b, const char **ret_detail)
{
	const struct settle s = { NAMED_FILE, b->source.bytes, b->source.len, 0640,
				  JOURNAL_CONFIG };
	enum settled end = SETTLED_SAME;
	const char *kept;
	int r = keyname_give(b);

	if (r < 0) {
		*ret_detail = arena_printf(b->arena,
					   BARE_KEY ": it cannot get the name that the "
						    "configuration has for it: %s",
					   strerror(-r));
		return r;
	}
	r = settle_file(b->arena, &b->journal, &s, &end, &kept);
	if (r < 0) {
		*ret_detail = arena_printf(b->arena, "%s: %s",
					   end == SETTLED_WRITTEN ? JOURNAL_FILE : NAMED_FILE,
					   strerror(-r));
		return r;
	}
	if (kept)
		*ret_detail = arena_printf(b->arena, "%s; what was there before is %s",
					   *ret_detail, kept);
	if (end == SETTLED_EDITED)
		*ret_detail = EDITED;
	return 0;
}

static const char *stays(struct boot *b)
{
	char digest[JOURNAL_DIGEST], *text;
	size_t len;

	if (!*b->journal.digest[JOURNAL_CONFIG] ||
	    file_read_plain(b->arena, NAMED_FILE, SOURCE_BYTES, &text, &len) < 0)
		return NAMED_FILE " stays";
	source_digest(text, len, digest);
	return journal_has(&b->journal, JOURNAL_CONFIG, digest) ? NAMED_FILE " stays" : EDITED;
}

enum boot_end step_install(struct boot *b, const char **ret_detail)
{
	struct run_end end;
	int r;

	if (!b->o->dry_run)
		keyname_drop(b); /* a run before this one may have been killed before it did */
	if (b->source.kind == SOURCE_NONE) {
		*ret_detail = named_is_in_place() ? stays(b) : "nothing to install";
		return BOOT_DONE;
	}
	r = ask(b, "validate", &end, ret_detail);
	if (r == 0)
		r = ask(b, "plan", &end, ret_detail);
	if (r < 0)
		return BOOT_FAILED;
	*ret_detail = arena_printf(b->arena, "%s is without fault, %zu changes to make",
				   b->source.from, count_lines(end.out));
	if (b->o->dry_run)
		return BOOT_DONE;
	if (place_file(b, ret_detail) < 0)
		return BOOT_FAILED;
	keyname_drop(b);
	return steps_make_keys(b, ret_detail) < 0 ? BOOT_FAILED : BOOT_DONE;
}

/* ---- service, report -------------------------------------------------------------------- */

/* An image may have enabled it: to do so again would have systemd read all its units anew. */
static int start_service(struct boot *b, const char **ret_words)
{
	static const char *const asked[] = { "systemctl", "is-enabled", "--quiet",
					     "routerd.service", NULL };
	static const char *const start[] = { "systemctl", "start", "--no-block",
					     "routerd.service", NULL };
	static const char *const enable[] = { "systemctl",  "enable",	       "--now",
					      "--no-block", "routerd.service", NULL };
	const char *no;

	return boot_systemctl(b, boot_systemctl(b, asked, &no) == 0 ? start : enable,
			      ret_words);
}

enum boot_end step_service(struct boot *b, const char **ret_detail)
{
	int r;

	*ret_detail = "routerd.service was enabled before";
	if (journal_has(&b->journal, JOURNAL_SERVICE, "done"))
		return BOOT_DONE;
	*ret_detail = "routerd.service would be enabled and started";
	if (b->o->dry_run)
		return BOOT_DONE;
	*ret_detail = "routerd.service is enabled, and starts";
	r = start_service(b, ret_detail);
	if (r == -ENOSYS) {
		*ret_detail = "no systemd runs here: start 'routerd serve' as your system does";
		return BOOT_DONE;
	}
	if (r == 0)
		r = journal_note(&b->journal, JOURNAL_SERVICE, "done");
	return r < 0 ? BOOT_FAILED : BOOT_DONE;
}

/* "cloud-rt, pve-rt": nodes whose keys are waited for, as 'routerctl validate' warns. */
static const char *waited_for(struct boot *b, const char *said)
{
	const char *list = NULL;
	size_t n = 0;

	for (const char *at = said; (at = strstr(at, WAITS)) && n < WAITING_SHOWN; n++) {
		at += strlen(WAITS);
		list = add_words(b->arena, list,
				 arena_printf(b->arena, "%.*s", (int)strcspn(at, "'"), at));
	}
	return list;
}

enum boot_end step_report(struct boot *b, const char **ret_detail)
{
	static const char *const args[] = { "routerctl", "validate", NULL };
	const char *keys[NAMED_MOST], *nodes;
	struct run_end end;

	*ret_detail = "no other node is waited for";
	if (b->o->dry_run || !named_is_in_place())
		return BOOT_DONE;
	b->bare = named_in_place(b->arena, keys) == 0;
	if (boot_routerctl(b, args, &end, ret_detail) < 0)
		return BOOT_FAILED;
	nodes = waited_for(b, end.out);
	if (!b->bare && steps_export(b, ret_detail) < 0)
		return BOOT_FAILED;
	if (!nodes)
		return BOOT_DONE;
	b->next = arena_printf(b->arena,
			       "carry /var/lib/routerd/export/%s.yaml to %s, and theirs here "
			       "into /etc/routerd/peers",
			       b->node, nodes);
	*ret_detail = arena_printf(b->arena, "waits for the public key of %s", nodes);
	return BOOT_WAITING;
}
