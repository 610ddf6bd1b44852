/* main.c - the program begins. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "command.h"

static bool is_help(const char *word)
{
	return command_lists("help --help -h", word);
}

static enum ctl_exit usage(const char *name)
{
	if (name)
		command_unknown(name);
	else
		fputs("routerctl: say what to do: 'routerctl --help' lists commands and "
		      "options\n",
		      stderr);
	return CTL_USAGE;
}

static enum ctl_exit run(int argc, char **argv)
{
	const struct command *cmd = argc > 1 ? command_find(argv[1]) : NULL;
	struct ctl c = { 0 };
	enum ctl_exit e;
	bool help;

	if (argc > 1 && strcmp(argv[1], "__complete") == 0)
		return command_complete((size_t)argc - 2, argv + 2);
	if (argc > 1 && is_help(argv[1])) {
		if (argc > 2 && !command_find(argv[2]))
			return usage(argv[2]);
		command_help(argc > 2 ? command_find(argv[2]) : NULL, stdout);
		return ctl_printed(CTL_OK);
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return ctl_version(&c);
	if (!cmd)
		return usage(argc > 1 ? argv[1] : NULL);
	e = command_parse(cmd, argc - 1, argv + 1, &c, &help);
	if (e != CTL_OK)
		return e;
	if (!help)
		return cmd->run(&c);
	command_help(cmd, stdout);
	return ctl_printed(CTL_OK);
}

int main(int argc, char **argv)
{
	/* Keys pass through our memory: no core file, no ptrace by others of our user. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a line is one write(2), not a hundred */
	if (sodium_init() < 0) {
		fputs("routerctl: libsodium does not start\n", stderr);
		return CTL_FAILED;
	}
	return (int)run(argc, argv);
}
