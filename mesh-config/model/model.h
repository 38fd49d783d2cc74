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

/* Orders: services, workloads and policies by namespace, then name; the endpoints of a service by
 * address; routes, rules and everything inside rules as written. */
struct mesh {
	uint64_t hash; /* of the content: equal for equal configuration, whatever the files */
	struct mesh_settings settings;

	const char *const *files; /* names as given to mesh_source_put */
	uint32_t file_count;

	const struct mesh_service *services;
	uint32_t service_count;
	/* Of everything that makes a service, by index: its own fields, endpoints (with namespace,
	 * name and account of their workloads), traffic, routes. Equal hashes in two meshes:
	 * nothing about it changed (its indexes may have). Dense, to be compared quickly. */
	const uint64_t *service_hashes;
	uint32_t service_hash_count;
	const char *const *hosts;
	uint32_t host_count;
	const struct mesh_vip *vips;
	uint32_t vip_count;
	const struct mesh_port *ports;
	uint32_t port_count;
	const struct mesh_endpoint *endpoints; /* those of one service are adjacent */
	uint32_t endpoint_count;
	const uint16_t *target_ports; /* see struct mesh_endpoint */
	uint32_t target_port_count;
	const struct mesh_subset *subsets;
	uint32_t subset_count;
	const uint32_t *members; /* indexes of endpoints, see struct mesh_subset */
	uint32_t member_count;
	const struct mesh_traffic *traffic; /* [0] is the default, of who has no DestinationRule */
	uint32_t traffic_count;
	const struct mesh_distribute *distributes;
	uint32_t distribute_count;
	const struct mesh_failover *failovers;
	uint32_t failover_count;
	const struct mesh_route
		*routes; /* those of one service are adjacent; the first match wins */
	uint32_t route_count;
	const struct mesh_destination *destinations;
	uint32_t destination_count;
	const struct mesh_prefix *prefixes;
	uint32_t prefix_count;

	const struct mesh_workload *workloads;
	uint32_t workload_count;
	/* The same of workloads: of names, account, labels, locality and addresses. */
	const uint64_t *workload_hashes;
	uint32_t workload_hash_count;
	const struct mesh_address *addresses; /* of workloads */
	uint32_t address_count;
	const uint16_t *workload_ports; /* that workloads say they serve */
	uint32_t workload_port_count;
	const struct mesh_matcher *matchers;
	uint32_t matcher_count;

	const struct mesh_policy *policies;
	uint32_t policy_count;
	const struct mesh_rule *rules;
	uint32_t rule_count;
	const struct mesh_clause *clauses;
	uint32_t clause_count;
	const struct mesh_term *terms;
	uint32_t term_count;
	const struct mesh_value *values;
	uint32_t value_count;

	const struct mesh_telemetry *telemetries;
	uint32_t telemetry_count;
	const struct mesh_objective *objectives;
	uint32_t objective_count;

	struct mesh_index *index; /* behind the functions below */
};

/* Ends the mesh and everything that was reached through it. NULL is fine. */
void mesh_free(struct mesh *m);

/* The index of the service with this namespace and name, of the one that owns |host| (exact,
 * without regard to case), of the endpoint or workload that has |address|; MESH_NONE if there is
 * none. One hash each. Where several endpoints have an address the first one is given. A workload
 * also has the addresses of its prefixes that no other has by itself; the longest one counts. */
uint32_t mesh_service_find(const struct mesh *m, const char *namespace_name, const char *name);
uint32_t mesh_host_find(const struct mesh *m, const char *host);
uint32_t mesh_workload_find(const struct mesh *m, const uint8_t address[16]);
uint32_t mesh_endpoint_find(const struct mesh *m, const uint8_t address[16]);

/* Whether nothing but an address or prefix is asked for, or a prefix of more than one address; how
 * many things are. */
bool mesh_matcher_is_address(const struct mesh_matcher *matcher);
bool mesh_matcher_is_prefix(const struct mesh_matcher *matcher);
unsigned mesh_matcher_parts(const struct mesh_matcher *matcher);

bool mesh_prefix_has(const struct mesh_prefix *prefix, const uint8_t address[16]);

/* The index of the service that has |address| as a virtual address and |port| of |protocol| (enum
 * mesh_protocol) among its ports; MESH_NONE if there is none. */
uint32_t mesh_vip_find(const struct mesh *m, const uint8_t address[16], uint16_t port,
		       uint8_t protocol);

/* Whether |labels| has every label of |wanted|; an empty |wanted| selects everything. */
bool mesh_labels_select(const struct mesh_labels *wanted, const struct mesh_labels *labels);

/* The value of |key|, or NULL. */
const char *mesh_labels_find(const struct mesh_labels *labels, const char *key);
