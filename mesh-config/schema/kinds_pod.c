// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of Pod, as the API server of Kubernetes shows it: only what says who runs at an
 * address. */
#include "mesh-config/schema/draft.h"

static const struct field owner_schema_fields[] = {
	FIELD(struct draft_pod_owner, kind, "kind", TEXT,
	      "ReplicaSet, StatefulSet, DaemonSet, Job"),
	FIELD(struct draft_pod_owner, name, "name", TEXT, "the workload's name in metrics"),
};
static SCHEMA(owner_schema, "Pod.metadata.ownerReferences", struct draft_pod_owner, .open = true);

static const struct field pod_metadata_schema_fields[] = {
	FIELD(struct draft_pod_metadata, owners, "ownerReferences", OBJECT, "set by its controller",
	      .object = &owner_schema, .list = true),
};
static SCHEMA(pod_metadata_schema, "Pod.metadata", struct draft_pod_metadata, .open = true);

static const struct field pod_spec_schema_fields[] = {
	FIELD(struct draft_pod_spec, service_account, "serviceAccountName", TEXT,
	      "its identity, for principals"),
	FIELD(struct draft_pod_spec, host_network, "hostNetwork", BOOL,
	      "its addresses are the node's and say nothing of it", FIELD_DEFAULT(0, "false")),
};
static SCHEMA(pod_spec_schema, "Pod.spec", struct draft_pod_spec, .open = true);

static const struct field pod_ip_schema_fields[] = {
	FIELD(struct draft_pod_ip, ip, "ip", ADDRESS, "one of its addresses", .required = true,
	      .form = FORM_SINGLE_ADDRESS),
};
static SCHEMA(pod_ip_schema, "Pod.status.podIPs", struct draft_pod_ip);

static const struct field pod_status_schema_fields[] = {
	FIELD(struct draft_pod_status, ip, "podIP", ADDRESS, "its address",
	      .form = FORM_SINGLE_ADDRESS),
	FIELD(struct draft_pod_status, ips, "podIPs", OBJECT, "all of its addresses",
	      .object = &pod_ip_schema, .list = true),
	FIELD(struct draft_pod_status, phase, "phase", TEXT,
	      "Succeeded and Failed pods have no address any more"),
};
static SCHEMA(pod_status_schema, "Pod.status", struct draft_pod_status, .open = true);

static const struct field pod_schema_fields[] = {
	FIELD_IGNORE("apiVersion", "group and version"),
	FIELD_IGNORE("kind", "the kind"),
	FIELD(struct draft_pod, metadata, "metadata", OBJECT, "name, namespace, labels, owner",
	      .object = &pod_metadata_schema),
	FIELD(struct draft_pod, spec, "spec", OBJECT, "how it runs", .object = &pod_spec_schema),
	FIELD(struct draft_pod, status, "status", OBJECT, "where it runs",
	      .object = &pod_status_schema),
};
SCHEMA(pod_schema, "Pod", struct draft_pod);
