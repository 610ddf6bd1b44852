/* steps.c - the machine: what it is, whose it is, its key, and that others can have it. */
#include "firstboot/steps.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/stream.h"
#include "firstboot/named.h"
#include "firstboot/report.h"
#include "firstboot/run.h"
#include "firstboot/settle.h"
#include "keys/record.h"
#include "keys/seal.h"

#define USER_DATA_FILE FACTS_FOLDER "/user-data"
#define DEFAULT_PORT   51820
#define NODE_BYTES     4096
#define NODE_FILE      "/etc/routerd/node"
#define PEERS_FOLDER   "/etc/routerd/peers/"
#define EXCHANGE_FILE  "/etc/routerd/exchange.yaml"

/* ---- platform, metadata ----------------------------------------------------------------- */

enum boot_end step_platform(struct boot *b, const char **ret_detail)
{
	b->provider = provider_detect(b->arena, &b->o->place);
	*ret_detail = b->provider ? b->provider->name
				  : "none that is known: neither the firmware nor a disk's "
				    "label names one";
	return BOOT_DONE;
}

static void out_faults(const struct diag *d, struct arena *a, const char **ret)
{
	CLEAN(stream_done) struct stream text = { 0 };

	diag_print(d, stream_open(&text));
	*ret = arena_printf(a, "%s", stream_text(&text));
}

static void read_seed(struct boot *b)
{
	struct diag d = { .arena = b->arena };
	struct seed seed = { 0 };

	if (!b->told.user_data)
		return;
	if (seed_read(b->arena, b->told.user_data, b->told.user_data_len, &seed, &d)) {
		b->seed = seed;
		diag_print(&d, stderr); /* warnings */
	} else {
		out_faults(&d, b->arena, &b->seed_faults);
	}
}

/* Only when it is another, so that who watches it is not woken for nothing. */
static int write_changed(struct arena *a, const char *path, const char *bytes, size_t len,
			 mode_t mode)
{
	size_t old_len;
	char *old;
	int r;

	if (file_read_plain(a, path, SOURCE_BYTES, &old, &old_len) == 0 && old_len == len &&
	    memcmp(old, bytes, len) == 0)
		return 0;
	r = file_make_folder(path, 0755);
	return r < 0 ? r : file_write(path, bytes, len, mode);
}

static int write_user_data(struct boot *b)
{
	char *digest = arena_alloc(b->arena, JOURNAL_DIGEST);

	/* What was refused, perhaps for a secret in it, is not kept. */
	if (!b->told.user_data || b->seed_faults)
		return unlink(USER_DATA_FILE) < 0 && errno != ENOENT ? -errno : 0;
	source_digest(b->told.user_data, b->told.user_data_len, digest);
	b->told.facts.user_data = USER_DATA_FILE;
	b->told.facts.user_data_digest = digest;
	return write_changed(b->arena, USER_DATA_FILE, b->told.user_data, b->told.user_data_len,
			     0600);
}

static int write_facts(struct boot *b, const struct facts *f, const char *path, mode_t mode)
{
	CLEAN(stream_done) struct stream text = { 0 };
	struct out o;

	out_open(&o, stream_open(&text), OUT_JSON);
	facts_out(&o, f);
	out_close(&o);
	stream_text(&text);
	return write_changed(b->arena, path, text.bytes, text.len, mode);
}

/* For now, and for the next boot, until its metadata is read, or if it cannot be. */
static int write_told(struct boot *b)
{
	struct facts kept = b->told.facts;
	int r = write_user_data(b);

	kept.machine = facts_machine(b->arena);
	if (r == 0)
		r = write_facts(b, &b->told.facts, FACTS_FILE, 0644);
	return r < 0 ? r : write_facts(b, &kept, FACTS_KEPT, 0600);
}

static const char *describe(struct boot *b)
{
	const struct facts *f = &b->told.facts;
	const char *in = f->region ? arena_printf(b->arena, " in %s", f->region) : "";

	return arena_printf(b->arena, "%s%s, %zu NICs, user-data: %s%s%s",
			    f->instance ? f->instance : "this machine", in, f->nic_count,
			    !b->told.user_data ? "none"
			    : b->seed_faults   ? "with faults"
			    : b->seed.form     ? b->seed.form
					       : "nothing for routerd in it",
			    b->told.warnings ? "; " : "",
			    b->told.warnings ? b->told.warnings : "");
}

