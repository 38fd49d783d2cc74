/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Puts meshes in force as complete generations: compiles, writes to memory that no program reads,
 * flips. */
#pragma once

#include "control/ipc/ipc.h"

#include "base/error.h"

#include "datapath/attach/mesh/mesh_state.h"

struct generation;
struct mesh;
struct writer;

struct writer_options {
	uint32_t seed; /* random */
	struct ipc *loader;
	struct mesh_state state; /* borrowed; with an earlier agent's generation, if there is one */
};

struct writer_result {
	uint64_t number; /* of the generation */
	uint32_t cells;
	uint32_t apply_us;	/* from compiled cells to the flip */
	char acceleration[256]; /* why what is asked for is not accelerated, "" if it is */
	bool unfinished; /* in force, but has to be written again: the loader did not apply all of
			    it */
};

int writer_new(const struct writer_options *options, struct writer **ret, struct error *err);
void writer_free(struct writer *w);

/* Compiles |mesh|, which it takes over in any case, and puts it in force. 0 with |ret_generation|
 * (the caller's), which has the mesh and must be held until the next call returned; or why nothing
 * changed, with |err|. */
int writer_write(struct writer *w, struct mesh *mesh, struct generation **ret_generation,
		 struct writer_result *ret, struct error *err);

/* Brings a part of the other arena up to date with the generation in force, so that the next
 * generation writes only its changes. True: there is more to do. */
bool writer_prepare(struct writer *w);
