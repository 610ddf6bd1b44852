#include "providers/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clean.h"
#include "providers/place.h"

#define BY_LABEL "/dev/disk/by-label"
#define RESOLVE	 (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define ATTRS	 (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Tried in turn. noload: ext4's journal is not replayed, which would be writing. */
static const struct {
	const char *type, *flag;
} systems[] = {
	{ "iso9660", NULL },
	{ "vfat", NULL },
	{ "ext4", "noload" },
	{ "udf", NULL },
};

/* ---- finding it ------------------------------------------------------------------------- */

static const char *find(struct arena *a, const struct place *p, const char *label)
{
	const char *folder = place_path(a, p, BY_LABEL);
	CLEAN(close_folder) DIR *dir = opendir(folder);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strcasecmp(e->d_name, label) == 0)
			return arena_printf(a, "%s/%s", folder, e->d_name);
	return NULL;
}

bool disk_is_there(struct arena *a, const struct place *p, const char *label)
{
	return find(a, p, label) != NULL;
}

/* ---- its files -------------------------------------------------------------------------- */

static int read_plain(struct arena *a, int fd, struct disk_file *f)
{
	struct stat st;
	size_t len = 0;
	char *bytes;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > DISK_FILE)
		return -EFBIG;
	bytes = arena_alloc(a, (size_t)st.st_size + 1);
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + len, (size_t)st.st_size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	f->bytes = bytes;
	f->len = len;
	return 0;
}

/* Nothing outside of the volume is opened, whatever links it has. O_NONBLOCK: a FIFO must not
 * hold us up. */
static int read_file(struct arena *a, int root, struct disk_file *f)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
				      .resolve = RESOLVE };
	CLEAN(close_fd) int fd = (int)syscall(SYS_openat2, root, f->name, &how, sizeof(how));

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	return read_plain(a, fd, f);
}

static const char *say_file(struct arena *a, const char *where, const char *name, int error)
{
	const char *why = strerror(-error);

	if (error == -EINVAL)
		why = "it is no plain file";
	if (error == -EFBIG)
		why = "it is longer than 4 MiB";
	if (error == -ELOOP || error == -EXDEV)
		why = "it is a link, which is not followed";
	return arena_printf(a, "%s: the file %s cannot be read: %s; write it anew", where, name,
			    why);
}

static int read_files(struct arena *a, int root, const char *where, struct disk_file *files,
		      const char **ret_words)
{
	for (; files->name; files++) {
		int r = read_file(a, root, files);

		if (r < 0) {
			*ret_words = say_file(a, where, files->name, r);
			return r;
		}
	}
	return 0;
}

int disk_read_folder(struct arena *a, const char *folder, struct disk_file *files,
		     const char **ret_words)
{
	CLEAN(close_fd) int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		*ret_words = arena_printf(a, "%s: %s", folder, strerror(errno));
		return -errno;
	}
	return read_files(a, fd, folder, files, ret_words);
}

/* ---- mounting it ------------------------------------------------------------------------ */

/* Returns the root of a mount that is in no namespace, and ends with its descriptor. */
static int mount_as(const char *device, const char *type, const char *flag)
{
	CLEAN(close_fd) int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", device, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    (flag && fsconfig(fs, FSCONFIG_SET_FLAG, flag, NULL, 0) < 0) ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, ATTRS);
	return fd < 0 ? -errno : fd;
}

static int mount_device(struct arena *a, const char *device, const char **ret_words)
{
	const char *why = "";
	int r = -EINVAL;

	for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++) {
		r = mount_as(device, systems[i].type, systems[i].flag);
		if (r >= 0)
			return r;
		why = arena_printf(a, "%s%s%s: %s", why, *why ? ", " : "", systems[i].type,
				   r == -ENODEV ? "not in this kernel" : strerror(-r));
	}
	*ret_words =
	    arena_printf(a,
			 "%s cannot be mounted (%s); write it anew as iso9660 or vfat, "
			 "or boot a kernel that has these",
			 device, why);
	return r;
}

int disk_read(struct arena *a, const struct place *p, const char *label,
	      struct disk_file *files, const char **ret_words)
{
	const char *path = find(a, p, label);
	CLEAN(close_fd) int root = -1;
	struct stat st;

	if (!path || (stat(path, &st) < 0 && errno == ENOENT)) {
		*ret_words = arena_printf(a,
					  "there is no disk labelled %s; attach it, and start "
					  "the machine again",
					  label);
		return -ENODEV;
	}
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return disk_read_folder(a, path, files, ret_words);
	root = mount_device(a, path, ret_words);
	if (root < 0)
		return root;
	return read_files(a, root, path, files, ret_words);
}
