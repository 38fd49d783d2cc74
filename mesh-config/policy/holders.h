/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which workloads an address may be: what mesh-config/compile/addresses.h puts into the arena,
 * asked of the model, without any table. */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"
#include "mesh-config/model/model.h"

/* Indexes of workloads that differ in what policies see. */
struct holders {
	uint32_t workloads[WEFT_MESH_IDENTITIES];
	uint32_t count; /* 0: no workload of the mesh */
};

/* |port| 0: of a source. Costs a walk over the mesh. */
struct holders holders_at(const struct mesh *m, const uint8_t address[16], uint16_t port);
