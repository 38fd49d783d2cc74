/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files share that resolve: a build under way, and what the last one left. */
#pragma once

#include "mesh-config/model/rows.h"
#include "mesh-config/resolve/ahead.h"
#include "mesh-config/resolve/source_state.h"
#include "mesh-config/resolve/work.h"

/* What is made together, or taken over from the last build together; each with its problems. */
enum resolve_stage {
	STAGE_SERVICES,	 /* workloads too */
	STAGE_ENDPOINTS, /* and traffic: taken over service by service */
	STAGE_ROUTES,	 /* and which rules and routes are whose */
	STAGE_POLICIES,
	STAGE_WARNINGS,
	STAGE_SHARED, /* made each time */
	STAGE_SIGNALS,
	STAGE_COUNT,
};

/* What a successful build leaves for the next. */
struct built {
	struct mesh *mesh;
	struct service_work *work;
	struct problem_sink *problems[STAGE_COUNT];
	struct ahead ahead;
};

struct resolve {
	struct mesh_source *source;
	struct pool *pool;
	struct arena arena; /* until the mesh is made */
	struct problem_sink *stages[STAGE_COUNT], spare;
	struct problem_sink *problems; /* of the stage at hand */
	struct mesh *mesh; /* its settings are made first, its arrays are filled in at the end */
	struct mesh_index *index;
	struct rows rows[ROWS_COUNT];
	struct service_work *work;   /* by service; a block of shared.h */
	struct splitters *splitters; /* the same */
	struct lookup labels;	     /* of workloads by label, see workloads.c */
	struct label_head *heads;
	struct label_posting *postings;
	struct reuse *reuse; /* NULL: everything is made anew */
	bool incomplete;     /* a file could not be read: what is missing may be in it */
	bool failed;	     /* memory */
	char scratch[512];
};

/* The rows to make room for at first where there were |count|. */
static inline uint32_t rows_room(uint32_t count)
{
	return count + count / 16 + 16;
}
