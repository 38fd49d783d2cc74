/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a source holds: files with their drafts, the drafts of each kind in order, and what the last
 * build left for the next one. */
#pragma once

#include "base/table.h"
#include "mesh-config/resolve/catalog.h"
#include "mesh-config/resolve/source.h"
#include "mesh-config/resolve/source_file.h"

struct built;

#define CHANGED_MAX 64 /* files; with more of them everything is made anew */

struct mesh_source {
	struct pool *names;	    /* of files */
	struct pool *pool;	    /* of everything else */
	struct table *by_name;	    /* name pointer -> index */
	struct source_file **files; /* by index, NULL where free */
	struct problem_file *shown; /* the same, for messages */
	uint32_t file_slots, file_count;
	uint32_t noted; /* files with problems */
	size_t total_bytes;
	uint64_t hash; /* of all files */
	struct catalog catalogs[KIND_COUNT];
	uint32_t counts[32]; /* rows of the last mesh, to reserve as much at once */

	struct built *built;	       /* NULL: the next build makes everything anew */
	uint32_t changed[CHANGED_MAX]; /* files since then, by index */
	uint32_t changed_count;
	struct source_file *gone; /* which that mesh was made with, and are not there any more */
	bool names_changed;	  /* files came or went */
	struct gone_list *lost;	  /* objects; see source_gone.c */
};

/* Forgets the last build. */
void source_forget(struct mesh_source *s);

/* What is there now is what the last build was made with; |all| unless it knew most of it. */
void source_settle(struct mesh_source *s, bool all);

/* In source_gone.c: |old| is replaced by |new| (NULL: by nothing). */
void gone_note(struct mesh_source *s, const struct source_file *old, const struct source_file *new);

/* In build.c: NULL is fine. */
void built_free(struct built *b);
