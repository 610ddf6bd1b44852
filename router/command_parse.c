#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "command.h"
#include "config/hint.h"

#define OPTIONS 64  /* of one command */
#define OWN	256 /* and above: an option of command_options */

static enum ctl_exit usage(const struct command *cmd)
{
	fprintf(stderr, "routerctl: 'routerctl %s --help' shows how it is used\n", cmd->name);
	return CTL_USAGE;
}

void command_unknown(const char *name)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct hint hint = { .text = name };

	for (const struct command *c = commands; c->name; c++)
		hint_try(&hint, c->name);
	fprintf(stderr,
		"routerctl: there is no command '%.60s'%s\n"
		"routerctl: 'routerctl --help' lists commands and options\n",
		name, hint_text(a, &hint));
}

/* The command whose option that is, when it is none of cmd's. */
static const struct command *whose(const char *name, size_t n)
{
	for (const struct command_option *o = command_options; o->name; o++)
		for (const struct command *c = commands; c->name; c++)
			if (strlen(o->name) == n && strncmp(o->name, name, n) == 0 &&
			    command_takes(c, o))
				return c;
	return NULL;
}

static void unknown_option(const struct command *cmd, const char *argument)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	const char *word = argument + strspn(argument, "-");
	size_t n = strcspn(word, "=");
	const char *name = arena_strndup(a, word, n);
	const struct command *other = whose(word, n);
	struct hint hint = { .text = name };

	for (const struct command_option *o = command_options; o->name; o++)
		if (command_takes(cmd, o))
			hint_try(&hint, o->name);
	if (hint.best)
		hint.best = arena_printf(a, "--%s", hint.best);
	if (other)
		fprintf(stderr, "routerctl: %s does not take --%s; %s does\n", cmd->name, name,
			other->name);
	else
		fprintf(stderr, "routerctl: %s has no option '%.60s'%s\n", cmd->name, argument,
			hint_text(a, &hint));
}

/* What getopt_long() is to know: only the command's own. */
static void list_options(const struct command *cmd, struct option *longs, char *letters)
{
	size_t n = 0;

	*letters++ = ':'; /* a missing argument is told from an unknown option */
	*letters++ = 'h';
	longs[n++] = (struct option){ "help", no_argument, NULL, 'h' };
	for (const struct command_option *o = command_options; o->name; o++) {
		if (!command_takes(cmd, o))
			continue;
		if (n + 1 == OPTIONS)
			abort(); /* a command has outgrown its array: any use of it shows */
		longs[n++] =
		    (struct option){ o->name, o->argument ? required_argument : no_argument,
				     NULL, OWN + (int)(o - command_options) };
		if (o->letter) {
			*letters++ = o->letter;
			if (o->argument)
				*letters++ = ':';
		}
	}
	longs[n] = (struct option){ 0 };
	*letters = '\0';
}

static const struct command_option *chosen(const struct command *cmd, int letter)
{
	const struct command_option *o = command_options;

	if (letter >= OWN)
		return &command_options[letter - OWN];
	while (o->name && (o->letter != letter || !command_takes(cmd, o)))
		o++;
	return o;
}

static bool set_option(struct ctl *c, const struct command_option *o)
{
	char *at = (char *)c + o->offset;

	if (o->take)
		return o->take(c, optarg);
	if (o->argument)
		*(const char **)(void *)at = optarg;
	else
		*(bool *)at = true;
	return true;
}

static enum ctl_exit wrong_option(const struct command *cmd, int letter, char **argv)
{
	const char *at = argv[optind - 1];

	if (letter == ':')
		fprintf(stderr, "routerctl: %s needs an argument\n", at);
	else if (optopt >= OWN)
		fprintf(stderr, "routerctl: --%s takes no argument\n",
			command_options[optopt - OWN].name);
	else if (optopt)
		fprintf(stderr, "routerctl: %s has no option '-%c'\n", cmd->name, optopt);
	else
		unknown_option(cmd, at);
	return usage(cmd);
}

enum ctl_exit command_parse(const struct command *cmd, int argc, char **argv, struct ctl *c,
			    bool *help)
{
	struct option longs[OPTIONS];
	char letters[2 * OPTIONS + 3];
	int letter;

	list_options(cmd, longs, letters);
	c->command = cmd;
	*help = false;
	opterr = 0;
	optind = 1;
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (letter == 'h') {
			*help = true;
			return CTL_OK;
		}
		if (letter == '?' || letter == ':')
			return wrong_option(cmd, letter, argv);
		if (!set_option(c, chosen(cmd, letter)))
			return usage(cmd);
	}
	while (optind < argc && c->word_count < cmd->words)
		c->words[c->word_count++] = argv[optind++];
	if (optind == argc)
		return CTL_OK;
	fprintf(stderr, "routerctl: %s takes no argument '%.60s'%s\n", cmd->name, argv[optind],
		command_lists(cmd->options, "file") ? "; files are named with -f" : "");
	return usage(cmd);
}
