/* Which setting of which version of cloud-init, and whose file may be touched. */
#include "firstboot/suppress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "t.h"

#define MARK   "# Written by routerd, and removed by it where it is not needed.\n"
#define IPS    "datasource: { Azure: { apply_network_config_for_secondary_ips: false } }\n"
#define OLD    "datasource: { Azure: { apply_network_config: false } }\n"
#define EC2    "datasource: { Ec2: { apply_full_imds_network_config: false } }\n"
#define DEBIAN "/usr/lib/python3/dist-packages/cloudinit/version.py"
#define FEDORA "/usr/lib/python3.13/site-packages/cloudinit/version.py"
#define PY(v)                                                                                  \
	"# Author: x\n__VERSION__ = \"" v "\"\n_PACKAGED_VERSION = \"@@PACKAGED_VERSION@@\"\n"
#define NET_UTILS "/usr/lib/systemd/system/refresh-policy-routes@.timer"

static struct arena *arena;
static char folder[] = "/tmp/suppressXXXXXX";

static const struct {
	const char *provider, *version_path, *version; /* of cloud-init; NULL: not installed */
	const char *before, *after;		       /* the file; NULL: none */
	bool changed;
	const char *words; /* are among those said */
	const char *agent; /* a file that is there */
} cases[] = {
	{ "azure", DEBIAN, PY("23.4"), NULL, MARK IPS, true, "is written" },
	{ "azure", DEBIAN, PY("25.1.4"), NULL, MARK IPS, true, "new instance" },
	{ "azure", FEDORA, PY("24.2"), NULL, MARK IPS, true, "is written" },
	{ "azure", DEBIAN, PY("23.3.1"), NULL, MARK OLD, true, "configure them yourself" },
	{ "azure", DEBIAN, PY("22.4.2"), NULL, MARK OLD, true, "is written" },
	{ "azure", "/usr/lib/python3/dist-packages/cloudinit/meson_versions.py",
	  "PACKAGED = '26.2-1ubuntu1'\n", NULL, MARK IPS, true, "is written" },
	{ "aws", DEBIAN, PY("22.4.2"), NULL, MARK EC2, true, "is written" },
	{ "aws", DEBIAN, PY("20.2"), NULL, MARK EC2, true, "is written" },
	{ "aws", DEBIAN, PY("20.1"), NULL, NULL, false, "20.1 adds no" },
	{ "aws", DEBIAN, PY("20.1"), MARK EC2, NULL, true, "is removed" },
	/* Upgraded, moved to another cloud, to none, uninstalled. */
	{ "azure", DEBIAN, PY("25.1"), MARK OLD, MARK IPS, true, "is written" },
	{ "aws", DEBIAN, PY("25.1"), MARK IPS, MARK EC2, true, "is written" },
	{ "oci", DEBIAN, PY("25.1"), MARK IPS, NULL, true, "is removed" },
	{ "nocloud", DEBIAN, PY("25.1"), NULL, NULL, false, "on nocloud" },
	{ NULL, DEBIAN, PY("25.1"), MARK IPS, NULL, true, "is removed" },
	{ "azure", NULL, NULL, MARK IPS, NULL, true, "not installed" },
	{ "azure", NULL, NULL, NULL, NULL, false, "not installed" },
	/* Nothing to do, and nothing that may be done. */
	{ "azure", DEBIAN, PY("25.1"), MARK IPS, MARK IPS, false, "already" },
	{ "azure", DEBIAN, PY("25.1"), "mine: true\n", "mine: true\n", false, "left alone" },
	{ "gcp", DEBIAN, PY("25.1"), "mine: true\n", "mine: true\n", false, "on gcp" },
	{ "azure", DEBIAN, "nothing = \"x\"\n", NULL, NULL, false, "not known" },
	{ "azure", DEBIAN, "", MARK IPS, MARK IPS, false, "not known" },
	/* Others that do it. */
	{ "aws", DEBIAN, PY("25.1"), NULL, MARK EC2, true, "amazon-ec2-net-utils", NET_UTILS },
	{ "aws", NULL, NULL, NULL, NULL, false, "amazon-ec2-net-utils", NET_UTILS },
	{ "gcp", NULL, NULL, NULL, NULL, false, "ip_aliases", "/usr/bin/google_guest_agent" },
};

static void put(const char *path, const char *text)
{
	path = arena_printf(arena, "%s%s", folder, path);
	CHECK(file_make_folder(path, 0755) == 0, "%s", path);
	CHECK(file_write(path, text, strlen(text), 0644) == 0, "%s", path);
}

static const char *get(void)
{
	char *text;
	size_t len;

	return file_read(arena, arena_printf(arena, "%s" SUPPRESS_FILE, folder), 4096, &text,
			 &len) == 0
		   ? text
		   : NULL;
}

static bool equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void run(size_t i, bool dry_run, const char *after, bool changed, const char *said)
{
	const char *words = NULL;
	bool is = !changed;
	int r = suppress_addresses(arena, folder, cases[i].provider, dry_run, &is, &words);

	CHECK(r == 0, "%zu: %d", i, r);
	CHECK(is == changed, "%zu, dry %d: %s", i, dry_run, words);
	CHECK(words && strstr(words, said), "%zu, dry %d: %s", i, dry_run, words);
	CHECK(equal(get(), after), "%zu, dry %d: %s", i, dry_run, get());
}

static void check_case(size_t i)
{
	CHECK(system(arena_printf(arena, "rm -rf %s/*", folder)) == 0, "rm");
	if (cases[i].version)
		put(cases[i].version_path, cases[i].version);
	if (cases[i].before)
		put(SUPPRESS_FILE, cases[i].before);
	if (cases[i].agent)
		put(cases[i].agent, "");
	run(i, true, cases[i].before, cases[i].changed, cases[i].changed ? "would" : "");
	run(i, false, cases[i].after, cases[i].changed, cases[i].words);
	run(i, false, cases[i].after, false, "");
}

static void check_failure(void)
{
	const char *words = "";
	bool changed = true;

	CHECK(system(arena_printf(arena, "rm -rf %s/*", folder)) == 0, "rm");
	put(DEBIAN, PY("25.1"));
	put("/etc/cloud", "a file where a folder should be");
	CHECK(suppress_addresses(arena, folder, "azure", false, &changed, &words) == -ENOTDIR,
	      "%s", words);
	CHECK(!changed && strstr(words, SUPPRESS_FILE " cannot be"), "%s", words);
}

static void check_mode(void)
{
	struct stat st;

	CHECK(stat(arena_printf(arena, "%s" SUPPRESS_FILE, folder), &st) == 0 &&
		  (st.st_mode & 07777) == 0644,
	      "mode %o", st.st_mode);
}

int main(void)
{
	arena = arena_new();
	CHECK(mkdtemp(folder) != NULL, "mkdtemp");
	(void)umask(077);
	check_case(0);
	check_mode();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_case(i);
	check_failure();
	CHECK(system(arena_printf(arena, "rm -r %s", folder)) == 0, "rm");
	arena_free(arena);
	return t_failed;
}
