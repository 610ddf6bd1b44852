/* host.c - the machine around the router: kernel, clock, room, other managers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/facts.h"
#include "config/config.h"
#include "doctor/doctor.h"
#include "kernel/trial.h"
#include "kernel/wireguard.h"
#include "load.h"

#define AREA   "host"
#define FOLDER "/run/routerd"
#define SOCKET FOLDER "/io.routerd"
#define TUN    "/dev/net/tun"
#define ROOM   (16 * 1024 * 1024) /* bytes; a configuration, its copies, keys */

/* Nothing is asked of routerd; but what it can keep, its files tell. */
static void tell_running(struct doctor *d)
{
	struct diag diag = { .arena = d->arena };
	struct config c = { .arena = d->arena };
	struct documents files = { .arena = d->arena };
	bool valid, none;

	load_paths(&files, NULL, 0, &diag);
	none = !files.count && access(LOAD_FILE, F_OK) < 0 && errno == ENOENT;
	valid = load_check(&c, &files, &diag);
	if (valid && c.count)
		doctor_add(d, AREA, "daemon", CHECK_PASS, NULL,
			   "routerd listens at " SOCKET " and keeps things as " LOAD_ROOT
			   " says");
	else if (!valid && !d->root)
		doctor_add(d, AREA, "daemon", CHECK_SKIP, NULL,
			   "routerd listens at " SOCKET "; what it keeps, root may see");
	else if (valid || none)
		doctor_add(d, AREA, "daemon", CHECK_WARN, "edit " LOAD_FILE,
			   "routerd listens at " SOCKET ", but " LOAD_ROOT
			   " asks for nothing: what was applied from other files it does not "
			   "keep so");
	else
		doctor_add(d, AREA, "daemon", CHECK_WARN, "routerctl validate",
			   "routerd listens at " SOCKET ", but what " LOAD_ROOT
			   " says has faults: it keeps to the last that had none, if there was "
			   "one; 'routerctl status' tells");
}

static void check_daemon(struct doctor *d)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	CLEAN(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *start = "systemctl start routerd.service";

	if (fd < 0)
		return;
	if (connect(fd, (void *)&to, sizeof(to)) == 0 || errno == EAGAIN)
		tell_running(d);
	else if (errno == EACCES)
		doctor_add(d, AREA, "daemon", CHECK_SKIP, NULL,
			   "only root and the group routerd may see whether routerd runs");
	else if (errno == ECONNREFUSED)
		doctor_add(d, AREA, "daemon", CHECK_WARN, start,
			   "routerd left " SOCKET " behind and does not answer: it was killed; "
			   "what it set up stays, but nobody keeps it so");
	else
		doctor_add(d, AREA, "daemon", CHECK_WARN, start,
			   "routerd does not run: what was applied stays, but an address that "
			   "comes back, or a link that goes down and up, is not put right");
}

/* ---- what the kernel must have, by trying --------------------------------------------- */

static void check_kernel(struct doctor *d)
{
	struct utsname u;

	if (uname(&u) == 0)
		doctor_add(d, AREA, "kernel", CHECK_PASS, NULL, "%s %s", u.sysname, u.release);
}

/* False: it could not be tried, which is said. */
static bool was_tried(struct doctor *d, const char *name, int r)
{
	bool allowed = r != -EPERM;

	if (!allowed)
		doctor_add(d, AREA, name, CHECK_SKIP, "sudo routerctl doctor " AREA,
			   d->root ? "it can only be tried in a network of its own, which may "
				     "not be made here (CAP_SYS_ADMIN)"
				   : "only root can try this");
	return allowed;
}

static const char *install_remedy(struct doctor *d, const char *package)
{
	bool dnf = access("/usr/bin/apt-get", X_OK) < 0 && access("/usr/bin/dnf", X_OK) == 0;

	return arena_printf(d->arena, "%s install -y %s", dnf ? "dnf" : "apt-get", package);
}

