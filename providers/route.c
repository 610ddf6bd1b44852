#include "providers/route.h"

#include <arpa/inet.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define MOST_BYTES (4 * 1024 * 1024) /* of a table: some 30,000 routes */

struct route {
	char name[IF_NAMESIZE];
	unsigned to, mask, flags, metric; /* to, mask: as in struct in_addr */
};

static char *read_table(struct arena *a, const char *root, const char *path)
{
	char *text;
	size_t len;

	return file_read_plain(a, arena_printf(a, "%s%s", root, path), MOST_BYTES, &text,
			       &len) < 0
		   ? NULL
		   : text;
}

/* proc(5), /proc/net/route: net/ipv4/fib_trie.c, fib_route_seq_show(). */
static bool next_route(char **text, struct route *ret)
{
	const char *line;

	while ((line = strsep(text, "\n")))
		if (sscanf(line, "%15s %x %*x %x %*d %*d %u %x", ret->name, &ret->to,
			   &ret->flags, &ret->metric, &ret->mask) == 5 &&
		    (ret->flags & (RTF_UP | RTF_REJECT)) == RTF_UP)
			return true;
	return false;
}

bool route_default(struct arena *a, const char *root, char ret[static IF_NAMESIZE])
{
	char *text = read_table(a, root, "/proc/net/route");
	unsigned lowest = 0;
	bool found = false;
	struct route r = { 0 };

	while (next_route(&text, &r)) {
		if (r.to || r.mask || (found && r.metric >= lowest))
			continue;
		found = true;
		lowest = r.metric;
		memcpy(ret, r.name, IF_NAMESIZE);
	}
	return found;
}

bool route_only(struct arena *a, const char *root, const char *address,
		char ret[static IF_NAMESIZE])
{
	char *text = read_table(a, root, "/proc/net/route"), name[IF_NAMESIZE] = "";
	struct route r = { 0 };
	struct in_addr to;

	if (inet_pton(AF_INET, address, &to) != 1)
		return false;
	while (next_route(&text, &r)) {
		if ((to.s_addr & r.mask) != r.to)
			continue;
		if (*name && strcmp(name, r.name) != 0)
			return false;
		memcpy(name, r.name, IF_NAMESIZE);
	}
	if (!*name)
		return false;
	memcpy(ret, name, IF_NAMESIZE);
	return true;
}

/* /proc/net/ipv6_route: net/ipv6/route.c, ipv6_route_native_seq_show(). */
bool route_default6(struct arena *a, const char *root, char ret[static IF_NAMESIZE])
{
	char *text = read_table(a, root, "/proc/net/ipv6_route");
	unsigned bits, metric, flags, lowest = 0;
	char to[33], name[IF_NAMESIZE] = "";
	bool found = false;
	const char *line;

	while ((line = strsep(&text, "\n"))) {
		if (sscanf(line, "%32s %x %*s %*x %*s %x %*x %*x %x %15s", to, &bits, &metric,
			   &flags, name) != 5)
			continue;
		if (bits || strspn(to, "0") != 32 || strcmp(name, "lo") == 0 ||
		    (flags & (RTF_UP | RTF_REJECT)) != RTF_UP || (found && metric >= lowest))
			continue;
		found = true;
		lowest = metric;
		memcpy(ret, name, IF_NAMESIZE);
	}
	return found;
}
