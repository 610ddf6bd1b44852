#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"
#include "t.h"

/* The tree in one line: {key:value,} [value,] 'quoted' plain; documents parted by a blank. */
static void show(FILE *f, const struct node *n)
{
	if (n->type == NODE_SCALAR) {
		fprintf(f, n->plain ? "%s" : "'%s'", n->text);
		return;
	}
	fputc(n->type == NODE_MAP ? '{' : '[', f);
	for (const struct node *c = n->child; c; c = c->next) {
		if (n->type == NODE_MAP)
			fprintf(f, "%s:", c->key);
		show(f, c);
		fputc(',', f);
	}
	fputc(n->type == NODE_MAP ? '}' : ']', f);
}

static const struct {
	const char *in, *tree, *faults;
} cases[] = {
	{ "a: 1", "{a:1,}", "" },
	{ "a: '1'", "{a:'1',}", "" },
	{ "a: \"\\u00e9\\n\"", "{a:'\xc3\xa9\n',}", "" },
	{ "a: |\n  x\n  y\n", "{a:'x\ny\n',}", "" },
	{ "a: >-\n  x\n  y\n", "{a:'x y',}", "" },
	{ "a: x\n  y\n", "{a:x y,}", "" },
	{ "a:\n  - b\n  - c: d\n", "{a:[b,{c:d,},],}", "" },
	{ "a:\r\n  b: c\r\n", "{a:{b:c,},}", "" },
	{ "\xef\xbb\xbf"
	  "a: b",
	  "{a:b,}", "" },
	{ "{\"a\": [1, 2, {}], \"b\": []}", "{a:[1,2,{},],b:[],}", "" },
	{ "a:\n", "{a:,}", "" },
	{ "? a\n: b\n", "{a:b,}", "" },
	{ "? a\n", "{a:,}", "" },
	{ "a: b # c\n# d\n", "{a:b,}", "" },
	{ "%YAML 1.1\n---\na: b\n", "{a:b,}", "" },
	{ "a: b\n---\nc: d\n...\n---\n- e\n", "{a:b,} {c:d,} [e,]", "" },
	{ "", "", "" },
	{ "# nothing\n", "", "" },
	{ "---\n---\n~\n---\nnull\n---\na: b\n---\n", "{a:b,}", "" },
	{ "'~'", "'~'", "" },
	/* What stands before a fault is kept, that is: whole documents. */
	{ "a: b\n---\nc: [\n", "{a:b,}",
	  "y:4:1: error: not YAML: did not find expected node content, while parsing a flow "
	  "node\n" },
	{ "a: b\na: c\nd: e\n", "{a:b,d:e,}",
	  "y:2:1: error: key 'a' is here twice; the first is in line 1\n" },
	{ "a: {b: 1, b: 2}\n", "{a:{b:1,},}",
	  "y:1:11: error: key 'b' is here twice; the first is in line 1\n" },
	{ "[a]: b\n", "", "y:1:1: error: a key must be a plain word\n" },
	{ "a: &b c\n", "",
	  "y:1:4: error: anchors (&name) are not accepted; write the value out\n" },
	{ "&a b: c\n", "",
	  "y:1:1: error: anchors (&name) are not accepted; write the value out\n" },
	{ "- &a [b]\n", "",
	  "y:1:3: error: anchors (&name) are not accepted; write the value out\n" },
	{ "- &a {b: c}\n", "",
	  "y:1:3: error: anchors (&name) are not accepted; write the value out\n" },
	{ "*a : b\n", "",
	  "y:1:1: error: aliases (*name) are not accepted; write the value out\n" },
	{ "{<<: *a}\n", "",
	  "y:1:6: error: aliases (*name) are not accepted; write the value out\n" },
	{ "!!str a\n", "", "y:1:1: error: tags (!name) are not accepted\n" },
	{ "- !a {}\n", "", "y:1:3: error: tags (!name) are not accepted\n" },
	{ "- !a []\n", "", "y:1:3: error: tags (!name) are not accepted\n" },
	{ "a: \"\\0\"\n", "", "y:1:4: error: a value with a NUL byte in it\n" },
	{ "\"a\\0\": b\n", "", "y:1:1: error: a value with a NUL byte in it\n" },
	{ "a:\n\tb: c\n", "", "y:2:1: error: a tab where YAML wants spaces\n" },
	/* Seven letters of eight bytes before the tab. */
	{ "# \xc3\xa9\na:\n\tb: c\n", "", "y:3:1: error: a tab where YAML wants spaces\n" },
	{ "# \xf0\x9f\x90\xa7\na:\n\tb: c\n", "",
	  "y:3:1: error: a tab where YAML wants spaces\n" },
	/* A tab at the place a byte count would point to is not to blame. */
	{ "\xc3\xa9: }\t\n", "",
	  "y:1:4: error: not YAML: did not find expected node content, while parsing a block "
	  "node\n" },
	{ "a: b\n\xff\n", "", "y:2:1: error: not YAML: invalid leading UTF-8 octet\n" },
	{ "\t# x\na: \x01\n", "",
	  "y:2:4: error: not YAML: control characters are not allowed\n" },
	{ "\xff\xfe"
	  "a",
	  "", "y: error: the file is UTF-16; save it as UTF-8\n" },
	{ "\xfe\xff"
	  "a",
	  "", "y: error: the file is UTF-16; save it as UTF-8\n" },
};

