/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The matchers of a mesh by workload, for diff.c: in the model they are in the order in which they
 * count. */
#pragma once

#include "mesh-config/model/model.h"

/* Those of one workload. */
struct diff_matchers {
	const struct mesh_matcher *sorted;
	uint32_t first, end;
};

/* A copy in the order of workloads, which the caller frees; NULL when memory is short. */
struct mesh_matcher *diff_matchers_sort(const struct mesh *m);

struct diff_matchers diff_matchers_of(const struct mesh *m, const struct mesh_matcher *sorted,
				      uint32_t workload);

/* Whether one of them has this text (diff_text_matcher). */
bool diff_matchers_have(const struct diff_matchers *in, const char *text);