/* Where the kernel cannot: the program, and the device that it needs. */
static void check_program(struct doctor *d)
{
	CLEAN(close_fd) int tun = open(TUN, O_RDWR | O_CLOEXEC);
	int error = errno;
	char path[WG_PROGRAM];

	if (!wg_user_find(path))
		doctor_add(d, AREA, "wireguard", CHECK_FAIL, install_remedy(d, "wireguard-go"),
			   "this kernel makes no WireGuard links, and wireguard-go is not "
			   "installed: there can be no tunnel");
	else if (tun < 0)
		doctor_add(d, AREA, "wireguard", CHECK_FAIL, "modprobe tun",
			   "this kernel makes no WireGuard links, and " TUN
			   ", which %s needs, cannot be opened: %s",
			   path, strerror(error));
	else
		doctor_add(d, AREA, "wireguard", CHECK_PASS, NULL,
			   "this kernel makes no WireGuard links: %s carries them", path);
}

static void check_wireguard(struct doctor *d)
{
	int r = trial_wireguard();

	if (!was_tried(d, "wireguard", r))
		return;
	if (r == -EOPNOTSUPP)
		check_program(d);
	else if (r < 0)
		doctor_add(d, AREA, "wireguard", CHECK_FAIL, "modprobe wireguard",
			   "this kernel does not make a WireGuard link: %s", strerror(-r));
	else
		doctor_add(d, AREA, "wireguard", CHECK_PASS, NULL,
			   "this kernel makes WireGuard links");
}

static void check_nf_tables(struct doctor *d)
{
	int r = trial_clamp();

	if (!was_tried(d, "nf_tables", r))
		return;
	if (r < 0)
		doctor_add(d, AREA, "nf_tables", CHECK_FAIL, "modprobe nf_tables",
			   "this kernel does not take the rules that clamp TCP: %s; where its "
			   "modules lack nf_tables, install the distribution's whole kernel",
			   r == -EOPNOTSUPP ? "it has no nf_tables" : strerror(-r));
	else
		doctor_add(d, AREA, "nf_tables", CHECK_PASS, NULL,
			   "this kernel takes the rules that clamp TCP");
}

/* ---- the rest of the machine ------------------------------------------------------------ */

/* Who sets the clock, by what it keeps under /run while it runs, and how to ask it. */
static const struct clock {
	const char *path, *name, *ask;
} clocks[] = {
	{ "/run/systemd/timesync", "systemd-timesyncd", "timedatectl timesync-status" },
	{ "/run/chrony/chronyd.pid", "chronyd", "chronyc tracking" },
	{ "/run/ntpd.pid", "ntpd", "ntpq -p" },
};

static const struct clock *clock_setter(void)
{
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++)
		if (access(clocks[i].path, F_OK) == 0 || errno == EACCES)
			return &clocks[i];
	return NULL;
}

const char *doctor_set_clock(void)
{
	const struct clock *c = clock_setter();

	return c ? c->ask : "timedatectl set-ntp true";
}

static void check_clock(struct doctor *d)
{
	const struct clock *setter = clock_setter();
	struct timex t = { 0 };
	int r = adjtimex(&t);

	if (r < 0)
		doctor_add(d, AREA, "clock", CHECK_SKIP, NULL,
			   "the kernel does not tell whether the clock is synchronised");
	else if (r == TIME_ERROR || t.status & STA_UNSYNC)
		doctor_add(d, AREA, "clock", CHECK_WARN, doctor_set_clock(),
			   "the clock is not synchronised%s%s%s: a jump back keeps WireGuard's "
			   "peers from accepting handshakes",
			   setter ? ", although " : "", setter ? setter->name : "",
			   setter ? " runs: it has just begun, or no server answers it" : "");
	else
		doctor_add(d, AREA, "clock", CHECK_PASS, NULL, "synchronised");
}

static void check_room(struct doctor *d)
{
	static const char *const folders[] = { "/etc", "/var/lib" };
	struct tally t = { .d = d, .area = AREA, .name = "space" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		struct statvfs s;

		if (statvfs(folders[i], &s) < 0)
			continue;
		if (s.f_flag & ST_RDONLY)
			tally_bad(&t, CHECK_WARN,
				  arena_printf(d->arena, "mount -o remount,rw %s", folders[i]),
				  "%s can only be read: keys and configurations cannot be kept",
				  folders[i]);
		else if ((uint64_t)s.f_bavail * s.f_frsize < ROOM)
			tally_bad(
			    &t, CHECK_WARN,
			    arena_printf(d->arena,
					 "by hand: make room; 'du -xh %s | sort -h | tail' "
					 "tells where",
					 folders[i]),
			    "%s has %llu KiB left: configurations cannot be kept safely",
			    folders[i], (unsigned long long)s.f_bavail * s.f_frsize / 1024);
		else
			t.good++;
	}
	tally_end(&t, "enough on /etc and /var/lib");
}

