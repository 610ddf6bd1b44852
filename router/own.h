/* own.h - this node's own keys: that they are this machine's, and that others can have them. */
#pragma once

#include "base/log.h"
#include "config/self.h"

/* Before keys are used: those of a copied disk are set aside (keys/record.h), unless adopt. */
void own_settle(const struct self *selves, size_t n, bool adopt,
		void (*say)(enum log_level level, const char *line));
/* After a pass: writes down what is not yet known of new keys, and the exports (export.h). */
void own_publish(const struct self *selves, size_t n,
		 void (*say)(enum log_level level, const char *line));
