/* command.h - what routerctl can be told: a row for each command, and one for each option.
 *
 * Parsing, --help, completion and the manual page read the same two tables. A command is one
 * row, an option another, and the command's row names it. */
#pragma once

#include "ctl.h"

struct command {
	const char *name;
	enum ctl_exit (*run)(const struct ctl *c);
	const char *options; /* long names of those it takes, with blanks between */
	const char *formats; /* what -o may be, likewise; NULL: it takes no -o */
	unsigned words;	     /* how many it may be given besides */
	const char *word, *word_help;
	const char *help;
};

/* How an option is taken: by take, which complains; else by the text or the flag at offset. */
struct command_option {
	const char *name;
	char letter;	      /* 0: only the long form */
	const char *argument; /* NULL: none */
	const char *only;     /* the commands this row is for; NULL: any that names it */
	const char *help;
	bool (*take)(struct ctl *c, const char *argument);
	size_t offset; /* in struct ctl */
};

extern const struct command commands[];		      /* ends with a NULL name */
extern const struct command_option command_options[]; /* ends with a NULL name */

const struct command *command_find(const char *name); /* NULL: there is none */
bool command_takes(const struct command *cmd, const struct command_option *option);
/* Is word among those of list, which has blanks between? */
bool command_lists(const char *list, const char *word);
/* The usage of one command, or with NULL of all. */
void command_help(const struct command *cmd, FILE *out);
/* "table, json or yaml": what the command's -o may be. */
const char *command_formats(struct arena *a, const struct command *cmd);
/* "-o, --output FORMAT" */
const char *command_spelling(struct arena *a, const struct command_option *option);
/* What an option does: of one command, or with NULL of all that take it. */
const char *command_meaning(struct arena *a, const struct command *cmd,
			    const struct command_option *option);
/* Reads the arguments after the command's name. CTL_USAGE: it is said what is wrong with them;
 * else *help tells whether only the usage is wanted. */
enum ctl_exit command_parse(const struct command *cmd, int argc, char **argv, struct ctl *c,
			    bool *help);
/* There is no such command: says so, and which is near. */
void command_unknown(const char *name);
/* command_complete.c: prints what the last of words may become; "routerctl" is none of them. */
enum ctl_exit command_complete(size_t n, char **words);
