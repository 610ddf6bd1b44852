/* The providers' commands: as the documents have them, and with nobody's text but as a word. */
#include <string.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/shell.h"
#include "providers/action.h"
#include "t.h"

#define NET                                                                                    \
	"/subscriptions/00000000-1111-2222-3333-444455556666/resourceGroups/rg-lab/providers/" \
	"Microsoft.Network/networkInterfaces/"
#define SET                                                                                    \
	"/subscriptions/00000000-1111-2222-3333-444455556666/resourceGroups/rg-lab/providers/" \
	"Microsoft.Compute/virtualMachineScaleSets/s/virtualMachines/0/networkInterfaces/n"

static struct arena *arena;

/* Lines joined where they are continued, and one blank between words. */
static const char *squeeze(const char *text)
{
	char *copy = arena_alloc(arena, strlen(text) + 1), *to = copy;

	for (; *text; text++) {
		bool blank = *text == ' ' || *text == '\t' ||
			     (*text == '\\' && text[1] == '\n' && text++);

		if (!blank)
			*to++ = *text;
		else if (to > copy && to[-1] != ' ')
			*to++ = ' ';
	}
	return copy;
}

static void in_document(const char *document, const struct action_forms *f, const char *form)
{
	const struct action_names n = {
		.address = "10.77.60.9",
		.addresses = "10.77.60.9",
		.aliases = "10.77.60.9/32",
		.previous = "",
	};
	unsigned missing = 0;
	const char *command = form ? action_fill(arena, form, &n, &missing) : "";

	CHECK(strstr(document, squeeze(command)), "%s has no\n%s", f->provider, command);
	CHECK(!strchr(command, '{') && !strchr(command, '}'), "%s", command);
}

static void test_documents(void)
{
	const struct action_forms *f;
	size_t i = 0;

	for (; (f = action_forms_at(i)); i++) {
		const char *name = strcmp(f->provider, "pve") == 0 ? "proxmox" : f->provider;
		const char *path = arena_printf(arena, "docs/providers/%s.md", name);
		const char *forms[] = { f->look,    f->attach, f->detach, f->mend,
					f->restore, f->rules,  f->limit };
		const char *squeezed;
		char *document;
		size_t len;

		CHECK(file_read(arena, path, 1 << 20, &document, &len) == 0, "%s", path);
		squeezed = squeeze(document);
		for (size_t k = 0; k < sizeof(forms) / sizeof(*forms); k++)
			in_document(squeezed, f, forms[k]);
		for (size_t k = 0; f->finds[k].words; k++)
			in_document(squeezed, f, f->finds[k].form);
		for (size_t k = 0; f->permissions[k]; k++)
			CHECK(strstr(document, f->permissions[k]), "%s has no %s", path,
			      f->permissions[k]);
		CHECK(f->permissions[0] && f->finds[0].words, "%s", f->provider);
	}
	CHECK(i == 5, "%zu providers", i);
	CHECK(!action_forms("nobody") && !action_forms(NULL), "nobody");
}

/* Whatever a form may leave open, something tells. */
static void test_finds(void)
{
	const struct action_forms *f;

	for (size_t i = 0; (f = action_forms_at(i)); i++) {
		const char *forms[] = { f->look, f->attach,  f->detach,
					f->mend, f->restore, f->rules };
		const struct action_names n = { .address = "a",
						.addresses = "a",
						.aliases = "a",
						.previous = "a",
						.link = "a" };
		unsigned missing = 0, found = 0;

		for (size_t k = 0; k < sizeof(forms) / sizeof(*forms); k++)
			if (forms[k])
				action_fill(arena, forms[k], &n, &missing);
		for (size_t k = 0; f->finds[k].words; k++) {
			action_fill(arena, f->finds[k].form, &n, &missing);
			found |= action_bits(f->finds[k].words);
		}
		for (unsigned bit = 0; action_word(bit); bit++)
			CHECK(!(missing >> bit & 1) || found >> bit & 1, "%s: nothing finds %s",
			      f->provider, action_word(bit));
		CHECK(missing, "%s", f->provider);
	}
}

