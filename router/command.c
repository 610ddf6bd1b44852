#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

#define AT(member) offsetof(struct ctl, member)

#define FORMATS	    "table wide json yaml"
#define CONFIRM_MAX 86400 /* seconds */

/* ---- the tables ------------------------------------------------------------------------- */

const struct command commands[] = {
	{ "validate", ctl_validate, "file node",
	  .help = "read the configuration and report every fault" },
	{ "plan", ctl_plan, "file output against exit-code node", FORMATS,
	  .help = "show what apply would change; needs no root" },
	{ "apply", ctl_apply, "file output confirm-within adopt-identity", FORMATS,
	  .help =
	      "make the kernel so, and report what was changed; where the daemon serves, it "
	      "installs the one file given as " LOAD_FILE },
	{ "get", ctl_get, "file output watch", FORMATS, 1, "KIND[/NAME]",
	  "only this, as wireguardpeer or RemoteAddressClaim/db; 'node' is this machine as "
	  "first boot found it",
	  "how each object fares" },
	{ "describe", ctl_describe, "file output", FORMATS, 1, "KIND[/NAME]",
	  "only this, as wireguardpeer or RemoteAddressClaim/db", "all that is known of it" },
	{ "status", ctl_status, "output", FORMATS, .help = "what the daemon has in force" },
	{ "confirm", ctl_confirm, "output", FORMATS,
	  .help = "keep what apply --confirm-within has put in force" },
	{ "rollback", ctl_rollback, "output", FORMATS,
	  .help = "go back to the configuration before" },
	{ "reload", ctl_reload, "output", FORMATS,
	  .help = "let the daemon read the files now" },
	{ "metrics", ctl_metrics, "http", .help = "the daemon's numbers, as OpenMetrics" },
	{ "doctor", ctl_doctor, "file output probe", FORMATS, CTL_WORDS, "AREA",
	  "only these, as hybrid or wireguard",
	  "say what is wrong on this machine, and what to do" },
	{ "explain", ctl_explain, "output", FORMATS, 1, "KIND[.FIELD]",
	  "only this, as overlaypeer or RemoteAddressClaim.capture.type",
	  "what a document may say: its kinds, and their fields" },
	{ "path", ctl_path, "file output from", FORMATS, 1, "ADDRESS", "where the packet goes",
	  "how a packet to an address travels through this node" },
	{ "graph", ctl_graph, "file output node", "mermaid dot svg",
	  .help = "draw sites, nodes, tunnels, and which address lives where" },
	{ "action-plan", ctl_action_plan, "file output facts node", FORMATS " sh markdown",
	  .help = "show the provider's commands that capture needs; none is run" },
	{ "render", ctl_render, "file output node expand", FORMATS,
	  .help = "show the wanted state" },
	{ "delete", ctl_delete, "output all dry-run", FORMATS,
	  .help = "take down all that routerd made" },
	{ "export", ctl_export, "file output node key-file endpoint write", FORMATS " pub",
	  .help = "print what other nodes need to know of this one" },
	{ "import", ctl_import, "node replace expect preshared-key dry-run", NULL, 1, "FILE",
	  "a node's NAME.yaml or NAME.pub, or - for standard input",
	  "take another node's export" },
	{ "rotate", ctl_rotate, "output commit abort force", FORMATS, 1, "INTERFACE",
	  "whose key, where there are several",
	  "replace this node's key without losing the tunnel" },
	{ "serve", ctl_serve, "adopt-identity", .help = "hold the wanted state, as a daemon" },
	{ "version", ctl_version, "output", FORMATS, .help = "print the version" },
	{ 0 },
};

static bool take_file(struct ctl *c, const char *argument);
static bool take_against(struct ctl *c, const char *argument);
static bool take_format(struct ctl *c, const char *argument);
static bool take_time(struct ctl *c, const char *argument);