static void check_boot(struct doctor *d)
{
	const struct node *report = facts_report(d->arena);
	const char *result = report ? node_text(report, "result") : NULL;

	/* None: not every machine is set up by it. */
	if (result && strcmp(result, "failed") == 0)
		doctor_add(d, AREA, "first-boot", CHECK_FAIL,
			   "systemctl restart routerd-firstboot.service",
			   "first boot failed when it ran last; 'routerctl get node' tells at "
			   "which step and why");
	else if (result)
		doctor_add(d, AREA, "first-boot", CHECK_PASS, NULL, "%s, when it ran last",
			   strcmp(result, "done") == 0 ? "done" : "nothing failed");
}

/* Locks and the control socket lie there: nobody else may put his own in their place. */
static void check_folder(struct doctor *d)
{
	struct stat st;

	if (lstat(FOLDER, &st) < 0)
		return; /* made by the first who needs it */
	if (S_ISDIR(st.st_mode) && st.st_uid == 0 && !(st.st_mode & S_IWOTH))
		doctor_add(d, AREA, "run-folder", CHECK_PASS, NULL, FOLDER " is root's");
	else
		doctor_add(d, AREA, "run-folder", CHECK_FAIL,
			   "chown root " FOLDER " && chmod 755 " FOLDER,
			   FOLDER " is not root's alone: others could stand in for routerd");
}

/* ---- another manager of the network ----------------------------------------------------- */

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

/* ManageForeignRoutes= of one file of networkd.conf(5), if it says so. */
static void read_conf(struct doctor *d, const char *path, bool *ret)
{
	char *text = (char *)doctor_read(d, path), *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		char word[8] = "";

		if (sscanf(line, " ManageForeignRoutes = %7s", word) == 1)
			*ret = !strcasecmp(word, "yes") || !strcasecmp(word, "true") ||
			       !strcasecmp(word, "on") || !strcmp(word, "1");
	}
}

/* Later files win; the same name in a later folder hides one in an earlier, and as it then
 * comes later here, it wins too. */
static bool manages_foreign(struct doctor *d)
{
	static const char *const folders[] = { "/usr/lib/systemd", "/usr/local/lib/systemd",
					       "/run/systemd", "/etc/systemd" };
	bool manages = true; /* systemd's default */

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		read_conf(d, arena_printf(d->arena, "%s/networkd.conf", folders[i]), &manages);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		const char *folder = arena_printf(d->arena, "%s/networkd.conf.d", folders[i]);
		struct dirent **list;
		int n = scandir(folder, &list, is_conf, alphasort);

		for (int j = 0; j < n; j++) {
			read_conf(d, arena_printf(d->arena, "%s/%s", folder, list[j]->d_name),
				  &manages);
			free(list[j]);
		}
		if (n >= 0)
			free(list);
	}
	return manages;
}

static void check_managers(struct doctor *d)
{
	struct stat st;

	if (stat("/run/systemd/netif", &st) < 0)
		doctor_add(d, AREA, "networkd", CHECK_PASS, NULL,
			   "systemd-networkd does not manage this machine");
	else if (manages_foreign(d))
		doctor_add(d, AREA, "networkd", CHECK_WARN,
			   "mkdir -p /etc/systemd/networkd.conf.d && printf "
			   "'[Network]\\nManageForeignRoutes=no\\n"
			   "ManageForeignRoutingPolicyRules=no\\n' "
			   ">/etc/systemd/networkd.conf.d/50-routerd.conf && systemctl restart "
			   "systemd-networkd",
			   "systemd-networkd takes away routes that it did not make, ours "
			   "included, when it starts again or a link comes back");
	else
		doctor_add(d, AREA, "networkd", CHECK_PASS, NULL,
			   "systemd-networkd leaves other people's routes alone");
}

void doctor_host(struct doctor *d)
{
	check_daemon(d);
	check_kernel(d);
	check_wireguard(d);
	check_nf_tables(d);
	check_clock(d);
	check_room(d);
	check_folder(d);
	check_boot(d);
	check_managers(d);
}
