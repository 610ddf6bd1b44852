/* reference.c - prints docs/reference.md from the field tables of router/config.
 *
 * What the tables cannot say stands in prose here; the numbers in it are the code's. Rows
 * are padded, so that the page reads as plain text too. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "config/config.h"
#include "config/explain.h"
#include "ctl.h"
#include "load.h"

#define COLUMNS 4
#define ROWS	64 /* of one kind */

/* What is to be said of one kind. */
struct page {
	struct arena *arena;
	const char *row[ROWS][COLUMNS];
	size_t rows;
	const char *refused[ROWS];
	size_t refusals;
};

/* ---- fields ------------------------------------------------------------------------------ */

static void room_for_one(size_t count)
{
	if (count == ROWS)
		abort(); /* a kind has outgrown the page: stops the build, not a reader */
}

static void refuse(struct page *p, const char *what, const char *reason)
{
	room_for_one(p->refusals);
	p->refused[p->refusals++] = arena_printf(p->arena, "- `%s`: %s", what, reason);
}

static void add_row(struct page *p, const struct explained *e)
{
	const struct field *f = e->field;
	const char **row = p->row[p->rows];

	room_for_one(p->rows++);
	row[0] = arena_printf(p->arena, "`%s`", e->path);
	row[1] = explain_value(p->arena, f, "`");
	row[2] = explain_needed(p->arena, f, "`");
	row[3] = f->help;
	for (const struct word *w = f->words; w && w->word; w++)
		if (w->refused)
			refuse(p, arena_printf(p->arena, "%s: %s", e->path, w->word),
			       w->refused);
}

static void collect(struct page *p, const struct field *fields)
{
	size_t n;
	const struct explained *list = explain_fields(p->arena, "", fields, &n);

	for (size_t i = 0; i < n; i++)
		if (list[i].field->type == FIELD_REFUSED)
			refuse(p, list[i].path, list[i].field->help);
		else
			add_row(p, &list[i]);
}

/* ---- tables ------------------------------------------------------------------------------ */

static void print_row(const char *const row[COLUMNS], const size_t width[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t n = 0;

		fputs("| ", stdout);
		for (const char *c = row[i]; *c; c++, n++) {
			if (*c == '|') /* would end the cell */
				n += fputc('\\', stdout) != EOF;
			fputc(*c, stdout);
		}
		printf("%*s ", n < width[i] ? (int)(width[i] - n) : 0, "");
	}
	puts("|");
}

static void print_table(const struct page *p)
{
	static const char *const head[COLUMNS] = { "Field", "Value", "Needed", "Meaning" };
	static const char *const rule[COLUMNS] = { "---", "---", "---", "---" };
	size_t width[COLUMNS] = { 0 };

	for (size_t i = 0; i < COLUMNS - 1; i++) { /* the last may end as it likes */
		width[i] = strlen(head[i]);
		for (size_t r = 0; r < p->rows; r++)
			if (strlen(p->row[r][i]) > width[i])
				width[i] = strlen(p->row[r][i]);
	}
	print_row(head, width);
	print_row(rule, width);
	for (size_t r = 0; r < p->rows; r++)
		print_row(p->row[r], width);
}

static void print_kind(const struct kind *k)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct page p = { .arena = a };

	collect(&p, k->fields);
	printf("\n## %s\n\n`apiVersion: %s`: %s.\n\n", k->name, k->api, k->help);
	print_table(&p);
	if (p.refusals)
		puts("\nRefused:\n");
	for (size_t i = 0; i < p.refusals; i++)
		puts(p.refused[i]);
}

/* ---- prose ------------------------------------------------------------------------------- */

