/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the model to the arena that the kernel half reads (bpf/abi_mesh.h). A compiler keeps what it
 * made: the next generation costs what changed, and so does copying it to where the one before the
 * last lies. Pure. */
#pragma once

#include "base/error.h"
#include "mesh-config/compile/cells.h"
#include "mesh-config/compile/matchers.h"
#include "mesh-config/model/model.h"

struct compiler;

#define COMPILE_CELLS_MAX (1u << 22) /* 256 MiB */

/* Numbers that name things in records: see bpf/abi_mesh.h. */
enum compile_number {
	COMPILE_ENDPOINT, /* index in weft_endpoints */
	COMPILE_STATE,	  /* index in weft_services: of a service or a pool */
};

struct compile_input {
	const struct mesh *mesh;
	uint64_t generation; /* more than at the last call; at least 1 */
	/* Of the matchers that name cgroups or network namespaces; ascending by matcher. */
	const struct matcher_names *names;
	uint32_t name_count;
	/* Whether nothing in the kernel belongs to |number| any more, and its state is zeroed: then
	 * it may be given to another. Asked of those that have been gone for two generations. */
	bool (*idle)(void *arg, enum compile_number kind, uint32_t number);
	void *arg;
};

/* |seed| should be random: it is that of the arena's hash tables. NULL when memory is short. */
struct compiler *compiler_new(uint32_t seed);
void compiler_free(struct compiler *c); /* NULL is fine */

/* Takes over the numbers of an earlier agent from the |count| cells of the arena in force, before
 * the first compiler_run. What is not an arena of this ABI is left alone: -EPROTO. */
int compiler_adopt(struct compiler *c, const void *cells, uint32_t count);

/* Makes the next generation. |in->mesh| is used until the next call returned. 0; -ENOSPC: it needs
 * more cells or numbers than there may be, or more workloads are alike than the kernel half tells;
 * -E2BIG: policies, see authorize_compile; -ENOMEM. With |err|. After a failure the compiler starts
 * from scratch next time (with the same numbers); what was copied from it is not concerned. */
int compiler_run(struct compiler *c, const struct compile_input *in, struct error *err);

/* The cells of the last successful run: cells_count, and cells_copy for what holds generations from
 * compiler_oldest on, or nothing. Borrowed until the next run. */
const struct cells *compiler_cells(const struct compiler *c);

/* The generation that was compiled from scratch; what copies of older ones hold is of no use. */
uint64_t compiler_oldest(const struct compiler *c);

/* What numbers meant in one generation: indexes in its mesh, MESH_NONE where there is none. */
struct compile_names {
	uint64_t generation;
	uint32_t *endpoints, endpoint_count; /* by weft_mesh_endpoint.state */
	uint16_t *endpoint_ports;	     /* where they serve, by the same */
	uint32_t *services, service_count;   /* by weft_mesh_service.state */
	uint32_t *workloads, workload_count; /* by weft_mesh_identity.number */
	uint32_t *workload_cells;	     /* by index in the mesh: weft_mesh_identity */
};

/* Of the last successful run; the caller frees it with compile_names_free. NULL when memory is
 * short. */
struct compile_names *compiler_names(const struct compiler *c);
void compile_names_free(struct compile_names *n); /* NULL is fine */

/* |number| in one of the arrays above, MESH_NONE if it is beyond. */
static inline uint32_t compile_name(const uint32_t *names, uint32_t count, uint32_t number)
{
	return number < count ? names[number] : MESH_NONE;
}

/* What the last run did, for status and tests. */
struct compile_statistics {
	uint32_t services; /* written */
	uint32_t workloads;
	bool policies; /* compiled anew */
	bool scratch;  /* everything was */
	uint32_t cells_used;
	uint32_t addresses_shared; /* see addresses_shared */
};

void compiler_statistics(const struct compiler *c, struct compile_statistics *ret);