/* want NULL: it is no name, and the word stays */
static const struct {
	const char *value, *want;
} names[] = {
	{ "rg-lab", "rg-lab" },
	{ "rg lab", "'rg lab'" },
	{ "rg-Z\xc3\xbcrich", "'rg-Z\xc3\xbcrich'" },
	{ "a'b", "'a'\\''b'" },
	{ "$(id)", "'$(id)'" },
	{ "`id`;id&id|id", "'`id`;id&id|id'" },
	{ "\"\\", "'\"\\'" },
	{ "~", "'~'" },
	{ "", NULL },
	{ "-x", NULL },
	{ "--query=x", NULL },
	{ "../etc/x", NULL },
	{ "a\nb", NULL },
	{ "a\tb", NULL },
	{ "a\033[31mb", NULL },
	{ "a\x7f", NULL },
	{ "a\xc2\x9b", NULL },	   /* CSI */
	{ "a\xe2\x80\xae", NULL }, /* right-to-left override */
	{ "a\xe2\x80\x8b", NULL }, /* zero width */
	{ "a\xe2\x81\xa6", NULL }, /* isolate */
	{ "a\xef\xbb\xbf", NULL },
	{ "a\xe2\x9c\x93", "'a\xe2\x9c\x93'" },
};

static void test_names(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct action_names n = { .group = names[i].value };
		const char *want = names[i].want ? names[i].want : "RG";
		unsigned missing = 0;
		const char *text = action_fill(arena, "az {RG}", &n, &missing);

		CHECK(strcmp(text + 3, want) == 0, "%s: %s", names[i].value, text);
		CHECK(missing == (names[i].want ? 0 : action_bits("RG")), "%s: %x",
		      names[i].value, missing);
		n.variables = "_2";
		text = action_fill(arena, "az {RG}", &n, &missing);
		CHECK(strcmp(text + 3, names[i].want ? want : "\"$RG_2\"") == 0, "%s: %s",
		      names[i].value, text);
	}
}

static void test_refs(void)
{
	static const struct facts facts = {
		.provider = "azure", .group = "other", .name = "vm", .region = "north"
	};
	static const struct facts elsewhere = { .provider = "aws", .region = "eu" };
	struct action_names n = { 0 };

	action_name(arena, action_forms("azure"), NET "rt-nic", &facts, &n);
	CHECK(strcmp(n.group, "rg-lab") == 0 && strcmp(n.nic_name, "rt-nic") == 0 &&
		  strncmp(n.subscription, "00000000-", 9) == 0 &&
		  strcmp(n.region, "north") == 0,
	      "%s %s", n.group, n.nic_name);
	n = (struct action_names){ .region = "mine" };
	action_name(arena, action_forms("azure"), SET, &elsewhere, &n);
	CHECK(n.nic && !n.nic_name && strcmp(n.group, "rg-lab") == 0, "a scale set's");
	CHECK(strcmp(n.region, "mine") == 0, "%s", n.region);
	n = (struct action_names){ 0 };
	action_name(arena, action_forms("azure"), "rt-nic", &elsewhere, &n);
	CHECK(!n.nic && !n.nic_name && !n.region, "a wrong one, and another cloud's");
	action_name(arena, action_forms("gcp"), "projects/p/zones/z/instances/i#nic1", &facts,
		    &n);
	CHECK(strcmp(n.project, "p") == 0 && strcmp(n.zone, "z") == 0 &&
		  strcmp(n.vm, "i") == 0 && strcmp(n.nic_name, "nic1") == 0,
	      "%s %s %s %s", n.project, n.zone, n.vm, n.nic_name);
	n = (struct action_names){ 0 };
	action_name(arena, action_forms("gcp"), "projects/p/zones/z/instances/-i#nic1", NULL,
		    &n);
	CHECK(strcmp(action_fill(arena, "{VM}", &n, &(unsigned){ 0 }), "VM") == 0, "%s", n.vm);
}

static void test_lists(void)
{
	struct addr list[2];

	addr_parse("10.77.60.9", &list[0]);
	addr_parse("10.77.60.10", &list[1]);
	CHECK(strcmp(action_list(arena, list, 0, ' ', false), "") == 0, "none");
	CHECK(strcmp(action_list(arena, list, 2, ' ', false), "10.77.60.9 10.77.60.10") == 0,
	      "%s", action_list(arena, list, 2, ' ', false));
	CHECK(strcmp(action_list(arena, list, 2, ';', true), "10.77.60.9/32;10.77.60.10/32") ==
		  0,
	      "%s", action_list(arena, list, 2, ';', true));
}

int main(void)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	arena = a;
	test_documents();
	test_finds();
	test_names();
	test_refs();
	test_lists();
	return t_failed;
}