enum boot_end step_metadata(struct boot *b, const char **ret_detail)
{
	int r = provider_read(b->arena, &b->o->place, b->provider, &b->told, ret_detail);

	if (r < 0)
		return BOOT_FAILED;
	b->read = true;
	read_seed(b);
	if (!b->o->dry_run)
		r = write_told(b);
	*ret_detail = describe(b);
	if (r == 0)
		return BOOT_DONE;
	*ret_detail =
	    arena_printf(b->arena, FACTS_FOLDER ": cannot be written: %s", strerror(-r));
	return BOOT_FAILED;
}

/* ---- identity, key ---------------------------------------------------------------------- */

/* What is in place names the keys; without that, we do. */
static size_t find_keys(struct boot *b, const char *ret[static NAMED_MOST])
{
	size_t n = named_in_place(b->arena, ret);

	b->bare = n == 0;
	if (b->bare)
		ret[n++] = BARE_KEY;
	b->key_file = ret[0];
	return n;
}

static const char *settled_words(struct arena *a, const char *key, const struct record_story *s)
{
	if (s->end == RECORD_CLONE)
		return arena_printf(a,
				    "this is a copy of another machine (its %s differs): the "
				    "key it brought is %s now, and it gets one of its own",
				    s->changed, s->aside);
	if (s->end == RECORD_ADOPTED)
		return arena_printf(a, "%s was another machine's and is this one's now", key);
	return NULL;
}

enum boot_end step_identity(struct boot *b, const char **ret_detail)
{
	const char *keys[NAMED_MOST], *words;
	size_t n = find_keys(b, keys);
	struct record_story story;
	struct identity now;

	*ret_detail = "this machine's";
	if (b->o->dry_run)
		return BOOT_DONE;
	identity_read(b->arena, &now);
	if (b->o->adopt)
		(void)record_settle(SEAL_KEY_FILE, &now, true, &story);
	for (size_t i = 0; i < n; i++) {
		int r = record_settle(keys[i], &now, b->o->adopt, &story);

		words = settled_words(b->arena, keys[i], &story);
		if (words)
			*ret_detail = words;
		if (r < 0 && r != -EINVAL && r != -EPERM) {
			*ret_detail = arena_printf(b->arena, "%s: %s", keys[i], strerror(-r));
			return BOOT_FAILED;
		}
	}
	return BOOT_DONE;
}

static int make_key(struct boot *b, const char *path, const char **ret_detail)
{
	CLEAN(key_wipe) struct key k = { 0 };
	struct key_story story = { 0 };
	struct record_story settled;
	struct identity now;
	int r = key_load_or_create(path, &k, &story);

	if (r < 0) {
		*ret_detail = arena_printf(
		    b->arena, "%s: %s", path,
		    r == -EPERM	   ? "others may read it: chmod 600 it, and consider it known"
		    : r == -EINVAL ? "it is no key, and no plain file that could be moved aside"
				   : strerror(-r));
		return r;
	}
	if (*story.aside)
		*ret_detail = arena_printf(b->arena,
					   "%s was damaged: it is %s now, and a new "
					   "one was made",
					   path, story.aside);
	else if (story.made)
		*ret_detail = arena_printf(b->arena, "%s was made", path);
	identity_read(b->arena, &now);
	return record_settle(path, &now, b->o->adopt, &settled);
}

int steps_make_keys(struct boot *b, const char **ret_detail)
{
	const char *keys[NAMED_MOST];
	size_t n = find_keys(b, keys);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (!b->o->dry_run)
			r = make_key(b, keys[i], ret_detail);
		else if (access(keys[i], F_OK) < 0)
			*ret_detail = arena_printf(b->arena, "%s would be made", keys[i]);
	}
	return r;
}

enum boot_end step_key(struct boot *b, const char **ret_detail)
{
	const char *said = NULL;
	int r = steps_make_keys(b, &said);

	*ret_detail = said ? said : b->key_file;
	return r < 0 ? BOOT_FAILED : BOOT_DONE;
}

/* ---- publish ---------------------------------------------------------------------------- */

/* What it is published as until a configuration says otherwise. */
static void name_node(struct boot *b)
{
	char host[HOST_NAME_MAX + 1] = "", *file = NULL;
	size_t len;

	if (file_read_plain(b->arena, NODE_FILE, NODE_BYTES, &file, &len) == 0)
		file[strcspn(file, " \t\r\n")] = '\0';
	(void)gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';

	const char *const known[] = { b->seed.node, file, b->told.facts.name, host };

	b->node = "node";
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] && seal_node_is_valid(known[i])) {
			b->node = arena_printf(b->arena, "%s", known[i]);
			return;
		}
}

