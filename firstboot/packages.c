#include "firstboot/packages.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "firstboot/run.h"

#define PAUSE_MS   2000 /* before the second try; doubled for each more */
#define PAUSE_MOST 30000
#define WORDS	   300 /* bytes of a manager's line */

/* How often a fault is met before something else is tried. A lock is waited for. */
#define MIRROR_TRIES 4
#define OTHER_TRIES  3 /* with the other mirror */
/* Part of the deadline in which nobody must answer at all to be offline. */
#define OFFLINE_PART 10

/* ---- running one ------------------------------------------------------------------------ */

unsigned packages_left(const struct packages *p)
{
	int64_t left = (p->end - clock_ms()) / 1000;

	return left > 1 ? (unsigned)left : 1;
}

/* What decides how it works, and nothing else of our environment. */
static const char *const *environment(struct arena *a)
{
	static const char *const kept[] = { "http_proxy", "https_proxy", "no_proxy",
					    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
					    "all_proxy",  "ALL_PROXY",	 "APT_CONFIG" };
	static const char *const fixed[] = { "LC_ALL=C",
					     "HOME=/root",
					     "DEBIAN_FRONTEND=noninteractive",
					     "DEBIAN_PRIORITY=critical",
					     "APT_LISTCHANGES_FRONTEND=none",
					     "NEEDRESTART_SUSPEND=1",
					     "UCF_FORCE_CONFOLD=1" };
	size_t n = 0, most = sizeof(kept) / sizeof(*kept) + sizeof(fixed) / sizeof(*fixed) + 2;
	const char **env = arena_alloc(a, most * sizeof(*env)), *value = getenv("PATH");

	env[n++] = arena_printf(a, "PATH=%s",
				value ? value
				      : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
					"/sbin:/bin");
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		env[n++] = fixed[i];
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if ((value = getenv(kept[i])))
			env[n++] = arena_printf(a, "%s=%s", kept[i], value);
	return env;
}

