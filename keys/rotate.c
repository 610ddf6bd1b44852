#include "keys/rotate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"

struct names {
	char next[PATH_MAX], previous[PATH_MAX];
};

static int name(const char *path, struct names *ret)
{
	bool fits = snprintf(ret->next, PATH_MAX, "%s" KEY_NEXT, path) < PATH_MAX &&
		    snprintf(ret->previous, PATH_MAX, "%s" KEY_PREVIOUS, path) < PATH_MAX;

	return fits ? 0 : -ENAMETOOLONG;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

enum rotation rotate_state(const char *path)
{
	struct names n;

	if (name(path, &n) < 0)
		return ROTATION_NONE;
	return is_there(n.previous) ? ROTATION_TRIED
	       : is_there(n.next)   ? ROTATION_ANNOUNCED
				    : ROTATION_NONE;
}

int rotate_next(const char *path, struct key *ret_public)
{
	struct names n;
	int r = name(path, &n);

	return r < 0 ? r : key_load_public(n.next, ret_public);
}

int rotate_begin(const char *path, struct key *ret_public, bool *ret_made)
{
	CLEAN(key_wipe) struct key private = { 0 };
	struct key_story story;
	struct names n;
	int r = name(path, &n);

	*ret_made = false;
	if (r == 0 && is_there(n.previous))
		r = -EBUSY;
	if (r == 0)
		r = key_load_or_create(n.next, &private, &story);
	if (r < 0)
		return r;
	*ret_made = story.made;
	return key_public(&private, ret_public);
}

/* from's name becomes to's. Of two names of one file, rename(2) would leave both. */
static int take_place(const char *from, const char *to)
{
	if (rename(from, to) < 0 || (unlink(from) < 0 && errno != ENOENT))
		return -errno;
	return file_sync_folder_of(to);
}

int rotate_switch(const char *path)
{
	CLEAN(key_wipe) struct key next = { 0 };
	struct names n;
	int r = name(path, &n);

	if (r == 0 && is_there(n.next))
		r = key_load(n.next, &next);
	if (r == 0 && !is_there(n.next))
		r = is_there(n.previous) ? 0 : -ENOENT; /* switched already */
	if (r == 0 && is_there(n.next) && link(path, n.previous) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		r = file_sync_folder_of(path);
	return r == 0 && is_there(n.next) ? take_place(n.next, path) : r;
}

int rotate_finish(const char *path)
{
	struct names n;
	int r = name(path, &n);

	if (r == 0 && unlink(n.previous) < 0 && errno != ENOENT)
		r = -errno;
	return r == 0 ? file_sync_folder_of(path) : r;
}

int rotate_back(const char *path)
{
	struct names n;
	int r = name(path, &n);

	if (r < 0)
		return r;
	if (!is_there(n.previous)) {
		if (unlink(n.next) < 0)
			return -errno;
		return file_sync_folder_of(path);
	}
	if (!is_there(n.next) && link(path, n.next) < 0)
		return -errno;
	r = file_sync_folder_of(path);
	return r == 0 ? take_place(n.previous, path) : r;
}
