/* config.c - is the configuration readable and right, and is the kernel as it says? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/stream.h"
#include "config/kind.h"
#include "doctor/doctor.h"
#include "load.h"

#define AREA "config"

/* A row for each of the first faults of one sort: ": error: " or ": warning: ". What to edit
 * a fault says itself, with its place; the command that lists all comes with the last. */
static void tell(struct doctor *d, const char *sort, enum check_status status)
{
	struct tally t = { .d = d,
			   .area = AREA,
			   .name = status == CHECK_FAIL ? "valid" : "warnings" };
	CLEAN(stream_done) struct stream text = { 0 };
	char *save = NULL;

	diag_print(d->diag, stream_open(&text));
	for (char *line = strtok_r(stream_text(&text), "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (strstr(line, sort))
			tally_bad(&t, status, NULL, "%s", line);
	tally_end(&t, "none");
	if (t.bad)
		d->checks[d->count - 1].remedy =
		    arena_printf(d->arena, "routerctl validate%s", d->files);
}

/* What an apply would do. Most of it other areas explain; this is what makes sure that
 * nothing is left out. */
static void pending(struct doctor *d)
{
	const struct plan *plan = &d->pass->plan;
	const char *edit = NULL;
	const struct item *it;

	for (size_t i = 0; i < plan->count && !edit; i++)
		edit = plan->ops[i].want ? doctor_own_key(d, plan->ops[i].want) : NULL;
	if (plan->count) {
		it = op_item(&plan->ops[0]);
		doctor_add(d, AREA, "applied", CHECK_WARN, edit ? edit : doctor_apply(d),
			   "%zu changes are pending, the first: %s %s%s%s; 'routerctl plan%s' "
			   "lists them",
			   plan->count, verb_name(plan->ops[0].verb), item_text(d->arena, it),
			   plan->ops[0].origin ? " for " : "",
			   plan->ops[0].origin ? object_where(d->arena, plan->ops[0].origin)
					       : "",
			   d->files);
	} else if (d->pass->have.blind) {
		doctor_add(d, AREA, "applied", CHECK_SKIP, NULL,
			   "what can be seen without root is as configured; run it as root to "
			   "see the rest");
	} else {
		doctor_add(d, AREA, "applied", CHECK_PASS, NULL,
			   "the kernel is as configured: %zu items", d->pass->want.count);
	}
}

void doctor_config(struct doctor *d)
{
	if (d->unconfigured) {
		doctor_add(d, AREA, "there", CHECK_WARN,
			   "edit " LOAD_FILE ", or name a file: routerctl doctor -f FILE",
			   "nothing is configured: there is no " LOAD_FILE
			   " and nothing in " LOAD_FOLDER);
		return;
	}
	if (d->diag->errors) {
		tell(d, ": error: ", CHECK_FAIL);
		return;
	}
	if (d->config->count == 0) {
		doctor_add(d, AREA, "there", CHECK_WARN, NULL,
			   "the configuration is empty: nothing is asked for");
		return;
	}
	doctor_add(d, AREA, "valid", CHECK_PASS, NULL, "%zu resources, no fault",
		   d->config->count);
	tell(d, ": warning: ", CHECK_WARN);
	if (d->pass)
		pending(d);
	else
		doctor_can(d, AREA);
}
