/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pod, as the API server of Kubernetes shows it: only what says who runs at an address. */
#pragma once

#include "mesh-config/schema/schema.h"

#define POD_OWNER_FIELDS(F, N, s)                                                                  \
	F(s, kind, "kind", TEXT, "ReplicaSet, StatefulSet, DaemonSet, Job")                        \
	F(s, name, "name", TEXT, "the workload's name in metrics")
DRAFT(pod_owner, POD_OWNER_FIELDS);

#define POD_METADATA_FIELDS(F, N, s)                                                               \
	F(s, owners, "ownerReferences", LIST(OBJECT(pod_owner)), "set by its controller")
DRAFT(pod_metadata, POD_METADATA_FIELDS);

#define POD_SPEC_FIELDS(F, N, s)                                                                   \
	F(s, service_account, "serviceAccountName", TEXT, "its identity, for principals")          \
	F(s, host_network, "hostNetwork", BOOL,                                                    \
	  "its addresses are the node's and say nothing of it", DEFAULT(false))
DRAFT(pod_spec, POD_SPEC_FIELDS);

#define POD_IP_FIELDS(F, N, s)                                                                     \
	F(s, ip, "ip", ADDRESS, "one of its addresses", .required = true,                          \
	  .form = FORM_SINGLE_ADDRESS)
DRAFT(pod_ip, POD_IP_FIELDS);

#define POD_STATUS_FIELDS(F, N, s)                                                                 \
	F(s, ip, "podIP", ADDRESS, "its address", .form = FORM_SINGLE_ADDRESS)                     \
	F(s, ips, "podIPs", LIST(OBJECT(pod_ip)), "all of its addresses")                          \
	F(s, phase, "phase", TEXT, "Succeeded and Failed pods have no address any more")
DRAFT(pod_status, POD_STATUS_FIELDS);

#define POD_FIELDS(F, N, s)                                                                        \
	N(IGNORED, "apiVersion", ANY, "group and version")                                         \
	N(IGNORED, "kind", ANY, "the kind")                                                        \
	F(s, metadata, "metadata", OBJECT(pod_metadata), "name, namespace, labels, owner")         \
	F(s, spec, "spec", OBJECT(pod_spec), "how it runs")                                        \
	F(s, status, "status", OBJECT(pod_status), "where it runs")
DRAFT(pod, POD_FIELDS);
