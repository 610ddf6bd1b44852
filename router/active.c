#include "active.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/stream.h"
#include "base/file.h"
#include "base/log.h"
#include "loop.h"
#include "peers.h"
#include "store.h"

#define FAULT_LINES 20 /* logged */
#define FAULT_HINT  "; 'routerctl validate' shows all"

/* NULL: d tells why. */
static struct kept *decode(struct documents *s, struct diag *d)
{
	struct config c = { .arena = s->arena };

	return load_check(&c, s, d) ? config_keep(&c) : NULL;
}

/* Reads what lies below root, with main in router.yaml's stead. s is filled in any case. */
static struct kept *read_root(struct documents *s, const char *root, const char *main,
			      const char *shown, char **faults)
{
	CLEAN(stream_done) struct stream text = { 0 };
	struct diag d = { .arena = s->arena };
	struct kept *kept;

	load_root(s, root, main, shown, &d);
	kept = decode(s, &d);
	diag_print(&d, stream_open(&text));
	if (!kept)
		*faults = stream_take(&text);
	else if (d.warnings)
		s->warnings = arena_printf(s->arena, "%s", stream_text(&text));
	return kept;
}

static void keep(struct active *a, const struct documents *s)
{
	int r = store_keep(s);

	if (r < 0 && !a->kept_error)
		log_line(LOG_WARNING,
			 STORE ": this configuration cannot be kept as the last good one: %s; "
			       "make room there, and reload",
			 strerror(-r));
	a->kept_error = r < 0 ? strerror(-r) : NULL;
	r = peers_accept(s);
	if (r < 0)
		log_line(LOG_WARNING,
			 PEERS_KNOWN
			 ": what is in force cannot be noted as known: %s; make room "
			 "there, and reload",
			 strerror(-r));
}

/* What is the same as before was told before. */
static void warn(struct active *a, const char *warnings)
{
	if (warnings && (!a->warnings || strcmp(a->warnings, warnings) != 0))
		log_text(LOG_WARNING, warnings, FAULT_LINES, FAULT_HINT);
	free(a->warnings);
	a->warnings = warnings ? must(strdup(warnings)) : NULL;
}

static void adopt(struct active *a, const struct documents *s, const struct kept *kept)
{
	assert(kept);
	free(a->faults);
	a->faults = NULL;
	a->source = ACTIVE_FILES;
	a->reloads++;
	log_line(LOG_INFO, "the configuration was read: %zu objects", kept->count);
	warn(a, s->warnings);
	keep(a, s);
}

static void reject(struct active *a, char *faults)
{
	bool same = a->faults && strcmp(a->faults, faults) == 0;

	free(a->faults);
	a->faults = faults;
	if (same)
		return;
	if (a->none_yet) {
		log_line(LOG_INFO,
			 "there is no configuration yet: nothing is changed until there "
			 "is; " LOAD_FILE " is watched for");
		return;
	}
	a->rejected++;
	log_text(LOG_ERROR, faults, FAULT_LINES, FAULT_HINT);
	if (a->source != ACTIVE_NONE)
		log_line(LOG_ERROR, "the configuration has faults: what was in force stays; "
				    "mend the files, they are read as they change");
}

int active_reload(struct active *a, struct kept **ret)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	char *faults = NULL;

	*ret = NULL;
	if (a->reverting) /* the files are those that nobody confirmed */
		return -EALREADY;
	*ret = read_root(&s, LOAD_ROOT, NULL, NULL, &faults);
	if (faults) {
		a->none_yet = s.none && a->source == ACTIVE_NONE && !store_has(STORE_GOOD);
		reject(a, faults);
		return -EBADMSG;
	}
	adopt(a, &s, *ret);
	return 0;
}

/* While what is in force is what the files say. */
static int keep_again(struct active *a)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	struct diag unread = { .arena = arena };

	if (a->faults || a->source != ACTIVE_FILES)
		return -EBADMSG;
	load_root(&s, LOAD_ROOT, NULL, NULL, &unread);
	if (unread.errors || !load_check(&(struct config){ .arena = arena }, &s, &unread))
		return -EBADMSG;
	keep(a, &s);
	return a->kept_error ? -ENOSPC : 0;
}

void active_tick(struct active *a, struct kept **ret)
{
	*ret = NULL;
	if (a->faults || a->source == ACTIVE_NONE)
		(void)active_reload(a, ret); /* a mode or a mount changes without an event */
	else if (a->kept_error)
		(void)keep_again(a);
}

