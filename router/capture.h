/* capture.h - what is to be done outside a node so that what it captures comes to it: at its
 * provider, or at the host that it is a guest of.
 *
 * Commands are text for people; none is run, and no provider is asked. What is known to be done
 * already is what first boot heard of this machine. */
#pragma once

#include "config/config.h"
#include "config/hybrid.h"
#include "providers/action.h"

enum capture_state {
	CAPTURE_DONE,
	CAPTURE_TODO,
	CAPTURE_UNSEEN, /* may be done: its look tells */
};

/* One deed at one NIC. */
struct capture_step {
	const char *name; /* for programs: "attach", "setting", "rules" */
	enum capture_state state;
	const char *text;     /* how it is to be, for people */
	const char *why;      /* how the state is known, or why it is not */
	const char *note;     /* NULL: none */
	struct list commands; /* const char *; what is done already has none */
	struct list undo;     /* const char * */
	const char *prior;    /* undo only if the setting was this before: "off"; or NULL */
	const char *look;     /* NULL: nothing tells */
};

struct capture_claim {
	const struct address_claim *claim;
	const char *address;
	enum capture_state state;
};

/* A word that nobody here knows. */
struct capture_word {
	const char *word; /* as it stands in the commands of what is printed */
	const char *find; /* the command that tells it; NULL: none does */
	bool needed;	  /* it stands in a step's command, not only in another find */
	bool may_be_empty;
};

#define CAPTURE_STEPS 3

/* All that concerns one NIC of one node. */
struct capture_part {
	unsigned number;		  /* among all, from 1 */
	const struct action_forms *forms; /* NULL: nobody says which provider */
	const char *nic, *link;		  /* NULL: not known */
	struct capture_claim *claims;	  /* by address */
	size_t claim_count;
	struct capture_step steps[CAPTURE_STEPS];
	size_t step_count;
	struct list words;    /* struct capture_word */
	struct list warnings; /* const char * */
	const char *limit;    /* tells how many addresses a NIC may have; or NULL */
};

struct capture_node {
	const char *name;
	struct capture_part *parts;
	size_t count;
};

struct capture_plan {
	struct arena *arena;
	bool shell; /* words that are not known are variables: "$NICID" */
	struct capture_node *nodes;
	size_t count, room;
	unsigned parts;
};

/* The node that c is the configuration of. own: c->facts are of that node. */
void capture_add(struct capture_plan *plan, const struct config *c, bool own);

/* capture_part.c: all of p but its NIC and claims. facts: of its node, NULL: not known. */
void capture_make(struct arena *a, const struct facts *facts, bool shell,
		  struct capture_part *p);
/* Is the machine that f are of at this provider? */
bool capture_there(const struct facts *f, const struct action_forms *forms);
/* What first boot heard of an interface; NULL: nothing. */
const struct facts_nic *capture_nic(const struct facts *f, const char *link);

enum capture_format {
	CAPTURE_TEXT,
	CAPTURE_JSON,
	CAPTURE_YAML,
	CAPTURE_SHELL, /* of a plan with shell */
	CAPTURE_MARKDOWN,
};

/* capture_print.c */
void capture_print(const struct capture_plan *plan, enum capture_format format, FILE *out);
/* capture_shell.c */
void capture_print_shell(const struct capture_plan *plan, FILE *out);
