/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policies to steps: who may connect to a workload, as a decision graph for the kernel half
 * (bpf/abi_policy.h). For each workload, of the policies that select it:
 *
 *   AUDIT, and whatever has dry_run: noted if it matches; ALLOW with dry_run also if it does not
 *     (rule 0)
 *   DENY: the first that matches denies
 *   no ALLOW policy: allowed
 *   ALLOW: the first that matches allows
 *   else denied, policy WEFT_NUMBER_NONE, rule 0
 *
 * A denial also ends connections that live when its policy has end_connections; the last one, when
 * an ALLOW policy has.
 *
 * Source: istio.io/api security/v1beta1/authorization_policy.proto, as model/policy.h says it. */
#pragma once

#include "base/error.h"
#include "mesh-config/policy/identities.h"
#include "mesh-config/policy/steps.h"

struct authorize {
	struct steps steps;
	struct identity_policies policies; /* steps; |by_class| is owned */
	uint32_t class_count;
	uint32_t longest; /* tests on the longest way of all graphs */
};

/* Compiles the policies of |m| for every class of |view| to steps.count cells; the first has the
 * index 1 until authorize_place moves them. Destinations without an identity are not workloads:
 * no policy selects them, they are allowed. The result owns what it points to: authorize_free. On
 * failure |ret| stays untouched. Errors: -ENOMEM; -E2BIG when the way through the policies of a
 * workload may be longer than WEFT_MESH_STEPS, or there are more than STEPS_CELLS_MAX cells: |err|
 * says for whom and what to do. */
int authorize_compile(const struct mesh *m, const struct identity_view *view, struct authorize *ret,
		      struct error *err);
void authorize_free(struct authorize *a);

/* Moves all cells, so that the first has the index |base| (not 0) of the arena. */
void authorize_place(struct authorize *a, uint32_t base);

/* Whether |p| selects workloads of this class. */
bool authorize_selects(const struct mesh *m, const struct mesh_policy *p,
		       const struct identity_class *c);
