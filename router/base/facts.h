/* facts.h - this machine as its provider describes it, in one file: /run/routerd/node.json.
 *
 * First boot asks the provider and writes it, at every boot; everybody else reads the file.
 * docs/first-boot.md has its schema. Nothing in it is secret: user-data is elsewhere. */
#pragma once

#include "base/addr.h"
#include "base/arena.h"
#include "base/out.h"
#include "base/yaml.h"

#define FACTS_FOLDER "/run/routerd"
#define FACTS_NAME   "node.json"
#define FACTS_FILE   FACTS_FOLDER "/" FACTS_NAME
#define FACTS_KEPT   "/var/lib/routerd/node.json" /* of the boot before, for root alone */
#define FACTS_REPORT                                                                           \
	FACTS_FOLDER "/firstboot.json" /* how first boot went: firstboot/report.h */

/* NULL, 0 or family 0 where it is not known. */
struct facts_nic {
	const char *name;	/* the guest's interface */
	const char *mac;	/* "00:0d:3a:e5:1c:c0" */
	const char *ref;	/* as the provider names it: nicRef */
	unsigned mtu;		/* bytes */
	struct addr *addresses; /* hosts, the first of a family its primary one; IPv4 first */
	size_t address_count;
	struct addr subnet; /* IPv4 */
	struct addr router; /* IPv4, the provider's virtual router */
	struct addr public; /* IPv4, that others reach the primary address by */
};

struct facts {
	const char *machine;  /* SMBIOS UUID; only in FACTS_KEPT */
	const char *provider; /* "azure", "aws", "oci", "gcp", "nocloud", "configdrive" */
	const char *source;   /* "metadata", "cloud-init", "disk", "seed": who told */
	const char *instance;
	const char *name; /* as the provider calls the machine */
	const char *region, *zone;
	const char *subscription, *group; /* Azure */
	const char *compartment;	  /* OCI */
	const char *project;		  /* GCP */
	const char *user_data;		  /* the file first boot left it in */
	const char *user_data_digest;	  /* SHA-256, hexadecimal */
	struct facts_nic *nics;		  /* the first is the primary one */
	size_t nic_count;
	bool seen; /* nobody told of nics: they are what facts_look() saw */
};

/* -ENOENT; -EBADMSG: it is not as facts_out() writes it; or file_read()'s errors. What a later
 * version added is passed over. All of it lives in the arena. */
int facts_read(struct arena *a, const char *path, struct facts *ret);
/* FACTS_FILE; or, until first boot has asked, FACTS_KEPT, if it is of this machine. */
int facts_load(struct arena *a, struct facts *ret);
/* Where nobody tells of NICs: the interfaces that have an IPv4 address now, by getifaddrs(3).
 */
void facts_look(struct arena *a, struct facts *f);
/* This machine's, as FACTS_KEPT is to have it; NULL: nobody tells. */
const char *facts_machine(struct arena *a);
/* FACTS_REPORT's map; NULL: there is none, or it is damaged. */
const struct node *facts_report(struct arena *a);
/* Into an open map. */
void facts_out(struct out *o, const struct facts *f);
