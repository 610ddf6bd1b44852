#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"

#define CONFIGS	     STORE "/configs"
#define DIGEST_BYTES 16
#define NAME_BYTES   (DIGEST_BYTES * 2 + 1)

static const char *const links[STORE_LINKS] = {
	[STORE_GOOD] = STORE "/good",
	[STORE_PREVIOUS] = STORE "/previous",
	[STORE_REVERT] = STORE "/revert",
};

const char *store_path(enum store_link link)
{
	return links[link];
}

bool store_has(enum store_link link)
{
	return access(links[link], F_OK) == 0;
}

/* ---- links ------------------------------------------------------------------------------ */

/* What a link says, as "configs/DIGEST-DIGEST"; false when there is none. */
static bool read_link(enum store_link link, char target[static PATH_MAX])
{
	ssize_t n = readlink(links[link], target, PATH_MAX - 1);

	target[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static int write_link(enum store_link link, const char *target)
{
	char tmp[64];

	snprintf(tmp, sizeof(tmp), "%s.new", links[link]);
	if (unlink(tmp) < 0 && errno != ENOENT)
		return -errno;
	if (symlink(target, tmp) < 0 || rename(tmp, links[link]) < 0)
		return -errno;
	return file_sync_folder(STORE);
}

int store_point(enum store_link to, enum store_link from)
{
	char target[PATH_MAX];

	return read_link(from, target) ? write_link(to, target) : -ENOENT;
}

int store_drop(enum store_link link)
{
	if (unlink(links[link]) < 0 && errno != ENOENT)
		return -errno;
	return file_sync_folder(STORE);
}

/* ---- folders ---------------------------------------------------------------------------- */

/* A folder of ours: documents and folders of documents, no deeper. */
static void remove_folder(const char *path)
{
	CLEAN(close_folder) DIR *dir = NULL;
	const struct dirent *e;

	if (unlink(path) == 0 || errno != EISDIR) /* a link, say, which leads elsewhere */
		return;
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char name[PATH_MAX];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    snprintf(name, sizeof(name), "%s/%s", path, e->d_name) >= (int)sizeof(name))
			continue;
		remove_folder(name);
	}
	(void)rmdir(path); /* what stays is found the next time */
}

/* Those that no link names, and what a kill left half written. */
static void collect(void)
{
	CLEAN(close_folder) DIR *dir = opendir(CONFIGS);
	char named[STORE_LINKS][PATH_MAX];
	const struct dirent *e;

	for (int i = 0; i < STORE_LINKS; i++)
		(void)read_link((enum store_link)i, named[i]);
	while (dir && (e = readdir(dir))) {
		char path[PATH_MAX], target[PATH_MAX];
		bool kept = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;

		snprintf(path, sizeof(path), CONFIGS "/%s", e->d_name);
		snprintf(target, sizeof(target), "configs/%s", e->d_name);
		for (int i = 0; i < STORE_LINKS; i++)
			kept |= strcmp(target, named[i]) == 0;
		if (!kept)
			remove_folder(path);
	}
}

static int write_documents(const char *folder, const struct documents *s)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < s->count && r == 0; i++) {
		const struct document *d = &s->items[i];

		if (d->left_out)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, d->name) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		r = file_make_folder(path, 0700);
		if (r == 0)
			r = file_write(path, d->bytes, d->len, d->mode);
	}
	return r;
}

/* Peers come from elsewhere, and are nobody's edit. */
static bool is_peer(const struct document *d)
{
	return strncmp(d->name, "peers/", 6) == 0;
}

static void digest(const struct documents *s, bool peers, char ret[static NAME_BYTES])
{
	unsigned char sum[DIGEST_BYTES];
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, sizeof(sum));
	for (size_t i = 0; i < s->count; i++) {
		const struct document *d = &s->items[i];

		if (is_peer(d) != peers || d->left_out)
			continue;
		crypto_generichash_update(&h, (const void *)d->name, strlen(d->name) + 1);
		crypto_generichash_update(&h, (const void *)&d->len, sizeof(d->len));
		crypto_generichash_update(&h, (const void *)d->bytes, d->len);
	}
	crypto_generichash_final(&h, sum, sizeof(sum));
	sodium_bin2hex(ret, NAME_BYTES, sum, sizeof(sum));
}

