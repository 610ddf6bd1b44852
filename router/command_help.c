#include <string.h>

#include "base/clean.h"
#include "base/out.h"
#include "command.h"

#define COLUMN 25 /* where help begins */
#define MANY   3  /* commands that take an option, before they are no longer named */

const char *command_spelling(struct arena *a, const struct command_option *o)
{
	const char *letter = o->letter ? arena_printf(a, "-%c, ", o->letter) : "    ";

	return arena_printf(a, "%s--%s%s%s", letter, o->name, o->argument ? " " : "",
			    o->argument ? o->argument : "");
}

const char *command_meaning(struct arena *a, const struct command *cmd,
			    const struct command_option *o)
{
	const char *who = "";
	unsigned n = 0;

	if (cmd)
		return o->letter == 'o' ? command_formats(a, cmd) : o->help;
	for (const struct command *c = commands; c->name; c++)
		if (command_takes(c, o)) {
			who = arena_printf(a, "%s%s%s", who, n ? ", " : "", c->name);
			n++;
		}
	return n > MANY ? o->help : arena_printf(a, "%s: %s", who, o->help);
}

static void help_options(const struct command *cmd, FILE *out)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	for (const struct command_option *o = command_options; o->name; o++)
		if (!cmd || command_takes(cmd, o))
			out_term(out, 2, command_spelling(a, o), COLUMN,
				 command_meaning(a, cmd, o));
	out_term(out, 2, "-h, --help", COLUMN, "print this");
}

static void help_command(const struct command *cmd, FILE *out)
{
	fprintf(out, "usage: routerctl %s [OPTION]...", cmd->name);
	if (cmd->word)
		fprintf(out, " [%s]%s", cmd->word, cmd->words > 1 ? "..." : "");
	fputs("\n\n  ", out);
	out_wrap(out, 2, cmd->help);
	fputc('\n', out);
	if (cmd->word)
		out_term(out, 2, cmd->word, COLUMN, cmd->word_help);
	help_options(cmd, out);
}

static void help_all(FILE *out)
{
	fputs("usage: routerctl COMMAND [OPTION]... [WORD]...\n\n", out);
	for (const struct command *c = commands; c->name; c++)
		out_term(out, 2, c->name, 15, c->help);
	fputs("\nwords:\n", out);
	for (const struct command *c = commands; c->name; c++)
		if (c->word) {
			CLEAN(arena_done) struct arena *a = arena_new();

			out_term(out, 2, arena_printf(a, "%s %s", c->name, c->word), COLUMN,
				 c->word_help);
		}
	fputs("\noptions:\n", out);
	help_options(NULL, out);
	fputs("\n'routerctl COMMAND --help' is about one. exit: 0 fine, 1 a check or an "
	      "operation\nfailed, 2 wrong usage, 3 changes pending\n",
	      out);
}

void command_help(const struct command *cmd, FILE *out)
{
	if (cmd)
		help_command(cmd, out);
	else
		help_all(out);
}
