/* main.c - the program's arguments. */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "firstboot/boot.h"

enum status {
	DONE = 0,
	FAILED = 1,
	WAITING = 2,
	USAGE = 64, /* sysexits(3): 2 is taken */
};

static const enum status statuses[] = {
	[BOOT_DONE] = DONE, [BOOT_WAITING] = WAITING, [BOOT_FAILED] = FAILED
};

static const struct option longs[] = {
	{ "dry-run", no_argument, NULL, 'n' },
	{ "root", required_argument, NULL, 'r' },
	{ "metadata", required_argument, NULL, 'm' },
	{ "deadline", required_argument, NULL, 'd' },
	{ "adopt-identity", no_argument, NULL, 'i' },
	{ "verbose", no_argument, NULL, 'V' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static enum status help(void)
{
	puts(
	    "usage: routerd-firstboot [OPTION]...\n"
	    "\n"
	    "Makes a router of a fresh machine, or finds it one: reads what its provider says "
	    "of\n"
	    "it, makes and publishes its WireGuard key, finds, checks and installs its\n"
	    "configuration, starts the service. docs/first-boot.md has the steps.\n"
	    "\n"
	    "      --dry-run         only show what would be done\n"
	    "      --adopt-identity  the keys of the machine that this disk is a copy of are\n"
	    "                        this one's now\n"
	    "      --deadline SEC    for metadata, a configuration's URL and packages, each\n"
	    "      --root DIR        firmware tables, disks and cloud-init's files are looked\n"
	    "                        for below DIR, a picture of another machine\n"
	    "      --metadata URL    the metadata service, as http://127.0.0.1:8080\n"
	    "      --verbose         tell each step as it begins\n"
	    "      --version\n"
	    "\n"
	    "exit: 0 done, 1 failed and worth another try, 2 waits for a configuration or\n"
	    "another node's key, 64 wrong usage");
	return fflush(stdout) == 0 ? DONE : FAILED;
}

static enum status usage(const char *words, const char *what)
{
	fprintf(stderr, "routerd-firstboot: %s%.60s; --help lists the options\n", words, what);
	return USAGE;
}

static enum status run(const struct boot_options *o)
{
	if (geteuid() != 0) {
		fputs("routerd-firstboot: this needs root; nothing was done\n", stderr);
		return FAILED;
	}
	return statuses[boot_run(o)];
}

int main(int argc, char **argv)
{
	struct boot_options o = { .place.root = "" };
	int letter;

	/* Keys pass through our memory: no core file, no ptrace by others of our user. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	if (sodium_init() < 0) {
		fputs("routerd-firstboot: libsodium does not start\n", stderr);
		return (int)FAILED;
	}
	while ((letter = getopt_long(argc, argv, "h", longs, NULL)) != -1)
		switch (letter) {
		case 'n':
			o.dry_run = true;
			break;
		case 'i':
			o.adopt = true;
			break;
		case 'r':
			o.place.root = optarg;
			break;
		case 'm':
			o.place.service = optarg;
			break;
		case 'd':
			if (!clock_read_seconds(optarg, &o.deadline))
				return (int)usage("--deadline: want 1 to 86400 seconds, not ",
						  optarg);
			o.place.deadline = o.deadline;
			break;
		case 'V':
			log_debug_on(true);
			break;
		case 'h':
			return (int)help();
		case 'v':
			puts("routerd-firstboot " VERSION);
			return DONE;
		default:
			return (int)usage("", "an option it does not know");
		}
	if (optind < argc)
		return (int)usage("it takes no argument ", argv[optind]);
	return (int)run(&o);
}
