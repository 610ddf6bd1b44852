/* tables.h - the firewall's tables in words and commands, for firewall.c and nft.c.
 *
 * Text lives in the doctor's arena. Commands are for sh, as they are. */
#pragma once

#include "doctor/doctor.h"
#include "kernel/verdict.h"

#define TABLE_OURS "routerd_mss" /* of family inet: clamp.c's */

/* NULL, or why they could not be read, in words. */
const char *tables_look(struct doctor *d, struct ruleset *rs);
/* False: it could not be read, and name of area is skipped with the reason. */
bool tables_read(struct doctor *d, const char *area, const char *name, struct ruleset *rs);
/* Left over: it carries our mark, or a name like ours, and no configuration asks for it. */
bool table_is_stale(const struct rule_table *t);
/* The command that removes it. */
const char *table_delete(struct doctor *d, const struct rule_table *t);
/* The kind of iptables that keeps this table, by the name it has here; NULL: none of them. */
const char *table_program(struct doctor *d, const struct rule_table *t);
/* What t's iptables was told is gone at the next boot: the command that keeps it where it is
 * loaded from; NULL: nothing loads it. */
const char *table_save(struct doctor *d, const struct rule_table *t);

const char *effect_word(enum effect_kind kind); /* "drops" */
const char *place_text(struct doctor *d, const struct place *p);
/* The command that lets w pass right before p. Rules put in before p meanwhile only move it
 * down, so positions stay good. *by_iptables: it tells some iptables. */
const char *place_accept(struct doctor *d, const struct place *p, const struct flow *w,
			 bool *by_iptables);
