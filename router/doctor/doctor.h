/* doctor.h - what is wrong on this machine, and what to do about it.
 *
 * Looks at the configuration and at the kernel, changes nothing, runs no program, and needs
 * no daemon. Each area has one function that adds its checks; a check that could not be made
 * is CHECK_SKIP, with the reason in words. */
#pragma once

#include "reconcile.h"

enum check_status {
	CHECK_PASS,
	CHECK_WARN, /* works, or may, but not as it should */
	CHECK_FAIL, /* something that was asked for does not work */
	CHECK_SKIP,
};

/* Text lives in the doctor's arena. name is a lower-case word or words with dashes, stable
 * for programs; detail says what was found; remedy is one command, or one edit with its
 * file:line, or NULL. */
struct check {
	const char *area, *name;
	enum check_status status;
	const char *detail, *remedy;
};

struct doctor {
	struct arena *arena;
	const struct config *config; /* NULL: it has faults, or is not there */
	struct kernel *kernel;	     /* NULL: the kernel could not be asked */
	struct pass *pass; /* looked and compared, not done; NULL like config, kernel */
	bool root;	   /* CAP_NET_ADMIN; without, much cannot be seen */
	bool probe;	   /* --probe: packets may be sent */
	const char *files; /* " -f FILE" as it was given, for remedies; "" */
	struct check *checks;
	size_t count, room;
};

/* remedy and what fmt prints live as long as the doctor. */
void doctor_add(struct doctor *d, const char *area, const char *name, enum check_status status,
		const char *remedy, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

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

void doctor_examine(struct doctor *d); /* all of them */
