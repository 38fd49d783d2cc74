/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From files to the model. A source holds every file parsed; putting one file again parses that one
 * only, and building resolves what changed. Pure: it gets bytes and opens no file. */
#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "mesh-config/model/model.h"
#include "mesh-config/resolve/files.h"
#include "mesh-config/yaml/problem.h"

/* Bounds, beside those of one file (mesh-config/yaml/yaml.h); beyond them: a problem, never a crash
 * or a long wait. */
#define MESH_TOTAL_MAX_BYTES (256u << 20)
#define MESH_FILES_MAX	     65536

struct mesh_source;

/* NULL when memory is short. The caller frees with mesh_source_free; meshes that were built stay
 * valid without their source. */
struct mesh_source *mesh_source_new(void);
void mesh_source_free(struct mesh_source *s);

/* Takes the content of the file |name| in place of what it had, and parses it. |bytes| are not
 * kept. What is wrong in it is said by mesh_source_build. 0, -ENOMEM, -ENOSPC beyond
 * MESH_FILES_MAX or MESH_TOTAL_MAX_BYTES (then the file's old content stays). */
int mesh_source_put(struct mesh_source *s, const char *name, struct slice bytes);

/* Forgets a file. -ENOENT when it is not there. */
int mesh_source_remove(struct mesh_source *s, const char *name);

/* Whether that file is there, with objects. */
bool mesh_source_has(const struct mesh_source *s, const char *name);

/* Whether there is any file; any object. */
bool mesh_source_has_files(const struct mesh_source *s);
bool mesh_source_has_objects(const struct mesh_source *s);

/* Whether there is nothing in a file but blanks, comments and ends of documents. */
bool mesh_text_is_blank(struct slice text);

/* Visits what the files had when it was settled last and have no more, by its title
 * ("ServiceEntry shop/cart"), at most MESH_GONE_MAX of them. How many there are. To be asked
 * after a build without errors. */
#define MESH_GONE_MAX 64
uint32_t mesh_source_gone(struct mesh_source *s, void (*visit)(void *arg, const char *title),
			  void *arg);
void mesh_source_settle_gone(struct mesh_source *s);

/* What |before| has and |s| has not is gone, too. To be asked after a build of |s|. */
void mesh_source_follow(struct mesh_source *s, const struct mesh_source *before);

/* Resolves all files to a new mesh, which the caller frees with mesh_free. |ret_problems| (not
 * NULL) always gets every problem of the whole configuration; the caller frees it. With an error
 * among them the result is -EINVAL and *|ret_mesh| stays untouched; -ENOMEM likewise. */
int mesh_source_build(struct mesh_source *s, struct mesh **ret_mesh, struct problems *ret_problems);

/* Makes a part of the next build ready, while nothing is to be built. True: there is more to do. */
bool mesh_source_prepare(struct mesh_source *s);

/* The files as they are now, held once. NULL when memory is short. */
struct mesh_files *mesh_source_files(const struct mesh_source *s);
