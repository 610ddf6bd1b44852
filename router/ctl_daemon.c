/* ctl_daemon.c - the commands that ask the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "active.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/stream.h"
#include "base/file.h"
#include "client.h"
#include "config/kind.h"
#include "control.h"
#include "ctl.h"
#include "get.h"

#define BUSY_PAUSE_MS 100
#define BUSY_TRIES    150 /* a pass waits at most 10 s for names */

#define NO_DAEMON                                                                              \
	"routerd does not serve here; 'systemctl start routerd' starts it, 'routerctl "        \
	"doctor' works without it"

/* ---- asking ----------------------------------------------------------------------------- */

static enum ctl_exit no_answer(int r)
{
	if (r == -EACCES)
		fputs("routerctl: " CONTROL_SOCKET ": only root and members of group "
		      "'" CONTROL_GROUP "' may ask; 'usermod -aG " CONTROL_GROUP
		      " NAME' makes one\n",
		      stderr);
	else if (r == -ENOENT || r == -ECONNREFUSED)
		fputs("routerctl: " NO_DAEMON "\n", stderr);
	else
		return ctl_complain("routerd gave no answer; 'systemctl status routerd' and "
				    "'journalctl -u routerd' may tell why",
				    r);
	return CTL_FAILED;
}

static enum ctl_exit refused(const struct answer *a)
{
	static const struct {
		const char *error, *words;
	} known[] = {
		{ "AwaitsConfirmation", "another change awaits confirmation; 'routerctl "
					"confirm' or 'routerctl rollback' first" },
		{ "NothingToGoBackTo", "there is no earlier configuration to go back to" },
		{ "NothingToConfirm", "no change awaits confirmation: its time has run out, or "
				      "there was none" },
		{ "Busy", "routerd is in the middle of a pass; try again" },
		{ "InvalidConfiguration",
		  "nothing was changed: what was in force stays; mend the faults above" },
	};
	const char *dot = strrchr(a->error, '.'), *what = dot ? dot + 1 : a->error;
	const char *message = node_text(a->parameters, "message");

	get_lines(node_get(a->parameters, "faults"), stderr);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].error, what) == 0) {
			fprintf(stderr, "routerctl: %s\n", known[i].words);
			return CTL_FAILED;
		}
	if (strcmp(what, "PermissionDenied") == 0)
		fputs("routerctl: only root may change something; nothing was done\n", stderr);
	else
		fprintf(stderr, "routerctl: routerd says %s%s%s\n", what, message ? ": " : "",
			message ? message : "");
	return CTL_FAILED;
}

static int call(struct arena *a, const char *method,
		void (*write)(struct out *o, const void *arg), const void *arg,
		struct answer *ret)
{
	CLEAN(client_close) struct client *c = NULL;
	int r = client_open(&c);

	if (r < 0)
		return r;
	r = client_call(c, method, false, write, arg);
	return r < 0 ? r : client_answer(c, a, ret);
}

static bool is_busy(const struct answer *a)
{
	return a->error && strcmp(a->error, CONTROL_INTERFACE ".Busy") == 0;
}

/* One call and its answer, and again while a pass is under way. *ret NULL: it did not go
 * well, which was said. */
static enum ctl_exit ask(struct arena *a, const char *method,
			 void (*write)(struct out *o, const void *arg), const void *arg,
			 const struct node **ret)
{
	struct answer answer = { 0 };
	int r = call(a, method, write, arg, &answer);

	*ret = NULL;
	for (int i = 0; i < BUSY_TRIES && r == 0 && is_busy(&answer); i++) {
		clock_sleep(BUSY_PAUSE_MS);
		r = call(a, method, write, arg, &answer);
	}
	if (r < 0)
		return no_answer(r);
	if (answer.error)
		return refused(&answer);
	*ret = answer.parameters;
	return CTL_OK;
}

static enum ctl_exit show(const struct ctl *o, const struct node *parameters)
{
	struct out out;

	out_open(&out, stdout, o->format == REPORT_JSON ? OUT_JSON : OUT_YAML);
	for (const struct node *n = parameters->child; n; n = n->next)
		get_out(&out, n->key, n);
	out_close(&out);
	return ctl_printed(CTL_OK);
}

/* ---- changes ---------------------------------------------------------------------------- */

/* What was done, as apply without a daemon tells it. */
static enum ctl_exit show_changes(const struct ctl *o, const struct node *parameters)
{
	const struct node *ops = node_get(parameters, "ops");
	const struct node *failures = node_get(parameters, "failures");
	enum ctl_exit e = failures && failures->child ? CTL_FAILED : CTL_OK;

	if (o->format != REPORT_TABLE) {
		(void)show(o, parameters);
		return ctl_printed(e);
	}
	for (const struct node *n = ops ? ops->child : NULL; n; n = n->next) {
		const char *object = node_text(n, "object"), *note = node_text(n, "note");

		if (node_get(n, "error"))
			continue;
		printf("%s ", node_text(n, "verb"));
		out_escape(stdout, node_text(n, "text"));
		printf("%s%s\n", object ? "  # " : "", object ? object : "");
		if (note) {
			fputs("  note: ", stdout);
			out_escape(stdout, note);
			putchar('\n');
		}
	}
	get_lines(failures, stderr);
	return ctl_printed(e);
}

static enum ctl_exit change(const struct ctl *o, const char *method,
			    void (*write)(struct out *o, const void *arg), const void *arg)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const struct node *parameters;
	enum ctl_exit e = ask(a, method, write, arg, &parameters);

	return parameters ? show_changes(o, parameters) : e;
}

struct staged {
	const char *path, *shown;
	int confirm_within;
};

