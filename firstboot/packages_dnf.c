/* packages_dnf.c - dnf, of Fedora, RHEL and theirs: dnf 4 and 5. It waits for its own lock,
 * and knows mirrors by itself. */
#include "firstboot/packages.h"

#define ARGS   48
#define UNPACK 600 /* s; whoever ends rpm leaves packages half installed */

static const struct fault_words words[] = {
	{ FAULT_OFFLINE, "Could not resolve host" },
	{ FAULT_OFFLINE, "Couldn't connect to server" },
	{ FAULT_OFFLINE, "Could not connect to server" },
	{ FAULT_OFFLINE, "Failed to connect to " },
	{ FAULT_OFFLINE, "Timeout was reached" },
	{ FAULT_MIRROR, "Failed to download" },
	{ FAULT_MIRROR, "Cannot download" },
	{ FAULT_MIRROR, "Cannot prepare internal mirrorlist" },
	{ FAULT_MIRROR, "Status code: " },
	{ FAULT_MIRROR, "hecksum" },
	{ FAULT_MIRROR, "Cache-only enabled but no cache" },
	{ FAULT_ABSENT, "No match for argument: " },
	{ FAULT_ABSENT, "Unable to find a match: " },
	{ FAULT_OTHER, "Error: " },
	{ FAULT_NONE, NULL },
};

static enum packages_fault refresh(struct packages *p, bool again)
{
	const char *root = arena_printf(p->arena, "--installroot=%s", *p->root ? p->root : "/");
	const char *const args[] = { "dnf", "-qy", root, "clean", "expire-cache", NULL };

	return again ? packages_run(p, args, packages_left(p)) : FAULT_NONE;
}

/* Fetched within the deadline; what is unpacked then needs no network. */
static enum packages_fault install(struct packages *p, const char *const *names)
{
	enum packages_fault fault = FAULT_NONE;

	for (int fetched = 0; fetched < 2 && fault == FAULT_NONE; fetched++) {
		const char *args[ARGS] = {
			"dnf",
			"-y",
			"install",
			arena_printf(p->arena, "--installroot=%s", *p->root ? p->root : "/"),
			"--setopt=install_weak_deps=False",
			"--setopt=retries=3",
			"--setopt=timeout=15",
			fetched ? "--cacheonly" : "--downloadonly",
		};

		for (size_t i = 0, n = 8; names[i] && n < ARGS - 1; i++)
			args[n++] = names[i];
		fault = packages_run(p, args, packages_left(p) + (fetched ? UNPACK : 0));
	}
	return fault;
}

const struct manager manager_dnf = {
	.name = "dnf",
	.database = "/var/lib/rpm",
	.words = words,
	.refresh = refresh,
	.install = install,
};
