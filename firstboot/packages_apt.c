/* packages_apt.c - apt-get, of Debian, Ubuntu and theirs. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "firstboot/packages.h"

#define ARGS	  48
#define UNPACK	  600 /* s; whoever ends dpkg leaves packages half installed */
#define STALL	  15  /* s without a byte from a mirror */
#define OTHER	  "/run/routerd/mirror.list"
#define OSRELEASE 16384 /* bytes */

/* Words of apt 2.0 to 3.0. What a fetch failed of is the mirror's fault unless nobody
 * answered. */
static const struct fault_words words[] = {
	{ FAULT_NONE, "Get:" },
	{ FAULT_NONE, "Hit:" },
	{ FAULT_LOCK, "Could not get lock " },
	{ FAULT_LOCK, "Unable to acquire the dpkg " },
	{ FAULT_LOCK, "Unable to lock " },
	{ FAULT_INTERRUPTED, "dpkg was interrupted" },
	{ FAULT_OFFLINE, "Temporary failure resolving" },
	{ FAULT_OFFLINE, "Could not resolve" },
	{ FAULT_OFFLINE, "Could not connect to " },
	{ FAULT_OFFLINE, "Unable to connect to " },
	{ FAULT_OFFLINE, "Cannot initiate the connection to " },
	{ FAULT_OFFLINE, "Something wicked happened resolving" },
	{ FAULT_OFFLINE, "Connection timed out" },
	{ FAULT_MIRROR, "E: Failed to fetch " },
	{ FAULT_MIRROR, "W: Failed to fetch " },
	{ FAULT_MIRROR, "E: The repository " },
	{ FAULT_MIRROR, "W: The repository " },
	{ FAULT_MIRROR, "E: Release file for " },
	{ FAULT_MIRROR, "W: An error occurred during the signature verification" },
	{ FAULT_ABSENT, "E: Unable to locate package " },
	{ FAULT_ABSENT, "E: Package '" },
	{ FAULT_OTHER, "E: " },
	{ FAULT_OTHER, "dpkg: error" },
	{ FAULT_NONE, NULL },
};

/* ---- asking ----------------------------------------------------------------------------- */

struct command {
	const char *args[ARGS];
	size_t count;
};

static void add(struct command *c, const char *arg)
{
	if (c->count < ARGS - 1)
		c->args[c->count++] = arg;
}

static void add_option(struct packages *p, struct command *c, const char *name,
		       const char *value)
{
	add(c, "-o");
	add(c, arena_printf(p->arena, "%s=%s", name, value));
}

static void begin(struct packages *p, struct command *c, const char *verb)
{
	const char *stall = arena_printf(p->arena, "%d", STALL);

	*c = (struct command){ 0 };
	add(c, "apt-get");
	add(c, "-qy");
	add_option(p, c, "DPkg::Lock::Timeout", arena_printf(p->arena, "%u", packages_left(p)));
	add_option(p, c, "Dpkg::Use-Pty", "0");
	add_option(p, c, "Acquire::http::Timeout", stall);
	add_option(p, c, "Acquire::https::Timeout", stall);
	add_option(p, c, "Acquire::Retries", "0");
	if (*p->root) {
		add_option(p, c, "Dir", p->root);
		add_option(p, c, "Dir::State::status",
			   arena_printf(p->arena, "%s/var/lib/dpkg/status", p->root));
		add_option(p, c,
			   "Dpkg::Options::", arena_printf(p->arena, "--root=%s", p->root));
	}
	if (p->other) {
		add_option(p, c, "Dir::Etc::sourcelist",
			   arena_printf(p->arena, "%s" OTHER, p->root));
		add_option(p, c, "Dir::Etc::sourceparts", "-");
		add_option(p, c, "APT::Get::List-Cleanup", "false");
	}
	add(c, verb);
}

/* What came of a fetch that did not end well. */
static void sweep(struct packages *p, const char *path)
{
	const char *folder = arena_printf(p->arena, "%s%s", p->root, path);
	CLEAN(close_folder) DIR *dir = opendir(folder);

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		if (strcmp(e->d_name, "lock") != 0) /* apt tells of what stays, if it matters */
			(void)unlink(arena_printf(p->arena, "%s/%s", folder, e->d_name));
}

