/* told.h - from each provider's documents to what they tell; nothing is asked here.
 *
 * All return NULL when the document is complete, or what is wrong with it as a part of a
 * sentence; and then nothing of it has been taken. */
#pragma once

#include "providers/provider.h"

typedef const char *told_fn(struct arena *a, const char *bytes, size_t len, struct told *t);

told_fn told_azure;	   /* /metadata/instance */
told_fn told_azure_recall; /* cloud-init's instance-data.json of it */
told_fn told_aws; /* a map of /latest/meta-data/, in the form that cloud-init gives it */
told_fn told_aws_recall;
told_fn told_oci_instance; /* /opc/v2/instance/ */
told_fn told_oci_vnics;	   /* /opc/v2/vnics/ */
told_fn told_gcp_id;	   /* .../instance/id */
told_fn told_gcp_project;  /* .../project/project-id */
told_fn told_gcp;	   /* .../instance/?recursive=true, after the two */
told_fn told_nocloud;	   /* meta-data */
told_fn told_configdrive;  /* meta_data.json */

/* Appends a line. */
void told_warn(struct arena *a, struct told *t, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