static void write_staged(struct out *o, const void *arg)
{
	const struct staged *s = arg;

	out_text(o, "path", s->path);
	out_text(o, "shown", s->shown);
	if (s->confirm_within)
		out_number(o, "confirmWithinSeconds", s->confirm_within);
}

/* The mode of the file that is replaced; of a new one, what all configurations have. */
static mode_t mode(void)
{
	struct stat st;

	return stat(LOAD_FILE, &st) == 0 ? st.st_mode & 0777 : 0644;
}

/* A copy beside router.yaml, on its disk: the daemon only has to rename it. */
static int stage(const char *from, char path[static 64])
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(close_fd) int fd = -1;
	char *bytes;
	size_t len;
	int r = file_read(a, from, YAML_BYTES, &bytes, &len);

	if (r == 0)
		r = file_make_folder(ACTIVE_STAGED, 0755);
	if (r < 0)
		return r;
	snprintf(path, 64, ACTIVE_STAGED "XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, bytes, len);
	if (r == 0 && fchmod(fd, mode()) < 0)
		r = -errno;
	if (r < 0)
		unlink(path);
	return r;
}

enum ctl_exit ctl_apply_by_daemon(const struct ctl *o)
{
	const char *from = o->files[0];
	struct staged s = { .shown = from, .confirm_within = o->confirm_within };
	char path[64];
	enum ctl_exit e;
	int r;

	if (o->file_count > 1) {
		fputs(
		    "routerctl: routerd serves here, and apply installs one file as " LOAD_FILE
		    "; put the others into " LOAD_FOLDER "; nothing was done\n",
		    stderr);
		return CTL_USAGE;
	}
	if (!o->file_count && o->confirm_within) {
		fputs("routerctl: --confirm-within goes with -f FILE; the files in " LOAD_ROOT
		      " are in force as soon as they change\n",
		      stderr);
		return CTL_USAGE;
	}
	if (!o->file_count)
		return ctl_reload(o);
	r = stage(from, path);
	if (r < 0)
		return ctl_complain(from, r);
	if (strcmp(from, "-") == 0)
		s.shown = "stdin";
	s.path = path;
	e = change(o, "Apply", write_staged, &s);
	(void)unlink(path); /* gone already when it was installed */
	if (e == CTL_OK && o->confirm_within && o->format == REPORT_TABLE)
		fprintf(stderr,
			"routerctl: confirm with 'routerctl confirm' within %d s, or the "
			"configuration before this one comes back\n",
			o->confirm_within);
	return e;
}

enum ctl_exit ctl_reload(const struct ctl *o)
{
	return ctl_may_change() ? change(o, "Reload", NULL, NULL) : CTL_FAILED;
}

enum ctl_exit ctl_confirm(const struct ctl *o)
{
	return ctl_may_change() ? change(o, "Confirm", NULL, NULL) : CTL_FAILED;
}

enum ctl_exit ctl_rollback(const struct ctl *o)
{
	return ctl_may_change() ? change(o, "Rollback", NULL, NULL) : CTL_FAILED;
}

/* ---- questions -------------------------------------------------------------------------- */

enum ctl_exit ctl_status(const struct ctl *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const struct node *parameters;
	enum ctl_exit e = ask(a, "GetStatus", NULL, NULL, &parameters);

	return parameters ? show(o, parameters) : e;
}

/* "kind", "kind/name" or nothing. */
static void write_selection(struct out *o, const void *arg)
{
	const char *what = arg, *slash = what ? strchr(what, '/') : NULL;
	char kind[64];

	if (!what)
		return;
	snprintf(kind, sizeof(kind), "%.*s", slash ? (int)(slash - what) : (int)strlen(what),
		 what);
	out_text(o, "kind", kind);
	if (slash)
		out_text(o, "name", slash + 1);
}

static enum ctl_exit not_found(const struct ctl *o, const struct answer *a)
{
	if (strcmp(a->error, CONTROL_INTERFACE ".NotFound") == 0)
		fprintf(stderr,
			"routerctl: nothing in force is called '%.320s'; 'routerctl "
			"get' lists what is\n",
			o->words[0]);
	else
		return refused(a);
	return CTL_FAILED;
}

/* KIND or KIND/NAME: is there such a kind? If not, says so. */
static bool named(const char *what)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *kind = arena_strndup(a, what, strcspn(what, "/"));

	if (!kind_named(kind))
		ctl_unknown_kind(kind);
	return kind_named(kind) != NULL;
}

enum ctl_exit ctl_get(const struct ctl *o)
{
	CLEAN(client_close) struct client *c = NULL;
	bool first = true;
	int r;

	if (o->words[0] && strcasecmp(o->words[0], "node") == 0)
		return get_node(o);
	if (o->words[0] && !named(o->words[0]))
		return CTL_FAILED;
	r = client_open(&c);

	if ((r == -ENOENT || r == -ECONNREFUSED) && !o->watch)
		return get_without_daemon(o);
	if (r < 0)
		return no_answer(r);
	r = client_call(c, "Get", o->watch, write_selection, o->words[0]);
	do {
		CLEAN(arena_done) struct arena *a = arena_new();
		struct answer answer = { 0 };

		if (r == 0)
			r = client_answer(c, a, &answer);
		if (r < 0)
			return first ? no_answer(r) : ctl_complain("routerd has ended", r);
		if (answer.error)
			return not_found(o, &answer);
		get_print(o, node_get(answer.parameters, "objects"), first);
		if (ctl_printed(CTL_OK) != CTL_OK)
			return CTL_FAILED;
		first = false;
		if (!answer.continues)
			break;
	} while (o->watch);
	return CTL_OK;
}
