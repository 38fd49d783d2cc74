/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Matchers of the model as cells: the table weft_mesh_header.matchers and the chains behind it. */
#pragma once

#include "mesh-config/compile/cells_table.h"
#include "mesh-config/compile/workload_ids.h"

/* What the names in a matcher mean on this machine now. */
struct matcher_names {
	uint32_t matcher;   /* index in the mesh */
	uint64_t cgroup_id; /* of its systemd unit, cgroup or container; 0: there is none now */
	uint32_t netns_ino; /* 0: there is none now */
};

struct matchers {
	struct cells *cells; /* borrowed */
	struct cells_table table;
	uint32_t first, count; /* the chains' cells */
	uint64_t hash;	       /* of what is written */
	uint32_t lacks;	       /* WEFT_MESH_LACKS of each kind that there is none of */
	uint32_t skipped;      /* matchers beyond WEFT_MESH_MATCHERS of one chain */
};

int matchers_init(struct matchers *t, struct cells *c, uint32_t seed);

/* Writes the matchers of |m|; |names| are ascending by matcher and have all that name a cgroup or a
 * network namespace. Those whose names mean nothing now are left out, and so are executables with a
 * pattern in the last component (matchers_supported) and what is an address alone
 * (mesh-config/compile/addresses.h). 0, -ENOMEM, -EXFULL or cells_error. */
int matchers_write(struct matchers *t, const struct mesh *m, const struct workload_ids *ids,
		   const struct matcher_names *names, uint32_t name_count);

/* Whether one of them asks for a program. */
bool matchers_ask_programs(const struct mesh *m);

/* Whether the kernel half can tell who matches. */
bool matchers_supported(const struct mesh_matcher *matcher);
