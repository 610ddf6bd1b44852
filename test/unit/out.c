#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/out.h"
#include "base/yaml.h"
#include "t.h"

static void walk(struct out *o)
{
	out_text(o, "kind", "RemoteAddressClaim");
	out_text(o, "nothing", NULL);
	out_list(o, "conditions");
	out_map(o, NULL);
	out_text(o, "type", "Applied");
	out_bool(o, "status", true);
	out_end(o);
	out_map(o, NULL);
	out_map(o, "first");
	out_number(o, "n", -1);
	out_end(o);
	out_list(o, "words");
	out_text(o, NULL, "a");
	out_text(o, NULL, "b");
	out_end(o);
	out_end(o);
	out_map(o, NULL);
	out_end(o);
	out_end(o);
	out_list(o, "emptyList");
	out_end(o);
	out_map(o, "emptyMap");
	out_end(o);
	out_map(o, "counters");
	out_number(o, "passes", 9223372036854775807);
	out_bool(o, "late", false);
	out_end(o);
}

static const char json[] = "{\n"
			   "  \"kind\": \"RemoteAddressClaim\",\n"
			   "  \"conditions\": [\n"
			   "    {\n"
			   "      \"type\": \"Applied\",\n"
			   "      \"status\": true\n"
			   "    },\n"
			   "    {\n"
			   "      \"first\": {\n"
			   "        \"n\": -1\n"
			   "      },\n"
			   "      \"words\": [\n"
			   "        \"a\",\n"
			   "        \"b\"\n"
			   "      ]\n"
			   "    },\n"
			   "    {}\n"
			   "  ],\n"
			   "  \"emptyList\": [],\n"
			   "  \"emptyMap\": {},\n"
			   "  \"counters\": {\n"
			   "    \"passes\": 9223372036854775807,\n"
			   "    \"late\": false\n"
			   "  }\n"
			   "}\n";
static const char yaml[] = "kind: \"RemoteAddressClaim\"\n"
			   "conditions:\n"
			   "  - type: \"Applied\"\n"
			   "    status: true\n"
			   "  - first:\n"
			   "      n: -1\n"
			   "    words:\n"
			   "      - \"a\"\n"
			   "      - \"b\"\n"
			   "  - {}\n"
			   "emptyList: []\n"
			   "emptyMap: {}\n"
			   "counters:\n"
			   "  passes: 9223372036854775807\n"
			   "  late: false\n";

/* A stranger's text; how a terminal gets it; how JSON and YAML spell it. */
static const struct {
	const char *text, *escaped, *quoted;
} texts[] = {
	{ "plain", "plain", "plain" },
	{ "", "", "" },
	{ "no: [yes] #~ 'x'", "no: [yes] #~ 'x'", "no: [yes] #~ 'x'" },
	{ "\"\\/", "\"\\/", "\\\"\\\\/" },
	{ "\x1b[31m", "\\x1b[31m", "\\u001b[31m" },
	{ "\a\b\t\n\v\f\r", "\\x07\\x08\\x09\\x0a\\x0b\\x0c\\x0d",
	  "\\u0007\\u0008\\u0009\\u000a\\u000b\\u000c\\u000d" },
	{ "\x7f", "\\x7f", "\\u007f" },
	{ "\xc2\x9b"
	  "31m",
	  "\\x9b31m", "\\u009b31m" }, /* C1's CSI, which terminals obey too */
	{ "\xc2\x80\xc2\x9f\xc2\xa0", "\\x80\\x9f\xc2\xa0", "\\u0080\\u009f\xc2\xa0" },
	{ "caf\xc3\xa9 \xf0\x9f\x90\xa7", "caf\xc3\xa9 \xf0\x9f\x90\xa7",
	  "caf\xc3\xa9 \xf0\x9f\x90\xa7" },
	{ "a\xe2\x80\xae"
	  "b",
	  "a\\xe2\\x80\\xae"
	  "b",
	  "a\xe2\x80\xae"
	  "b" }, /* right-to-left override: a terminal may turn what follows */
	{ "\xe2\x80\x8b\xe2\x80\xa7", "\\xe2\\x80\\x8b\xe2\x80\xa7",
	  "\xe2\x80\x8b\xe2\x80\xa7" }, /* zero width, and a dot that is none of these */
	{ "\xc2", "\xc2", "\xc2" },	/* cut in the middle */
};

static void check_walk(enum out_format format, const char *want)
{
	char *got;
	size_t n;
	FILE *f = open_memstream(&got, &n);
	struct out o;

	out_open(&o, f, format);
	walk(&o);
	out_close(&o);
	fclose(f);
	CHECK(strcmp(got, want) == 0, "got:\n%s", got);
	free(got);
}

/* What we print we can read back: as the same text. */
static void check_back(enum out_format format, const char *text, const char *quoted)
{
	struct arena *a = arena_new();
	struct diag d = { .arena = a };
	const struct node *docs;
	const char *back;
	char *got;
	size_t n;
	FILE *f = open_memstream(&got, &n);
	struct out o;

	out_open(&o, f, format);
	out_text(&o, "t", text);
	out_close(&o);
	fclose(f);
	CHECK(strstr(got, arena_printf(a, "\"%s\"\n", quoted)) != NULL, "'%s' -> %s", text,
	      got);
	docs = node_parse(a, "out", got, n, &d);
	back = node_text(docs->child, "t");
	if (strcmp(text, "\xc2") != 0)
		CHECK(back && strcmp(back, text) == 0, "'%s' -> %s", text, got);
	free(got);
	arena_free(a);
}

static void check_empty(enum out_format format, const char *want)
{
	char *got;
	size_t n;
	FILE *f = open_memstream(&got, &n);
	struct out o;

	out_open(&o, f, format);
	out_list(&o, "items");
	out_end(&o);
	out_close(&o);
	fclose(f);
	CHECK(strcmp(got, want) == 0, "got:\n%s", got);
	free(got);
}

int main(void)
{
	check_walk(OUT_JSON, json);
	check_walk(OUT_YAML, yaml);
	check_empty(OUT_JSON, "{\n  \"items\": []\n}\n");
	check_empty(OUT_YAML, "items: []\n");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *got;
		size_t n;
		FILE *f = open_memstream(&got, &n);

		out_escape(f, texts[i].text);
		fclose(f);
		CHECK(strcmp(got, texts[i].escaped) == 0, "'%s' -> '%s'", texts[i].escaped,
		      got);
		free(got);
		check_back(OUT_JSON, texts[i].text, texts[i].quoted);
		check_back(OUT_YAML, texts[i].text, texts[i].quoted);
	}
	return t_failed;
}
