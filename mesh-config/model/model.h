/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh as operators described it: checked, resolved, immutable. One generation is one struct
 * mesh. Everything lies in flat arrays that refer to each other by index; nothing in it changes
 * after mesh_source_build (mesh-config/resolve/source.h) returned it, so any number of readers may
 * share it. This file has the whole; services are in service.h, workloads in workload.h, policies
 * in policy.h, what concerns signals only in signals.h.
 *
 * Texts are NUL-terminated, never NULL ("" when absent) and interned: two texts of the same mesh
 * are equal if and only if their pointers are. Between two meshes compare with strcmp.
 * Addresses are 16 bytes in network order, IPv4 mapped (::ffff:a.b.c.d). Ports and all other
 * numbers are in host order. A pair x_first, x_count is a range of the array x of struct mesh. */
#pragma once

#include "mesh-config/model/policy.h"
#include "mesh-config/model/service.h"
#include "mesh-config/model/signals.h"
#include "mesh-config/model/workload.h"

/* Kind MeshSettings. |node_locality| is never NULL in a model. */
#define SETTINGS_FIELDS(F, N, s)                                                                   \
	F(s, root_namespace, "rootNamespace", TEXT, "policies here hold for the whole mesh",       \
	  .form = FORM_NAMESPACE, DEFAULT_TEXT("istio-system"))                                    \
	F(s, trust_domain, "trustDomain", TEXT, "of principals", DEFAULT_TEXT("cluster.local"))    \
	F(s, cluster_domain, "clusterDomain", TEXT, "suffix of the names of Kubernetes services",  \
	  DEFAULT_TEXT("cluster.local"))                                                           \
	F(s, node_name, "nodeName", TEXT, "of this node in Kubernetes")                            \
	F(s, node_locality, "locality", LOCALITY, "of this node")

/* Of the whole mesh and of this node: at most one. */
struct mesh_settings {
	SETTINGS_FIELDS(FIELD_MEMBER, FIELD_NO_MEMBER, )
	struct mesh_position position; /* file MESH_NONE: no MeshSettings given */
};

/* Arrays of a mesh: X(field, count field, element). The hashes are of everything that makes a
 * service (its own fields, endpoints with namespace, name and account of their workloads, traffic,
 * routes) or a workload (names, account, labels, locality, addresses), by index: equal ones in two
 * meshes, and nothing about it changed (its indexes may have). Dense, to be compared quickly. */
#define MESH_ARRAYS(X)                                                                             \
	X(services, service_count, struct mesh_service)                                            \
	X(service_hashes, service_hash_count, uint64_t)                                            \
	X(hosts, host_count, const char *)                                                         \
	X(vips, vip_count, struct mesh_vip)                                                        \
	X(ports, port_count, struct mesh_port)                                                     \
	X(endpoints, endpoint_count, struct mesh_endpoint) /* those of one service are adjacent */ \
	X(target_ports, target_port_count, uint16_t)	   /* see struct mesh_endpoint */          \
	X(subsets, subset_count, struct mesh_subset)                                               \
	X(members, member_count, uint32_t) /* indexes of endpoints, see struct mesh_subset */      \
	X(traffic, traffic_count, struct mesh_traffic) /* [0] is the default */                    \
	X(distributes, distribute_count, struct mesh_distribute)                                   \
	X(failovers, failover_count, struct mesh_failover)                                         \
	X(routes, route_count, struct mesh_route) /* of one service: adjacent, the first wins */   \
	X(destinations, destination_count, struct mesh_destination)                                \
	X(prefixes, prefix_count, struct mesh_prefix)                                              \
	X(workloads, workload_count, struct mesh_workload)                                         \
	X(workload_hashes, workload_hash_count, uint64_t)                                          \
	X(addresses, address_count, struct mesh_address) /* of workloads */                        \
	X(workload_ports, workload_port_count, uint16_t) /* that workloads say they serve */       \
	X(matchers, matcher_count, struct mesh_matcher)                                            \
	X(policies, policy_count, struct mesh_policy)                                              \
	X(rules, rule_count, struct mesh_rule)                                                     \
	X(clauses, clause_count, struct mesh_clause)                                               \
	X(terms, term_count, struct mesh_term)                                                     \
	X(values, value_count, struct mesh_value)                                                  \
	X(telemetries, telemetry_count, struct mesh_telemetry)                                     \
	X(objectives, objective_count, struct mesh_objective)

/* Orders: services, workloads and policies by namespace, then name; the endpoints of a service by
 * address; routes, rules and everything inside rules as written. */
struct mesh {
	uint64_t hash; /* of the content: equal for equal configuration, whatever the files */
	struct mesh_settings settings;
	const char *const *files; /* names as given to mesh_source_put */
	uint32_t file_count;
#define X(field, count, type)                                                                      \
	type const *field;                                                                         \
	uint32_t count;
	MESH_ARRAYS(X)
#undef X
	struct mesh_index *index; /* behind the functions below */
};

/* Ends the mesh and everything that was reached through it. NULL is fine. */
void mesh_free(struct mesh *m);

/* The index of the service that owns |host| (exact, without regard to case), of the endpoint or
 * workload that has |address|; MESH_NONE if there is none. One hash each. Where several endpoints
 * have an address the first one is given. A workload also has the addresses of its prefixes that no
 * other has by itself; the longest one counts. */
uint32_t mesh_host_find(const struct mesh *m, const char *host);
uint32_t mesh_workload_find(const struct mesh *m, const uint8_t address[16]);
uint32_t mesh_endpoint_find(const struct mesh *m, const uint8_t address[16]);

/* Whether nothing but an address or prefix is asked for, or a prefix of more than one address; how
 * many things are. */
bool mesh_matcher_is_address(const struct mesh_matcher *matcher);
bool mesh_matcher_is_prefix(const struct mesh_matcher *matcher);
unsigned mesh_matcher_parts(const struct mesh_matcher *matcher);

bool mesh_prefix_has(const struct mesh_prefix *prefix, const uint8_t address[16]);

/* Whether |labels| has every label of |wanted|; an empty |wanted| selects everything. */
bool mesh_labels_select(const struct mesh_labels *wanted, const struct mesh_labels *labels);

/* The value of |key|, or NULL. */
const char *mesh_labels_find(const struct mesh_labels *labels, const char *key);
