/* doctor.h - what is wrong on this machine, and what to do about it.
 *
 * Looks at the configuration and at the kernel, changes nothing, runs no program, and needs
 * no daemon. Each area has one function that adds its checks; a check that could not be made
 * is CHECK_SKIP, with the reason in words. */
#pragma once

#include "base/diag.h"
#include "base/shell.h"
#include "load.h"
#include "reconcile.h"
#include "report.h"

enum check_status {
	CHECK_PASS,
	CHECK_WARN, /* works, or may, but not as it should */
	CHECK_FAIL, /* something that was asked for does not work */
	CHECK_SKIP,
};

/* Text lives in the doctor's arena. name is a lower-case word or words with dashes, stable
 * for programs; detail says what was found; remedy is one command for sh -c; or one edit with
 * its file:line, and then begins with "set spec." or "edit "; or words, which begin with
 * "by hand: "; or NULL. */
struct check {
	const char *area, *name;
	enum check_status status;
	const char *detail, *remedy;
};

struct doctor {
	struct arena *arena;
	const struct diag *diag;     /* of reading the configuration */
	bool unconfigured;	     /* there is none at all, and none was named */
	const struct config *config; /* NULL: it has faults, or is not there */
	struct kernel *kernel;	     /* NULL: the kernel could not be asked */
	const char *deaf;	     /* why it could not, in words */
	struct pass *pass; /* looked and compared, not done; NULL like config, kernel */
	bool root;	   /* CAP_NET_ADMIN; without, much cannot be seen */
	bool probe;	   /* --probe: packets may be sent */
	const char *files; /* " -f FILE" as it was given, quoted for a shell; "" */
	struct check *checks;
	size_t count, room;
};

/* remedy and what fmt prints live as long as the doctor. */
void doctor_add(struct doctor *d, const char *area, const char *name, enum check_status status,
		const char *remedy, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Many things looked at in few rows: the first that are not well have one each, the others
 * are counted; where all are well, one row says so. */
struct tally {
	struct doctor *d;
	const char *area, *name;
	size_t good, bad;
	enum check_status worst;
};

void tally_bad(struct tally *t, enum check_status status, const char *remedy, const char *fmt,
	       ...) __attribute__((format(printf, 4, 5)));
/* fmt is said where all are well; where there was nothing to look at, nothing is. */
void tally_end(struct tally *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Is there a plan to read? If not, says so in a row of this area. */
bool doctor_can(struct doctor *d, const char *area);
/* Could items of this type be seen? If not, says so in a row. */
bool doctor_sees(struct doctor *d, enum item_type type, const char *area, const char *name);
/* "routerctl apply -f FILE" */
const char *doctor_apply(const struct doctor *d);
/* The objects of a kind, in the order of the files, but for those that wait. Only with a
 * configuration. */
const struct object **doctor_objects(const struct doctor *d, const struct kind *k,
				     size_t *ret_count);
/* A word of a command. */
static inline const char *doctor_quote(struct arena *a, const char *word)
{
	return shell_quote(a, word);
}
/* A file's or a setting's text without white space at its end; NULL: it cannot be read. */
const char *doctor_read(const struct doctor *d, const char *path);

/* sysctl.c: conf/LINK/KEY of IPv4 as a number; -1: it cannot be read. */
int sysctl_setting(const struct doctor *d, const char *link, const char *key);
/* The command that sets one. */
const char *sysctl_set(struct arena *a, const char *link, const char *key, int value);
/* What counts for packets that come in by link: 0 off, 1 strict, 2 loose; -1: no such link. */
int sysctl_rp_filter(const struct doctor *d, const char *link);

/* peers.c: when a peer was last heard of. */
enum heard {
	HEARD_LATELY, /* or it is idle, and the next packet wakes it */
	HEARD_NEVER,
	HEARD_AHEAD, /* by a clock that was set back since */
	HEARD_OLD,
};
/* have: the peer as the kernel has it. *ret_age: seconds, where it was heard of at all. */
enum heard peer_heard(const struct item *have, long long *ret_age);
/* What to look at where it is not, likeliest first; link is its interface. */
const char *peer_silence(struct doctor *d, const char *link, const struct item *have);

/* The areas, in the order of their report. */
void doctor_config(struct doctor *d);
void doctor_hybrid(struct doctor *d);
void doctor_wireguard(struct doctor *d);
void doctor_firewall(struct doctor *d);
void doctor_nft(struct doctor *d);
void doctor_sysctl(struct doctor *d);
void doctor_mtu(struct doctor *d);
void doctor_provider(struct doctor *d);
void doctor_host(struct doctor *d);

void doctor_peers(struct doctor *d); /* a part of wireguard */
/* Whether a wanted item is of a peer whose publicKey is its own interface's, and so cannot be
 * applied: the edit that mends it, else NULL. */
const char *doctor_own_key(const struct doctor *d, const struct item *it);
/* host.c: what puts the clock right, or tells why it is not. */
const char *doctor_set_clock(void);

/* Is there such an area? "hybrid", "wireguard" ... */
bool doctor_knows(const char *area);
const char *doctor_areas(struct arena *a); /* "config, hybrid ..." */
/* The n areas named, in their own order; n 0: all of them. */
void doctor_examine(struct doctor *d, const char *const *names, size_t n);

/* What a doctor looks at, and with. */
struct sight {
	struct diag diag;
	struct config config;
	struct documents documents;
	struct kernel kernel;
	struct state want, have;
	struct pass *pass;
};
/* Reads the configuration (no files: those of load.h), looks at the kernel, and makes a doctor
 * of it; d->arena is the caller's. What could not be read or seen, d says. */
void doctor_open(struct doctor *d, struct sight *s, const char *const *files, size_t n);
void doctor_close(struct sight *s); /* for CLEAN() */

/* What is asked of routerctl doctor. */
struct doctor_request {
	const char *const *files, *const *areas;
	size_t file_count, area_count; /* no files: those of load.h; no areas: all */
	enum report_format format;
	bool colour, probe;
};
/* Reads the configuration, looks at the kernel, examines, and prints to out. True: no check
 * failed. */
bool doctor_run(const struct doctor_request *q, FILE *out);

/* print.c */
void doctor_print(const struct doctor *d, enum report_format format, bool colour, FILE *out);
enum check_status doctor_overall(const struct doctor *d);