const struct command_option command_options[] = {
	{ "file", 'f', "PATH", NULL,
	  "a file, a folder or -; may be repeated; without it " LOAD_FILE
	  ", conf.d/*.yaml and peers/*.yaml",
	  take_file },
	{ "output", 'o', "FORMAT", NULL,
	  "table, wide, json or yaml; 'routerctl COMMAND --help' has what else one takes",
	  take_format },
	{ "against", 0, "PATH", NULL, "compare with this configuration, not the kernel",
	  take_against },
	{ "exit-code", 0, NULL, NULL, "exit 3 when there is something to change", NULL,
	  AT(exit_code) },
	{ "confirm-within", 0, "TIME", NULL,
	  "go back unless 'routerctl confirm' comes in that time, as 60s or 5m", take_time },
	{ "adopt-identity", 0, NULL, NULL,
	  "the keys of the machine that this disk is a copy of are this one's now", NULL,
	  AT(adopt) },
	{ "watch", 0, NULL, NULL, "go on telling what changes", NULL, AT(watch) },
	{ "http", 0, NULL, NULL, "answer one HTTP request on standard input", NULL, AT(http) },
	{ "probe", 0, NULL, NULL, "send packets to measure the path", NULL, AT(probe) },
	{ "from", 0, "ADDRESS", NULL, "who sends it; without it one that fits", NULL,
	  AT(from) },
	{ "facts", 0, "FILE", NULL, "of the node, its /run/routerd/node.json", NULL,
	  AT(facts) },
	{ "node", 0, "NAME", "validate plan render graph action-plan", "as that node reads it",
	  NULL, AT(node) },
	{ "expand", 0, NULL, NULL, "the explicit objects of what is written once", NULL,
	  AT(expand) },
	{ "node", 0, "NAME", "export", "under this name", NULL, AT(node) },
	{ "key-file", 0, "FILE", NULL,
	  "of this key; no configuration is read, and --node and perhaps --endpoint say the "
	  "rest",
	  NULL, AT(key_file) },
	{ "endpoint", 0, "HOST:PORT", NULL, "where others reach this node", NULL,
	  AT(endpoint) },
	{ "write", 0, NULL, NULL, "into /var/lib/routerd/export, and tell what is there", NULL,
	  AT(write) },
	{ "node", 0, "NAME", "import", "whose it must be", NULL, AT(node) },
	{ "replace", 0, NULL, NULL, "a known node's key is another now", NULL, AT(replace) },
	{ "expect", 0, "PRINT", NULL, "only the key with this fingerprint", NULL, AT(expect) },
	{ "preshared-key", 0, NULL, NULL, "with /etc/routerd/keys/psk-NAME.key", NULL,
	  AT(preshared) },
	{ "commit", 0, NULL, NULL, "change over to the next key", NULL, AT(commit) },
	{ "force", 0, NULL, NULL, "even when some peer does not accept it", NULL, AT(force) },
	{ "abort", 0, NULL, NULL, "stay with the key in use", NULL, AT(abort) },
	{ "all", 0, NULL, NULL, "required", NULL, AT(all) },
	{ "dry-run", 0, NULL, NULL, "only show", NULL, AT(dry_run) },
	{ 0 },
};

/* ---- how they are taken ----------------------------------------------------------------- */

static bool add_path(const char **list, size_t *count, const char *argument)
{
	if (*count == CTL_FILES) {
		fprintf(stderr, "routerctl: more than %d files; name their folder\n",
			CTL_FILES);
		return false;
	}
	list[(*count)++] = argument;
	return true;
}

static bool take_file(struct ctl *c, const char *argument)
{
	return add_path(c->files, &c->file_count, argument);
}

static bool take_against(struct ctl *c, const char *argument)
{
	return add_path(c->against, &c->against_count, argument);
}

const char *command_formats(struct arena *a, const struct command *cmd)
{
	const char *text = "", *list = cmd->formats;

	while (*list) {
		size_t n = strcspn(list, " ");
		const char *rest = list + n + (list[n] == ' ');

		text = arena_printf(a, "%s%s%.*s", text,
				    !*text  ? ""
				    : *rest ? ", "
					    : " or ",
				    (int)n, list);
		list = rest;
	}
	return text;
}

static bool take_format(struct ctl *c, const char *argument)
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

	if (!command_lists(c->command->formats, argument)) {
		CLEAN(arena_done) struct arena *a = arena_new();

		fprintf(stderr, "routerctl: %s: -o %.60s: want %s\n", c->command->name,
			argument, command_formats(a, c->command));
		return false;
	}
	c->output = argument;
	c->wide = strcmp(argument, "wide") == 0;
	c->pub = strcmp(argument, "pub") == 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(argument, names[i].name) == 0) {
			c->format = names[i].format;
			c->formatted = true;
		}
	return true;
}

static bool take_time(struct ctl *c, const char *argument)
{
	char *end;
	long n = strtol(argument, &end, 10);

	if (strcmp(end, "m") == 0 && n <= CONFIRM_MAX)
		n *= 60;
	else if (*end && strcmp(end, "s") != 0)
		n = 0;
	c->confirm_within = (int)n;
	if (end != argument && n >= 1 && n <= CONFIRM_MAX)
		return true;
	fprintf(stderr,
		"routerctl: --confirm-within %s: want a time as 60s or 5m, at most a "
		"day\n",
		argument);
	return false;
}

/* ---- looking them up -------------------------------------------------------------------- */

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

bool command_lists(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list && *list; list += strcspn(list, " "), list += *list == ' ')
		if (strncmp(list, word, n) == 0 && (list[n] == ' ' || !list[n]))
			return true;
	return false;
}

bool command_takes(const struct command *cmd, const struct command_option *o)
{
	return command_lists(cmd->options, o->name) &&
	       (!o->only || command_lists(o->only, cmd->name));
}
