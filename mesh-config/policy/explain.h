/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What policies say of a connection, and why: the verdict from the compiled form that the kernel
 * half runs, the reasons from the model. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "mesh-config/policy/holders.h"

struct explain_end {
	const struct mesh_workload *workload; /* NULL: a client that the mesh does not know */
	uint8_t address[16];		      /* source: all 0 = not known */
};

struct explain_question {
	struct explain_end source;
	struct explain_end target;
	uint16_t port; /* of the target */
};

/* Compiles the policies of the target and walks them. Policies in |ret| are indexes of |m|. 0,
 * -ENOMEM, -E2BIG with |err|. */
int explain_ask(const struct mesh *m, const struct explain_question *q,
		struct weft_policy_answer *ret, struct error *err);

/* An end that may be one of several workloads. */
struct explain_ends {
	struct holders holders; /* count 0: a client that the mesh does not know */
	uint8_t address[16];
};

/* The same for every pair of them: what is denied to one is denied. |*ret_pair| is the pair of
 * which |ret| speaks. */
int explain_ask_all(const struct mesh *m, const struct explain_ends *source,
		    const struct explain_ends *target, uint16_t port,
		    struct explain_question *ret_pair, struct weft_policy_answer *ret,
		    struct error *err);

/* Whether policy |policy| of |m| selects the target. */
bool explain_selects(const struct mesh *m, uint32_t policy, const struct explain_question *q);

/* The first rule of |policy| that matches, from 1, by the model alone; 0: none. |reason| (may be
 * NULL) is told why for each rule before it; the text is borrowed. */
uint32_t explain_policy(const struct mesh *m, uint32_t policy, const struct explain_question *q,
			void (*reason)(void *arg, uint32_t rule, const char *text), void *arg);
