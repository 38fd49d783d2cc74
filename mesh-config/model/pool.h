/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Texts, label sets and localities, each kept once: equal ones have equal pointers. A pool is
 * shared by the source that fills it and the meshes that were built with it. */
#pragma once

#include "base/slice.h"
#include "mesh-config/model/base.h"

struct pool;

/* NULL when memory is short. Starts with one reference. */
struct pool *pool_new(void);
struct pool *pool_ref(struct pool *p);
void pool_unref(struct pool *p); /* NULL is fine */

/* The one copy, NUL-terminated; NULL when memory is short. */
const char *pool_text(struct pool *p, struct slice text);

/* The copy if there is one, else NULL. */
const char *pool_find(const struct pool *p, struct slice text);

/* Of |count| pairs whose texts are of this pool; sorts |labels| by key. Keys are unique. NULL when
 * memory is short. */
const struct mesh_labels *pool_labels(struct pool *p, struct mesh_label *labels, uint32_t count);

/* From "region/zone/subzone", as Istio writes it. NULL when memory is
 * short. */
const struct mesh_locality *pool_locality(struct pool *p, struct slice text);

/* The empty text and the set without labels. */
extern const char pool_empty[1];
extern const struct mesh_labels *const pool_labels_none;

/* How much it holds, to know when it is time for a fresh one. */
size_t pool_bytes(const struct pool *p);
