/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects as their files have them: read and checked one by one, references not yet resolved
 * (mesh-config/schema/read.h). */
#pragma once

#include "mesh-config/schema/draft_gateway.h"
#include "mesh-config/schema/draft_pod.h"
#include "mesh-config/schema/draft_policy.h"
#include "mesh-config/schema/draft_routes.h"
#include "mesh-config/schema/draft_service.h"
#include "mesh-config/schema/draft_signals.h"
#include "mesh-config/schema/draft_traffic.h"
#include "mesh-config/schema/draft_workload.h"
#include "mesh-config/schema/schema.h"

/* X(symbol, kind, API group, versions known, schema, its fields are at the top instead of in
 * "spec", what a change of it concerns, what it is for) */
#define KINDS(X)                                                                                   \
	X(SERVICE, "Service", "", "v1", service_schema, false, SERVICES,                           \
	  "A Kubernetes service: addresses and ports that clients connect to.")                    \
	X(ENDPOINT_SLICE, "EndpointSlice", "discovery.k8s.io", "v1 v1beta1", slice_schema, true,   \
	  ENDPOINTS, "Endpoints of a Service, as Kubernetes writes them.")                         \
	X(ENDPOINTS, "Endpoints", "", "v1", endpoints_schema, true, ENDPOINTS,                     \
	  "Endpoints of a Service in the older form; used where it has no EndpointSlice.")         \
	X(SERVICE_ENTRY, "ServiceEntry", "networking.istio.io", "v1 v1beta1 v1alpha3",             \
	  service_entry_schema, false, SERVICES,                                                   \
	  "A service with its own addresses and endpoints.")                                       \
	X(WORKLOAD_ENTRY, "WorkloadEntry", "networking.istio.io", "v1 v1beta1 v1alpha3",           \
	  workload_entry_schema, false, WORKLOADS,                                                 \
	  "An address that a program can be met at, with labels.")                                 \
	X(WORKLOAD_GROUP, "WorkloadGroup", "networking.istio.io", "v1 v1beta1 v1alpha3",           \
	  workload_group_schema, false, ALL, "What WorkloadEntries of one sort have in common.")   \
	X(VIRTUAL_SERVICE, "VirtualService", "networking.istio.io", "v1 v1beta1 v1alpha3",         \
	  virtual_service_schema, false, ROUTES,                                                   \
	  "How connections to a host are split, by weight.")                                       \
	X(DESTINATION_RULE, "DestinationRule", "networking.istio.io", "v1 v1beta1 v1alpha3",       \
	  destination_rule_schema, false, ROUTES,                                                  \
	  "Subsets of a service, balancing, limits, outlier ejection.")                            \
	X(AUTHORIZATION_POLICY, "AuthorizationPolicy", "security.istio.io", "v1 v1beta1",          \
	  policy_schema, false, POLICIES, "Who may connect to whom.")                              \
	X(PEER_AUTHENTICATION, "PeerAuthentication", "security.istio.io", "v1 v1beta1",            \
	  peer_schema, false, NOTHING,                                                             \
	  "Whether plain text is let in: read; weft lets everything through as it is, so that "    \
	  "STRICT is refused.")                                                                    \
	X(TELEMETRY, "Telemetry", "telemetry.istio.io", "v1 v1alpha1", telemetry_schema, false,    \
	  SIGNALS, "Which metrics, tags and access logs are wanted: read, but of no effect yet.")  \
	X(HTTP_ROUTE, "HTTPRoute", "gateway.networking.k8s.io", "v1 v1beta1", http_route_schema,   \
	  false, ROUTES, "The split of a Service by weight (GAMMA: the parent is a Service).")     \
	X(GRPC_ROUTE, "GRPCRoute", "gateway.networking.k8s.io", "v1 v1alpha2", grpc_route_schema,  \
	  false, ROUTES, "As HTTPRoute.")                                                          \
	X(TCP_ROUTE, "TCPRoute", "gateway.networking.k8s.io", "v1alpha2", tcp_route_schema, false, \
	  ROUTES, "As HTTPRoute.")                                                                 \
	X(REFERENCE_GRANT, "ReferenceGrant", "gateway.networking.k8s.io", "v1beta1 v1 v1alpha2",   \
	  grant_schema, false, ROUTES,                                                             \
	  "Which routes of other namespaces may send connections to the services of this one.")    \
	X(TRAFFIC_SPLIT, "TrafficSplit", "split.smi-spec.io", "v1alpha4 v1alpha3 v1alpha2",        \
	  split_schema, false, ROUTES, "The split of a Service by weight, in SMI's form.")         \
	X(POD, "Pod", "", "v1", pod_schema, true, ALL,                                             \
	  "A workload of Kubernetes: its labels, service account and addresses. Its name is that " \
	  "of what owns it (Deployment, StatefulSet, ...).")                                       \
	X(WORKLOAD, "Workload", "weft.dev", "v1alpha1", workload_schema, false, ALL,               \
	  "Names a program by address, executable, systemd unit, control group, user, network "    \
	  "namespace or container.")                                                               \
	X(MESH_SETTINGS, "MeshSettings", "weft.dev", "v1alpha1", settings_schema, false, ALL,      \
	  "Of the whole mesh and of this node; at most one.")                                      \
	X(ACCELERATION, "Acceleration", "weft.dev", "v1alpha1", acceleration_schema, false,        \
	  ROUTES, "Services whose local connections may skip the TCP stack.")                      \
	X(OUTLIER_DETECTION, "OutlierDetection", "weft.dev", "v1alpha1", outlier_detection_schema, \
	  false, ROUTES,                                                                           \
	  "Endpoints of a service that stand out by success rate or latency are left out, "        \
	  "beside what its DestinationRule says.")                                                 \
	X(OBJECTIVE, "Objective", "weft.dev", "v1alpha1", objective_schema, false, SIGNALS,        \
	  "A promise about a service: share of good requests, latency.")

