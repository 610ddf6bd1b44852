/* main.c - the program's arguments. */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "ctl.h"

static const struct command {
	const char *name;
	enum ctl_exit (*run)(const struct ctl *c);
	const char *options; /* letters of those it takes; '+': words, too */
	const char *help;
} commands[] = {
	{ "validate", ctl_validate, "f", "read the configuration and report every fault" },
	{ "plan", ctl_plan, "foax", "show what apply would change; needs no root" },
	{ "apply", ctl_apply, "fo", "make the kernel so, and report what was changed" },
	{ "render", ctl_render, "fo", "show the wanted state" },
	{ "delete", ctl_delete, "oAn", "take down all that routerd made" },
	{ "doctor", ctl_doctor, "fop+", "say what is wrong on this machine, and what to do" },
	{ "version", ctl_version, "o", "print the version" },
};

static const struct option longs[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "output", required_argument, NULL, 'o' },
	{ "against", required_argument, NULL, 'a' },
	{ "exit-code", no_argument, NULL, 'x' },
	{ "all", no_argument, NULL, 'A' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "probe", no_argument, NULL, 'p' },
	{ 0 },
};

static void help(FILE *out)
{
	fputs("usage: routerctl COMMAND [OPTION]...\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("\n"
	      "  -f, --file PATH      a file, a folder or -; may be repeated; without it\n"
	      "                       /etc/routerd/router.yaml and /etc/routerd/conf.d/*.yaml\n"
	      "  -o, --output FORMAT  table, json or yaml\n"
	      "      --against PATH   plan: compare with this configuration, not the kernel\n"
	      "      --exit-code      plan: exit 3 when there is something to change\n"
	      "      --all            delete: required\n"
	      "      --dry-run        delete: only show\n"
	      "      --probe          doctor: send packets to measure the path\n"
	      "  AREA...              doctor: only these, as hybrid or wireguard\n"
	      "\n"
	      "exit: 0 fine, 1 a check or an operation failed, 2 wrong usage, 3 changes "
	      "pending\n",
	      out);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool add_path(const char **list, size_t *count)
{
	if (*count == CTL_FILES) {
		fprintf(stderr, "routerctl: more than %d files; name their folder\n",
			CTL_FILES);
		return false;
	}
	list[(*count)++] = optarg;
	return true;
}

static bool set_format(struct ctl *c)
{
	static const char *const names[] = {
		[REPORT_TABLE] = "table",
		[REPORT_JSON] = "json",
		[REPORT_YAML] = "yaml",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(optarg, names[i]) == 0) {
			c->format = (enum report_format)i;
			c->formatted = true;
			return true;
		}
	fprintf(stderr, "routerctl: -o %s: want table, json or yaml\n", optarg);
	return false;
}

static bool set_option(struct ctl *c, int letter)
{
	switch (letter) {
	case 'f':
		return add_path(c->files, &c->file_count);
	case 'a':
		return add_path(c->against, &c->against_count);
	case 'o':
		return set_format(c);
	case 'x':
		return c->exit_code = true;
	case 'A':
		return c->all = true;
	case 'n':
		return c->dry_run = true;
	case 'p':
		return c->probe = true;
	default:
		return false;
	}
}

static int usage(void)
{
	fputs("routerctl: 'routerctl --help' lists commands and options\n", stderr);
	return CTL_USAGE;
}

int main(int argc, char **argv)
{
	const struct command *cmd = argc > 1 ? find(argv[1]) : NULL;
	static char name[] = "routerctl";
	struct ctl c = { 0 };
	int letter;

	/* Keys pass through our memory: no core file, no ptrace by others of our user. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0) {
		fputs("routerctl: libsodium does not start\n", stderr);
		return CTL_FAILED;
	}
	if (argc > 1 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
			 strcmp(argv[1], "-h") == 0)) {
		help(stdout);
		return CTL_OK;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return (int)ctl_version(&c);
	if (!cmd) {
		if (argc > 1)
			fprintf(stderr, "routerctl: there is no command '%.60s'\n", argv[1]);
		return usage();
	}
	argv[0] = name; /* for getopt_long()'s own words */
	optind = 2;
	while ((letter = getopt_long(argc, argv, "f:o:h", longs, NULL)) != -1) {
		if (letter == 'h') {
			help(stdout);
			return CTL_OK;
		}
		if (letter == '?')
			return usage();
		if (!strchr(cmd->options, letter)) {
			fprintf(stderr, "routerctl: %s does not take %s\n", cmd->name,
				argv[optind - 1]);
			return usage();
		}
		if (!set_option(&c, letter))
			return usage();
	}
	if (optind < argc && strchr(cmd->options, '+')) {
		if (argc - optind > CTL_WORDS) {
			fprintf(stderr, "routerctl: more than %d arguments\n", CTL_WORDS);
			return usage();
		}
		while (optind < argc)
			c.words[c.word_count++] = argv[optind++];
	}
	if (optind < argc) {
		fprintf(stderr,
			"routerctl: %s takes no argument '%.60s'; files are named with "
			"-f\n",
			cmd->name, argv[optind]);
		return usage();
	}
	return (int)cmd->run(&c);
}
