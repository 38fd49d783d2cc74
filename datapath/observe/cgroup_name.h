/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a control group's path says about the workload in it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Names the workload of the control group |path| ("/system.slice/nginx.service"): a container's
 * short id or name, else a systemd unit without ".service", else the last component. Returns the
 * kind ("container", "unit", "cgroup", static) and fills |name|, or NULL when the path names
 * nothing: the root, slices, login sessions and user managers. */
const char *cgroup_name(const char *path, char *name, size_t size);

/* The id of the container that the control group |path| is of, 64 hex digits as runtimes write it.
 * False: of none that a runtime of this kind made. */
#define CGROUP_CONTAINER_ID_BYTES 64
bool cgroup_container_id(const char *path, char ret_id[CGROUP_CONTAINER_ID_BYTES + 1]);
