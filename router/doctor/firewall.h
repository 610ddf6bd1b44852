/* firewall.h - packets walked through the host's firewall, for those who ask what becomes of
 * them: firewall.c's own checks, and path.c.
 *
 * Where one is stopped, the command that lets it pass right before that place is the remedy,
 * and the walk goes on as if it had been given, until the packet is through. */
#pragma once

#include "doctor/tables.h"

struct ifaddrs;

#define FIREWALL_PLACES 32 /* that block one packet, before we give up */
#define FIREWALL_WALKS	4  /* of one struct found, at most */

struct firewall {
	struct doctor *d;
	struct ruleset rs;
	struct ifaddrs *addresses; /* firewall.c's; NULL: not known */
};

/* Commands one after the other, each once. */
struct remedy {
	const char *text; /* NULL: none yet */
	const char *commands[FIREWALL_WALKS * FIREWALL_PLACES + 1];
	size_t count;
};

/* What became of packets. Starts all zero; several walks may add to it. */
struct found {
	enum verdict worst;
	struct place place; /* the first that blocks, or that may */
	const char *text;   /* of all that block, or of the first that may */
	struct remedy remedy;
	/* Some iptables is told, so what it knows is to be kept: the table. Where both kinds
	 * are, either would save without the other. */
	const struct rule_table *told;
	bool both;
};

void firewall_walk(struct firewall *f, const struct flow *w, struct found *ret);
/* The last command, which keeps what iptables was told; then all of them, NULL: none. */
const char *firewall_remedy(struct firewall *f, struct found *found);
/* NULL: unknown. */
struct flow_link firewall_link(const char *name);
/* A connection through this machine that nobody would make a rule of its own for. */
struct flow firewall_forward(const char *in, const char *out, const struct addr *from,
			     const struct addr *to);
