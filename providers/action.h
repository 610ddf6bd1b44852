/* action.h - what a person does at each provider so that a router captures addresses: one
 * command for each deed, as text to show, with {WORDS} for what differs.
 *
 * Nothing here runs or asks anything. docs/providers has the same commands, which a test
 * compares. What is not known, or no name that may stand in a command, stays a word. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/facts.h"

#define ACTION_FINDS	   4
#define ACTION_PERMISSIONS 6

/* A form is NULL where there is nothing to do. One with {ADDRESS} is for each address anew. */
struct action_forms {
	const char *provider; /* "azure"; "pve" */
	const char *name;     /* for people */
	const char *setting; /* what lets the NIC send for others: "IP forwarding of its NIC" */
	const char *good, *bad;
	const char *look;	     /* tells the setting, and the NIC's addresses */
	const char *attach, *detach; /* an address */
	const char *attach_note;     /* what to heed with it */
	const char *mend, *restore;  /* the setting: to good, to bad */
	const char *mend_note;
	const char *rules; /* tells what its firewall lets in */
	const char *rules_note;
	const char *limit; /* tells how many addresses a NIC may have */
	bool lists;	   /* does its metadata list secondary addresses? */
	unsigned most;	   /* captured addresses of one NIC; 0: no limit known */
	const char *permissions[ACTION_PERMISSIONS + 1];
	struct {
		const char *words, *form; /* "NIC NICID": what the form tells */
	} finds[ACTION_FINDS + 1];	  /* after each word the words of its own form */
};

/* What stands for the words. NULL: not known. */
struct action_names {
	const char *nic; /* nicRef */
	const char *subscription, *group, *nic_name;
	const char *region, *instance, *compartment;
	const char *project, *zone, *vm;
	const char *mac, *link;
	const char *address;		/* one, for {ADDRESS} and {IPCONFIG} */
	const char *addresses;		/* those of {ADDRESSES}, action_list() */
	const char *aliases, *previous; /* those of {ALIASES} and {PREVIOUS}, action_list() */
	const char *variables; /* how the shell's variables that stand for unknown words end:
				* "_2" gives "$NICID_2"; NULL: such words stay as they are */
};

/* NULL: there is nothing about this provider. */
const struct action_forms *action_forms(const char *provider);
const struct action_forms *action_forms_at(size_t i); /* NULL after the last one */
/* Adds what a nicRef of that provider says, then what the facts of a machine there say and
 * nothing else did. NULL nicRef: not known; NULL facts: of no machine. */
void action_name(struct arena *a, const struct action_forms *f, const char *nic,
		 const struct facts *facts, struct action_names *n);
/* The hosts between separators, each with its /32 if bits. Text of ours: it is not quoted. */
const char *action_list(struct arena *a, const struct addr *list, size_t n, char separator,
			bool bits);
/* The command. In *missing the bits of words without a value are set. */
const char *action_fill(struct arena *a, const char *form, const struct action_names *n,
			unsigned *missing);
const char *action_word(unsigned bit);	/* NULL after the last one */
bool action_may_be_empty(unsigned bit); /* its value, where it is known */
/* Of a find's words, their bits. */
unsigned action_bits(const char *words);
