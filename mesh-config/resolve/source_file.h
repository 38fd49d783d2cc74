/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file of a source. */
#pragma once

#include "mesh-config/resolve/files.h"
#include "mesh-config/schema/draft.h"

struct source_file {
	const char *name; /* of the pool of names */
	uint32_t index;
	struct mesh_file *file;
	struct slice bytes; /* of the file */
	struct arena arena;
	struct problem_sink problems;
	struct draft *drafts;
	uint64_t hash;		  /* of the drafts, whatever their order */
	bool built;		  /* the last mesh was made with it */
	struct source_file *next; /* among those that are gone */
};
