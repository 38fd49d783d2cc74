/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The workload of a process of this node, by the matchers of the mesh and the facts in records. */
#pragma once

#include "mesh-config/model/model.h"

#include <linux/types.h>
#include <stddef.h>

#include "bpf/abi.h"

struct recognize;

/* The path of a control group below the root of their tree; 0, -ENOENT,
 * or -EAGAIN: it cannot be said now. */
typedef int (*recognize_path_fn)(void *arg, uint64_t cgroup_id, char *out, size_t size);

/* NULL when memory is short. |path| may be NULL: nothing is known of control groups. */
struct recognize *recognize_new(recognize_path_fn path, void *arg);
void recognize_free(struct recognize *r);

/* The workload of the first matcher that holds; MESH_NONE: none holds, or an earlier one needs a
 * fact that is not in records (the network namespace, or a control group that is gone). Executables
 * are compared by the last component of their path, as in the kernel half. |generation| is that of
 * |m|; results are cached until it changes. */
uint32_t recognize_owner(struct recognize *r, const struct mesh *m, uint64_t generation,
			 const struct weft_owner *owner, const uint8_t addr[16]);
