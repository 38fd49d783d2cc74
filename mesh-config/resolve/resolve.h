/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the drafts of a source to a mesh: each part of the model is filled by its own file, in the
 * order of the functions below. */
#pragma once

#include "mesh-config/resolve/state.h"

/* A zeroed new element of an array, or, when memory is short, one that is thrown away (|failed| is
 * set then). Pointers to elements are good until the next one is added. */
void *rows_add(struct resolve *r, enum mesh_array array, size_t size_bytes);
/* Adds copies of the rows [first, end) of |from|; |failed| is set when memory is short. */
void rows_append(struct resolve *r, enum mesh_array array, const struct mesh *from, uint32_t first,
		 uint32_t end);
#define ROW_ADD(r, field, type) ((type *)rows_add(r, ROWS_##field, sizeof(type)))
#define ROWS(r, field, type)	((type *)(r)->rows[ROWS_##field].items)
#define ROWS_END(r, field)	((r)->rows[ROWS_##field].count)

/* The drafts of a kind, in order. */
struct draft *const *drafts_of(const struct resolve *r, enum kind_id kind, uint32_t *ret_count);

/* Adds a problem about a draft; the object and its file are those of |d|. */
void resolve_problem(struct resolve *r, const struct draft *d, enum problem_code code,
		     struct place at, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static inline struct mesh_position position_of(const struct draft *d, struct place at)
{
	return (struct mesh_position){d->file->index, at.line, at.column};
}

/* Whether a service has that port, of any protocol. */
bool service_offers(const struct resolve *r, uint32_t service, uint32_t port);

/* Of the services that share the host of |service| the one with that port; MESH_NONE: none has. */
uint32_t twin_with_port(const struct resolve *r, uint32_t service, uint32_t port);

/* The first service of this namespace and name (both of the pool). */
uint32_t service_resolve(const struct resolve *r, const char *namespace_name, const char *name);

/* The service that |host| means to |d|; MESH_NONE, with a problem |code|, if there is none. */
uint32_t host_require(struct resolve *r, const struct draft *d, enum problem_code code,
		      const struct draft_text *host);

/* Merges the drafts of up to three kinds, all or those of one namespace, into one order;
 * *|ret_count| of them in the arena. */
struct draft **drafts_merge(struct resolve *r, const enum kind_id *wanted, uint32_t wanted_count,
			    const char *namespace_name, uint32_t *ret_count);

/* The next rule of the same service and namespace, which |rule| is merged with; NULL: none. */
static inline struct draft *rule_next(const struct draft *rule)
{
	return ((const struct draft_destination_rule *)rule->spec)->next;
}

/* A traffic policy: that at |base| (MESH_NONE: the defaults) with what |from| and the annotations
 * of its |rules| say, which may be NULL; its index. */
uint32_t traffic_add(struct resolve *r, const struct draft *rules, uint32_t base,
		     const struct draft_traffic *from);

/* Adds what an OutlierDetection says. Without an outlierDetection of a DestinationRule nothing but
 * this is looked at. */
void outlier_add(struct mesh_outlier *o, const struct draft *detection);

void resolve_settings(struct resolve *r);
void resolve_services(struct resolve *r);  /* services, hosts, vips, ports */
void resolve_workloads(struct resolve *r); /* workloads, addresses, matchers */
/* The rows of one draft of a workload, or of the inline endpoints of a service. */
void workload_make(struct resolve *r, struct draft *d);
void inline_workloads_make(struct resolve *r, uint32_t service);
/* Whether more is known of an inline endpoint than its address: then it is a workload, the next one
 * of service_work.made[MADE_INLINE]. */
bool inline_is_workload(const struct draft_workload_entry *e);
/* A row, and an address of the row that was added last. */
struct mesh_workload *workload_row_add(struct resolve *r, const struct draft *d, uint64_t hash,
				       const char *workload_name, const struct mesh_labels *labels);
void workload_address_add(struct resolve *r, const uint8_t address[16], bool conditional);
/* Calls |visit| for each workload of the namespace that |selector| selects. */
void workloads_select(struct resolve *r, const char *namespace_name,
		      const struct mesh_labels *selector,
		      void (*visit)(struct resolve *r, void *arg, struct draft *workload),
		      void *arg);
/* The workload at an address, MESH_NONE if there is none. */
uint32_t workload_at(const struct resolve *r, const uint8_t address[16]);

/* ---- bare.c: endpoints of which but the address is known */

/* The row of those of |service|, if it has any. What others declare of addresses must be known:
 * r->index->addresses, while that is not made the last mesh's. */
void bare_workload_make(struct resolve *r, uint32_t service);
/* Whether |address| is one of them; that row must be made. */
bool bare_workload_has(const struct resolve *r, uint32_t service, const uint8_t address[16]);
/* Whether bare_workload_make would make the row |now| with |hash| (NULL: none); *|ret_like|: one
 * that differs in its place at most. */
bool bare_workload_same(struct resolve *r, uint32_t service, const struct mesh_workload *now,
			uint64_t hash, bool *ret_like);

void resolve_addresses(struct resolve *r); /* which workload is at which address */
/* One of them; index->shares when it is of another that policies may tell apart. */
void address_index(struct resolve *r, const uint8_t address[16], uint32_t workload);
void resolve_rules(struct resolve *r);	   /* which DestinationRule is whose */
void resolve_splitters(struct resolve *r); /* which routes are whose */
void resolve_endpoints(struct resolve *r); /* endpoints, subsets, traffic */
void resolve_routes(struct resolve *r);
void resolve_policies(struct resolve *r);
void resolve_warnings(struct resolve *r); /* what policies may not know or do as expected */
void resolve_shared(struct resolve *r);	  /* addresses that several workloads have */
void resolve_signals(struct resolve *r);

/* The object that a workload is of; of endpoints that none describes: their service. NULL: there is
 * none. */
const struct draft *workload_draft(const struct resolve *r, uint32_t workload);

/* That |d| is about |service|, or one with its host, when none of them is balanced; and that rules
 * are, when no route leads there. */
void unbalanced_warn(struct resolve *r, uint32_t service, const struct draft *d, struct place at);
void unbalanced_rules_warn(struct resolve *r);

/* Problems from here on are of this stage. */
void stage_begin(struct resolve *r, enum resolve_stage stage);

void stage_drop(struct problem_sink **stage);

/* Whether not everything of it is known. */
bool file_is_broken(const struct source_file *f);

/* The hash of a service, when all that counts of it is there. */
void service_hash(struct resolve *r, uint32_t service);
