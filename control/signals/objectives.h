/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Service level objectives (SLO), and how many requests met them. */
#pragma once

#include "datapath/observe/record.h"

#include <stdint.h>

#define OBJECTIVES_MAX 1024

/* One objective. */
struct objective {
	char name[160];	   /* "namespace/name" */
	char service[128]; /* host, as in struct identity */
	char path_prefix[128];
	double target_ratio;
	uint32_t window_s;
	uint64_t latency_ns; /* slower responses miss the objective; 0: no limit */
};

/* Whether a request met an objective: not known where parts of the exchange were not seen. */
#define OBJECTIVE_OUTCOMES(X)                                                                      \
	X(GOOD, "good")                                                                            \
	X(BAD, "bad")                                                                              \
	X(UNKNOWN, "unknown")

enum objective_outcome {
#define X(name, text) OBJECTIVE_##name,
	OBJECTIVE_OUTCOMES(X)
#undef X
		OBJECTIVE_OUTCOME_MAX
};

struct objective_count {
	struct objective objective;
	uint64_t requests[REPORTER_MAX][OBJECTIVE_OUTCOME_MAX];
};

/* All zero: there are none. */
struct objectives {
	struct objective_count *items;
	uint32_t count;
};

/* Replaces all objectives; one whose name is kept keeps its counts. Those beyond OBJECTIVES_MAX are
 * left out. 0, or -ENOMEM, and nothing changed. */
int objectives_set(struct objectives *all, const struct objective *rows, uint32_t count);
void objectives_free(struct objectives *all);

/* Counts a request for each objective of its destination. */
void objectives_request(struct objectives *all, const struct request *r);