static void print_documents(void)
{
	fputs(
	    "# Reference of configurations\n"
	    "\n"
	    "Made from the tables that routerd itself reads by: `make reference`.\n"
	    "\n"
	    "## Documents\n"
	    "\n"
	    "A file is one document, or several with lines of `---` between them. A document\n"
	    "is a resource:\n"
	    "\n"
	    "    apiVersion: hybrid.routerd.net/v1alpha1\n"
	    "    kind: AddressMobilityDomain\n"
	    "    metadata: { name: lab }\n"
	    "    spec: { prefix: 10.77.60.0/24, peerRef: cloud }\n"
	    "\n"
	    "or a Router, which names the node and lists resources:\n"
	    "\n"
	    "    apiVersion: " API_ROUTER "\n"
	    "    kind: Router\n"
	    "    metadata: { name: onprem-1 }\n"
	    "    spec: { resources: [ ... ] }\n"
	    "\n",
	    stdout);
	fputs(
	    "- YAML without anchors, aliases, tags and keys said twice; or JSON.\n"
	    "- Numbers, true and false stand without quotes. A field without a value is an\n"
	    "  error, and so is a field that is not in the tables below.\n"
	    "- metadata.name: letters, digits, `.`, `_`, `-`; once for each kind, in all "
	    "files\n"
	    "  together. metadata.labels and metadata.annotations are yours.\n"
	    "- Where a field names another object, `lab` and `AddressMobilityDomain/lab` are\n"
	    "  the same. Order does not matter, nor which file an object is in.\n"
	    "- A remark is checked for its form, and changes nothing.\n"
	    "\n"
	    "`-f` takes a file, `-` (standard input) or a folder, of which it reads *.yaml,\n"
	    "*.yml and *.json by name. Without it, " LOAD_FILE " and\n"
	    "" LOAD_FOLDER " are read, of which one may be missing.\n"
	    "\n"
	    "`routerctl explain KIND[.FIELD]` prints the same on the router. An editor with\n"
	    "yaml-language-server tells it as one types, when the first line of a file is\n"
	    "\n"
	    "    # yaml-language-server: $schema=PATH\n"
	    "\n"
	    "with the path, as seen from the file, or the URL of docs/routerd.schema.json, "
	    "which is\n"
	    "installed as /usr/share/doc/routerd/docs/routerd.schema.json.\n",
	    stdout);
}

static void print_forms(void)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	puts("\n## Values\n");
	for (enum field_type t = FIELD_TEXT; t <= FIELD_REFUSED; t++) {
		const struct field f = { .type = t };

		/* Those that the tables spell out have no words of their own. */
		if (explain_form(t) && t != FIELD_NUMBER && t != FIELD_REF)
			printf("- %s: %s\n", explain_value(a, &f, "`"), explain_form(t));
	}
	printf("- name of a kind: %s\n", explain_form(FIELD_REF));
	printf("- `auto`: %s\n", explain_auto);
}

static void print_limits(void)
{
	puts("\n## Limits\n");
	printf("- %d MiB in a file, %d values in it\n", YAML_BYTES / (1024 * 1024), YAML_NODES);
	printf("- %d levels of maps and lists, %d keys in one map\n", YAML_DEPTH, YAML_KEYS);
	printf("- %d bytes in one value, %d in a metadata.name\n", YAML_TEXT, NAME_MAX_BYTES);
	printf("- %d entries in a list of a spec\n", LIST_MAX);
	printf("- %d resources, in all files together\n", CONFIG_OBJECTS);
	printf("- %d times `-f`, and `--against`, in one command\n", CTL_FILES);
	printf("- %d faults are printed; the rest are counted\n", DIAG_MAX);
}

static void print_exits(void)
{
	puts("\n## Exit codes\n");
	printf("- %d: fine\n", CTL_OK);
	printf("- %d: the configuration has faults, or an operation failed\n", CTL_FAILED);
	printf("- %d: wrong usage\n", CTL_USAGE);
	printf("- %d: `plan --exit-code` found something to change\n", CTL_PENDING);
	puts("- 71: out of memory");
}

int main(void)
{
	print_documents();
	print_forms();
	puts("\n## Kinds\n");
	for (const struct kind *const *k = kinds; *k; k++)
		printf("- %s: %s\n", (*k)->name, (*k)->help);
	for (const struct kind *const *k = kinds; *k; k++)
		print_kind(*k);
	print_limits();
	print_exits();
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
