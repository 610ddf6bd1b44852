/* varlink.h - messages of the varlink protocol, https://varlink.org/Method-Call, and the
 * service interface that every varlink service has. A message is a JSON object and a NUL. */
#pragma once

#include "base/out.h"
#include "base/stream.h"
#include "base/yaml.h"

#define VARLINK_SERVICE	    "org.varlink.service"
#define VARLINK_BAD	    VARLINK_SERVICE ".InvalidParameter"
#define VARLINK_NOT_ALLOWED VARLINK_SERVICE ".PermissionDenied"

struct varlink_call {
	const char *method; /* "io.routerd.Get" */
	const struct node *parameters;
	bool more, oneway;
};

/* Of the bytes before the NUL. False: no call. */
bool varlink_parse(struct arena *a, const char *bytes, size_t len, struct varlink_call *ret);

struct varlink_reply {
	struct stream text; /* the message, once ended */
	struct out out;	    /* for its parameters, until then */
};

void varlink_begin(struct varlink_reply *r);
/* error: its full name, or NULL. */
void varlink_end(struct varlink_reply *r, const char *error, bool continues);
void varlink_done(struct varlink_reply *r); /* for CLEAN() */

/* Answers methods of org.varlink.service, for a service that has one interface besides;
 * *error as of a method. False: it is not one of those. */
bool varlink_service(const struct varlink_call *call, const char *interface,
		     const char *description, struct out *o, const char **error);
/* The error for a method that there is not. */
const char *varlink_not_found(const char *method, const char *interface, struct out *o);
