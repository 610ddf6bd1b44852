/* kind.h - what a document may say, as tables.
 *
 * One struct kind per kind; its field table drives decoding, reference resolution and
 * what explain.h says of it. Adding a kind: one struct, one field table, check() and lower(),
 * one line in kinds[]. */
#pragma once

#include <stddef.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/yaml.h"
#include "state.h"

#define API_ROUTER   "routerd.net/v1alpha1"
#define API_NET	     "net.routerd.net/v1alpha1"
#define API_HYBRID   "hybrid.routerd.net/v1alpha1"
#define API_MOBILITY "mobility.routerd.net/v1alpha1"

#define NAME_MAX_BYTES 253    /* metadata.name */
#define NODE_MAX_BYTES 200    /* with endings, still a file's name */
#define LIST_MAX       100000 /* entries of one list in a spec */

#define WAITING_FOR_KEY	  "WaitingForKey"
#define WAITING_FOR_FACTS "WaitingForFacts"

struct config;
struct kind;

/* Are an object and all it refers to without fault, so far? */
enum sound {
	SOUND_UNKNOWN,
	SOUND_YES,
	SOUND_NO,
};

/* Where it comes from. */
enum imported {
	IMPORT_NONE,  /* the configuration */
	IMPORT_KNOWN, /* a file of the peers folder, of a node that was in force before */
	IMPORT_NEW,
};

/* First member of every kind's struct. */
struct object {
	const struct kind *kind;
	const char *name;
	const struct object *from; /* what it was expanded from; NULL: it was written */
	struct mark mark;	   /* of its kind: line, or of what it was expanded from */
	const struct node *spec;   /* for the places of faults */
	bool faulty;		   /* something was reported of it */
	bool for_others; /* in a file of all nodes: it is about this node, so only they need it
			  */
	enum imported imported;	  /* in a clash, the last of them gives way */
	const char *waits;	  /* for what, before it can be in force; NULL: nothing */
	const char *waits_reason; /* one word of it, in CamelCase */
	enum sound sound;
};

/* A name in the text, a pointer once the references are resolved. */
struct ref {
	const char *name; /* NULL: not given */
	const struct object *to;
};

/* An interface: the name of an Interface or WireGuardInterface object, or the kernel's. */
struct link_ref {
	const char *text;	 /* NULL: not given */
	const struct object *to; /* NULL: the kernel's name was written */
	const char *name;	 /* the kernel's name, once resolved */
};

struct list {
	void *items; /* array of the element type */
	size_t count;
};

/* First member of an entry of FIELD_ITEMS. */
struct list_item {
	const struct node *node; /* for the places of faults */
};

enum field_type {
	FIELD_TEXT,	/* const char * */
	FIELD_TEXTS,	/* struct list of const char * */
	FIELD_WORD,	/* const char *, one of .words */
	FIELD_PATH,	/* const char *, absolute */
	FIELD_LINKNAME, /* const char *, the kernel's name of an interface */
	FIELD_LINK,	/* struct link_ref */
	FIELD_HOST4,	/* struct addr, an IPv4 host; "/32" may follow */
	FIELD_HOSTS4,	/* struct list of struct addr */
	FIELD_CIDR4,	/* struct addr, an IPv4 host with its subnet's prefix length */
	FIELD_PREFIX4,	/* struct addr, IPv4, no host bits */
	FIELD_PREFIXES, /* struct list of struct addr, either family */
	FIELD_PREFIXES4,
	FIELD_NUMBER,	/* uint32_t, .min to .max */
	FIELD_BOOL,	/* bool */
	FIELD_KEY,	/* struct key, a WireGuard public key */
	FIELD_ENDPOINT, /* struct endpoint */
	FIELD_REF,	/* struct ref to an object of kind .ref */
	FIELD_GROUP,	/* a map of .fields */
	FIELD_ITEMS,	/* struct list of .size bytes each, maps of .fields: struct list_item */
	FIELD_REFUSED,	/* never accepted; .help says why and what instead */
};

