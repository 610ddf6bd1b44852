/* get.h - objects as the daemon describes them, for people and for programs. */
#pragma once

#include "base/yaml.h"
#include "ctl.h"

/* What was read, written again. */
void get_out(struct out *o, const char *key, const struct node *n);
/* A list of texts, a line each; control characters are escaped. */
void get_lines(const struct node *list, FILE *out);
/* The list of objects in the format asked for; first: with a heading. */
void get_print(const struct ctl *o, const struct node *objects, bool first);
/* What a checked configuration asks for ("KIND", "KIND/NAME"; NULL: all of it) and the kernel
 * has, as the daemon would tell it, in the arena; *ret_ours: whether anything in the kernel is
 * ours. 0 or a negative errno: -ENOENT, the configuration has no such object. */
int get_seen(struct arena *a, const struct config *c, const char *what, bool *ret_ours,
	     const struct node **ret);
/* The same of what the files ask for and the kernel has; nobody remembers since when. */
enum ctl_exit get_without_daemon(const struct ctl *o);
/* This machine as first boot found it, and how first boot went. */
enum ctl_exit get_node(const struct ctl *o);
