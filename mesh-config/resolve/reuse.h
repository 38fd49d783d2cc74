/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A build that takes over most of the last one. What it makes is what a build from nothing makes:
 * it either knows everything that a change concerns, or gives up. */
#pragma once

#include "mesh-config/resolve/resolve.h"

/* Workloads of a draft or service that are made anew. */
struct reuse_workloads {
	struct draft *draft;
	uint32_t service;	 /* whose endpoints they are; MESH_NONE: a WorkloadEntry */
	enum workload_sort sort; /* of those of a service */
	uint32_t first, count;	 /* in the last mesh */
	bool differ;		 /* in more than their place */
};

struct reuse_addresses {
	struct mesh_address *items; /* sorted, each once */
	uint32_t count;
	uint32_t last_count; /* rows of the last mesh, of these workloads, that have them */
	uint64_t *filter;    /* by their last 16 bits */
};

struct reuse {
	const struct built *last;
	bool *is_touched;  /* by service: its endpoints and traffic are made anew */
	uint32_t *touched; /* the same, ascending */
	uint32_t touched_count;
	struct reuse_workloads *workloads; /* in the order of the model */
	uint32_t workload_count;
	struct reuse_addresses addresses; /* where other workloads may be now */
	uint32_t *moved;	 /* by workload of the last mesh: its index now; NULL: as it was */
	bool again[STAGE_COUNT]; /* stages that are made anew as a whole */
	bool impossible;
};

/* Makes everything that changed and takes the rest over. 0, or -EAGAIN. */
int resolve_changed(struct resolve *r);

/* The endpoints of this service are made anew. */
static inline void reuse_touch(struct reuse *u, uint32_t service)
{
	u->is_touched[service] = true;
}

/* ---- plan.c: what changed. Fills |r->reuse| but for |touched|, and puts drafts that were
 * read anew in the place of the old ones. */
void reuse_plan(struct resolve *r);

/* ---- carry.c: rows of the last mesh */

void services_carry(struct resolve *r);	 /* with hosts, addresses and ports */
void workloads_carry(struct resolve *r); /* makes those that changed too */
void endpoints_carry(struct resolve *r, uint32_t first, uint32_t end); /* of these services */
void stage_carry(struct resolve *r, enum resolve_stage stage);

/* ---- endpoints.c */

void resolve_touched(struct resolve *r);