/* A word that may stand in a FIELD_WORD. */
struct word {
	const char *word;
	const char *refused; /* NULL: fine; else why not */
};

struct field {
	const char *name; /* key under spec: */
	enum field_type type;
	size_t offset;
	const char *help; /* one line, no full stop */
	bool required;
	const char *fallback; /* as written in a file; NULL: unset */
	size_t automatic; /* offset of a bool that 'auto' sets, and nothing else; 0: it may not
			   * stand there */
	uint32_t min, max;
	const struct word *words; /* ends with a NULL word */
	const struct kind *ref;
	const struct field *fields; /* ends with a NULL name; offsets from the object, or for
				     * FIELD_ITEMS from the item */
	size_t size;		    /* FIELD_ITEMS: of one */
};

struct kind {
	const char *name, *api;
	const char *help;
	size_t size;
	const struct field *fields; /* ends with a NULL name */
	/* May assume that this object and all it refers to are without fault so far. NULL:
	 * the fields say all. */
	void (*check)(struct config *c, struct object *o, struct diag *d);
	/* Says what must be in the kernel for this object. Cannot fail. NULL: nothing. */
	void (*lower)(const struct config *c, const struct object *o, struct state *want);
};

extern const struct kind kind_interface, kind_wireguard_interface, kind_wireguard_peer,
    kind_static_address, kind_route, kind_sysctl; /* net.c */
extern const struct kind kind_overlay_peer, kind_hybrid_route, kind_mobility_domain,
    kind_cloud_provider, kind_address_claim;				  /* hybrid.c */
extern const struct kind kind_sam_node_set, kind_mobility_pool;		  /* fabric.c */
extern const struct word site_roles[], capture_types[], provider_words[]; /* hybrid.c */
extern const struct kind *const kinds[];				  /* NULL-terminated */

/* config.c: the kind of that name, in any case and perhaps the plural (overlaypeers); NULL:
 * there is none. */
const struct kind *kind_named(const char *name);
bool kind_is(const struct kind *k, const char *name);
const char *link_name(const struct object *o);	     /* net.c: the kernel's name */
void object_add(struct config *c, struct object *o); /* config.c */
/* hybrid.c: why no host on a subnet has that address; NULL: one may. */
const char *address_fault(struct arena *arena, const struct addr *prefix, const struct addr *a);
/* hybrid.c: warns of an overlay address where some cloud or carrier cuts it. */
void overlay_warn(const struct object *o, const char *path, const struct addr *a,
		  struct diag *d);
void claims_check(const struct config *c,
		  struct diag *d);			  /* hybrid.c: one address, one claim */
void ports_check(const struct config *c, struct diag *d); /* net.c: one UDP port, one link */
/* join.c: gives what was imported to the peers of the configuration that it is about. */
void peers_join(struct config *c, struct diag *d);

/* decode.c: spec into the object behind o, by its kind's table. Faults are all reported. */
void decode_spec(struct arena *a, struct object *o, struct diag *d);
/* What the table says of fields that are left out, into an object that no document has. */
void decode_defaults(struct arena *a, struct object *o);
bool decode_link_name(const char *text); /* may the kernel have such an interface? */
/* "HOST:PORT"; false: it is none. */
bool decode_endpoint_text(struct arena *a, const char *text, struct endpoint *ret);

/* Where in the document spec.PATH ("capture.interface") of o stands; o itself if nowhere. */
struct mark object_mark(const struct object *o, const char *path);
/* Reports "KIND/NAME: spec.PATH: words" there. */
void object_error(const struct object *o, const char *path, struct diag *d, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
void object_warn(const struct object *o, const char *path, struct diag *d, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* "KIND/NAME (FILE:LINE)", to name the other party. */
const char *object_where(struct arena *a, const struct object *o);
