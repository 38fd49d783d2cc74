// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of Pod, as the API server of Kubernetes shows it: only what says who runs at an
 * address. */
#include "mesh-config/schema/draft.h"

static SCHEMA(pod_owner, POD_OWNER_FIELDS, "Pod.metadata.ownerReferences", .open = true);
static SCHEMA(pod_metadata, POD_METADATA_FIELDS, "Pod.metadata", .open = true);
static SCHEMA(pod_spec, POD_SPEC_FIELDS, "Pod.spec", .open = true);
static SCHEMA(pod_ip, POD_IP_FIELDS, "Pod.status.podIPs");
static SCHEMA(pod_status, POD_STATUS_FIELDS, "Pod.status", .open = true);
SCHEMA(pod, POD_FIELDS, "Pod");
