/* ctl.h - the commands of routerctl. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

#define CTL_FILES 64 /* -f and --against, each */
#define CTL_WORDS 64 /* arguments that are no options */

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_PENDING = 3, /* plan --exit-code: there is something to do */
};

struct ctl {
	const char *files[CTL_FILES], *against[CTL_FILES];
	size_t file_count, against_count;
	enum report_format format;
	bool formatted; /* -o was given */
	bool exit_code, all, dry_run, probe;
	const char *words[CTL_WORDS];
	size_t word_count;
};

enum ctl_exit ctl_validate(const struct ctl *c);
enum ctl_exit ctl_plan(const struct ctl *c);
enum ctl_exit ctl_apply(const struct ctl *c);
enum ctl_exit ctl_render(const struct ctl *c);
enum ctl_exit ctl_delete(const struct ctl *c);
enum ctl_exit ctl_doctor(const struct ctl *c);
enum ctl_exit ctl_version(const struct ctl *c);
