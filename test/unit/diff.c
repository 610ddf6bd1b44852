#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "state.h"
#include "t.h"

/* An item is a letter, its number n, and what may follow: @k on link k (1), =v with value v,
 * ! ours, * exclusive or announced.
 *
 *	L wireguard link n, v its MTU in hundreds	l the system's link n
 *	S sysctl n, value v				a no link holds 10.0.0.n
 *	A address 10.0.0.n				P peer with key n, keepalive v
 *	I allowed IP 10.0.n.0/24 of peer v		R route to 10.n.0.0/16 by gateway v
 *	X proxy of 10.0.0.n				C clamp, v its MSS in hundreds
 *	B address fd00::n, else as A
 *
 * ~P says that peers cannot be seen. An op is + ~ or - and the item, ? behind a wanted
 * absence. */
static const char letters[] = {
	[ITEM_LINK] = 'L',  [ITEM_SYSCTL] = 'S',  [ITEM_ABSENT] = 'a', [ITEM_ADDRESS] = 'A',
	[ITEM_PEER] = 'P',  [ITEM_ALLOWED] = 'I', [ITEM_ROUTE] = 'R',  [ITEM_PROXY] = 'X',
	[ITEM_CLAMP] = 'C', [ITEM_TYPES] = '\0'
};

static const struct {
	const char *have, *want, *plan;
} cases[] = {
	{ "", "", "" },
	/* Each type: made, left alone, changed, removed when ours, not when another's. */
	{ "", "L1", "+L1" },
	{ "L1!", "L1", "" },
	{ "L1!=14", "L1=13", "~L1" },
	{ "L1!=14", "L1", "" }, /* no MTU asked for */
	{ "L1!", "", "-L1" },
	{ "L1", "", "" },
	{ "L1", "L1", "~L1" }, /* taken over: it gets our mark */
	{ "l1", "l1=14", "~l1" },
	{ "l1=14", "l1=14", "" }, /* the system's needs no mark */
	{ "l1", "", "" },
	{ "l1", "L1", "~L1" }, /* the driver refuses it */
	{ "", "S1=1", "+S1" },
	{ "S1=0", "S1=1", "~S1" },
	{ "S1=1", "S1=1", "" },
	{ "S1=1", "", "" },
	{ "", "A1", "+A1" },
	{ "A1", "A1", "" },
	{ "A1!", "", "-A1" },
	{ "A1", "", "" },
	{ "A1@2!", "A1@1", "+A1@1 -A1@2" }, /* may be on two links for a moment */
	{ "", "P1", "+P1" },
	{ "P1!", "P1", "" },
	{ "P1!=1", "P1=2", "~P1" },
	{ "P1!", "", "-P1" },
	{ "P1", "", "" },
	{ "", "I1=1", "+I1" },
	{ "I1=1!", "I1=1", "" },
	{ "I1=1!", "I1=2", "~I1" }, /* moves, so never two peers', never none's */
	{ "I1=1!", "", "-I1" },
	{ "I1=1", "", "" },
	{ "", "R1", "+R1" },
	{ "R1", "R1", "" },
	{ "R1=1", "R1=2", "~R1" },
	{ "R1@1", "R1@2", "~R1@2" },
	{ "R1!", "", "-R1" },
	{ "R1", "", "" },
	{ "", "X1", "+X1" },
	{ "X1", "X1", "" },
	{ "X1", "X1*", "" }, /* announced when it was made */
	{ "X1!", "", "-X1" },
	{ "X1", "", "" },
	{ "X1@1!", "X1@2", "+X1@2 -X1@1" },
	{ "", "C1=13", "+C1" },
	{ "C1=13!", "C1=13", "" },
	{ "C1=13", "C1=13", "~C1" }, /* the same number in rules that are not ours */
	{ "C1=13!", "C1=12", "~C1" },
	{ "C1!", "", "-C1" },
	{ "C1", "", "" },
	/* Absences: on every link, whoever made the address; nothing to do is no op. */
	{ "", "a1", "" },
	{ "A1@1 A1@2 A2@2", "a1", "-A1@1? -A1@2?" },
	{ "A1!", "a1", "-A1?" },
	{ "A1", "X1@2 a1 R1", "-A1? +R1 +X1@2" },
	{ "X1!", "A2 X1", "+A2" },
	{ "R1", "a1", "" }, /* only addresses are absent */
	/* Exclusive: other addresses of that link go, whoever made them. */
	{ "A1 A2", "A1*", "-A2" },
	{ "A2", "A1*", "+A1 -A2" },
	{ "A2@2", "A1*", "+A1" },
	{ "B2 A1", "A1*", "" }, /* of its family */
	{ "A1 A2 A3", "A1* A2", "-A3" },
	{ "A1 A2", "A1", "" },
	{ "A2", "A1* a2", "-A2? +A1" },
	/* What goes with its link or its peer has no op. */
	{ "L1! A1! P1! I1=1! R1! X1!", "", "-L1" },
	{ "L1! C1! S1=1", "", "-L1 -C1" }, /* rules and settings outlive a link */
	{ "L1! L2! A1@1! A2@2!", "L2", "-L1 -A2@2" },
	{ "L1! A1@1!", "A1@2", "-L1 +A1@2" },
	{ "L1! R1!", "R1@2", "-L1 ~R1@2" },
	{ "L1! A1", "a1", "-A1? -L1" },
	{ "P1! I1=1! I2=1!", "", "-P1" },
	{ "P1! I1=1! P2! I2=2!", "P2", "-I2 -P1" },
	{ "P1! I1=1!", "P2 I1=2", "+P2 ~I1 -P1" },
	{ "P1@1! I1@1=1! I1@2=1! P1@2!", "P1@2", "-I1@2 -P1@1" },
	{ "L1 A1! P1! I1=1!", "", "-P1 -A1" }, /* the link stays, being another's */
	/* Order: absences, links that go, what is made, down; what goes, up. */
	{ "L2! A9 C3! X4! R5! I6=1! P7! A8! L1!", "L1 S1 a9 A1 P1 I1=1 R1 X1 C1",
	  "-A9? -L2 +S1 +A1 +P1 +I1 +R1 +X1 +C1 -C3 -X4 -R5 -I6 -P7 -A8" },
	{ "X3! X1! X2!", "", "-X3 -X2 -X1" },
	{ "", "X3 X1 X2", "+X1 +X2 +X3" },
	{ "", "L2 A1@2 L1", "+L1 +L2 +A1@2" },
	{ "L2!", "L1", "-L2 +L1" }, /* its port may be needed */
	/* What cannot be seen is left alone. */
	{ "~P", "P1 A1", "+A1" },
	{ "~P ~I P1! I1=1!", "A1", "+A1" },
	{ "~A A1!", "a1 X1", "+X1" },
	{ "~L L1!", "", "" },
	/* Two want the same. */
	{ "", "X1 X1 X1*", "+X1*" },
	{ "", "C1=13 C1=12 C1=14", "+C1=12" },
	{ "C1=12!", "C1=14 C1=12", "" },
	{ "", "A1 A1", "+A1" },
	/* The kernel says one thing twice: ours counts. */
	{ "R1 R1!", "", "-R1" },
	{ "R1! R1", "", "-R1" },
};

