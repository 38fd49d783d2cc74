/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the drafts of a source to a mesh: each part of the model is filled by its own file, in the
 * order of the functions below. */
#pragma once

#include "mesh-config/lookup.h"
#include "mesh-config/model.h"
#include "mesh-config/source_state.h"

/* Arrays of the mesh: X(field, count field, element). */
#define MESH_ARRAYS(X)                                                                             \
	X(services, service_count, struct mesh_service)                                            \
	X(hosts, host_count, const char *)                                                         \
	X(vips, vip_count, struct mesh_vip)                                                        \
	X(ports, port_count, struct mesh_port)                                                     \
	X(endpoints, endpoint_count, struct mesh_endpoint)                                         \
	X(target_ports, target_port_count, uint16_t)                                               \
	X(subsets, subset_count, struct mesh_subset)                                               \
	X(members, member_count, uint32_t)                                                         \
	X(traffic, traffic_count, struct mesh_traffic)                                             \
	X(distributes, distribute_count, struct mesh_distribute)                                   \
	X(failovers, failover_count, struct mesh_failover)                                         \
	X(routes, route_count, struct mesh_route)                                                  \
	X(destinations, destination_count, struct mesh_destination)                                \
	X(prefixes, prefix_count, struct mesh_prefix)                                              \
	X(workloads, workload_count, struct mesh_workload)                                         \
	X(addresses, address_count, struct mesh_address)                                           \
	X(matchers, matcher_count, struct mesh_matcher)                                            \
	X(policies, policy_count, struct mesh_policy)                                              \
	X(rules, rule_count, struct mesh_rule)                                                     \
	X(clauses, clause_count, struct mesh_clause)                                               \
	X(terms, term_count, struct mesh_term)                                                     \
	X(values, value_count, struct mesh_value)                                                  \
	X(telemetries, telemetry_count, struct mesh_telemetry)                                     \
	X(metric_overrides, metric_override_count, struct mesh_metric_override)                    \
	X(tag_overrides, tag_override_count, struct mesh_tag_override)                             \
	X(objectives, objective_count, struct mesh_objective)

enum mesh_array {
#define X(field, count, type) ROWS_##field,
	MESH_ARRAYS(X)
#undef X
		ROWS_COUNT,
};

struct rows {
	void *items;
	uint32_t count, capacity;
};

/* Behind the functions of model.h. */
struct mesh_index {
	struct pool *pool;
	struct lookup names;	  /* services by namespace and name */
	struct lookup hosts;	  /* by text: index in mesh->hosts */
	struct lookup vip_ports;  /* by address, port, protocol: index in mesh->vips */
	struct lookup addresses;  /* index in mesh->addresses */
	uint32_t *host_services;  /* of mesh->hosts */
	uint32_t *address_owners; /* of mesh->addresses: workloads */
	struct lookup *endpoints; /* made at the first question */
	const char **files;
	bool has_networks; /* a virtual address is a prefix shorter than 128 bits */
};

/* Key of vip_ports; no padding. */
struct vip_key {
	uint8_t address[16];
	uint16_t port;
	uint8_t protocol;
	uint8_t bits;
	uint32_t zero;
};

/* A workload with a label, and the next with the same. */
struct label_posting {
	struct draft *draft;
	uint32_t next;
};

/* One who splits a service: the first in order wins, the routes of several Gateway API routes
 * follow each other. */
struct splitter {
	struct draft *draft;
	uint32_t port; /* of a parentRef; 0: all */
	struct splitter *next;
};

/* Of each service while it is made. */
struct service_work {
	struct draft *draft;
	struct draft *rule; /* its DestinationRule */
	struct splitter *splitters, **splitters_end;
	uint64_t hash;
};

