/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What lies behind a mesh: its arrays and the lookups of the functions of model.h, in blocks that
 * other meshes may share. */
#pragma once

#include "base/table.h"
#include "mesh-config/model/lookup.h"
#include "mesh-config/model/model.h"
#include "mesh-config/model/shared.h"

#include <string.h>

enum mesh_array {
#define X(field, count, type) ROWS_##field,
	MESH_ARRAYS(X)
#undef X
		ROWS_COUNT,
};

/* One of them while it is filled. */
struct rows {
	void *items; /* a block of shared.h */
	uint32_t count, capacity;
	uint32_t ahead_first, ahead_end; /* the last mesh's rows, not added yet (resolve/ahead.h) */
};

/* What a mesh has in |array|; borrowed. */
struct rows mesh_rows(const struct mesh *m, enum mesh_array array);

/* The size of an element. */
size_t rows_size_bytes(enum mesh_array array);

/* Another mesh with the same arrays; NULL when memory is short. */
struct mesh *mesh_share(const struct mesh *m);

/* Behind the functions of model.h. Like the arrays of a mesh, its blocks may be those of an earlier
 * mesh too (shared.h). */
struct mesh_index {
	struct pool *pool;
	struct lookup names;	  /* services by namespace and name */
	struct lookup hosts;	  /* by text: index in mesh->hosts */
	struct lookup vip_ports;  /* by address, port, protocol: index in mesh->vips */
	struct lookup addresses;  /* of workloads: the first that has it */
	uint32_t *host_services;  /* of mesh->hosts */
	struct lookup *endpoints; /* made at the first question */
	const char **files;
	bool shares;	   /* workloads that differ may have one address, or one prefix */
	bool has_networks; /* a virtual address is a prefix shorter than 128 bits */
};

/* Of a namespace and a name, for the lookup of names. */
static inline uint64_t name_hash(const char *namespace_name, const char *name)
{
	return table_hash(name, strlen(name),
			  table_hash(namespace_name, strlen(namespace_name), 0));
}

/* Key of vip_ports; no padding. */
struct vip_key {
	uint8_t address[16];
	uint16_t port;
	uint8_t protocol;
	uint8_t bits;
	uint32_t zero;
};

/* Whether |w|, whose addresses are among |addresses|, has |address|. */
bool workload_has(const struct mesh_workload *w, const struct mesh_address *addresses,
		  const uint8_t address[16]);
bool mesh_workload_has(const struct mesh *m, uint32_t workload, const uint8_t address[16]);