static struct item item_of(struct arena *a, const char **text)
{
	struct item it = { 0 };
	char letter = *(*text)++;
	int n = *(*text)++ - '0', v = 0, link = 1;

	for (; **text && **text != ' ';) {
		char c = *(*text)++;

		if (c == '@')
			link = *(*text)++ - '0';
		else if (c == '=')
			v = (int)strtol(*text, (char **)text, 10);
		else if (c == '!')
			it.ours = true;
		else if (c == '*')
			it.proxy.announce = it.ifa.exclusive = true;
	}
	for (unsigned t = 0; t < ITEM_TYPES; t++)
		if (letters[t] == (letter == 'l' ? 'L' : letter == 'B' ? 'A' : letter))
			it.type = t;
	if (strchr("Ll", letter)) {
		link = n;
		it.wg.kind = letter == 'L' ? LINK_WIREGUARD : LINK_OTHER;
		it.wg.mtu = (uint32_t)v * 100;
	}
	if (letter == 'C') {
		link = n;
		it.clamp.mss = (uint16_t)(v * 100);
	}
	if (!strchr("Sa", letter))
		it.link = arena_printf(a, "l%d", link);
	if (letter == 'S') {
		it.sysctl.key = arena_printf(a, "s%d", n);
		it.sysctl.value = arena_printf(a, "%d", v);
	}
	if (strchr("aAX", letter))
		addr_parse(arena_printf(a, "10.0.0.%d/%s", n, letter == 'A' ? "24" : "32"),
			   &it.address);
	if (letter == 'B')
		addr_parse(arena_printf(a, "fd00::%d/64", n), &it.address);
	if (letter == 'P') {
		it.peer.key.bytes[0] = (uint8_t)n;
		it.peer.keepalive = (uint16_t)v;
	}
	if (letter == 'I') {
		addr_parse(arena_printf(a, "10.0.%d.0/24", n), &it.address);
		it.allowed.key.bytes[0] = (uint8_t)v;
	}
	if (letter == 'R') {
		addr_parse(arena_printf(a, "10.%d.0.0/16", n), &it.address);
		it.route.table = 254;
		if (v)
			addr_parse(arena_printf(a, "192.0.2.%d", v), &it.route.gateway);
	}
	return it;
}

