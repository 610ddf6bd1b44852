/* boot.h - one run of first boot: what the steps know and leave to each other.
 *
 * The steps are a table, in the order that is the contract. Each finds its own work done when
 * it is run again, so that a kill at any point is mended by the next run. One that fails does
 * not keep those after it from what they can do without: a node publishes its key when there
 * is no configuration, and keeps its last one when there is no metadata. */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "firstboot/journal.h"
#include "firstboot/seed.h"
#include "firstboot/source.h"
#include "providers/provider.h"

enum boot_end {
	BOOT_DONE,    /* or found done */
	BOOT_WAITING, /* for somebody: a configuration, another node's key */
	BOOT_FAILED,  /* and may go better later */
};

struct boot_options {
	struct place place;
	bool dry_run, adopt;
	unsigned deadline; /* s, for a configuration's URL and for packages; 0: their own */
};

#define BOOT_STEPS 10
#define BOOT_LINES (BOOT_STEPS + 6) /* that a run may have to tell */

struct boot {
	struct arena *arena;
	const struct boot_options *o;
	const char *routerctl;
	struct journal journal;

	const struct provider *provider; /* NULL: none that is known */
	bool read;			 /* told is filled in */
	struct told told;
	struct seed seed;
	const char *seed_faults; /* NULL: none */
	const char *node;	 /* as it is published */
	const char *key_file;
	bool bare;	       /* there is no configuration that names the key */
	const char *signing;   /* the public half of the exchange's key; NULL: it has none */
	const char *published; /* "node N: public key K fingerprint F" */
	struct source source;
	const char *next;		    /* what somebody is to do; NULL: nothing */
	const char *told_lines[BOOT_LINES]; /* on the console */
	size_t told_count;
};

/* What became of a step. */
struct boot_result {
	enum boot_end end;
	const char *detail; /* a sentence */
	long long ms;
};

struct boot_step {
	const char *name;
	const char *does; /* as a sentence's verb */
	enum boot_end (*run)(struct boot *b, const char **ret_detail);
};

extern const struct boot_step boot_steps[BOOT_STEPS];

/* Runs all of them, and reports; the worst end of any. */
enum boot_end boot_run(const struct boot_options *o);

/* ---- shared by the steps ---- */

/* routerctl with these arguments, whose output is kept. 0; or -errno, with words. */
struct run_end;
int boot_routerctl(struct boot *b, const char *const *args, struct run_end *ret,
		   const char **ret_words);
/* systemctl likewise; -ENOSYS, without words, where no systemd runs. */
int boot_systemctl(struct boot *b, const char *const *args, const char **ret_words);
