/* serve.h - the daemon: holds what is wanted in force, and tells what it sees.
 *
 * One thread, one loop. Whatever happens starts a pass, which looks at everything and does
 * what is missing; only an address that must be absent is removed as its event is read. */
#pragma once

#include "active.h"
#include "control.h"
#include "kernel/watch.h"
#include "status.h"

struct counters {
	uint64_t passes, changes, failures, removals;
};

struct serve {
	struct loop loop;
	struct control *control;
	struct watch watch;
	struct source signals, route, nft, files, tick, soon, reread, confirm;
	struct active active;
	struct kept *next;     /* comes into force with the next pass; NULL: none */
	struct kept *kept;     /* in force; NULL: nothing, and then the kernel is left alone */
	struct pass *pass;     /* the latest, and */
	struct status *status; /* what it makes of each object; NULL before the first */
	const struct state *wanted; /* kept's, or already its successor's */
	bool passing;		    /* in a pass: the loop turns for others only */
	bool missed;		    /* something happened meanwhile */
	bool armed;		    /* the timer soon runs */
	int64_t changed;     /* the first change of a file that was not read yet, ms; 0: none */
	bool adopt;	     /* keys of another machine are this one's now */
	bool follow;	     /* the next pass also looks at the names of silent peers */
	int64_t ended, took; /* the latest pass, ms */
	int64_t at, started; /* the latest pass, and we, seconds since 1970 */
	unsigned ticks;
	int watches[4]; /* inotify's, of the folders */
	char *failures; /* as last logged */
	char *wrong;	/* about keys and exports, as last logged */
	struct counters counters;
};

/* Never returns before SIGTERM, but for a start that fails: the exit status. */
int serve_run(bool adopt);

/* ---- among serve.c, serve_pass.c and calls.c ---- */

#define SERVE_DEBOUNCE 5 /* ms from an event to its pass */

/* A pass, in so many milliseconds; or later, when the last one took long. */
void serve_soon(struct serve *s, int64_t ms);
void serve_tell_manager(struct serve *s); /* STATUS= for systemctl status */

/* Takes next, if not NULL, into force, and makes the kernel so. What was done goes into the
 * open list ops, what failed, in words, a line each, to failed; both may be NULL. */
void serve_pass(struct serve *s, struct kept *next, struct out *ops, FILE *failed);
/* After a change of s->active.confirm_until. */
void serve_arm_confirm(struct serve *s);

extern const struct control_entry serve_calls[];
extern const char serve_description[]; /* io.routerd in varlink's language */

void metrics_out(const struct serve *s, FILE *out); /* OpenMetrics 1.0 text */
