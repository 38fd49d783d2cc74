/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The numbers that an earlier agent gave, read from its arena. */
#pragma once

#include "mesh-config/compile/numbers.h"
#include "mesh-config/compile/workload_ids.h"

#include <linux/types.h>

#include "bpf/abi.h"

struct adopt_numbers {
	struct numbers *endpoints, *states;
	struct workload_ids *ids;
};

/* Reads |count| cells, whose content need not be trusted. 0, or -EPROTO: it is no arena of this
 * ABI. */
int adopt_cells(const struct adopt_numbers *n, const void *cells, uint32_t count);