static bool is_refused(const struct packages *p, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = p->refused; at && (at = strstr(at, name)); at++)
		if ((at == p->refused || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

/* The word after these: a package's name. */
static void note_refused(struct packages *p, const char *after)
{
	const char *name;
	size_t n;

	after += strspn(after, " '\"");
	n = strcspn(after, " '\",\n");
	name = arena_strndup(p->arena, after, n);
	if (n && !is_refused(p, name))
		p->refused = arena_printf(p->arena, "%s%s%s", p->refused ? p->refused : "",
					  p->refused ? " " : "", name);
}

static const struct fault_words *find_words(const struct manager *m, const char *line)
{
	const struct fault_words *w = m->words;

	while (w->words && !strstr(line, w->words))
		w++;
	return w->words ? w : NULL;
}

/* "https://user:password@host" */
static void hide_login(char *line)
{
	for (char *at = line; (at = strstr(at, "://")); at += 3) {
		size_t n = strcspn(at + 3, "/@ ");

		if (at[3 + n] == '@')
			memset(at + 3, '*', n);
	}
}

/* The worst of what its lines say, of which the first is kept for people. */
static enum packages_fault judge(struct packages *p, char *text)
{
	enum packages_fault worst = FAULT_NONE;
	bool answered = false;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const struct fault_words *w = find_words(p->manager, line);

		if (!w)
			continue;
		answered |= w->fault == FAULT_NONE;
		if (w->fault == FAULT_ABSENT)
			note_refused(p, strstr(line, w->words) + strlen(w->words));
		if (w->fault <= worst)
			continue;
		worst = w->fault;
		line += strspn(line, " ");
		hide_login(line);
		p->why = arena_printf(p->arena, "%s: %.*s", p->manager->name, WORDS, line);
	}
	return worst == FAULT_OFFLINE && answered ? FAULT_MIRROR : worst;
}

enum packages_fault packages_run(struct packages *p, const char *const *args, unsigned deadline)
{
	struct run q = { .path = args[0],
			 .args = args,
			 .env = environment(p->arena),
			 .deadline = deadline };
	struct run_end end;
	enum packages_fault fault;
	int r = run_program(p->arena, &q, &end);

	if (r < 0) {
		p->why = arena_printf(p->arena, "%s cannot be run: %s", args[0], strerror(-r));
		return FAULT_OTHER;
	}
	fault = judge(p, arena_strndup(p->arena, end.out, end.len));
	if (end.late)
		fault = FAULT_LATE;
	else if (!run_is_fine(&end) && fault == FAULT_NONE)
		fault = FAULT_OTHER;
	if (fault == FAULT_LATE || (fault == FAULT_OTHER && !p->why))
		p->why =
		    arena_printf(p->arena, "%s %s%s%s", args[0], run_words(p->arena, &q, &end),
				 p->why ? "; before: " : "", p->why ? p->why : "");
	return fault;
}

/* ---- trying again ----------------------------------------------------------------------- */

/* True: something was taken out, and something is left. */
static bool drop_refused(const struct packages *p, const char **names)
{
	size_t left = 0, was = 0;

	for (; names[was]; was++)
		if (!is_refused(p, names[was]))
			names[left++] = names[was];
	names[left] = NULL;
	return left && left < was;
}

static enum packages_fault attempt(struct packages *p, const char *const *names,
				   enum packages_fault before)
{
	const char *refused = p->refused, *why;
	enum packages_fault lists = p->manager->refresh(p, before == FAULT_MIRROR), fault;

	if (lists >= FAULT_OFFLINE)
		return lists;
	why = p->why;
	fault = p->manager->install(p, names);
	/* Without all lists nobody knows what the sources have. */
	if (fault == FAULT_ABSENT && lists != FAULT_NONE) {
		p->refused = refused;
		p->why = why;
		fault = lists;
	}
	return fault;
}

/* What is worth another try is tried again; when it was often enough, with other sources. */
struct patience {
	unsigned tries, mirror; /* with these sources */
	bool repaired;
};

static bool is_enough(struct packages *p, enum packages_fault fault, struct patience *t)
{
	switch (fault) {
	case FAULT_MIRROR:
		return ++t->mirror >= (p->other ? OTHER_TRIES : MIRROR_TRIES);
	case FAULT_OFFLINE:
		return p->other || clock_ms() - p->begin >= p->deadline * 1000LL / OFFLINE_PART;
	case FAULT_LOCK:
		return false;
	case FAULT_INTERRUPTED:
		return true;
	case FAULT_NONE:
	case FAULT_ABSENT:
	case FAULT_OTHER:
	case FAULT_LATE:
		break;
	}
	return true;
}

/* Others who were refused at the same moment do not come again at the same moment. */
static bool pause_before(struct packages *p, unsigned try)
{
	int64_t ms = PAUSE_MS;

	while (--try && ms < PAUSE_MOST)
		ms *= 2;
	ms = (ms < PAUSE_MOST ? ms : PAUSE_MOST) + randombytes_uniform((uint32_t)ms / 2);
	if (clock_ms() + ms >= p->end)
		return false;
	log_line(LOG_INFO, "%s; trying again in %lld s", p->why, (long long)(ms + 500) / 1000);
	clock_sleep(ms);
	return true;
}

static int error_of(enum packages_fault fault)
{
	return fault == FAULT_OFFLINE			    ? -ENETUNREACH
	       : fault == FAULT_LATE || fault == FAULT_LOCK ? -ETIMEDOUT
							    : -EIO;
}

/* Until it is done, or another try makes no sense. */
static enum packages_fault try_all(struct packages *p, const char **names)
{
	struct patience t = { 0 };
	enum packages_fault fault = FAULT_NONE;

	for (;;) {
		fault = attempt(p, names, fault);
		if (fault == FAULT_NONE)
			return fault;
		if (fault == FAULT_ABSENT && drop_refused(p, names))
			continue;
		if (fault == FAULT_INTERRUPTED && !t.repaired && p->manager->repair) {
			t.repaired = true;
			log_line(LOG_INFO, "%s", p->why);
			fault = p->manager->repair(p);
			if (fault == FAULT_NONE)
				continue;
		}
		if (!is_enough(p, fault, &t)) {
			if (!pause_before(p, ++t.tries))
				return fault;
			continue;
		}
		if ((fault != FAULT_MIRROR && fault != FAULT_OFFLINE) || p->other ||
		    !p->manager->use_other || !p->manager->use_other(p))
			return fault;
		log_line(LOG_WARNING,
			 "%s; trying the distribution's own mirror in place of those that are "
			 "configured",
			 p->why);
		p->other = true;
		t = (struct patience){ .repaired = t.repaired };
	}
}

/* Where one spoils it for the others. The worst of the faults. */
static enum packages_fault install_each(struct packages *p, const char *const *names)
{
	enum packages_fault worst = FAULT_NONE;
	const char *why = NULL;

	for (size_t i = 0; names[i]; i++) {
		const char *const one[] = { names[i], NULL };
		enum packages_fault fault;

		p->why = NULL;
		fault = p->manager->install(p, one);
		if (fault == FAULT_NONE)
			continue;
		worst = fault > worst ? fault : worst;
		why = arena_printf(p->arena, "%s%s%s", why ? why : "", why ? "; " : "", p->why);
	}
	p->why = why;
	return worst;
}

int packages_install(struct packages *p, const struct manager *m, const char **names)
{
	enum packages_fault fault;

	p->manager = m;
	p->other = false;
	p->begin = clock_ms();
	p->end = p->begin + p->deadline * 1000LL;
	fault = try_all(p, names);
	if (fault == FAULT_OTHER && names[0] && names[1])
		fault = install_each(p, names);
	if (m->done)
		m->done(p);
	if (fault == FAULT_NONE || (fault == FAULT_ABSENT && !*names)) {
		p->why = NULL;
		return 0;
	}
	if (fault == FAULT_OFFLINE)
		p->why = arena_printf(p->arena,
				      "no source of packages can be reached; is there a "
				      "network? %s",
				      p->why);
	return error_of(fault);
}

const struct manager *packages_manager(struct arena *a, const char *root)
{
	static const struct manager *const managers[] = { &manager_apt, &manager_dnf };

	for (size_t i = 0; i < sizeof(managers) / sizeof(*managers); i++) {
		const char *database = arena_printf(a, "%s%s", root, managers[i]->database);

		if (access(database, F_OK) == 0)
			return managers[i];
	}
	return NULL;
}
