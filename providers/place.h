/* place.h - small files of a machine, or of a test's picture of one. */
#pragma once

#include "providers/provider.h"

const char *place_path(struct arena *a, const struct place *p, const char *path);
/* The first line without blanks around it; NULL: no such file, or an empty one. */
const char *place_line(struct arena *a, const struct place *p, const char *path);
/* The same of the firmware's table: "sys_vendor". */
const char *place_dmi(struct arena *a, const struct place *p, const char *field);
bool place_dmi_is(struct arena *a, const struct place *p, const char *field, const char *text);