static struct state state_of(struct arena *a, const char *text)
{
	struct state s = { .arena = a };

	for (; *text; text += *text == ' ') {
		struct item it;

		if (*text == '~') {
			for (unsigned t = 0; t < ITEM_TYPES; t++)
				if (letters[t] == text[1])
					s.blind |= 1U << t;
			text += 2;
			continue;
		}
		it = item_of(a, &text);
		state_add(&s, &it);
	}
	return s;
}

static void same(size_t at, const struct item *it, const struct item *named, bool value)
{
	CHECK(item_compare(it, named) == 0, "case %zu: type %s", at, item_type_name(it->type));
	if (value && it->type == ITEM_CLAMP)
		CHECK(it->clamp.mss == named->clamp.mss, "case %zu: mss %u", at, it->clamp.mss);
	if (it->type == ITEM_PROXY && value)
		CHECK(it->proxy.announce == named->proxy.announce, "case %zu: announce", at);
}

/* The plan is walked beside its text. */
static void check_plan(size_t at, struct arena *a, const struct plan *plan, const char *text)
{
	static const char verbs[] = {
		[VERB_ADD] = '+', [VERB_CHANGE] = '~', [VERB_DELETE] = '-'
	};
	size_t i = 0;

	for (; *text && i < plan->count; i++, text += *text == ' ') {
		const struct op *op = &plan->ops[i];
		struct item named;
		bool absence, value;
		char verb = *text++;
		const char *end = text + strcspn(text, " ");

		absence = end[-1] == '?';
		value = memchr(text, '=', (size_t)(end - text)) ||
			memchr(text, '*', (size_t)(end - text));
		named = item_of(a, &text);
		CHECK(verbs[op->verb] == verb, "case %zu op %zu: %s %s, not '%c'", at, i,
		      verb_name(op->verb), item_text(a, op_item(op)), verb);
		CHECK((op->verb == VERB_DELETE && op->want) == absence, "case %zu op %zu", at,
		      i);
		CHECK((op->have != NULL) == (op->verb != VERB_ADD), "case %zu op %zu", at, i);
		if (named.type == op_item(op)->type)
			same(at, op_item(op), &named, value);
		else
			CHECK(0, "case %zu op %zu: %s", at, i, item_text(a, op_item(op)));
	}
	CHECK(!*text && i == plan->count, "case %zu: %zu of %zu ops, then '%s'", at, i,
	      plan->count, text);
}

/* ---- states ----------------------------------------------------------------------------- */

static const struct {
	const char *state;
	unsigned clashes;
} clashing[] = {
	{ "", 0 },	    { "A1 A2 X1 a3", 0 }, { "a1 A1", 1 },     { "a1 a1 A1@1 A1@2", 2 },
	{ "A1 A1", 1 }, /* even if they agree: whose is it? */
	{ "L1 L1", 1 },	    { "P1 P1", 1 },	  { "S1=1 S1=1", 0 }, { "S1=1 S1=2", 1 },
	{ "I1=1 I1=1", 0 }, { "I1=1 I1=2", 1 },	  { "R1 R1", 0 },     { "R1 R1=1", 1 },
	{ "R1@1 R1@2", 1 }, { "X1 X1*", 0 },	  { "X1@1 X1@2", 0 }, { "C1=1 C1=2", 0 },
};