static enum packages_fault refresh(struct packages *p, bool again)
{
	struct command c;

	if (again) {
		sweep(p, "/var/lib/apt/lists/partial");
		sweep(p, "/var/cache/apt/archives/partial");
	}
	begin(p, &c, "update");
	return packages_run(p, c.args, packages_left(p));
}

/* Fetched within the deadline; what is unpacked then needs no network. */
static enum packages_fault install(struct packages *p, const char *const *names)
{
	enum packages_fault fault = FAULT_NONE;

	for (int fetched = 0; fetched < 2 && fault == FAULT_NONE; fetched++) {
		struct command c;

		begin(p, &c, "install");
		add(&c, "--no-install-recommends");
		add(&c, "--no-remove");
		add_option(p, &c, "Dpkg::Options::", "--force-confdef");
		add_option(p, &c, "Dpkg::Options::", "--force-confold");
		add(&c, fetched ? "--no-download" : "--download-only");
		add(&c, "--");
		for (size_t i = 0; names[i]; i++)
			add(&c, names[i]);
		fault = packages_run(p, c.args, packages_left(p) + (fetched ? UNPACK : 0));
	}
	return fault;
}

static enum packages_fault repair(struct packages *p)
{
	const char *root = *p->root ? arena_printf(p->arena, "--root=%s", p->root) : "--root=/";
	const char *const args[] = {
		"dpkg", root, "--force-confdef", "--force-confold", "--configure", "-a", NULL
	};

	return packages_run(p, args, packages_left(p) + UNPACK);
}

/* ---- the distribution's own mirror ------------------------------------------------------ */

static const struct {
	const char *id, *mirror, *parts;
} others[] = {
	{ "debian", "http://deb.debian.org/debian", "main" },
	{ "ubuntu", "http://archive.ubuntu.com/ubuntu", "main universe" },
};

/* A value of os-release(5) that is one word. */
static const char *read_release(struct packages *p, char *text, const char *name)
{
	size_t n = strlen(name);

	for (char *line = text; line; line = strchr(line, '\n')) {
		char *value;

		line += *line == '\n';
		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		value = line + n + 1 + strspn(line + n + 1, "\"'");
		return arena_strndup(p->arena, value,
				     strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789.-"));
	}
	return "";
}

static bool write_other(struct packages *p, size_t which, const char *suite)
{
	const char *path = arena_printf(p->arena, "%s" OTHER, p->root);
	const char *keys =
	    arena_printf(p->arena, "%s/usr/share/keyrings/%s-archive-keyring.gpg", p->root,
			 others[which].id);
	const char *by = "", *line;

	if (access(keys, R_OK) == 0)
		by = arena_printf(p->arena, "[signed-by=%s] ", keys);
	line = arena_printf(p->arena, "deb %s%s %s %s\n", by, others[which].mirror, suite,
			    others[which].parts);
	return file_make_folder(path, 0755) == 0 &&
	       file_write(path, line, strlen(line), 0644) == 0;
}

static bool use_other(struct packages *p)
{
	static const char *const paths[] = { "/etc/os-release", "/usr/lib/os-release" };
	const char *id, *suite;
	char *text = NULL;
	size_t len;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) && !text; i++)
		if (file_read_plain(p->arena, arena_printf(p->arena, "%s%s", p->root, paths[i]),
				    OSRELEASE, &text, &len) < 0)
			text = NULL;
	if (!text)
		return false;
	id = read_release(p, text, "ID");
	suite = read_release(p, text, "VERSION_CODENAME");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strcmp(id, others[i].id) == 0 && *suite)
			return write_other(p, i, suite);
	return false;
}

static void done(struct packages *p)
{
	if (p->other)
		(void)unlink(arena_printf(p->arena, "%s" OTHER, p->root));
}

const struct manager manager_apt = {
	.name = "apt-get",
	.database = "/var/lib/dpkg/status",
	.words = words,
	.refresh = refresh,
	.install = install,
	.repair = repair,
	.use_other = use_other,
	.done = done,
};
