#include "firstboot/keyname.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "firstboot/named.h"
#include "firstboot/steps.h"
#include "keys/key.h"
#include "keys/record.h"

static void key_move(struct boot *b, const char *to, char ret[static JOURNAL_DIGEST])
{
	const char *text = arena_printf(b->arena, "%s to %s", BARE_KEY, to);

	source_digest(text, strlen(text), ret);
}

/* Across file systems, where there are no links. */
static int copy_key(const char *from, const char *to)
{
	CLEAN(key_wipe) struct key k = { 0 };
	char text[KEY_STRLEN + 1];
	int r = key_load(from, &k);

	if (r < 0)
		return r;
	key_print(&k, text);
	text[KEY_STRLEN - 1] = '\n';
	r = file_create(to, text, KEY_STRLEN, 0600);
	sodium_memzero(text, sizeof(text));
	return r;
}

int keyname_give(struct boot *b)
{
	char move[JOURNAL_DIGEST];
	const char *keys[NAMED_MOST];
	size_t n = named_keys(b->arena, b->source.bytes, b->source.len, keys);
	struct record record;
	int r;

	if (!b->bare || n != 1 || access(keys[0], F_OK) == 0 || access(BARE_KEY, F_OK) < 0)
		return 0;
	key_move(b, keys[0], move);
	r = journal_note(&b->journal, JOURNAL_KEY, move);
	if (r == 0)
		r = file_make_folder(keys[0], 0700);
	if (r == 0 && link(BARE_KEY, keys[0]) < 0)
		r = errno == EXDEV ? copy_key(BARE_KEY, keys[0]) : -errno;
	if (r == 0 && record_load(BARE_KEY, &record) == 0)
		r = record_save(keys[0], &record);
	return r < 0 ? r : file_sync_folder_of(keys[0]);
}

/* Two names in two places, of plain files that hold the same key. */
static bool is_copy(const char *one, const char *other)
{
	CLEAN(free_text) char *real = realpath(one, NULL);
	CLEAN(free_text) char *real_other = realpath(other, NULL);
	CLEAN(key_wipe) struct key k = { 0 };
	struct stat a, b;

	return real && real_other && strcmp(real, real_other) != 0 && lstat(one, &a) == 0 &&
	       lstat(other, &b) == 0 && S_ISREG(a.st_mode) && S_ISREG(b.st_mode) &&
	       key_load(one, &k) == 0 && key_is_own(other, &k);
}

void keyname_drop(struct boot *b)
{
	const char *keys[NAMED_MOST], *to = NULL;
	size_t n = named_in_place(b->arena, keys);
	char move[JOURNAL_DIGEST];

	for (size_t i = 0; i < n; i++) {
		key_move(b, keys[i], move);
		if (journal_has(&b->journal, JOURNAL_KEY, move))
			to = keys[i];
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i], BARE_KEY) == 0)
			to = NULL;
	if (!to || !is_copy(BARE_KEY, to))
		return;
	(void)unlink(BARE_KEY KEY_RECORD);
	(void)unlink(BARE_KEY);
	(void)file_sync_folder_of(BARE_KEY);
}