/* Puts back what REVERT names; until that is done the kernel, not the files, has it. */
static int revert(struct active *a)
{
	int r = store_restore(STORE_REVERT);

	a->reverting = r < 0;
	if (r == 0)
		r = store_drop(STORE_REVERT);
	if (r == 0)
		a->confirm_until = 0;
	return r;
}

/* A kill may have come in the middle of a rollback, or before a change was confirmed: both
 * end the same way. */
static void finish_revert(struct active *a, struct kept **ret)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	CLEAN(free_text) char *faults = NULL;
	int r;

	if (!store_has(STORE_REVERT))
		return;
	log_line(LOG_WARNING, "the last change of the configuration was not confirmed before "
			      "the end of routerd, or a rollback was interrupted: going back");
	r = revert(a);
	if (r == 0)
		return;
	log_line(LOG_ERROR, "%s cannot be restored from %s: %s; trying again", LOAD_ROOT,
		 store_path(STORE_REVERT), strerror(-r));
	a->confirm_until = now_ms();
	*ret = read_root(&s, store_path(STORE_REVERT), NULL, NULL, &faults);
	if (*ret)
		a->source = ACTIVE_LAST_GOOD;
	else
		a->reverting = false; /* there is nothing to go back to any more */
}

void active_start(struct active *a, struct kept **ret)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	CLEAN(free_text) char *faults = NULL;

	*ret = NULL;
	(void)file_make_folder(LOAD_FOLDER "/", 0755);
	finish_revert(a, ret);
	if (*ret || active_reload(a, ret) == 0 || a->none_yet)
		return;
	*ret = read_root(&s, store_path(STORE_GOOD), NULL, NULL, &faults);
	a->source = *ret ? ACTIVE_LAST_GOOD : ACTIVE_NONE;
	if (*ret)
		log_line(LOG_ERROR,
			 "the configuration has faults: the last good one, %s, is "
			 "used in its stead",
			 store_path(STORE_GOOD));
	else
		log_line(LOG_WARNING,
			 "there is no configuration without faults: nothing is changed until "
			 "there is; the files are watched");
}

/* From the bytes that were checked under the name that the caller knows. */
static struct kept *rename_document(struct documents *s)
{
	struct diag d = { .arena = s->arena };

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].name, "router.yaml") == 0)
			s->items[i].path = LOAD_FILE;
	return decode(s, &d);
}

static int install(const char *staged, bool confirm)
{
	int r = confirm ? store_point(STORE_REVERT, STORE_GOOD) : 0;

	if (r == 0 && rename(staged, LOAD_FILE) < 0) {
		r = -errno;
		if (confirm)
			(void)store_drop(STORE_REVERT); /* what it names is in force */
	}
	return r == 0 ? file_sync_folder(LOAD_ROOT) : r;
}

int active_install(struct active *a, const char *staged, const char *shown, int64_t confirm_ms,
		   struct kept **ret, char **faults)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	struct kept *checked;
	int r = 0;

	*ret = NULL;
	if (a->confirm_until)
		return -EALREADY;
	if (confirm_ms && a->kept_error)
		r = keep_again(a);
	if (r < 0)
		return r;
	if (confirm_ms && (!store_has(STORE_GOOD) || a->source == ACTIVE_NONE))
		return -ENODATA;
	checked = read_root(&s, LOAD_ROOT, staged, shown, faults);
	if (!checked)
		return -EBADMSG;
	kept_free(checked);
	r = install(staged, confirm_ms > 0);
	if (r < 0)
		return r;
	*ret = rename_document(&s);
	if (confirm_ms)
		a->confirm_until = now_ms() + confirm_ms;
	adopt(a, &s, *ret);
	return 0;
}

int active_confirm(struct active *a)
{
	int r;

	if (!a->confirm_until)
		return -ENODATA;
	r = store_drop(STORE_REVERT);
	if (r < 0)
		return r;
	a->confirm_until = 0;
	a->reverting = false;
	return 0;
}

int active_rollback(struct active *a, struct kept **ret, char **faults)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	bool awaited = a->confirm_until != 0;
	int r = 0;

	*ret = NULL;
	if (!awaited)
		r = store_point(STORE_REVERT, a->faults ? STORE_GOOD : STORE_PREVIOUS);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	*ret = read_root(&s, store_path(STORE_REVERT), NULL, NULL, faults);
	r = *ret ? revert(a) : -EBADMSG;
	if (r < 0 && (!awaited || !*ret)) { /* nothing was changed, nothing will be */
		(void)store_drop(STORE_REVERT);
		kept_free(*ret);
		*ret = NULL;
		a->confirm_until = 0;
		a->reverting = false;
	}
	if (r < 0)
		return r;
	kept_free(*ret);
	return active_reload(a, ret);
}
