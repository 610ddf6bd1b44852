/* command_complete.c - what may stand where somebody types: for the shells.
 *
 *	routerctl __complete WORD...	the words after "routerctl", the last as far as it is
 *typed
 *
 * prints what the last may become, a line each; or ":files", for the shell knows those itself.
 *A command line that is wrong, a configuration that has faults, and a daemon that is not there
 * give fewer candidates, never a message. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clean.h"
#include "client.h"
#include "command.h"
#include "config/explain.h"
#include "config/fabric.h"
#include "config/hybrid.h"
#include "doctor/doctor.h"

#define SECONDS 3 /* nobody waits longer for a key */

struct typing {
	struct arena *arena;
	const char *lead; /* what stands before the word in the same argument: "--node=" */
	const char *word; /* as far as it is typed */
	const struct command *cmd;
	const char *files[CTL_FILES]; /* of -f */
	size_t file_count;
	unsigned given; /* words that are no options */
};

static bool begins(const char *word, const char *with)
{
	return strncasecmp(word, with, strlen(with)) == 0;
}

static void offer(const struct typing *t, const char *candidate)
{
	if (begins(candidate, t->word))
		printf("%s%s\n", t->lead, candidate);
}

static void offer_list(const struct typing *t, const char *list, const char *between)
{
	while (*list) {
		size_t n = strcspn(list, between);

		if (n)
			offer(t, arena_strndup(t->arena, list, n));
		list += n + (list[n] != '\0');
	}
}

/* ---- objects ---------------------------------------------------------------------------- */

/* What is loaded is asked for names only: that it has faults does not matter. */
static void load_quietly(const struct typing *t, struct config *c)
{
	struct diag d = { .arena = t->arena };
	struct documents s;

	*c = (struct config){ .arena = t->arena };
	(void)load_config(c, &s, t->files, t->file_count, &d);
}

static void offer_object(const struct typing *t, const struct kind *k, const char *kind,
			 const char *name)
{
	if (kind && name && (!k || strcmp(k->name, kind) == 0))
		offer(t, arena_printf(t->arena, "%s/%s", kind, name));
}

/* False: there is no daemon to ask. */
static bool offer_served(const struct typing *t, const struct kind *k)
{
	CLEAN(client_close) struct client *c = NULL;
	struct answer answer = { 0 };
	const struct node *list;

	if (t->file_count || client_open(&c) < 0)
		return false;
	if (client_call(c, "Get", false, NULL, NULL) < 0 ||
	    client_answer(c, t->arena, &answer) < 0 || answer.error)
		return true;
	list = node_get(answer.parameters, "objects");
	for (const struct node *n = list ? list->child : NULL; n; n = n->next)
		offer_object(t, k, node_text(n, "kind"), node_text(n, "name"));
	return true;
}

static void offer_objects(const struct typing *t, const struct kind *k)
{
	struct config c;

	if (offer_served(t, k))
		return;
	load_quietly(t, &c);
	for (size_t i = 0; i < c.count; i++)
		offer_object(t, k, c.objects[i]->kind->name, c.objects[i]->name);
}

/* ---- kinds and what is below them ------------------------------------------------------- */

/* The kinds that begin so; the only one, or NULL. */
static const struct kind *offer_kinds(const struct typing *t)
{
	const struct kind *only = NULL;
	unsigned n = 0;

	for (const struct kind *const *k = kinds; *k; k++)
		if (begins((*k)->name, t->word)) {
			offer(t, (*k)->name);
			only = *k;
			n++;
		}
	return n == 1 ? only : NULL;
}

static void complete_object(const struct typing *t)
{
	const char *slash = strchr(t->word, '/');
	const struct kind *k;
	struct typing of = *t;

	if (!slash) {
		k = offer_kinds(t);
		if (strcmp(t->cmd->name, "get") == 0)
			offer(t, "node");
		if (k)
			offer_objects(t, k);
		return;
	}
	k = kind_named(arena_strndup(t->arena, t->word, (size_t)(slash - t->word)));
	if (!k)
		return;
	of.word = arena_printf(t->arena, "%s%s", k->name, slash);
	offer_objects(&of, k);
}

/* Those at this level; where only one begins so, also those below it. */
static void offer_fields(const struct typing *t, const char *prefix, const struct field *fields)
{
	const struct field *only = NULL;
	unsigned n = 0;

	for (const struct field *f = fields; f->name; f++) {
		const char *path = arena_printf(t->arena, "%s%s", prefix, f->name);

		if (begins(path, t->word)) {
			offer(t, path);
			only = f;
			n++;
		}
	}
	if (n == 1 && only->fields)
		offer_fields(t, arena_printf(t->arena, "%s%s.", prefix, only->name),
			     only->fields);
}

static void complete_field(const struct typing *t)
{
	const char *dot = strchr(t->word, '.'), *last = strrchr(t->word, '.'), *fault;
	const struct kind *k;
	struct typing of = *t;
	struct explained e;

	if (!dot) {
		offer(t, explain_router.name);
		k = offer_kinds(t);
		if (k)
			offer_fields(t, arena_printf(t->arena, "%s.", k->name), k->fields);
		return;
	}
	k = explain_kind(arena_strndup(t->arena, t->word, (size_t)(dot - t->word)));
	of.word = k ? arena_printf(t->arena, "%s%s", k->name, dot) : "";
	if (!k || !explain_find(t->arena, k,
				last > dot
				    ? arena_strndup(t->arena, dot + 1, (size_t)(last - dot - 1))
				    : "",
				&e, &fault))
		return;
	last = strrchr(of.word, '.');
	if (!e.field || e.field->fields)
		offer_fields(&of,
			     arena_strndup(t->arena, of.word, (size_t)(last + 1 - of.word)),
			     e.field ? e.field->fields : k->fields);
}

