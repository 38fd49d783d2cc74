/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The config compiler: files to a checked mesh, the mesh to a generation, the generation in force;
 * a failure leaves the former one. A thread of the worker, so that the ring is read meanwhile, with
 * the worker's privileges (none). All functions except config_compiler_free may be called from
 * other threads. */
#pragma once

#include "control/apply/file_batch.h"
#include "control/apply/generation.h"

#include "base/error.h"
#include "datapath/attach/mesh/mesh_state.h"

#include <stdbool.h>
#include <stdint.h>

struct mesh_files;
struct config_compiler;

struct config_compiler_options {
	uint32_t seed;	    /* random */
	struct ipc *loader; /* answers the compiler */
	struct ipc *files;  /* source of files; both outlive the compiler */
	/* Called first by the thread: drops privileges. 0 or a negative errno. */
	int (*confine)(struct error *err);
	/* The kernel's, indexed by the numbers of a generation; borrowed. With an earlier agent's
	 * generation, if there is one. */
	struct mesh_state state;
};

/* Starts the thread. 0 or a negative errno with |err|. */
int config_compiler_new(const struct config_compiler_options *options, struct config_compiler **ret,
			struct error *err);

/* Ends the thread; the generation in force stays. */
void config_compiler_free(struct config_compiler *p);

/* Readable when there is a new generation or a failure. config_compiler_acknowledge resets it. */
int config_compiler_fd(const struct config_compiler *p);
void config_compiler_acknowledge(struct config_compiler *p);

/* The generation in force, or number |number| among the latest ones; NULL: none. The caller gives
 * it back with generation_put. */
struct generation *config_compiler_latest(struct config_compiler *p);
struct generation *config_compiler_generation(struct config_compiler *p, uint64_t number);

/* What a generation was made from. */
struct config_compiler_files {
	uint64_t number; /* of the generation */
	uint64_t hash;	 /* of its configuration */
	struct mesh_files *files;
};

/* The files of the generation in force, or of number |number| among the latest ones, held once
 * more; older ones as far as what they do not share is within 16 MiB. 0; -ENOENT: not known (any
 * more). */
int config_compiler_files_read(struct config_compiler *p, uint64_t number,
			       struct config_compiler_files *ret);

#define CONFIG_COMPILER_PROBLEMS 20

/* Where what is in force comes from. X(name, text) */
#define CONFIG_COMPILER_SOURCES(X)                                                                 \
	X(NOTHING, "nothing")                                                                      \
	X(EARLIER, "an earlier agent") /* whose files are not known */                             \
	X(LAST_GOOD, "last good")      /* its files, kept beside the pins */                       \
	X(DIRECTORY, "directory")

enum config_compiler_source {
#define X(name, text) CONFIG_COMPILER_##name,
	CONFIG_COMPILER_SOURCES(X)
#undef X
};

const char *config_compiler_source_text(enum config_compiler_source source);

/* State of the compiler. */
struct config_compiler_status {
	bool settled; /* the first files were processed */
	enum config_compiler_source in_force;
	uint64_t number;	       /* of the generation in force; 0 = none */
	uint64_t hash;		       /* of its configuration */
	uint64_t applied;	       /* generations put in force by this agent */
	uint64_t failed;	       /* attempts that were not */
	uint64_t success_s, failure_s; /* time of the latest, seconds since 1970; 0 = never */
	uint32_t errors, warnings;     /* of the latest attempt */
	uint32_t plan_us;	       /* the latest: files to cells, */
	uint32_t apply_us;	       /* and cells in force */
	uint32_t cells;
	char acceleration[256]; /* why not all that is asked for is accelerated, "" if it is */
	char failure[320];	/* why the latest attempt failed, "" if it did not */
	/* The first of them as "FILE:LINE:COLUMN: error CODE: text; hint" */
	char problems[CONFIG_COMPILER_PROBLEMS][320];
	uint32_t problem_count;
};

void config_compiler_status_read(struct config_compiler *p, struct config_compiler_status *ret);
