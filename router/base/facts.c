#include "base/facts.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/yaml.h"

#define FACTS_BYTES (1024 * 1024)
#define MTU_MOST    65535
#define UUID_FILE   "/sys/class/dmi/id/product_uuid"
#define UUID_BYTES  4096 /* sysfs calls every file a page long */

/* Texts that stand at the top, in the order they are written in. */
static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "machine", offsetof(struct facts, machine) },
	{ "provider", offsetof(struct facts, provider) },
	{ "source", offsetof(struct facts, source) },
	{ "instanceId", offsetof(struct facts, instance) },
	{ "name", offsetof(struct facts, name) },
	{ "region", offsetof(struct facts, region) },
	{ "zone", offsetof(struct facts, zone) },
	{ "subscriptionID", offsetof(struct facts, subscription) },
	{ "resourceGroup", offsetof(struct facts, group) },
	{ "compartmentID", offsetof(struct facts, compartment) },
	{ "project", offsetof(struct facts, project) },
};

#define TEXTS (sizeof(texts) / sizeof(*texts))

static const char **text_at(struct facts *f, size_t i)
{
	return (const char **)((char *)f + texts[i].offset);
}

/* ---- reading ---------------------------------------------------------------------------- */

/* What stands there and says something, or NULL. */
static const char *said(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	if (!n || n->type != NODE_SCALAR || node_is_null(n) || !*n->text)
		return NULL;
	return n->text;
}

static struct addr said_addr(const struct node *map, const char *key)
{
	struct addr a = { 0 };
	const char *text = said(map, key);

	if (text && !addr_parse(text, &a))
		a = (struct addr){ 0 };
	return a;
}

/* dev_valid_name(), net/core/dev.c: what is none names no interface. */
static const char *said_link(const struct node *map)
{
	const char *name = said(map, "name");

	return name && strlen(name) < IFNAMSIZ && !strpbrk(name, "/: \t\n\v\f\r%") &&
		       strcmp(name, ".") != 0 && strcmp(name, "..") != 0
		   ? name
		   : NULL;
}

static unsigned said_mtu(const struct node *map)
{
	const char *text = said(map, "mtu");
	long n = text ? strtol(text, NULL, 10) : 0;

	return n > 0 && n <= MTU_MOST ? (unsigned)n : 0;
}

static const struct node *list_at(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->type == NODE_LIST ? n->child : NULL;
}

static void read_addresses(struct arena *a, const struct node *map, struct facts_nic *nic)
{
	size_t room = 0;

	for (const struct node *n = list_at(map, "addresses"); n; n = n->next) {
		struct addr address;

		if (n->type != NODE_SCALAR || !addr_parse(n->text, &address))
			continue;
		nic->addresses = arena_grow(a, nic->addresses, nic->address_count, &room,
					    sizeof(*nic->addresses));
		nic->addresses[nic->address_count++] = address;
	}
}

static void read_nics(struct arena *a, const struct node *map, struct facts *f)
{
	size_t room = 0;

	for (const struct node *n = list_at(map, "nics"); n; n = n->next) {
		struct facts_nic *nic;

		if (n->type != NODE_MAP)
			continue;
		f->nics = arena_grow(a, f->nics, f->nic_count, &room, sizeof(*f->nics));
		nic = &f->nics[f->nic_count++];
		*nic = (struct facts_nic){
			.name = said_link(n),
			.mac = said(n, "mac"),
			.ref = said(n, "nicRef"),
			.mtu = said_mtu(n),
			.subnet = said_addr(n, "subnet"),
			.router = said_addr(n, "virtualRouter"),
			.public = said_addr(n, "publicAddress"),
		};
		read_addresses(a, n, nic);
	}
}

int facts_read(struct arena *a, const char *path, struct facts *ret)
{
	struct diag d = { .arena = a };
	const struct node *map, *data;
	struct facts f = { 0 };
	char *text;
	size_t len;
	int r = file_read_plain(a, path, FACTS_BYTES, &text, &len);

	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	map = node_parse(a, path, text, len, &d)->child;
	if (d.errors || !map || map->type != NODE_MAP)
		return -EBADMSG;
	for (size_t i = 0; i < TEXTS; i++)
		*text_at(&f, i) = said(map, texts[i].key);
	data = node_get(map, "userData");
	if (data && data->type == NODE_MAP) {
		f.user_data = said(data, "path");
		f.user_data_digest = said(data, "sha256");
	}
	read_nics(a, map, &f);
	*ret = f;
	return 0;
}