/* ---- other words ------------------------------------------------------------------------ */

static void complete_files(const struct typing *t)
{
	(void)t;
	puts(":files");
}

static void complete_format(const struct typing *t)
{
	offer_list(t, t->cmd->formats ? t->cmd->formats : "", " ");
}

static void complete_area(const struct typing *t)
{
	offer_list(t, doctor_areas(t->arena), ", ");
}

static void offer_node(const struct typing *t, const char *name)
{
	if (name && config_is_node(name))
		offer(t, name);
}

static void complete_node(const struct typing *t)
{
	struct config c;

	load_quietly(t, &c);
	for (size_t i = 0; i < c.count; i++) {
		const struct sam_node_set *set = (const void *)c.objects[i];
		const struct sam_node *nodes;

		if (c.objects[i]->kind == &kind_overlay_peer)
			offer_node(t, ((const struct overlay_peer *)(const void *)set)->node);
		if (c.objects[i]->kind != &kind_sam_node_set)
			continue;
		nodes = set->nodes.items;
		for (size_t k = 0; k < set->nodes.count; k++)
			offer_node(t, nodes[k].name);
	}
}

static void complete_interface(const struct typing *t)
{
	struct config c;

	load_quietly(t, &c);
	for (size_t i = 0; i < c.count; i++)
		if (c.objects[i]->kind == &kind_wireguard_interface)
			offer(t, c.objects[i]->name);
}

/* By what the tables of command.h call it; of the rest nothing is known. */
static void complete_named(const struct typing *t, const char *what)
{
	static const struct {
		const char *what;
		void (*complete)(const struct typing *t);
	} rows[] = {
		{ "PATH", complete_files },	    { "FILE", complete_files },
		{ "FORMAT", complete_format },	    { "KIND[/NAME]", complete_object },
		{ "KIND[.FIELD]", complete_field }, { "AREA", complete_area },
		{ "NAME", complete_node },	    { "INTERFACE", complete_interface },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].what, what) == 0)
			rows[i].complete(t);
}

static void offer_options(const struct typing *t)
{
	for (const struct command_option *o = command_options; o->name; o++)
		if (command_takes(t->cmd, o))
			offer(t, arena_printf(t->arena, "--%s", o->name));
	offer(t, "--help");
}

static void offer_commands(const struct typing *t)
{
	for (const struct command *c = commands; c->name; c++)
		offer(t, c->name);
}

/* ---- the line --------------------------------------------------------------------------- */

/* The option that word is, alone; NULL: none that takes an argument. */
static const struct command_option *asking(const struct command *cmd, const char *word)
{
	for (const struct command_option *o = command_options; o->name; o++)
		if (o->argument && command_takes(cmd, o) &&
		    ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) ||
		     (o->letter && word[0] == '-' && word[1] == o->letter && !word[2])))
			return o;
	return NULL;
}

/* All words but the last: returns the option that waits for its argument. */
static const struct command_option *read_line(struct typing *t, size_t n, char **words)
{
	const struct command_option *waits = NULL;

	for (size_t i = 1; i < n; i++) {
		if (strcmp(words[i], "=") == 0) /* bash takes "--node=a" for three words */
			continue;
		if (waits) {
			/* Standard input is somebody's keyboard. */
			if (waits->letter == 'f' && t->file_count < CTL_FILES &&
			    strcmp(words[i], "-") != 0)
				t->files[t->file_count++] = words[i];
			waits = NULL;
			continue;
		}
		waits = asking(t->cmd, words[i]);
		t->given += !waits && words[i][0] != '-';
	}
	return waits;
}

/* "--node=a", as zsh has it: the option, when it is one. */
static const struct command_option *split(struct typing *t)
{
	const char *equals = strchr(t->word, '=');
	const struct command_option *o = NULL;

	if (equals && strncmp(t->word, "--", 2) == 0)
		o = asking(t->cmd,
			   arena_strndup(t->arena, t->word, (size_t)(equals - t->word)));
	if (!o)
		return NULL;
	t->lead = arena_strndup(t->arena, t->word, (size_t)(equals + 1 - t->word));
	t->word = equals + 1;
	return o;
}

static void complete_line(struct typing *t, size_t n, char **words)
{
	const struct command_option *waits;

	t->cmd = command_find(words[0]);
	if (strcmp(words[0], "help") == 0 && n == 2)
		offer_commands(t);
	if (!t->cmd)
		return;
	waits = read_line(t, n - 1, words);
	if (waits && strcmp(t->word, "=") == 0)
		t->word = "";
	if (!waits)
		waits = split(t);
	if (waits)
		complete_named(t, waits->argument);
	else if (t->word[0] == '-' || t->given >= t->cmd->words)
		offer_options(t);
	else
		complete_named(t, t->cmd->word);
}

static void give_up(int signal)
{
	(void)signal;
	_exit(CTL_FAILED);
}

enum ctl_exit command_complete(size_t n, char **words)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct typing t = { .arena = a, .lead = "", .word = n ? words[n - 1] : "" };

	(void)signal(SIGALRM, give_up);
	(void)alarm(SECONDS);
	if (n < 2)
		offer_commands(&t);
	else
		complete_line(&t, n, words);
	return ctl_printed(CTL_OK);
}
