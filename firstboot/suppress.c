#include "firstboot/suppress.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define MARK	   "# Written by routerd, and removed by it where it is not needed.\n"
#define MOST_BYTES (64 * 1024)

/* cloud-init 23.4 is 2304. From its ChangeLog, and its sources as Debian 12 and 13 have them.
 */
static const struct rule {
	const char *provider;
	unsigned since;
	const char *setting;
	bool others; /* it leaves other NICs without an address, too */
} rules[] = {
	{ "azure", 2304,
	  "datasource: { Azure: { apply_network_config_for_secondary_ips: false } }\n", false },
	{ "azure", 0, "datasource: { Azure: { apply_network_config: false } }\n", true },
	{ "aws", 2002, "datasource: { Ec2: { apply_full_imds_network_config: false } }\n",
	  true },
};

/* Who else does it, and leaves no file of ours to stop it by. */
static const struct {
	const char *provider, *path, *words;
} agents[] = {
	{ "aws", "/usr/lib/systemd/system/refresh-policy-routes@.timer",
	  "amazon-ec2-net-utils puts secondary addresses back, each minute: routerd takes them "
	  "off each time; remove that package if other interfaces do not need it" },
	{ "aws", "/etc/udev/rules.d/53-ec2-network-interfaces.rules",
	  "ec2-net-utils puts secondary addresses back: routerd takes them off each time; "
	  "remove "
	  "that package if other interfaces do not need it" },
	{ "gcp", "/usr/bin/google_guest_agent",
	  "the guest agent takes alias addresses for this machine's own: write 'ip_aliases = "
	  "false' below [IpForwarding] in /etc/default/instance_configs.cfg and run 'systemctl "
	  "restart google-guest-agent'" },
};

/* ---- the installed version -------------------------------------------------------------- */

/* The first quoted text that begins as a version does: 24.1. */
static unsigned find_version(const char *text)
{
	unsigned major, minor;

	while ((text = strpbrk(text, "\"'")))
		if (sscanf(++text, "%2u.%2u", &major, &minor) == 2 && major >= 10)
			return major * 100 + minor;
	return 0;
}

/* 0: it does not say. False: not installed. */
static bool read_version(struct arena *a, const char *root, unsigned *ret)
{
	static const char *const files[] = { "version.py", "meson_version*.py" };
	static const char *const folders[] = { "usr/lib/python3*/dist-packages",
					       "usr/lib/python3*/site-packages" };
	bool there = false;

	*ret = 0;
	for (size_t i = 0; i < 4 && !*ret; i++) {
		glob_t found = { 0 };
		char *text;
		size_t len;

		if (glob(arena_printf(a, "%s/%s/cloudinit/%s", root, folders[i % 2],
				      files[i / 2]),
			 0, NULL, &found) == 0) {
			there = true;
			if (file_read_plain(a, found.gl_pathv[0], MOST_BYTES, &text, &len) == 0)
				*ret = find_version(text);
		}
		globfree(&found);
	}
	return there;
}

/* ---- our file --------------------------------------------------------------------------- */

struct job {
	struct arena *arena;
	const char *path;
	bool dry_run;
	char *text; /* as it stands; NULL: there is none */
	const char *words;
	bool changed;
};

static bool is_ours(const struct job *j)
{
	return strncmp(j->text, MARK, strlen(MARK)) == 0;
}

static int fail(struct job *j, const char *what, int r)
{
	j->words =
	    arena_printf(j->arena, "%s cannot be %s: %s", SUPPRESS_FILE, what, strerror(-r));
	return r;
}

/* why: no setting is needed. */
static int leave_out(struct job *j, const char *why)
{
	j->words = why;
	if (!j->text || !is_ours(j))
		return 0;
	if (!j->dry_run && unlink(j->path) < 0)
		return fail(j, "removed", -errno);
	j->changed = true;
	j->words = arena_printf(j->arena, "%s %s: %s", SUPPRESS_FILE,
				j->dry_run ? "would be removed" : "is removed", why);
	return 0;
}

static int put(struct job *j, const struct rule *r)
{
	const char *want = arena_printf(j->arena, MARK "%s", r->setting);
	const char *others = r->others ? "; other interfaces than the first get no address by "
					 "it either: configure them yourself"
				       : "";
	int e = 0;

	if (j->text && !is_ours(j)) {
		j->words = SUPPRESS_FILE " is not routerd's, and is left alone: it should say '"
					 "datasource:' as docs/prerequisites.md does";
		return 0;
	}
	if (j->text && strcmp(j->text, want) == 0) {
		j->words = "cloud-init is told already to leave secondary addresses alone";
		return 0;
	}
	if (!j->dry_run) {
		e = file_make_folder(j->path, 0755);
		if (e == 0)
			e = file_write(j->path, want, strlen(want), 0644);
	}
	if (e < 0)
		return fail(j, "written", e);
	j->changed = true;
	j->words =
	    arena_printf(j->arena,
			 "%s %s: cloud-init leaves secondary addresses alone as soon as "
			 "it reads its settings anew, after 'cloud-init clean' or on a "
			 "new instance; until then routerd takes them off%s",
			 SUPPRESS_FILE, j->dry_run ? "would be written" : "is written", others);
	return 0;
}

/* ---- which ------------------------------------------------------------------------------ */

static bool has_rule(const char *provider)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (strcmp(rules[i].provider, provider) == 0)
			return true;
	return false;
}

static int choose(struct job *j, const char *root, const char *provider)
{
	unsigned version;

	if (!has_rule(provider))
		return leave_out(j, arena_printf(j->arena,
						 "on %s cloud-init adds no secondary addresses",
						 *provider ? provider : "this platform"));
	if (!read_version(j->arena, root, &version))
		return leave_out(j, "cloud-init is not installed");
	if (!version) {
		j->words = "cloud-init's version is not known: nothing is changed; routerd "
			   "takes secondary addresses off when they come";
		return 0;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (strcmp(rules[i].provider, provider) == 0 && version >= rules[i].since)
			return put(j, &rules[i]);
	return leave_out(j, arena_printf(j->arena,
					 "cloud-init %u.%u adds no secondary addresses here",
					 version / 100, version % 100));
}

int suppress_addresses(struct arena *a, const char *root, const char *provider, bool dry_run,
		       bool *ret_changed, const char **ret_words)
{
	struct job j = { .arena = a,
			 .path = arena_printf(a, "%s" SUPPRESS_FILE, root),
			 .dry_run = dry_run };
	size_t len;
	int r = file_read_plain(a, j.path, MOST_BYTES, &j.text, &len);

	provider = provider ? provider : "";
	if (r == -ENOENT)
		j.text = NULL;
	r = r < 0 && r != -ENOENT ? fail(&j, "read", r) : choose(&j, root, provider);
	for (size_t i = 0; i < sizeof(agents) / sizeof(*agents); i++)
		if (strcmp(agents[i].provider, provider) == 0 &&
		    access(arena_printf(a, "%s%s", root, agents[i].path), F_OK) == 0)
			j.words = arena_printf(a, "%s; %s", j.words, agents[i].words);
	*ret_changed = j.changed;
	*ret_words = j.words;
	return r;
}