static void check(const char *name, const char *buf, size_t len, const char *tree,
		  const char *faults)
{
	struct arena *a = arena_new();
	struct diag d = { .arena = a };
	const struct node *docs = node_parse(a, "y", buf, len, &d);
	char *got_tree, *got_faults;
	size_t n;
	FILE *f = open_memstream(&got_tree, &n);

	for (const struct node *c = docs->child; c; c = c->next) {
		show(f, c);
		if (c->next)
			fputc(' ', f);
	}
	fclose(f);
	f = open_memstream(&got_faults, &n);
	diag_print(&d, f);
	fclose(f);
	if (tree)
		CHECK(strcmp(got_tree, tree) == 0, "%s: %s", name, got_tree);
	CHECK(strcmp(got_faults, faults) == 0, "%s: %s", name, got_faults);
	free(got_tree);
	free(got_faults);
	arena_free(a);
}

/* head, then n times middle, then n times tail: just within a limit, or past it. In middle,
 * %zu is its number. */
static const struct {
	const char *head, *middle, *tail;
	size_t n;
	const char *faults;
} limits[] = {
	{ "", "[", "]", YAML_DEPTH, "" },
	{ "", "[", "]", YAML_DEPTH + 1, "y:1:17: error: nested too deep\n" },
	{ "", "{a: ", "}", YAML_DEPTH, "" },
	{ "", "{a: ", "}", YAML_DEPTH + 1, "y:1:65: error: nested too deep\n" },
	{ "", "- ", "", YAML_DEPTH, "" },
	{ "", "- ", "", YAML_DEPTH + 1, "y:1:33: error: nested too deep\n" },
	{ "", "k%zu: 1\n", "", YAML_KEYS, "" },
	{ "", "k%zu: 1\n", "", YAML_KEYS + 1,
	  "y:257:1: error: more than 256 keys in one map\n" },
	{ "- ", "x", "", YAML_TEXT, "" },
	{ "- ", "x", "", YAML_TEXT + 1, "y:1:3: error: a value of more than 4096 bytes\n" },
	{ "? ", "x", "", YAML_TEXT + 1, "y:1:3: error: a value of more than 4096 bytes\n" },
	{ "a: b #", "x", "", YAML_BYTES - 6, "" },
	{ "a: b #", "x", "", YAML_BYTES - 5, "y: error: larger than 32 MiB\n" },
	{ "", "[", "", 100000, "y:1:17: error: nested too deep\n" },
};

static void check_limit(size_t which)
{
	char *buf;
	size_t len;
	FILE *f = open_memstream(&buf, &len);

	fputs(limits[which].head, f);
	for (size_t i = 0; i < limits[which].n; i++) {
		if (limits[which].middle[0] == 'k')
			fprintf(f, "k%zu: 1\n", i);
		else
			fputs(limits[which].middle, f);
	}
	for (size_t i = 0; i < limits[which].n; i++)
		fputs(limits[which].tail, f);
	fclose(f);
	check(limits[which].middle, buf, len, NULL, limits[which].faults);
	free(buf);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check(cases[i].in, cases[i].in, strlen(cases[i].in), cases[i].tree,
		      cases[i].faults);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		check_limit(i);
	check("NUL", "a: \0b", 5, "",
	      "y: error: the file holds NUL bytes: not a text file, or not UTF-8\n");
	return t_failed;
}