static void count(void *arg, const struct item *a, const struct item *b)
{
	(void)a, (void)b;
	++*(unsigned *)arg;
}

static void check_states(struct arena *a)
{
	struct state s;
	struct plan plan;
	struct item one = { .type = ITEM_PROXY, .link = "l1" };

	for (size_t i = 0; i < sizeof(clashing) / sizeof(*clashing); i++) {
		unsigned clashes = 0;

		s = state_of(a, clashing[i].state);
		state_sort(&s, count, &clashes);
		CHECK(clashes == clashing[i].clashes, "'%s': %u", clashing[i].state, clashes);
		CHECK(s.sorted, "not sorted");
	}
	s = (struct state){ .arena = a };
	CHECK(!state_find(&s, &one), "found in nothing");
	for (int i = 0; i < 1000; i++) { /* more than the first room, last first */
		addr_parse(arena_printf(a, "10.0.%d.%d", (999 - i) / 256, (999 - i) % 256),
			   &one.address);
		state_add(&s, &one);
	}
	state_sort(&s, NULL, NULL);
	CHECK(s.count == 1000, "%zu", s.count);
	for (int i = 0; i < 1000; i++) {
		addr_parse(arena_printf(a, "10.0.%d.%d", i / 256, i % 256), &one.address);
		CHECK(state_find(&s, &one) == &s.items[i], "%d", i);
	}
	addr_parse("10.0.4.0", &one.address);
	CHECK(!state_find(&s, &one), "found what is not there");

	/* As it would be observed: settings and the system's links bear no mark of ours. */
	s = state_of(a, "L1 l2=14 S1=1 a1 A2 P1 I1=1 R1 X1 C1");
	state_sort(&s, NULL, NULL);
	state_imagine(&s);
	CHECK(s.count == 9, "%zu", s.count);
	{
		struct state none = { .arena = a },
			     again = state_of(a, "L1 l2=14 S1=1 a1 A2 P1 I1=1 R1 X1 C1");

		state_diff(&s, &again, &plan);
		check_plan(9000, a, &plan, "");
		state_diff(&s, &none, &plan);
		check_plan(9001, a, &plan, "-L1 -C1");
	}
}

/* ---- agreement -------------------------------------------------------------------------- */

#define KEY(n)                                                                                 \
	{                                                                                      \
		.bytes = { n }                                                                 \
	}
#define V4(n)                                                                                  \
	{                                                                                      \
		.family = AF_INET, .bits = 32, .bytes = { n }                                  \
	}
#define WG(...)                                                                                \
	{                                                                                      \
		.type = ITEM_LINK, .link = "l", .wg = {.kind = LINK_WIREGUARD, __VA_ARGS__ }   \
	}
#define OURS(...)                                                                              \
	{                                                                                      \
		.type = ITEM_LINK, .ours = true, .link = "l",                                  \
		.wg = {.kind = LINK_WIREGUARD,                                                 \
		       __VA_ARGS__ }                                                           \
	}
#define OTHER(...)                                                                             \
	{                                                                                      \
		.type = ITEM_LINK, .link = "l", .wg = {.kind = LINK_OTHER, __VA_ARGS__ }       \
	}
#define PEER(...)                                                                              \
	{                                                                                      \
		.type = ITEM_PEER, .ours = true, .link = "l", .peer = { __VA_ARGS__ }          \
	}
#define SYSCTL(v)                                                                              \
	{                                                                                      \
		.type = ITEM_SYSCTL, .link = "", .sysctl = { "k", v }                          \
	}
#define ROUTE(...)                                                                             \
	{                                                                                      \
		.type = ITEM_ROUTE, .link = "l", .route = { __VA_ARGS__ }                      \
	}

