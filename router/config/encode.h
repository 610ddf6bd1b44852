/* encode.h - objects back to text, by the field tables that decode.c reads by. */
#pragma once

#include "base/out.h"
#include "config/config.h"
#include "config/kind.h"

/* Into an open map: a Router document of c's objects, which is checked, in the order they have
 * there. What was written once is left out, as what came of it is in; that says from where in
 * metadata.annotations. Read again, on the same machine, it wants the same. */
void config_encode(const struct config *c, struct out *o);
/* The same of one object: its document. */
void object_encode(struct arena *a, const struct object *object, struct out *o);
