/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The steps of all policies in the arena: compiled anew when policies change or a name comes up
 * that they may speak of; when workloads with other labels come, for these alone. */
#pragma once

#include "base/error.h"
#include "mesh-config/compile/cells.h"
#include "mesh-config/compile/workload_ids.h"

struct policy_block {
	uint32_t first, count;
};

struct policies {
	struct cells *cells;		     /* borrowed */
	struct identity_policies of_classes; /* |by_class| is owned */
	uint32_t class_count;
	uint8_t *compiled; /* by class: it was there when */
	struct policy_block *blocks;
	uint32_t block_count;
	bool all;			       /* the last update was of all classes */
	uint64_t hash, version, class_version; /* what they were compiled from */
};

void policies_free(struct policies *p);

/* Whether policies_update has something to do. */
bool policies_outdated(const struct policies *p, const struct workload_ids *ids,
		       const struct mesh *m);

/* Makes |p->of_classes| right for |m|. 0; -ENOMEM, -ENOSPC or -E2BIG with |err|. */
int policies_update(struct policies *p, const struct workload_ids *ids,
		    const struct identity_view *view, const struct mesh *m, struct error *err);
