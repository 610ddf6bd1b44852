#include "providers/nics.h"

#include <ctype.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"

#define PAGE		4096 /* bytes; what sysfs gives at most */
#define ARPHRD_ETHERNET "1"
#define SEEN_MOST	4096 /* interfaces of a host of containers that are looked at */

/* An interface of the guest's; of it a NIC is made when it counts. */
struct seen {
	const char *name;
	char mac[NICS_MAC];
	unsigned index, mtu;
	bool device, ethernet, part;
};

bool nics_mac(const char *text, char ret[static NICS_MAC])
{
	char mac[NICS_MAC], separator = '\0';
	bool separated, zero = true;

	if (strnlen(text, 3) == 3)
		separator = text[2];
	separated = separator == ':' || separator == '-';
	for (int i = 0; i < 6; i++) {
		if (i && separated && *text++ != separator)
			return false;
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
			return false;
		zero = zero && text[0] == '0' && text[1] == '0';
		mac[3 * i] = (char)tolower((unsigned char)text[0]);
		mac[3 * i + 1] = (char)tolower((unsigned char)text[1]);
		mac[3 * i + 2] = i < 5 ? ':' : '\0';
		text += 2;
	}
	if (*text || zero)
		return false;
	memcpy(ret, mac, sizeof(mac));
	return true;
}

void nics_add(struct arena *a, struct facts_nic *nic, const struct addr *address)
{
	if (!address->family || !addr_is_host(address) || nic->address_count == NICS_ADDRESSES)
		return;
	if (!nic->addresses)
		nic->addresses = arena_alloc(a, NICS_ADDRESSES * sizeof(*nic->addresses));
	nic->addresses[nic->address_count++] = *address;
}

/* ---- what the guest has ----------------------------------------------------------------- */

static const char *read_entry(struct arena *a, const char *folder, const char *name,
			      const char *entry)
{
	const char *path = arena_printf(a, "%s/%s/%s", folder, name, entry);
	char *text;
	size_t len;

	if (file_read_plain(a, path, PAGE, &text, &len) < 0)
		return "";
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static bool has_entry(struct arena *a, const char *folder, const char *name, const char *entry)
{
	char target[8];

	/* A link of sysfs, which leads nowhere in a test's picture. */
	return readlink(arena_printf(a, "%s/%s/%s", folder, name, entry), target,
			sizeof(target)) >= 0;
}

static bool look_at(struct arena *a, const char *folder, const char *name, struct seen *ret)
{
	struct seen s = { .name = arena_strndup(a, name, strlen(name)) };

	if (!nics_mac(read_entry(a, folder, name, "address"), s.mac))
		return false;
	s.index = (unsigned)strtoul(read_entry(a, folder, name, "ifindex"), NULL, 10);
	s.mtu = (unsigned)strtoul(read_entry(a, folder, name, "mtu"), NULL, 10);
	s.device = has_entry(a, folder, name, "device");
	s.part = has_entry(a, folder, name, "master");
	s.ethernet = strcmp(read_entry(a, folder, name, "type"), ARPHRD_ETHERNET) == 0 &&
		     !strstr(read_entry(a, folder, name, "uevent"), "DEVTYPE=");
	*ret = s;
	return true;
}

static int by_index(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return strcmp(x->name, y->name);
}

static struct seen *look(struct arena *a, const char *root, size_t *ret_count)
{
	const char *folder = arena_printf(a, "%s/sys/class/net", root);
	CLEAN(close_folder) DIR *dir = opendir(folder);
	struct seen *seen = NULL;
	size_t count = 0, room = 0;
	const struct dirent *e;

	while (dir && count < SEEN_MOST && (e = readdir(dir))) {
		if (*e->d_name == '.')
			continue;
		seen = arena_grow(a, seen, count, &room, sizeof(*seen));
		if (look_at(a, folder, e->d_name, &seen[count]))
			count++;
	}
	if (count)
		qsort(seen, count, sizeof(*seen), by_index);
	*ret_count = count;
	return seen;
}

/* Is there another of the same MAC that stands for both? */
static bool is_doubled(const struct seen *seen, size_t count, size_t i)
{
	for (size_t n = 0; n < count; n++) {
		if (n == i || !seen[n].device || strcmp(seen[n].mac, seen[i].mac) != 0)
			continue;
		if (seen[i].part != seen[n].part ? seen[i].part : n < i)
			return true;
	}
	return false;
}

static bool counts(const struct seen *seen, size_t count, size_t i, bool devices)
{
	if (!devices)
		return seen[i].ethernet;
	return seen[i].device && !is_doubled(seen, count, i);
}

/* ---- its addresses ---------------------------------------------------------------------- */

static unsigned mask_bits(const struct sockaddr *mask)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)mask;

	return mask ? (unsigned)__builtin_popcount(v4->sin_addr.s_addr) : 32;
}

