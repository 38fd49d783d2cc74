/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Service, EndpointSlice and Endpoints: their fields, and what is read of them. */
#pragma once

#include "mesh-config/model/service.h"
#include "mesh-config/schema/schema.h"

#define SERVICE_PORT_FIELDS(F, N, s)                                                               \
	F(s, name, "name", TEXT, "name, unique in the service; needed where there are several",    \
	  .form = FORM_PORT_NAME)                                                                  \
	F(s, port, "port", NUMBER, "the port that clients connect to", .required = true, .min = 1, \
	  .max = 65535)                                                                            \
	F(s, target, "targetPort", PORT_NAME, "port at the endpoints, or its name there",          \
	  .form = FORM_PORT_TARGET, UNSAID("port"))                                                \
	F(s, protocol, "protocol", ENUM(protocols), "transport", DEFAULT(0))                       \
	F(s, app_protocol_text, "appProtocol", TEXT,                                               \
	  "application protocol; else from the name of the port (http, grpc-web, ...)",            \
	  .form = FORM_QUALIFIED)                                                                  \
	N(IGNORED, "nodePort", NUMBER, "node ports are handled by kube-proxy", .max = 65535)
/* |app_protocol|: enum mesh_app_protocol. */
DRAFT(port, SERVICE_PORT_FIELDS, uint8_t app_protocol;);

#define CLIENT_IP_FIELDS(F, N, s)                                                                  \
	F(s, timeout_s, "timeoutSeconds", NUMBER, "how long a client keeps its endpoint",          \
	  .min = 1, .max = 86400, DEFAULT(MESH_AFFINITY_S))
DRAFT(client_ip, CLIENT_IP_FIELDS);

#define AFFINITY_CONFIG_FIELDS(F, N, s)                                                            \
	F(s, client_ip, "clientIP", OBJECT(client_ip), "of ClientIP affinity")
DRAFT(affinity_config, AFFINITY_CONFIG_FIELDS);

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,
};

/* In the order of the words. */
enum distribution_word {
	DISTRIBUTION_WORD_NONE,
	DISTRIBUTION_WORD_CLOSE,
	DISTRIBUTION_WORD_ZONE,
	DISTRIBUTION_WORD_NODE,
};

#define SERVICE_FIELDS(F, N, s)                                                                    \
	F(s, cluster_ip, "clusterIP", WORD, "virtual address; None: headless, known by name only") \
	F(s, cluster_ips, "clusterIPs", LIST(WORD), "both of a dual-stack service")                \
	F(s, external_ips, "externalIPs", LIST(ADDRESS), "more addresses that are balanced",       \
	  .form = FORM_SINGLE_ADDRESS)                                                             \
	F(s, ports, "ports", LIST(OBJECT(service_port)), "what clients connect to")                \
	F(s, selector, "selector", LABELS,                                                         \
	  "WorkloadEntries and Workloads of the namespace with these labels are endpoints, "       \
	  "beside those of EndpointSlices")                                                        \
	F(s, type, "type", ENUM(service_types), "how it is published", DEFAULT(0))                 \
	F(s, affinity, "sessionAffinity", ENUM(affinities),                                        \
	  "ClientIP: a client keeps its endpoint", DEFAULT(0))                                     \
	F(s, affinity_config, "sessionAffinityConfig", OBJECT(affinity_config),                    \
	  "duration of the affinity")                                                              \
	F(s, publish_not_ready, "publishNotReadyAddresses", BOOL,                                  \
	  "endpoints that are not ready count as ready", DEFAULT(false))                           \
	F(s, internal_policy, "internalTrafficPolicy", ENUM(local_policies),                       \
	  "Local is refused: it would be ignored", DEFAULT(0))                                     \
	N(IGNORED, "ipFamilies", LIST(ENUM(families)), "determined by the addresses")              \
	N(IGNORED, "ipFamilyPolicy", ENUM(family_policies), "determined by the addresses")         \
	N(IGNORED, "externalName", TEXT, "the cluster's DNS answers it")                           \
	N(IGNORED, "externalTrafficPolicy", ENUM(local_policies),                                  \
	  "for external traffic, which weft does not handle")                                      \
	N(IGNORED, "healthCheckNodePort", NUMBER, "for the load balancer")                         \
	N(IGNORED, "allocateLoadBalancerNodePorts", BOOL, "for the load balancer")                 \
	N(IGNORED, "loadBalancerClass", TEXT, "for the load balancer", .form = FORM_QUALIFIED)     \
	N(IGNORED, "loadBalancerIP", TEXT, "for the load balancer")                                \
	N(WARNED(HARMLESS), "loadBalancerSourceRanges", LIST(TEXT),                                \
	  "traffic from outside is the load balancer's; an AuthorizationPolicy limits it "         \
	  "here",                                                                                  \
	  .form = FORM_ADDRESS)                                                                    \
	F(s, distribution, "trafficDistribution", ENUM(distributions),                             \
	  "endpoints near this node (locality in MeshSettings) are preferred",                     \
	  UNSAID("all alike"))
/* |vips|: all of its addresses, of draft_address. */
DRAFT(service, SERVICE_FIELDS, bool headless; struct draft_list vips;);

