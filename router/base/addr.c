#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

unsigned addr_size(const struct addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

bool addr_is_host(const struct addr *a)
{
	return a->bits == addr_size(a) * 8;
}

bool addr_is_prefix(const struct addr *a)
{
	for (unsigned i = a->bits; i < addr_size(a) * 8; i++)
		if (a->bytes[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

static bool parse_bits(const char *text, uint8_t *bits)
{
	unsigned v = 0;

	if (!*text || strlen(text) > 3 || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned)(*text - '0');
	}
	if (v > *bits)
		return false;
	*bits = (uint8_t)v;
	return true;
}

bool addr_parse(const char *text, struct addr *ret)
{
	struct addr a = { 0 };
	char host[ADDR_STRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	a.family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, host, a.bytes) != 1)
		return false;
	a.bits = (uint8_t)(addr_size(&a) * 8);
	if (slash && !parse_bits(slash + 1, &a.bits))
		return false;
	*ret = a;
	return true;
}

struct addr addr_from(int family, const void *bytes, unsigned bits)
{
	struct addr a = { .family = (uint8_t)family, .bits = (uint8_t)bits };

	memcpy(a.bytes, bytes, addr_size(&a));
	return a;
}

const char *addr_print_host(const struct addr *a, char buf[static ADDR_STRLEN])
{
	return inet_ntop(a->family, a->bytes, buf, ADDR_STRLEN) ? buf : "none";
}

const char *addr_print(const struct addr *a, char buf[static ADDR_STRLEN])
{
	size_t n;

	if (!inet_ntop(a->family, a->bytes, buf, ADDR_STRLEN))
		return "none";
	n = strlen(buf);
	snprintf(buf + n, ADDR_STRLEN - n, "/%u", a->bits);
	return buf;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool addr_contains(const struct addr *prefix, const struct addr *a)
{
	if (prefix->family != a->family || a->bits < prefix->bits)
		return false;
	for (unsigned i = 0; i < prefix->bits; i++)
		if ((prefix->bytes[i / 8] ^ a->bytes[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}
