/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The walk over policy steps in user space: what the kernel half does with the same cells
 * (bpf/lib/policy.bpf.h). */
#pragma once

#include <linux/types.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Cells of an arena; cells[0] has the index |base|. */
struct evaluate_cells {
	const struct weft_mesh_step *cells;
	uint32_t base;
	uint32_t count;
};

/* Answers |q|. A graph that points outside of |c| or does not end within WEFT_MESH_STEPS denies,
 * and the answer says that it is broken. |visited| (may be NULL) is told of each step. */
void evaluate(const struct evaluate_cells *c, const struct weft_policy_question *q,
	      struct weft_policy_answer *ret_answer,
	      void (*visited)(void *arg, uint32_t cell, const struct weft_mesh_step *step),
	      void *arg);
