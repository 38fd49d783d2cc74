/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a source holds: files with their drafts, and the drafts of each kind in order. */
#pragma once

#include "base/table.h"
#include "mesh-config/draft.h"
#include "mesh-config/source.h"

struct source_file {
	const char *name; /* of the pool of names */
	uint32_t index;
	struct slice bytes; /* owned */
	struct arena arena;
	struct problem_sink problems;
	struct draft *drafts;
	uint64_t hash; /* of the drafts, whatever their order */
};

/* The drafts of one kind: sorted by namespace, sort name and name up to |sorted|, what was added
 * since behind. */
struct catalog {
	struct draft **items;
	uint32_t count, sorted, capacity;
};

struct mesh_source {
	struct pool *names;	    /* of files */
	struct pool *pool;	    /* of everything else */
	struct table *by_name;	    /* name pointer -> index */
	struct source_file **files; /* by index, NULL where free */
	uint32_t file_slots, file_count;
	size_t total_bytes;
	struct catalog catalogs[KIND_COUNT];
	uint32_t counts[32]; /* rows of the last mesh, to reserve as much at once */
};

/* Sorts what was added. False when memory is short. */
bool catalog_sort(struct catalog *c);
