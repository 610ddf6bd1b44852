#include "own.h"

#include <errno.h>
#include <string.h>

#include "base/clean.h"
#include "export.h"
#include "keys/record.h"
#include "keys/seal.h"

static void tell_settled(struct arena *a, const struct self *s,
			 const struct record_story *story, const struct voice *v)
{
	if (story->end == RECORD_CLONE)
		v->say(v->arg, LOG_WARNING,
		       arena_printf(
			   a,
			   "node %s: this is a copy of another machine (its %s differs), so "
			   "it gets a key of its own: give its new export to the other "
			   "nodes. Should it take the other machine's place: 'mv %s %s'",
			   s->node, story->changed, story->aside, s->key_file));
	if (story->end == RECORD_ADOPTED)
		v->say(v->arg, LOG_WARNING,
		       arena_printf(
			   a,
			   "node %s: this is another machine (its %s differs), which keeps "
			   "the key, as was said",
			   s->node, story->changed));
}

/* What is wrong with the key itself is told when it is used. */
static bool is_key_fault(int r)
{
	return r == -EINVAL || r == -EPERM || r == -EACCES;
}

void own_settle(const struct self *selves, size_t n, bool adopt, const struct voice *v)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct record_story story;
	struct identity now;

	identity_read(a, &now);
	if (adopt) /* the exchange, which has nobody to ask, follows */
		(void)record_settle(SEAL_KEY_FILE, &now, true, &story);
	for (size_t i = 0; i < n; i++) {
		int r = record_settle(selves[i].key_file, &now, adopt, &story);

		tell_settled(a, &selves[i], &story, v);
		if (r < 0 && !is_key_fault(r))
			v->say(
			    v->arg, LOG_ERROR,
			    arena_printf(a,
					 "%s: whether this is the machine that it was made for "
					 "cannot be told: %s",
					 selves[i].key_file, strerror(-r)));
	}
}

void own_publish(const struct self *selves, size_t n, const struct voice *v)
{
	CLEAN(arena_done) struct arena *a = arena_new();

	own_settle(selves, n, false, v);
	for (size_t i = 0; i < n; i++) {
		bool changed = false;
		const char *line = NULL;
		int r = export_write(&selves[i], &changed);

		if (changed)
			line = export_line(a, &selves[i]);
		if (r < 0 && r != -ENOENT && !is_key_fault(r))
			v->say(v->arg, LOG_WARNING,
			       arena_printf(a, EXPORT_FOLDER "/%s.yaml cannot be written: %s",
					    selves[i].node, strerror(-r)));
		else if (line)
			v->say(v->arg, LOG_INFO, line);
	}
	export_sweep(selves, n);
}
