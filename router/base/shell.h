/* shell.h - text that goes into commands for a shell, POSIX's sh. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

/* One word: in single quotes where a shell would read something into it. */
const char *shell_quote(struct arena *a, const char *word);
/* Is it what it looks like to who reads it on a screen? out_hidden() has what is not. */
bool shell_is_plain(const char *text);