const char *facts_machine(struct arena *a)
{
	char *text;
	size_t len;

	if (file_read_plain(a, UUID_FILE, UUID_BYTES, &text, &len) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return *text ? text : NULL;
}

int facts_load(struct arena *a, struct facts *ret)
{
	const char *machine;
	struct facts f;
	int r = facts_read(a, FACTS_FILE, ret);

	if (r != -ENOENT)
		return r;
	r = facts_read(a, FACTS_KEPT, &f);
	if (r < 0)
		return r;
	machine = facts_machine(a);
	if (machine && (!f.machine || strcmp(machine, f.machine) != 0))
		return -ENOENT; /* a copied disk */
	*ret = f;
	return 0;
}

static struct facts_nic *seen_nic(struct arena *a, struct facts *f, size_t *room,
				  const char *name)
{
	for (size_t i = f->nic_count; i > 0; i--)
		if (strcmp(f->nics[i - 1].name, name) == 0)
			return &f->nics[i - 1];
	f->nics = arena_grow(a, f->nics, f->nic_count, room, sizeof(*f->nics));
	f->nics[f->nic_count] =
	    (struct facts_nic){ .name = arena_strndup(a, name, strlen(name)) };
	return &f->nics[f->nic_count++];
}

void facts_look(struct arena *a, struct facts *f)
{
	struct ifaddrs *all;
	size_t room = 0;

	if (f->nic_count || getifaddrs(&all) < 0)
		return;
	f->seen = true;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in at;
		struct facts_nic *nic;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    i->ifa_flags & IFF_LOOPBACK)
			continue;
		memcpy(&at, i->ifa_addr, sizeof(at));
		nic = seen_nic(a, f, &room, i->ifa_name);
		if (nic->address_count)
			continue; /* the first is its primary one: the others may be captured */
		nic->addresses = arena_alloc(a, sizeof(*nic->addresses));
		nic->addresses[nic->address_count++] = addr_from(AF_INET, &at.sin_addr, 32);
	}
	freeifaddrs(all);
}

const struct node *facts_report(struct arena *a)
{
	struct diag d = { .arena = a };
	const struct node *map;
	char *text;
	size_t len;

	if (file_read_plain(a, FACTS_REPORT, FACTS_BYTES, &text, &len) < 0)
		return NULL;
	map = node_parse(a, FACTS_REPORT, text, len, &d)->child;
	return d.errors || !map || map->type != NODE_MAP ? NULL : map;
}

/* ---- writing ---------------------------------------------------------------------------- */

static void out_addr(struct out *o, const char *key, const struct addr *a, bool prefix)
{
	char text[ADDR_STRLEN];

	if (a->family)
		out_text(o, key, prefix ? addr_print(a, text) : addr_print_host(a, text));
}

static void out_nic(struct out *o, const struct facts_nic *nic)
{
	out_map(o, NULL);
	out_text(o, "name", nic->name);
	out_text(o, "mac", nic->mac);
	out_text(o, "nicRef", nic->ref);
	if (nic->mtu)
		out_number(o, "mtu", nic->mtu);
	out_list(o, "addresses");
	for (size_t i = 0; i < nic->address_count; i++)
		out_addr(o, NULL, &nic->addresses[i], false);
	out_end(o);
	out_addr(o, "subnet", &nic->subnet, true);
	out_addr(o, "virtualRouter", &nic->router, false);
	out_addr(o, "publicAddress", &nic->public, false);
	out_end(o);
}

void facts_out(struct out *o, const struct facts *f)
{
	for (size_t i = 0; i < TEXTS; i++)
		out_text(o, texts[i].key, *text_at((struct facts *)f, i));
	if (f->user_data) {
		out_map(o, "userData");
		out_text(o, "path", f->user_data);
		out_text(o, "sha256", f->user_data_digest);
		out_end(o);
	}
	out_list(o, "nics");
	for (size_t i = 0; i < f->nic_count; i++)
		out_nic(o, &f->nics[i]);
	out_end(o);
}
