/* ctl.h - the commands of routerctl. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "load.h"
#include "own.h"
#include "report.h"

#define CTL_FILES 64 /* -f and --against, each */
#define CTL_WORDS 64 /* arguments that are no options */

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_PENDING = 3, /* plan --exit-code: there is something to do */
};

struct command;

struct ctl {
	const struct command *command;
	int confirm_within; /* seconds; 0: not asked for */
	bool wide, watch, http;
	const char *files[CTL_FILES], *against[CTL_FILES];
	size_t file_count, against_count;
	enum report_format format;
	bool formatted;	    /* -o was given, and is one of those */
	const char *output; /* its word; NULL: not given */
	const char *facts;
	bool adopt, replace, commit, abort, force, pub;
	bool preshared;
	const char *node, *expect;
	const char *from;		 /* path: who sends */
	const char *key_file, *endpoint; /* export: of a node without a configuration */
	bool write;
	bool exit_code, all, dry_run, probe, expand;
	const char *words[CTL_WORDS];
	size_t word_count;
};

enum ctl_exit ctl_validate(const struct ctl *c);
enum ctl_exit ctl_plan(const struct ctl *c);
enum ctl_exit ctl_apply(const struct ctl *c);
enum ctl_exit ctl_render(const struct ctl *c);
enum ctl_exit ctl_graph(const struct ctl *c);
enum ctl_exit ctl_delete(const struct ctl *c);
enum ctl_exit ctl_get(const struct ctl *c);
enum ctl_exit ctl_describe(const struct ctl *c);
enum ctl_exit ctl_status(const struct ctl *c);
enum ctl_exit ctl_metrics(const struct ctl *c);
enum ctl_exit ctl_reload(const struct ctl *c);
enum ctl_exit ctl_confirm(const struct ctl *c);
enum ctl_exit ctl_rollback(const struct ctl *c);
enum ctl_exit ctl_serve(const struct ctl *c);
enum ctl_exit ctl_doctor(const struct ctl *c);
enum ctl_exit ctl_path(const struct ctl *c);
enum ctl_exit ctl_export(const struct ctl *c);
enum ctl_exit ctl_import(const struct ctl *c);
enum ctl_exit ctl_rotate(const struct ctl *c);
enum ctl_exit ctl_action_plan(const struct ctl *c);
enum ctl_exit ctl_explain(const struct ctl *c);
enum ctl_exit ctl_version(const struct ctl *c);

/* ---- shared by the commands ---- */

/* Faults are on standard error then. */
bool ctl_load(struct config *c, struct documents *s, const char *const *files, size_t n);
enum ctl_exit ctl_complain(const char *what, int error);
enum ctl_exit ctl_printed(enum ctl_exit e); /* a full disk must not look like success */
void ctl_unknown_kind(const char *name);    /* says so, and which is near */
bool ctl_may_change(void);
/* Makes the kernel so, without the daemon, and reports. */
enum ctl_exit ctl_change(const struct ctl *c, const struct state *want);
extern const struct voice ctl_voice;
/* apply, where the daemon serves: it installs the file. */
enum ctl_exit ctl_apply_by_daemon(const struct ctl *c);
