/* steps.h - the functions behind the table of steps. boot_step.run's contract. */
#pragma once

#include "firstboot/boot.h"

/* Where the key is made that no configuration names yet. */
#define BARE_KEY "/etc/routerd/keys/wg-hybrid.key"

/* steps.c */
enum boot_end step_platform(struct boot *b, const char **ret_detail);
enum boot_end step_metadata(struct boot *b, const char **ret_detail);
enum boot_end step_identity(struct boot *b, const char **ret_detail);
enum boot_end step_key(struct boot *b, const char **ret_detail);
enum boot_end step_publish(struct boot *b, const char **ret_detail);
/* steps_config.c */
enum boot_end step_config(struct boot *b, const char **ret_detail);
enum boot_end step_prerequisites(struct boot *b, const char **ret_detail);
enum boot_end step_install(struct boot *b, const char **ret_detail);
enum boot_end step_service(struct boot *b, const char **ret_detail);
enum boot_end step_report(struct boot *b, const char **ret_detail);

/* Makes those keys that the configuration in place names, or the bare one. 0; or -errno, with
 * words; *ret_detail is left alone when there was nothing to do. */
int steps_make_keys(struct boot *b, const char **ret_detail);
/* Writes the export, and reads what it says. 0, or -errno with words. */
int steps_export(struct boot *b, const char **ret_words);
