#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "t.h"

/* Text in, text out; NULL: refused. */
static const struct {
	const char *in, *out;
} texts[] = {
	{ "10.0.0.5", "10.0.0.5/32" },
	{ "10.0.0.5/24", "10.0.0.5/24" }, /* host bits are kept */
	{ "0.0.0.0/0", "0.0.0.0/0" },
	{ "255.255.255.255/32", "255.255.255.255/32" },
	{ "2001:DB8:0::1", "2001:db8::1/128" },
	{ "2001:db8::/32", "2001:db8::/32" },
	{ "::/0", "::/0" },
	{ "::ffff:10.0.0.1", "::ffff:10.0.0.1/128" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
	{ "", NULL },
	{ "/", NULL },
	{ "/8", NULL },
	{ "10.0.0", NULL },
	{ "10.0.0.0.0", NULL },
	{ "010.0.0.1", NULL },
	{ "0x0a.0.0.1", NULL },
	{ "10.0.0.256", NULL },
	{ " 10.0.0.1", NULL },
	{ "10.0.0.1 ", NULL },
	{ "10.0.0.0/", NULL },
	{ "10.0.0.0/33", NULL },
	{ "10.0.0.0/+8", NULL },
	{ "10.0.0.0/-8", NULL },
	{ "10.0.0.0/08", NULL },
	{ "10.0.0.0/00", NULL },
	{ "10.0.0.0/8 ", NULL },
	{ "10.0.0.0/8/8", NULL },
	{ "10.0.0.0/4294967304", NULL },
	{ "::/129", NULL },
	{ "::/256", NULL },
	{ ":::", NULL },
	{ "fe80::1%eth0", NULL },
	{ "[::1]", NULL },
	{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL },
};

/* Does the prefix hold the other? Is it a prefix, a host? */
static const struct {
	const char *prefix, *other;
	bool contains, is_prefix, is_host;
} facts[] = {
	{ "10.0.0.0/24", "10.0.0.0", true, true, false },
	{ "10.0.0.0/24", "10.0.0.255", true, true, false },
	{ "10.0.0.0/24", "10.0.1.0", false, true, false },
	{ "10.0.0.0/24", "10.0.0.0/25", true, true, false },
	{ "10.0.0.0/24", "10.0.0.0/24", true, true, false },
	{ "10.0.0.0/24", "10.0.0.0/23", false, true, false },
	{ "10.0.0.1/24", "10.0.0.9", true, false, false }, /* host bits do not matter */
	{ "0.0.0.0/0", "255.255.255.255", true, true, false },
	{ "0.0.0.0/0", "::", false, true, false },
	{ "::/0", "10.0.0.1", false, true, false },
	{ "10.128.0.0/9", "10.255.255.255", true, true, false },
	{ "10.128.0.0/9", "10.127.255.255", false, true, false },
	{ "10.64.0.0/9", "10.64.0.0", true, false, false },
	{ "10.0.0.1", "10.0.0.1", true, true, true },
	{ "10.0.0.1", "10.0.0.0", false, true, true },
	{ "2001:db8::/33", "2001:db8:7fff::", true, true, false },
	{ "2001:db8::/33", "2001:db8:8000::", false, true, false },
	{ "::1", "::1", true, true, true },
	{ "::1/127", "::", true, false, false },
};

/* In order: family, then bits, then bytes. */
static const char *const order[] = { "0.0.0.0/0",   "10.0.0.0/8", "11.0.0.0/8", "10.0.0.0/9",
				     "10.0.0.0/32", "::/0",	  "::/128",	"::1/128" };

int main(void)
{
	char buf[ADDR_STRLEN];
	struct addr a, b;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		bool ok;

		memset(&a, 0xee, sizeof(a));
		ok = addr_parse(texts[i].in, &a);
		CHECK(ok == (texts[i].out != NULL), "'%s'", texts[i].in);
		if (!ok)
			CHECK(a.family == 0xee && a.bits == 0xee, "'%s': touched", texts[i].in);
		else if (texts[i].out)
			CHECK(strcmp(addr_print(&a, buf), texts[i].out) == 0, "'%s' -> '%s'",
			      texts[i].in, buf);
	}
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		CHECK(addr_parse(facts[i].prefix, &a) && addr_parse(facts[i].other, &b), "%zu",
		      i);
		CHECK(addr_contains(&a, &b) == facts[i].contains, "%s in %s", facts[i].other,
		      facts[i].prefix);
		CHECK(addr_is_prefix(&a) == facts[i].is_prefix, "%s", facts[i].prefix);
		CHECK(addr_is_host(&a) == facts[i].is_host, "%s", facts[i].prefix);
	}
	for (size_t i = 1; i < sizeof(order) / sizeof(*order); i++) {
		addr_parse(order[i - 1], &a);
		addr_parse(order[i], &b);
		CHECK(addr_compare(&a, &b) < 0 && addr_compare(&b, &a) > 0 &&
			  addr_compare(&a, &a) == 0,
		      "%s, %s", order[i - 1], order[i]);
	}
	a = addr_from(AF_INET, "\x0a\x00\x00\x05", 24);
	CHECK(strcmp(addr_print(&a, buf), "10.0.0.5/24") == 0, "%s", buf);
	CHECK(strcmp(addr_print_host(&a, buf), "10.0.0.5") == 0, "%s", buf);
	CHECK(addr_parse("10.0.0.5/24", &b) && addr_compare(&a, &b) == 0, "addr_from");
	b = (struct addr){ 0 };
	CHECK(strcmp(addr_print(&b, buf), "none") == 0, "unset");
	CHECK(strcmp(addr_print_host(&b, buf), "none") == 0, "unset");
	return t_failed;
}
