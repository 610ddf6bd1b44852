/* main.c - the program's arguments. */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "ctl.h"

static const struct command {
	const char *name;
	enum ctl_exit (*run)(const struct ctl *c);
	const char *options; /* letters of those it takes */
	unsigned words;	     /* how many it may be given besides */
	const char *help;
} commands[] = {
	{ "validate", ctl_validate, "f", 0, "read the configuration and report every fault" },
	{ "plan", ctl_plan, "foax", 0, "show what apply would change; needs no root" },
	{ "apply", ctl_apply, "foci", 0, "make the kernel so, and report what was changed" },
	{ "get", ctl_get, "fow", 1, "how each object fares" },
	{ "describe", ctl_describe, "fo", 1, "all that is known of it" },
	{ "status", ctl_status, "o", 0, "what the daemon has in force" },
	{ "confirm", ctl_confirm, "o", 0, "keep what apply --confirm-within has put in force" },
	{ "rollback", ctl_rollback, "o", 0, "go back to the configuration before" },
	{ "reload", ctl_reload, "o", 0, "let the daemon read the files now" },
	{ "metrics", ctl_metrics, "H", 0, "the daemon's numbers, as OpenMetrics" },
	{ "doctor", ctl_doctor, "fop", CTL_WORDS,
	  "say what is wrong on this machine, and what to do" },
	{ "render", ctl_render, "fo", 0, "show the wanted state" },
	{ "delete", ctl_delete, "oAn", 0, "take down all that routerd made" },
	{ "export", ctl_export, "foNPKEW", 0,
	  "print what other nodes need to know of this one" },
	{ "import", ctl_import, "NRekn", 1, "take another node's export" },
	{ "rotate", ctl_rotate, "oCBF", 1,
	  "replace this node's key without losing the tunnel" },
	{ "serve", ctl_serve, "i", 0, "hold the wanted state, as a daemon" },
	{ "version", ctl_version, "o", 0, "print the version" },
};

