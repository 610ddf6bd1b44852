/* exchange_main.c - routerd-exchange: arguments, one run at a time, exit status. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/file.h"
#include "base/clock.h"
#include "base/log.h"
#include "firstboot/exchange.h"
#include "firstboot/http.h"

#define SETTINGS "/etc/routerd/exchange.yaml"
#define LOCK	 "/run/routerd/exchange.lock"

enum status {
	DONE,
	FAILED,
	USAGE,
};

static const struct option longs[] = {
	{ "show", no_argument, NULL, 's' },	     { "again", no_argument, NULL, 'a' },
	{ "timeout", required_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },	     { 0 },
};

static enum status help(void)
{
	puts("usage: routerd-exchange [OPTION]...\n"
	     "\n"
	     "One round of the exchange of public keys that " SETTINGS "\n"
	     "describes: publishes this node's document when it has changed, fetches those of\n"
	     "its peers, and hands what is new to 'routerctl import'.\n"
	     "\n"
	     "  --show             print the public half of the key that signs this node's\n"
	     "                     document, for signingKey on the other side; no network\n"
	     "  --again            publish and import what is there, even if nothing changed\n"
	     "  --timeout SECONDS  for each request, all its tries together; else 120\n"
	     "  --version\n"
	     "\n"
	     "exit: 0 fine, or nothing is configured; 1 something failed; 2 wrong usage");
	return DONE;
}

static enum status usage(const char *words, const char *what)
{
	fprintf(stderr, "routerd-exchange: %s%s; see routerd-exchange --help\n", words, what);
	return USAGE;
}

static enum status show(void)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	CLEAN(key_wipe) struct key seed = { 0 };
	char text[KEY_STRLEN];
	struct key k;
	int r = exchange_load_sign(a, &seed);

	if (r < 0) {
		fprintf(stderr, "routerd-exchange: %s: %s\n", EXCHANGE_SIGN,
			r == -EPERM ? "others may read it: remove it, and a new one is made"
				    : strerror(-r));
		return FAILED;
	}
	seal_key_public(&seed, &k);
	puts(key_print(&k, text));
	return fflush(stdout) == 0 ? DONE : FAILED;
}

static enum status run(const struct exchange_options *o)
{
	CLEAN(arena_done) struct arena *a = arena_new();
	struct exchange_settings *s = arena_alloc(a, sizeof(*s));
	struct diag d = { .arena = a };
	CLEAN(close_fd) int fd = -1;
	int r = exchange_settings_read(a, SETTINGS, s, &d);

	diag_print(&d, stderr);
	if (r == -ENOENT) {
		log_line(LOG_INFO, "there is no " SETTINGS ": nothing to exchange");
		return DONE;
	}
	if (r < 0) {
		log_line(LOG_ERROR, "%s: %s; nothing is exchanged", SETTINGS,
			 r == -EINVAL ? "it has faults" : strerror(-r));
		return FAILED;
	}
	r = fd = file_lock(LOCK);
	if (r >= 0)
		r = file_make_folder(EXCHANGE_STATE "/", 0755);
	if (r < 0) {
		log_line(LOG_ERROR, "%s: %s", fd < 0 ? LOCK : EXCHANGE_STATE,
			 r == -EWOULDBLOCK ? "another run is at it; wait for its end"
					   : strerror(-r));
		return FAILED;
	}
	return exchange_run(a, s, o) ? FAILED : DONE;
}

int main(int argc, char **argv)
{
	struct exchange_options o = { .deadline = HTTP_DEADLINE };
	int letter;

	/* Keys pass through our memory: no core file, no ptrace by others of our user. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0) {
		fputs("routerd-exchange: libsodium does not start\n", stderr);
		return FAILED;
	}
	while ((letter = getopt_long(argc, argv, "h", longs, NULL)) != -1)
		switch (letter) {
		case 's':
			return (int)show();
		case 'a':
			o.again = true;
			break;
		case 't':
			if (!clock_read_seconds(optarg, &o.deadline))
				return (int)usage("--timeout: want 1 to 86400 seconds, not ",
						  optarg);
			break;
		case 'h':
			return (int)help();
		case 'v':
			puts("routerd-exchange " VERSION);
			return DONE;
		default:
			return (int)usage("", "an option it does not know");
		}
	if (optind < argc)
		return (int)usage("it takes no argument ", argv[optind]);
	return (int)run(&o);
}