int store_keep(const struct documents *s)
{
	char own[NAME_BYTES], peers[NAME_BYTES], target[96], folder[128], good[PATH_MAX];
	char tmp[] = CONFIGS "/new";
	bool only_peers;
	int r = 0;

	digest(s, false, own);
	digest(s, true, peers);
	snprintf(target, sizeof(target), "configs/%s-%s", own, peers);
	snprintf(folder, sizeof(folder), STORE "/%s", target);
	if (read_link(STORE_GOOD, good) && strcmp(good, target) == 0 &&
	    access(folder, F_OK) == 0)
		return 0;
	if (access(folder, F_OK) < 0) {
		remove_folder(tmp);
		r = file_make_folder(CONFIGS "/new/", 0700);
		if (r == 0)
			r = write_documents(tmp, s);
		if (r == 0 && rename(tmp, folder) < 0)
			r = -errno;
		if (r == 0)
			r = file_sync_folder(CONFIGS);
	}
	only_peers = strncmp(good, target, strcspn(target, "-")) == 0;
	if (r == 0 && *good && !only_peers) /* or there is nothing to roll back */
		r = write_link(STORE_PREVIOUS, good);
	if (r == 0)
		r = write_link(STORE_GOOD, target);
	collect();
	return r;
}

/* ---- restore ---------------------------------------------------------------------------- */

static const struct document *find(const struct documents *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].name, name) == 0)
			return &s->items[i];
	return NULL;
}

static bool same(const struct document *a, const struct document *b)
{
	return a && b && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* LOAD_ROOT/NAME, and a suffix. False: too long. */
static bool path_of(char path[static PATH_MAX], const char *name, const char *suffix)
{
	return snprintf(path, PATH_MAX, LOAD_ROOT "/%s%s", name, suffix) < PATH_MAX;
}

static int move(const char *name, const char *from, const char *to)
{
	char source[PATH_MAX], target[PATH_MAX];

	if (!path_of(source, name, from) || !path_of(target, name, to))
		return -ENAMETOOLONG;
	return rename(source, target) < 0 && errno != ENOENT ? -errno : 0;
}

#define ASIDE	 ".aside"
#define RESTORED ".restored" /* beside its place, until all are there */

/* What is to be written, beside its place. */
static int prepare(const struct documents *then, const struct documents *now)
{
	int r = 0;

	for (size_t i = 0; i < then->count && r == 0; i++) {
		const struct document *t = &then->items[i];
		char path[PATH_MAX];

		if (is_peer(t) || same(t, find(now, t->name)))
			continue;
		r = path_of(path, t->name, RESTORED) ? file_make_folder(path, 0755)
						     : -ENAMETOOLONG;
		if (r == 0)
			r = file_write(path, t->bytes, t->len, t->mode);
	}
	return r;
}

static void give_up(const struct documents *then)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < then->count; i++)
		if (path_of(path, then->items[i].name, RESTORED))
			(void)unlink(path); /* most were never there */
}

int store_restore(enum store_link link)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct documents then = { .arena = a }, good = { .arena = a }, now = { .arena = a };
	struct diag unread = { .arena = a };
	int r;

	load_root(&then, links[link], NULL, NULL, &unread);
	if (unread.errors)
		return -ENODATA;
	load_root(&good, links[STORE_GOOD], NULL, NULL, &unread);
	load_root(&now, LOAD_ROOT, NULL, NULL, &unread);
	r = prepare(&then, &now);
	if (r < 0)
		give_up(&then);
	for (size_t i = 0; i < now.count && r == 0; i++) {
		const struct document *d = &now.items[i], *t = find(&then, d->name);

		if (!is_peer(d) && !same(d, t) && (!t || !same(d, find(&good, d->name))))
			r = move(d->name, "", ASIDE);
	}
	for (size_t i = 0; i < then.count && r == 0; i++)
		r = move(then.items[i].name, RESTORED, "");
	return r == 0 ? file_sync_folder(LOAD_ROOT) : r;
}