static const struct {
	struct item have, want;
	bool agree;
} pairs[] = {
	{ OTHER(.up = true), OTHER(.up = true), true },
	{ OTHER(.up = false), OTHER(.up = true), false },
	{ OTHER(.up = true), OTHER(.mtu = 1), false },
	{ OTHER(.up = true, .mtu = 1), OTHER(.mtu = 1), true }, /* never taken down */
	{ OURS(.up = true), OTHER(.up = true), true },
	{ OURS(.up = false), WG(.up = true), false },
	{ OURS(.port = 1), WG(.port = 1), true },
	{ OURS(.port = 1), WG(.port = 2), false },
	{ OURS(.hidden = true), WG(.port = 2), true }, /* not root: nobody knows */
	{ OURS(.hidden = true, .mtu = 1), WG(.mtu = 2), false },
	{ WG(.hidden = true), WG(.port = 0), false },
	{ OURS(.keyed = true, .public = KEY(1)), WG(.keyed = true, .public = KEY(1)), true },
	{ OURS(.keyed = true, .public = KEY(1)), WG(.keyed = true, .public = KEY(2)), false },
	{ OURS(.keyed = false, .public = KEY(1)), WG(.keyed = true, .public = KEY(1)), false },
	{ OURS(.keyed = true, .public = KEY(1)), WG(.key_error = -ENOENT), false },
	{ OURS(.keyed = true, .public = KEY(1)), WG(.key_error = -EINVAL), false },
	{ OURS(.keyed = true, .public = KEY(1)), WG(.key_error = -EACCES), true },
	{ PEER(.keepalive = 1), PEER(.keepalive = 1), true },
	{ PEER(.keepalive = 1), PEER(.keepalive = 0), false },
	{ PEER(.psk = { 1 }), PEER(.psk = { 1 }), true },
	{ PEER(.psk = { 1 }), PEER(.psk = { 2 }), false },
	{ PEER(.psk = { 0, 1 }), PEER(.psk = { 0 }), false }, /* taken away */
	{ PEER(.psk = { 1 }), PEER(.psk_file = "f", .psk_unknown = true, .psk_error = -EACCES),
	  true },
	{ PEER(.psk = { 1 }), PEER(.psk_file = "f", .psk_unknown = true, .psk_error = -ENOENT),
	  false },
	{ PEER(.psk = { 1 }), PEER(.psk_file = "f", .psk_unknown = true, .psk_error = -EINVAL),
	  false },
	{ PEER(.endpoint = { "a", V4(1), 1 }), PEER(.keepalive = 0), true }, /* it dialled us */
	{ PEER(.keepalive = 0), PEER(.endpoint = { "a", V4(1), 1 }), false },
	{ PEER(.stale = true), PEER(.endpoint = { "a", V4(1), 1 }), false },
	/* It roamed, and the configuration is what it was. */
	{ PEER(.endpoint = { "b", V4(2), 2 }), PEER(.endpoint = { "a", V4(1), 1 }), true },
	/* The configuration may have changed: right if it says what is there. */
	{ PEER(.endpoint = { "b", V4(2), 2 }, .stale = true),
	  PEER(.endpoint = { "a", V4(1), 1 }), false },
	{ PEER(.endpoint = { "b", V4(1), 1 }, .stale = true),
	  PEER(.endpoint = { "a", V4(1), 1 }), true },
	{ PEER(.endpoint = { "a", V4(1), 1 }, .stale = true),
	  PEER(.endpoint = { "a", V4(1), 2 }), false },
	{ PEER(.endpoint = { "b", .port = 1 }, .stale = true),
	  PEER(.endpoint = { "a", .port = 1 }), false }, /* names */
	{ PEER(.endpoint = { "a", .port = 1 }, .stale = true),
	  PEER(.endpoint = { "a", .port = 1 }), true },
	{ SYSCTL("1"), SYSCTL("1"), true },
	{ SYSCTL("1"), SYSCTL("10"), false },
	{ SYSCTL("16"), SYSCTL("0x10"), true },
	{ SYSCTL("1 2"), SYSCTL("1 2 3"), false },
	{ SYSCTL("10"), SYSCTL("1"), false },
	{ SYSCTL("32768\t60999"), SYSCTL(" 32768  60999 "), true },
	{ SYSCTL("32768\t60999"), SYSCTL("3276860999"), false },
	{ SYSCTL("1 2"), SYSCTL("1"), false },
	{ SYSCTL("1"), SYSCTL("1 2"), false },
	{ SYSCTL("12"), SYSCTL("1 2"), false },
	{ SYSCTL("1 2"), SYSCTL("12"), false },
	{ SYSCTL(""), SYSCTL(" "), true },
	{ SYSCTL(""), SYSCTL("0"), false },
	{ ROUTE(.blackhole = true), ROUTE(.blackhole = false), false },
	{ ROUTE(.protocol = 4), ROUTE(.protocol = 0), true },
	{ ROUTE(.gateway = V4(1)), ROUTE(.gateway = V4(1)), true },
	{ ROUTE(.gateway = V4(1)), ROUTE(.gateway = V4(2)), false },
};