static const struct option longs[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "output", required_argument, NULL, 'o' },
	{ "against", required_argument, NULL, 'a' },
	{ "confirm-within", required_argument, NULL, 'c' },
	{ "exit-code", no_argument, NULL, 'x' },
	{ "all", no_argument, NULL, 'A' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "watch", no_argument, NULL, 'w' },
	{ "http", no_argument, NULL, 'H' },
	{ "probe", no_argument, NULL, 'p' },
	{ "node", required_argument, NULL, 'N' },
	{ "key-file", required_argument, NULL, 'K' },
	{ "endpoint", required_argument, NULL, 'E' },
	{ "write", no_argument, NULL, 'W' },
	{ "replace", no_argument, NULL, 'R' },
	{ "expect", required_argument, NULL, 'e' },
	{ "preshared-key", no_argument, NULL, 'k' },
	{ "commit", no_argument, NULL, 'C' },
	{ "abort", no_argument, NULL, 'B' },
	{ "force", no_argument, NULL, 'F' },
	{ "adopt-identity", no_argument, NULL, 'i' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void help(FILE *out)
{
	fputs("usage: routerctl COMMAND [OPTION]... [WORD]...\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs(
	    "\n"
	    "  -f, --file PATH      a file, a folder or -; may be repeated; without it\n"
	    "                       /etc/routerd/router.yaml, conf.d/*.yaml and peers/*.yaml\n"
	    "                       where the daemon serves, apply installs the one\n"
	    "                       file given as /etc/routerd/router.yaml\n"
	    "  -o, --output FORMAT  table, wide, json or yaml\n"
	    "      --against PATH   plan: compare with this configuration, not the kernel\n"
	    "      --exit-code      plan: exit 3 when there is something to change\n"
	    "      --confirm-within TIME  apply: go back unless 'routerctl confirm' comes in\n"
	    "                       that time, as 60s or 5m\n"
	    "      --watch          get: go on telling what changes\n"
	    "      --http           metrics: answer one HTTP request on standard input\n"
	    "  KIND[/NAME]          get, describe: only this, as wireguardpeer or\n"
	    "                       RemoteAddressClaim/db\n"
	    "  node                 get: this machine as first boot found it\n"
	    "      --probe          doctor: send packets to measure the path\n"
	    "  AREA...              doctor: only these, as hybrid or wireguard\n"
	    "      --adopt-identity apply, serve: the keys of the machine that this disk is a\n"
	    "                       copy of are this one's now\n"
	    "  -o pub               export: as 'wg pubkey' prints it\n"
	    "      --node NAME      export: under this name; import: whose it must be\n"
	    "      --key-file FILE  export: of this key; no configuration is read, and --node\n"
	    "                       and perhaps --endpoint say the rest\n"
	    "      --endpoint HOST:PORT  export: where others reach this node\n"
	    "      --write          export: into /var/lib/routerd/export, and tell what is "
	    "there\n"
	    "  FILE|-               import: a node's NAME.yaml or NAME.pub\n"
	    "      --replace        import: a known node's key is another now\n"
	    "      --expect PRINT   import: only the key with this fingerprint\n"
	    "      --preshared-key  import: with /etc/routerd/keys/psk-NAME.key\n"
	    "  INTERFACE            rotate: whose key, where there are several\n"
	    "      --commit         rotate: change over to the next key\n"
	    "      --force          rotate: even when some peer does not accept it\n"
	    "      --abort          rotate: stay with the key in use\n"
	    "      --all            delete: required\n"
	    "      --dry-run        delete, import: only show\n"
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
	static const struct {
		const char *name;
		enum report_format format;
	} names[] = {
		{ "table", REPORT_TABLE },
		{ "wide", REPORT_TABLE },
		{ "json", REPORT_JSON },
		{ "yaml", REPORT_YAML },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(optarg, names[i].name) == 0) {
			c->format = names[i].format;
			c->wide = strcmp(optarg, "wide") == 0;
			c->formatted = true;
			return true;
		}
	c->pub = strcmp(optarg, "pub") == 0;
	if (c->pub)
		return true;
	fprintf(stderr, "routerctl: -o %s: want table, wide, json or yaml\n", optarg);
	return false;
}

#define CONFIRM_MAX 86400 /* seconds */

static bool set_time(int *seconds)
{
	char *end;
	long n = strtol(optarg, &end, 10);

	if (strcmp(end, "m") == 0 && n <= CONFIRM_MAX)
		n *= 60;
	else if (*end && strcmp(end, "s") != 0)
		n = 0;
	*seconds = (int)n;
	if (end != optarg && n >= 1 && n <= CONFIRM_MAX)
		return true;
	fprintf(stderr,
		"routerctl: --confirm-within %s: want a time as 60s or 5m, at most a "
		"day\n",
		optarg);
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
	case 'c':
		return set_time(&c->confirm_within);
	case 'w':
		return c->watch = true;
	case 'H':
		return c->http = true;
	case 'x':
		return c->exit_code = true;
	case 'A':
		return c->all = true;
	case 'n':
		return c->dry_run = true;
	case 'p':
		return c->probe = true;
	case 'N':
		return (c->node = optarg) != NULL;
	case 'K':
		return (c->key_file = optarg) != NULL;
	case 'E':
		return (c->endpoint = optarg) != NULL;
	case 'W':
		return c->write = true;
	case 'e':
		return (c->expect = optarg) != NULL;
	case 'k':
		return c->preshared = true;
	case 'R':
		return c->replace = true;
	case 'C':
		return c->commit = true;
	case 'B':
		return c->abort = true;
	case 'F':
		return c->force = true;
	case 'i':
		return c->adopt = true;
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
	(void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a line is one write(2), not a hundred */
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
	if (c.pub && !strchr(cmd->options, 'P')) {
		fprintf(stderr, "routerctl: %s does not take -o pub\n", cmd->name);
		return usage();
	}
	while (optind < argc && c.word_count < cmd->words)
		c.words[c.word_count++] = argv[optind++];
	if (optind < argc) {
		fprintf(stderr,
			"routerctl: %s takes no argument '%.60s'; files are named with "
			"-f\n",
			cmd->name, argv[optind]);
		return usage();
	}
	return (int)cmd->run(&c);
}
