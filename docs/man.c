/* man.c - a manual page from standard input to standard output, with the lists that the program
 * knows itself written anew: what stands between the lines
 *
 *	.\" BEGIN commands		(or options, kinds, fields)
 *	.\" END
 *
 * The rest of a page is written by hand. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "command.h"
#include "config/explain.h"

/* ---- mdoc(7) ----------------------------------------------------------------------------- */

/* Text that means itself, on a line that is no macro's. */
static void text(const char *words)
{
	static const struct {
		char c;
		const char *escape;
	} odd[] = { { '\\', "\\e" },  { '-', "\\-" },	{ '\'', "\\(aq" },
		    { '`', "\\(ga" }, { '^', "\\(ha" }, { '~', "\\(ti" } };

	if (*words == '.')
		fputs("\\&", stdout);
	for (; *words; words++) {
		size_t i = 0;

		while (i < sizeof(odd) / sizeof(*odd) && odd[i].c != *words)
			i++;
		if (i < sizeof(odd) / sizeof(*odd))
			fputs(odd[i].escape, stdout);
		else
			fputc(*words, stdout);
	}
	fputc('\n', stdout);
}

static void begin_list(void)
{
	puts(".Bl -tag -width Ds");
}

/* ---- the lists --------------------------------------------------------------------------- */

static void print_options(const struct command *cmd)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	begin_list();
	for (const struct command_option *o = command_options; o->name; o++) {
		if (cmd && !command_takes(cmd, o))
			continue;
		fputs(".It ", stdout);
		if (o->letter)
			printf("Fl %c , ", o->letter);
		printf("Fl -%s%s%s\n", o->name, o->argument ? " Ar " : "",
		       o->argument ? o->argument : "");
		text(command_meaning(a, cmd, o));
	}
	puts(".It Fl h , Fl -help");
	text("print the usage, of one command after its name");
	puts(".El");
}

static void print_all_options(void)
{
	print_options(NULL);
}

static void print_commands(void)
{
	begin_list();
	for (const struct command *c = commands; c->name; c++) {
		CLEAN(arena_done) struct arena *a = arena_new();

		printf(".It Cm %s", c->name);
		if (c->word)
			printf(" Op Ar %s%s", c->word, c->words > 1 ? " ..." : "");
		putchar('\n');
		text(c->help);
		if (c->word)
			text(arena_printf(a, "(%s: %s)", c->word, c->word_help));
	}
	puts(".El");
}

static void print_kinds(void)
{
	begin_list();
	for (const struct kind *const *k = kinds; *k; k++) {
		printf(".It Sy %s\n", (*k)->name);
		text((*k)->help);
	}
	puts(".El");
}

static void print_field(struct arena *a, const struct explained *e)
{
	const struct field *f = e->field;
	const char *needed = explain_needed(a, f, "");

	printf(".It Va %s\n", e->path);
	text(f->type == FIELD_REFUSED ? "refused:"
				      : arena_printf(a, "%s%s%s:", explain_value(a, f, ""),
						     *needed ? ", " : "", needed));
	text(f->help);
}

static void print_fields(void)
{
	for (const struct kind *const *k = kinds; *k; k++) {
		CLEAN(arena_done) struct arena *a = arena_new();
		size_t n;
		const struct explained *list = explain_fields(a, "", (*k)->fields, &n);

		printf(".Ss %s\n", (*k)->name);
		text(arena_printf(a, "apiVersion: %s", (*k)->api));
		begin_list();
		for (size_t i = 0; i < n; i++)
			print_field(a, &list[i]);
		puts(".El");
	}
}

static const struct made {
	const char *name;
	void (*print)(void);
} lists[] = {
	{ "commands", print_commands },
	{ "options", print_all_options },
	{ "kinds", print_kinds },
	{ "fields", print_fields },
};

/* ---- the page ---------------------------------------------------------------------------- */

#define BEGIN ".\\\" BEGIN "
#define END   ".\\\" END\n"

static const struct made *made_of(const char *line)
{
	size_t n = strlen(BEGIN);

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (strncmp(line, BEGIN, n) == 0 &&
		    strncmp(line + n, lists[i].name, strcspn(line + n, "\n")) == 0)
			return &lists[i];
	return NULL;
}

int main(void)
{
	bool inside = false;
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		const struct made *list = made_of(line);

		inside = inside && strcmp(line, END) != 0;
		if (!inside)
			fputs(line, stdout);
		if (list)
			list->print();
		inside = inside || list;
	}
	if (inside || ferror(stdin)) {
		fputs("man: a list has no end\n", stderr);
		return 1;
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
