/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The workload of a process of this node, by the matchers of the mesh and the facts in records. */
#pragma once

#include "mesh-config/model/model.h"

#include <linux/types.h>
#include <stddef.h>

#include "bpf/abi.h"

struct process_match;

/* The path of a control group below the root of their tree; 0, -ENOENT,
 * or -EAGAIN: it is not known now. */
typedef int (*process_match_path_fn)(void *arg, uint64_t cgroup_id, char *out, size_t size);

/* NULL when memory is short. |path| may be NULL: nothing is known of control groups. */
struct process_match *process_match_new(process_match_path_fn path, void *arg);
void process_match_free(struct process_match *r);

/* The workload of the first matcher that holds; MESH_NONE: none holds, or an earlier one needs a
 * fact that is not in records (the network namespace, or a control group that is gone). Executables
 * are compared by the last component of their path, as in the kernel half. |generation| is that of
 * |m|; results are cached until it changes. */
uint32_t process_match_owner(struct process_match *r, const struct mesh *m, uint64_t generation,
			     const struct weft_owner *owner, const uint8_t addr[16]);