static int give_file(struct boot *b, const struct settle *s, const char **ret_words)
{
	enum settled end = SETTLED_SAME;
	const char *kept;
	int r = settle_file(b->arena, &b->journal, s, &end, &kept);

	if (r < 0)
		*ret_words = arena_printf(b->arena, "%s: %s", s->path, strerror(-r));
	return r;
}

/* What user-data says of the node's name and of the exchange; and where others' exports go. */
static int give_files(struct boot *b, const char **ret_words)
{
	const char *line = arena_printf(b->arena, "%s\n", b->seed.node);
	const struct settle node = { NODE_FILE, line, strlen(line), 0644, JOURNAL_NODE };
	const struct settle exchange = { EXCHANGE_FILE, b->seed.exchange, b->seed.exchange_len,
					 0600, JOURNAL_EXCHANGE };
	int r = file_make_folder(PEERS_FOLDER, 0755);

	if (r == 0 && b->seed.node)
		r = give_file(b, &node, ret_words);
	if (r == 0 && b->seed.exchange)
		r = give_file(b, &exchange, ret_words);
	return r;
}

static const char *endpoint(const struct boot *b)
{
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < b->told.facts.nic_count; i++)
		if (b->told.facts.nics[i].public.family)
			return arena_printf(
			    b->arena, "%s:%d",
			    addr_print_host(&b->told.facts.nics[i].public, text), DEFAULT_PORT);
	return NULL;
}

int steps_export(struct boot *b, const char **ret_words)
{
	static const char word[] = "node ";
	const char *args[] = { "routerctl", "export", "--write", NULL, NULL,
			       NULL,	    NULL,     NULL,	 NULL, NULL };
	const char *to = endpoint(b);
	struct run_end end;
	size_t n = 3;
	int r;

	if (b->bare) {
		args[n++] = "--key-file";
		args[n++] = b->key_file;
		args[n++] = "--node";
		args[n++] = b->node;
		if (to) {
			args[n++] = "--endpoint";
			args[n++] = to;
		}
	}
	r = boot_routerctl(b, args, &end, ret_words);
	if (r < 0)
		return r;
	b->published = arena_printf(b->arena, "%.*s", (int)strcspn(end.out, "\n"), end.out);
	if (strncmp(b->published, word, strlen(word)) == 0) /* a configuration may name it */
		b->node = arena_printf(b->arena, "%.*s",
				       (int)strcspn(b->published + strlen(word), ":"),
				       b->published + strlen(word));
	return 0;
}

/* It looks at its folder and its clock by itself from now on. */
static int start_exchange(struct boot *b, const char **ret_words)
{
	static const char *const args[] = { "systemctl",
					    "enable",
					    "--now",
					    "--no-block",
					    "routerd-exchange.timer",
					    "routerd-exchange.path",
					    NULL };
	int r = b->seed.exchange ? boot_systemctl(b, args, ret_words) : 0;

	return r == -ENOSYS ? 0 : r;
}

/* The other side needs its public half before it believes what we publish. */
static void show_signing_key(struct boot *b)
{
	const char *const args[] = { "routerd-exchange", "--show", NULL };
	const struct run q = { .path = run_find(b->arena, args[0]), .args = args };
	struct run_end end;

	if (!b->seed.exchange || run_program(b->arena, &q, &end) < 0 || !run_is_fine(&end))
		return;
	/* Before it comes what it says when it makes one. */
	for (const char *line = end.out; *line; line += strspn(line, "\n")) {
		size_t n = strcspn(line, "\n");

		b->signing = arena_printf(b->arena, "%.*s", (int)n, line);
		line += n;
	}
}

enum boot_end step_publish(struct boot *b, const char **ret_detail)
{
	name_node(b);
	if (b->o->dry_run) {
		*ret_detail = b->bare
				  ? arena_printf(b->arena, "as %s would be published", b->node)
				  : "as the configuration says would be published";
		return BOOT_DONE;
	}
	if (give_files(b, ret_detail) < 0 || steps_export(b, ret_detail) < 0 ||
	    start_exchange(b, ret_detail) < 0)
		return BOOT_FAILED;
	show_signing_key(b);
	report_keys(b);
	*ret_detail = b->published;
	return BOOT_DONE;
}