/* Two of a key, or not. */
static const struct {
	struct item a, b;
	bool same;
} keys[] = {
	{ ROUTE(.table = 1), ROUTE(.table = 2), false },
	{ ROUTE(.metric = 1), ROUTE(.metric = 2), false },
	{ ROUTE(.gateway = V4(1)), ROUTE(.gateway = V4(2)), true },
	{ { .type = ITEM_ADDRESS, .link = "l", .address = { AF_INET, 24, { 10 } } },
	  { .type = ITEM_ADDRESS, .link = "l", .address = { AF_INET, 32, { 10 } } },
	  false },
	{ { .type = ITEM_ABSENT, .link = "", .address = { AF_INET, 24, { 10 } } },
	  { .type = ITEM_ABSENT, .link = "", .address = { AF_INET, 32, { 10 } } },
	  true },
	{ { .type = ITEM_ABSENT, .link = "", .address = { AF_INET, 32, { 10 } } },
	  { .type = ITEM_ABSENT, .link = "", .address = { AF_INET6, 32, { 10 } } },
	  false },
	{ PEER(.key = KEY(1), .keepalive = 1), PEER(.key = KEY(1)), true },
	{ PEER(.key = KEY(1)), PEER(.key = KEY(2)), false },
	{ SYSCTL("1"), SYSCTL("2"), true },
	{ { .type = ITEM_CLAMP, .link = "l" }, { .type = ITEM_CLAMP, .link = "m" }, false },
	{ { .type = ITEM_CLAMP, .link = "l" }, { .type = ITEM_LINK, .link = "l" }, false },
};

static void check_items(struct arena *a)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		CHECK(item_agree(&pairs[i].have, &pairs[i].want) == pairs[i].agree,
		      "pair %zu: %s", i, item_text(a, &pairs[i].want));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		int r = item_compare(&keys[i].a, &keys[i].b);

		CHECK((r == 0) == keys[i].same, "key %zu", i);
		CHECK((r > 0) == (item_compare(&keys[i].b, &keys[i].a) < 0), "key %zu", i);
	}
}

static const struct {
	struct item it;
	const char *text;
} words[] = {
	{ WG(.mtu = 1420, .port = 5), "link l wireguard mtu 1420 port 5" },
	{ WG(.port = 5, .userspace = true, .key_error = -ENOENT),
	  "link l wireguard port 5 (userspace: wireguard-go) (its key will be made)" },
	{ WG(.port = 5, .key_error = -EINVAL),
	  "link l wireguard port 5 (its key will be made)" },
	{ WG(.port = 5, .key_error = -EKEYREJECTED), "link l wireguard port 5" },
	{ WG(.port = 5, .key_error = -EACCES), "link l wireguard port 5" },
	{ OTHER(.up = true), "link l up" },
	{ PEER(.endpoint = { "::1", .port = 1 }, .keepalive = 9, .psk_file = "f"),
	  "peer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= dev l endpoint [::1]:1 keepalive "
	  "9 "
	  "preshared-key" },
	{ { .type = ITEM_SYSCTL, .link = "", .sysctl = { "net/eth0.1/x", "v" } },
	  "sysctl net.eth0/1.x=v" },
	{ { .type = ITEM_TYPES, .link = "" }, "" },
};

int main(void)
{
	struct arena *all = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_new();
		struct state have = state_of(a, cases[i].have),
			     want = state_of(a, cases[i].want);
		struct plan plan;
		int before = t_failed;

		state_diff(&have, &want, &plan);
		check_plan(i, a, &plan, cases[i].plan);
		if (t_failed != before)
			fprintf(stderr, "case %zu: '%s' to '%s': not '%s'\n", i, cases[i].have,
				cases[i].want, cases[i].plan);
		arena_free(a);
	}
	check_states(all);
	check_items(all);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		CHECK(strcmp(item_text(all, &words[i].it), words[i].text) == 0, "%s",
		      item_text(all, &words[i].it));
	arena_free(all);
	return t_failed;
}
