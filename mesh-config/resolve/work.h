/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of services and labels while a mesh is made. */
#pragma once

#include "mesh-config/schema/draft.h"

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

struct splitters {
	struct splitter *first, **end;
};

/* Arrays in which the rows of one service are adjacent, services in their order. */
#define SERVICE_PARTS(X)                                                                           \
	X(endpoints)                                                                               \
	X(target_ports)                                                                            \
	X(subsets)                                                                                 \
	X(members)                                                                                 \
	X(traffic)                                                                                 \
	X(distributes)                                                                             \
	X(failovers)

enum service_part {
#define X(field) PART_##field,
	SERVICE_PARTS(X)
#undef X
		PART_COUNT,
};

/* Workloads that no object of their own describes. In the model they come behind those of objects:
 * all of one sort, services in their order, then all of the next. */
enum workload_sort {
	MADE_INLINE, /* an inline endpoint that has labels or an account, each */
	MADE_BARE,   /* endpoints of which but the address is known, together: bare.c */
	MADE_COUNT,
};

struct workload_range {
	uint32_t first, count;
};

/* Of each service, and one more for the ends. */
struct service_work {
	struct draft *draft;
	struct draft *rules;			/* its DestinationRules, see rule_next */
	uint64_t rules_mark;			/* sum of their drafts' places in memory */
	struct draft *detection;		/* its OutlierDetection */
	uint64_t hash, routes_hash;		/* of everything but its routes, and of these */
	struct workload_range made[MADE_COUNT]; /* of its endpoints */
	uint32_t first[PART_COUNT];
	/* ServiceEntries that share a host, each with ports of its own: the first of them, and the
	 * one that comes after this; MESH_NONE: there is none. */
	uint32_t twin_first, twin_next;
	bool noted; /* a problem was found with its endpoints or traffic */
};
