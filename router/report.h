/* report.h - plans and their results in words, JSON or YAML. */
#pragma once

#include <stdio.h>

#include "config/config.h"
#include "state.h"

enum report_format {
	REPORT_TABLE,
	REPORT_JSON,
	REPORT_YAML,
};

/* One line an op: "add route 10.77.60.9/32 dev wg-hybrid  # RemoteAddressClaim/db". Those
 * that failed are left out: they are report_failures()'s. */
void report_plan(const struct plan *plan, const struct state *have, enum report_format format,
		 FILE *out);
/* The same into an open list; failed: also those that failed. */
void report_ops(const struct plan *plan, bool failed, struct out *o);
/* One line each: place, object, op, reason. */
void report_failures(const struct plan *plan, FILE *out);
/* What could not be seen, if anything. */
void report_blind(const struct state *have, FILE *out);
void report_state(const struct state *s, enum report_format format, FILE *out);
