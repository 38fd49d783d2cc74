/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any files to one canonical form of their objects: by kind, namespace and name, fields in the
 * order of docs/config.md, only what weft honours. It means the same and has the same hash; or,
 * where a manifest of a cluster is converted, it says in comments what was left out. */
#pragma once

#include "base/slice.h"
#include "mesh-config/tools/canonical_options.h"

struct canonical;

/* NULL when memory is short. Free with canonical_free. */
struct canonical *canonical_new(const struct canonical_options *options);
void canonical_free(struct canonical *c);

/* Adds the objects of a file. 0; -EBADMSG: it is not YAML, or not what a file may be (build it with
 * mesh_source_build for the problem); -ENOMEM. */
int canonical_add(struct canonical *c, const char *file, struct slice bytes);

/* Visits each object in order: its text, which begins with "---" or comments and ends a line. 0 or
 * -ENOMEM. */
int canonical_visit(struct canonical *c, void (*visit)(void *arg, struct slice text), void *arg);

/* Where the object of that title was; false: there is none. */
bool canonical_place(const struct canonical *c, const char *title, const char **ret_file,
		     uint32_t *ret_line, uint32_t *ret_column);

/* Objects from which status or what controllers keep in metadata was taken. */
uint32_t canonical_stripped(const struct canonical *c);
