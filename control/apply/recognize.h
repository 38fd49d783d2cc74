/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who a process of this node is, by the matchers of the mesh and by what records tell of it. */
#pragma once

#include "mesh-config/model/model.h"

#include <linux/types.h>
#include <stddef.h>

#include "bpf/abi.h"

struct recognize;

/* The path of a control group below the root of their tree; 0 or -ENOENT. */
typedef int (*recognize_path_fn)(void *arg, uint64_t cgroup_id, char *out, size_t size);

/* NULL when memory is short. |path| may be NULL: nothing is known of control groups. */
struct recognize *recognize_new(recognize_path_fn path, void *arg);
void recognize_free(struct recognize *r);

/* The workload that the first matcher that fits names; MESH_NONE: none does, or one that comes
 * before asks for what records do not tell (the network namespace, or a control group that is
 * gone). Executables are compared by the last part of their path, as the kernel half does.
 * |generation| is that of |m|; what was found is kept as long as it stays. */
uint32_t recognize_owner(struct recognize *r, const struct mesh *m, uint64_t generation,
			 const struct weft_owner *owner, const uint8_t addr[16]);
