/* reference.c - prints docs/reference.md from the field tables of router/config.
 *
 * What the tables cannot say stands in prose here; the numbers in it are the code's. Rows
 * are padded, so that the page reads as plain text too. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "config/config.h"
#include "config/kind.h"
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

static const char *const type_words[] = {
	[FIELD_TEXT] = "text",
	[FIELD_TEXTS] = "list of text",
	[FIELD_PATH] = "absolute path",
	[FIELD_LINKNAME] = "interface name",
	[FIELD_LINK] = "interface",
	[FIELD_HOST4] = "IPv4 address",
	[FIELD_CIDR4] = "IPv4 address/length",
	[FIELD_PREFIX4] = "IPv4 prefix",
	[FIELD_PREFIXES] = "list of prefixes",
	[FIELD_PREFIXES4] = "list of IPv4 prefixes",
	[FIELD_BOOL] = "true or false",
	[FIELD_KEY] = "public key",
	[FIELD_ENDPOINT] = "endpoint",
	[FIELD_GROUP] = "map",
};

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

/* Of a field's words, those that may stand there; the others are refused. */
static const char *choice(struct page *p, const char *path, const struct word *w)
{
	const char *list = "";

	for (; w->word; w++) {
		if (w->refused)
			refuse(p, arena_printf(p->arena, "%s: %s", path, w->word), w->refused);
		else
			list = arena_printf(p->arena, "%s%s`%s`", list, *list ? " or " : "",
					    w->word);
	}
	return list;
}

static const char *value(struct page *p, const char *path, const struct field *f)
{
	if (f->type == FIELD_WORD)
		return choice(p, path, f->words);
	if (f->type == FIELD_NUMBER)
		return arena_printf(p->arena, "%u to %u", f->min, f->max);
	if (f->type == FIELD_REF)
		return arena_printf(p->arena, "name of %s", f->ref->name);
	return type_words[f->type];
}

static void collect(struct page *p, const char *prefix, const struct field *fields)
{
	struct arena *a = p->arena;

	for (const struct field *f = fields; f->name; f++) {
		const char *path = arena_printf(a, "%s%s", prefix, f->name), *needed = "";
		const char **row = p->row[p->rows];

		if (f->type == FIELD_REFUSED) {
			refuse(p, path, f->help);
			continue;
		}
		if (f->required)
			needed = "required";
		else if (f->fallback)
			needed = arena_printf(a, "default `%s`", f->fallback);
		room_for_one(p->rows++);
		row[0] = arena_printf(a, "`%s`", path);
		row[1] = arena_printf(a, "%s%s", value(p, path, f),
				      f->automatic ? " or `auto`" : "");
		row[2] = needed;
		row[3] = f->help;
		if (f->type == FIELD_GROUP)
			collect(p, arena_printf(a, "%s.", path), f->fields);
	}
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

	collect(&p, "", k->fields);
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
	    "- An interface is the name of an Interface, else of a WireGuardInterface, else\n"
	    "  the kernel's. `Interface/lan` and `WireGuardInterface/lan` leave no choice.\n"
	    "- `auto`, where a table allows it, is found in what first boot wrote down of the\n"
	    "  machine: the interface on the domain's prefix (or the only one there is), the\n"
	    "  NIC's id as its provider names it, the public address with the listen port.\n"
	    "- An IPv4 address may end in `/32`; a prefix has no bits set after its length.\n"
	    "- A public key is 44 characters of base64, as `wg pubkey` prints it.\n"
	    "- A remark is checked for its form, and changes nothing.\n"
	    "\n"
	    "`-f` takes a file, `-` (standard input) or a folder, of which it reads *.yaml,\n"
	    "*.yml and *.json by name. Without it, " LOAD_FILE " and\n"
	    "" LOAD_FOLDER " are read, of which one may be missing.\n"
	    "\n"
	    "## Endpoints\n"
	    "\n"
	    "- `203.0.113.20:51820`: IPv4 address and UDP port\n"
	    "- `[2001:db8::1]:51820`: IPv6 address, in brackets\n"
	    "- `vpn.example.net:51820`: DNS name, looked up when it is applied\n",
	    stdout);
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
	puts("\n## Kinds\n");
	for (const struct kind *const *k = kinds; *k; k++)
		printf("- %s: %s\n", (*k)->name, (*k)->help);
	for (const struct kind *const *k = kinds; *k; k++)
		print_kind(*k);
	print_limits();
	print_exits();
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