struct resolve {
	struct mesh_source *source;
	struct pool *pool;
	struct arena arena; /* until the mesh is made */
	struct problem_sink problems;
	struct mesh *mesh; /* its settings are made first, its arrays are filled in at the end */
	struct mesh_index *index;
	struct rows rows[ROWS_COUNT];
	struct service_work *work; /* by service */
	struct lookup labels;	   /* of workloads by label, see resolve_workloads.c */
	struct label_head *heads;
	struct label_posting *postings;
	bool incomplete; /* a file could not be read: what is missing may be in it */
	bool failed;	 /* memory */
	char scratch[512];
};

/* A zeroed new element of an array, or, when memory is short, one that is thrown away (|failed| is
 * set then). Pointers to elements are good until the next one is added. */
void *rows_add(struct resolve *r, enum mesh_array array, size_t size_bytes);
#define ROW_ADD(r, field, type) ((type *)rows_add(r, ROWS_##field, sizeof(type)))
#define ROWS(r, field, type)	((type *)(r)->rows[ROWS_##field].items)
#define ROWS_END(r, field)	((r)->rows[ROWS_##field].count)

/* The drafts of a kind, in order. */
struct draft *const *drafts_of(const struct resolve *r, enum kind_id kind, uint32_t *ret_count);

/* Adds a problem about a draft; the object and its file are those of |d|. */
struct problem_note *resolve_problem(struct resolve *r, const struct draft *d,
				     enum problem_code code, struct place at, const char *format,
				     ...) __attribute__((format(printf, 5, 6)));

static inline struct mesh_position position_of(const struct draft *d, struct place at)
{
	return (struct mesh_position){d->file->index, at.line, at.column};
}

/* The service that |host| means to an object in |namespace_name|: a host as it stands, else the
 * Kubernetes service of the short name. MESH_NONE if there is none. */
uint32_t host_resolve(const struct resolve *r, const char *namespace_name, const char *host);

/* The first service of this namespace and name (both of the pool). */
uint32_t service_resolve(const struct resolve *r, const char *namespace_name, const char *name);

/* Of a namespace and a name, for the lookup of names. */
static inline uint64_t name_hash(const char *namespace_name, const char *name)
{
	return table_hash(name, strlen(name),
			  table_hash(namespace_name, strlen(namespace_name), 0));
}

/* host_resolve for |d|, with a problem |code| about it when there is none. */
uint32_t host_require(struct resolve *r, const struct draft *d, enum problem_code code,
		      const struct draft_text *host);

/* Merges the drafts of up to three kinds into one order; *|ret_count| of them in the arena. */
struct draft **drafts_merge(struct resolve *r, const enum kind_id *wanted, uint32_t wanted_count,
			    uint32_t *ret_count);

/* A traffic policy: that at |base| (MESH_NONE: the defaults) with what |from| (may be NULL) and the
 * annotations of its rule |d| (may be NULL) say; its index. */
uint32_t traffic_add(struct resolve *r, const struct draft *d, uint32_t base,
		     const struct draft_traffic *from);

/* enum mesh_scope of an object with this selector (may be NULL). */
uint8_t policy_scope(const struct resolve *r, const struct draft *d,
		     const struct draft_match_labels *selector);

void resolve_settings(struct resolve *r);
void resolve_workloads(struct resolve *r);
/* Calls |visit| for each workload of the namespace that |selector| selects. */
void workloads_select(struct resolve *r, const char *namespace_name,
		      const struct mesh_labels *selector,
		      void (*visit)(struct resolve *r, void *arg, struct draft *workload),
		      void *arg);
/* The workload at an address, MESH_NONE if there is none. */
uint32_t workload_at(const struct resolve *r, const uint8_t address[16]);
void resolve_services(struct resolve *r);  /* services, hosts, vips, ports */
void resolve_rules(struct resolve *r);	   /* which DestinationRule is whose */
void resolve_splitters(struct resolve *r); /* which routes are whose */
void resolve_endpoints(struct resolve *r); /* endpoints, subsets, traffic */
void resolve_routes(struct resolve *r);
void resolve_policies(struct resolve *r);
void resolve_signals(struct resolve *r);
