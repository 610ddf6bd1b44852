/* tables.h - for firewall.c and nft.c, which look at the same tables. */
#pragma once

#include "doctor/doctor.h"
#include "kernel/ruleset.h"

/* Left over: it carries our mark, or a name like ours, and no configuration asks for it. */
bool table_is_stale(const struct rule_table *t);
/* The command that removes it. */
const char *table_delete(struct doctor *d, const struct rule_table *t);
/* text as one word of a shell; itself when it needs no quotes. */
const char *shell_word(struct arena *a, const char *text);
/* False: it could not be read, and name of area is skipped with the reason. */
bool tables_read(struct doctor *d, const char *area, const char *name, struct ruleset *rs);
