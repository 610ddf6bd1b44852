/* load.h - which files are the configuration. */
#pragma once

#include "config/config.h"

#define LOAD_FILE   "/etc/routerd/router.yaml"
#define LOAD_FOLDER "/etc/routerd/conf.d"

/* Reads files, folders (their *.yaml, *.yml and *.json, by name) and "-", standard input;
 * with n 0, LOAD_FILE and LOAD_FOLDER, of which one may be missing. Every fault goes to d;
 * true when there was none, and then c is checked and complete. */
bool load_config(struct config *c, const char *const *paths, size_t n, struct diag *d);