/* What of a mesh may be another when an object changes; the rest is taken over from the last one.
 */
enum kind_concern {
	CONCERNS_NOTHING,
	CONCERNS_SERVICES, /* that service */
	CONCERNS_ENDPOINTS,
	CONCERNS_WORKLOADS,
	CONCERNS_ROUTES, /* and rules */
	CONCERNS_POLICIES,
	CONCERNS_SIGNALS,
	CONCERNS_ALL,
};

enum kind_id {
#define X(symbol, name, group, versions, table, at_root, concerns, doc) KIND_##symbol,
	KINDS(X)
#undef X
		KIND_COUNT,
};

struct kind {
	const char *name, *group, *versions;
	const struct schema *schema;
	bool at_root;
	uint8_t concerns; /* enum kind_concern */
	const char *doc;
};

extern const struct kind kinds[KIND_COUNT];

#define X(symbol, name, group, versions, table, at_root, concerns, doc)                            \
	extern const struct schema table;
KINDS(X)
#undef X

extern const struct schema metadata_schema;

struct source_file;

/* One object. */
struct draft {
	struct draft *next; /* in its file */
	struct source_file *file;
	struct place at;
	uint8_t kind; /* enum kind_id */
	const char *namespace_name, *name;
	const char *sort_name; /* its name; of an EndpointSlice that of its service */
	const char *title;     /* "ServiceEntry shop/cart" */
	const struct mesh_labels *labels;
	const struct mesh_labels *annotations;
	uint64_t hash; /* of what counts of the content, name and kind */
	void *spec;    /* as its kind's schema says; never NULL */
	/* while a mesh is built: the index of what became of it, MESH_NONE if nothing */
	uint32_t index;
	const char *host, *host_domain; /* of a Service: its host in that cluster domain */
	uint32_t place;			/* while its catalog is put in order */
};
