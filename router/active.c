#include "active.h"

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
#include "store.h"

#define FAULT_LINES 20 /* logged; routerctl validate shows all */

/* Reads what lies below root, with main in router.yaml's stead. s is filled in any case. */
static struct kept *read_root(struct documents *s, const char *root, const char *main,
			      const char *shown, char **faults)
{
	struct config c = { .arena = s->arena };
	struct diag d = { .arena = s->arena };
	CLEAN(stream_done) struct stream text = { 0 };

	load_root(s, root, main, shown, &d);
	if (load_check(&c, s, &d))
		return config_keep(&c);
	diag_print(&d, stream_open(&text));
	*faults = stream_take(&text);
	return NULL;
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
}

static void log_faults(const char *faults)
{
	int lines = 0;

	for (const char *line = faults, *end; (end = strchr(line, '\n')); line = end + 1)
		if (lines++ < FAULT_LINES)
			log_line(LOG_ERROR, "%.*s", (int)(end - line), line);
	if (lines > FAULT_LINES)
		log_line(LOG_ERROR, "%d more; 'routerctl validate' shows all",
			 lines - FAULT_LINES);
}

int active_reload(struct active *a, struct kept **ret)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	char *faults = NULL;

	*ret = read_root(&s, LOAD_ROOT, NULL, NULL, &faults);
	if (faults) {
		bool same = a->faults && strcmp(a->faults, faults) == 0;

		free(a->faults);
		a->faults = faults;
		a->rejected += !same;
		if (!same)
			log_faults(faults);
		if (!same && a->source != ACTIVE_NONE)
			log_line(LOG_ERROR, "the configuration has faults: what was in force "
					    "stays; mend the files, they are read as they "
					    "change");
		return -EINVAL;
	}
	free(a->faults);
	a->faults = NULL;
	a->source = ACTIVE_FILES;
	log_line(LOG_INFO, "the configuration was read: %zu objects", (*ret)->count);
	a->reloads++;
	keep(a, &s);
	return 0;
}

/* A kill may have come in the middle of either, and both end the same way. */
static void finish_revert(void)
{
	int r;

	if (!store_has(STORE_REVERT))
		return;
	log_line(LOG_WARNING, "the last change of the configuration was not confirmed before "
			      "the end of routerd, or a rollback was interrupted: going back");
	r = store_restore(STORE_REVERT);
	if (r < 0)
		log_line(LOG_ERROR, "%s cannot be restored from %s: %s", LOAD_ROOT,
			 store_path(STORE_REVERT), strerror(-r));
	else
		store_drop(STORE_REVERT);
}

void active_start(struct active *a, struct kept **ret)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	CLEAN(free_text) char *faults = NULL;

	(void)file_make_folder(LOAD_FOLDER "/", 0755);
	finish_revert();
	if (active_reload(a, ret) == 0)
		return;
	*ret = read_root(&s, store_path(STORE_GOOD), NULL, NULL, &faults);
	a->source = *ret ? ACTIVE_LAST_GOOD : ACTIVE_NONE;
	if (*ret)
		log_line(LOG_ERROR,
			 "the configuration has faults: the last good one, %s, is "
			 "used in its stead",
			 store_path(STORE_GOOD));
	else
		log_line(LOG_WARNING, "there is no configuration without faults: nothing is "
				      "changed until there is; " LOAD_FILE " is watched");
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
		return -EBUSY;
	if (confirm_ms && (!store_has(STORE_GOOD) || a->source == ACTIVE_NONE))
		return -ENOENT;
	checked = read_root(&s, LOAD_ROOT, staged, shown, faults);
	if (!checked)
		return -EINVAL;
	kept_free(checked);
	if (confirm_ms)
		r = store_point(STORE_REVERT, STORE_GOOD);
	if (r == 0 && rename(staged, LOAD_FILE) < 0)
		r = -errno;
	if (r == 0)
		r = file_sync_folder(LOAD_ROOT);
	if (r < 0) {
		if (confirm_ms)
			store_drop(STORE_REVERT);
		return r;
	}
	if (confirm_ms)
		a->confirm_until = now_ms() + confirm_ms;
	r = active_reload(a, ret);
	if (r == -EINVAL) /* another file changed meanwhile */
		*faults = must(strdup(a->faults));
	return r;
}

int active_confirm(struct active *a)
{
	if (!a->confirm_until)
		return -ENOENT;
	a->confirm_until = 0;
	store_drop(STORE_REVERT);
	return 0;
}

int active_rollback(struct active *a, struct kept **ret)
{
	CLEAN(arena_done) struct arena *arena = arena_new();
	struct documents s = { .arena = arena };
	CLEAN(free_text) char *faults = NULL;
	struct kept *then;
	int r = 0;

	*ret = NULL;
	if (!a->confirm_until)
		r = store_point(STORE_REVERT, a->faults ? STORE_GOOD : STORE_PREVIOUS);
	if (r < 0)
		return r;
	then = read_root(&s, store_path(STORE_REVERT), NULL, NULL, &faults);
	r = then ? store_restore(STORE_REVERT) : -EINVAL;
	kept_free(then);
	a->confirm_until = 0;
	store_drop(STORE_REVERT);
	return r < 0 ? r : active_reload(a, ret);
}
