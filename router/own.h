/* own.h - this node's own keys: that they are this machine's, and that others can have them. */
#pragma once

#include "base/log.h"
#include "config/self.h"

/* Where it is told what was found and done. */
struct voice {
	void (*say)(void *arg, enum log_level level, const char *line);
	void *arg;
};

/* Before keys are used: those of a copied disk are set aside (keys/record.h), unless adopt. */
void own_settle(const struct self *selves, size_t n, bool adopt, const struct voice *v);
/* After a pass: writes down what is not yet known of new keys, and the exports (export.h). */
void own_publish(const struct self *selves, size_t n, const struct voice *v);