static struct addr network_of(const struct in_addr *address, unsigned bits)
{
	struct in_addr net = *address;

	net.s_addr &= bits ? htonl(~0U << (32 - bits)) : 0;
	return addr_from(AF_INET, &net, bits);
}

static void add_family(struct arena *a, struct facts_nic *nic, const struct ifaddrs *all,
		       int family)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)i->ifa_addr;
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)i->ifa_addr;
		struct addr host;

		if (!i->ifa_addr || i->ifa_addr->sa_family != family ||
		    strcmp(i->ifa_name, nic->name) != 0)
			continue;
		if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
			continue;
		host = family == AF_INET ? addr_from(AF_INET, &v4->sin_addr, 32)
					 : addr_from(AF_INET6, &v6->sin6_addr, 128);
		if (family == AF_INET && !nic->subnet.family)
			nic->subnet = network_of(&v4->sin_addr, mask_bits(i->ifa_netmask));
		nics_add(a, nic, &host);
	}
}

void nics_read(struct arena *a, const char *root, struct facts_nic **ret, size_t *ret_count)
{
	struct ifaddrs *all = NULL;
	struct facts_nic *nics;
	bool devices = false;
	size_t seen_count, count = 0;
	struct seen *seen = look(a, root, &seen_count);

	for (size_t i = 0; i < seen_count; i++)
		devices = devices || seen[i].device;
	if (getifaddrs(&all) < 0)
		all = NULL;
	nics = arena_alloc(a, NICS_MOST * sizeof(*nics));
	for (size_t i = 0; i < seen_count && count < NICS_MOST; i++) {
		if (!counts(seen, seen_count, i, devices))
			continue;
		nics[count] = (struct facts_nic){ .name = seen[i].name,
						  .mac = arena_strndup(a, seen[i].mac, 17),
						  .mtu = seen[i].mtu };
		add_family(a, &nics[count], all, AF_INET);
		add_family(a, &nics[count], all, AF_INET6);
		count++;
	}
	freeifaddrs(all);
	*ret = nics;
	*ret_count = count;
}

/* ---- beside the provider's -------------------------------------------------------------- */

void nics_put_first(struct facts *f, const char *name)
{
	for (size_t i = 1; i < f->nic_count; i++)
		if (f->nics[i].name && strcmp(f->nics[i].name, name) == 0) {
			struct facts_nic first = f->nics[i];

			memmove(&f->nics[1], &f->nics[0], i * sizeof(first));
			f->nics[0] = first;
			return;
		}
}

void nics_join(struct facts *f, const struct facts_nic *guest, size_t count)
{
	for (size_t i = 0; i < f->nic_count; i++)
		for (size_t n = 0; n < count; n++) {
			struct facts_nic *nic = &f->nics[i];

			if (!nic->mac || strcmp(nic->mac, guest[n].mac) != 0)
				continue;
			nic->name = guest[n].name;
			if (!nic->mtu)
				nic->mtu = guest[n].mtu;
		}
}
