/* keyname.h - the key is made before any configuration says where; this gives it the name that
 * the configuration has for it, so that the one published is the one used.
 *
 * It has both names until the configuration is in place. The move is in the journal before
 * anything is done: only a name that was given here is ever taken away. */
#pragma once

#include "firstboot/boot.h"

/* Before the configuration that was found is installed. Nothing is done when there is anything
 * of that name. 0 or -errno. */
int keyname_give(struct boot *b);
/* Takes the first name away, once nothing in place names it. */
void keyname_drop(struct boot *b);
