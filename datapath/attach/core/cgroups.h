/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Control groups by id: the id that BPF programs see is the kernfs node's, which is also a file
 * handle. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Writes the path of control group |cgroup_id| below the mount point |root|
 * ("/system.slice/nginx.service", "/" for the root) into |out|. 0, -ENOENT (gone), -ENAMETOOLONG,
 * or the kernel's error. */
int cgroups_path(const char *root, uint64_t cgroup_id, char *out, size_t size);