/* What every object has beside its own fields. */
#define COMMON_FIELDS(F, N, s)                                                                     \
	N(IGNORED, "apiVersion", ANY, "group and version")                                         \
	N(IGNORED, "kind", ANY, "the kind")                                                        \
	N(IGNORED, "metadata", ANY, "name, namespace, labels, annotations")                        \
	N(IGNORED, "status", ANY, "set by a controller")

#define CONDITIONS_FIELDS(F, N, s)                                                                 \
	F(s, ready, "ready", MAYBE, "may get connections", UNSAID("true"))                         \
	F(s, serving, "serving", MAYBE, "still serving", UNSAID("as ready"))                       \
	F(s, terminating, "terminating", MAYBE, "terminating: used only if no endpoint is ready",  \
	  UNSAID("false"))
DRAFT(conditions, CONDITIONS_FIELDS);

#define TARGET_FIELDS(F, N, s)                                                                     \
	F(s, kind, "kind", TEXT,                                                                   \
	  "Pod; with Node the endpoint is no workload, as the address is the node's")              \
	F(s, name, "name", TEXT, "of the pod")
DRAFT(target, TARGET_FIELDS);

#define SLICE_ENDPOINT_FIELDS(F, N, s)                                                             \
	F(s, addresses, "addresses", LIST(ADDRESS), "where it listens", .required = true,          \
	  .form = FORM_SINGLE_ADDRESS)                                                             \
	F(s, conditions, "conditions", OBJECT(conditions), "whether it is used")                   \
	F(s, target, "targetRef", OBJECT(target), "the pod")                                       \
	F(s, node_name, "nodeName", TEXT, "the node it is on", .form = FORM_OBJECT_NAME)           \
	F(s, zone, "zone", TEXT, "zone of its locality")                                           \
	N(IGNORED, "hostname", TEXT, "of DNS", .form = FORM_NAMESPACE)                             \
	N(IGNORED, "hints", SOME, "kube-proxy's topology hints")                                   \
	N(IGNORED, "deprecatedTopology", LABELS, "of older versions")                              \
	N(IGNORED, "topology", ANY, "of older versions")
/* Last what of it becomes an endpoint, in one place, as building reads a lot of these: the locality
 * of the zone (NULL: not said), name, first address, enum mesh_health. */
DRAFT(slice_endpoint, SLICE_ENDPOINT_FIELDS, const struct mesh_locality *locality; const char *name;
      uint8_t address[16]; uint8_t health;);

#define ENDPOINT_PORT_FIELDS(F, N, s, ...)                                                         \
	F(s, name, "name", TEXT, "name of the service's port", .form = FORM_PORT_NAME)             \
	F(s, port, "port", NUMBER, "where the endpoints listen", .min = 1, .max = 65535,           \
	  ##__VA_ARGS__)                                                                           \
	F(s, protocol, "protocol", ENUM(protocols), "transport", DEFAULT(0))                       \
	F(s, app_protocol_text, "appProtocol", TEXT, "as in the service", .form = FORM_QUALIFIED)

#define SLICE_PORT_FIELDS(F, N, s) ENDPOINT_PORT_FIELDS(F, N, s)

#define SLICE_FIELDS(F, N, s)                                                                      \
	COMMON_FIELDS(F, N, s)                                                                     \
	F(s, address_type, "addressType", ENUM(address_types), "FQDN is refused",                  \
	  .required = true)                                                                        \
	F(s, endpoints, "endpoints", LIST(OBJECT(slice_endpoint)), "the endpoints")                \
	F(s, ports, "ports", LIST(OBJECT(slice_port)), "of all of them")
DRAFT(slice, SLICE_FIELDS);

#define ENDPOINTS_ADDRESS_FIELDS(F, N, s)                                                          \
	F(s, ip, "ip", ADDRESS, "where it listens", .required = true, .form = FORM_SINGLE_ADDRESS) \
	F(s, target, "targetRef", OBJECT(target), "the pod")                                       \
	F(s, node_name, "nodeName", TEXT, "the node it is on", .form = FORM_OBJECT_NAME)           \
	N(IGNORED, "hostname", TEXT, "of DNS", .form = FORM_NAMESPACE)
DRAFT(endpoints_address, ENDPOINTS_ADDRESS_FIELDS);

#define ENDPOINTS_PORT_FIELDS(F, N, s) ENDPOINT_PORT_FIELDS(F, N, s, .required = true)

#define ENDPOINTS_SUBSET_FIELDS(F, N, s)                                                           \
	F(s, ready, "addresses", LIST(OBJECT(endpoints_address)), "endpoints in use")              \
	F(s, not_ready, "notReadyAddresses", LIST(OBJECT(endpoints_address)),                      \
	  "endpoints not in use")                                                                  \
	F(s, ports, "ports", LIST(OBJECT(endpoints_port)), "of all of them")
DRAFT(endpoints_subset, ENDPOINTS_SUBSET_FIELDS);

#define ENDPOINTS_FIELDS(F, N, s)                                                                  \
	COMMON_FIELDS(F, N, s)                                                                     \
	F(s, subsets, "subsets", LIST(OBJECT(endpoints_subset)), "endpoints by their ports")
DRAFT(endpoints, ENDPOINTS_FIELDS);
