/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files in which container runtimes keep what they know of a container. They are opened here,
 * where the rights to do so are; control/agent/runtime_name.h reads them, where there are none. */
#pragma once

struct local_files;

/* Opens the |n|-th file, from 1, that may say how the container of the control group |cgroup_path|
 * is called: Docker's of it, containerd's of it, the lists of what Podman and CRI-O have. Only
 * regular files that belong to root, in directories on local file systems (local_files.h). A
 * descriptor, or -ENOENT: the group is no container's, or there are fewer files. */
int runtime_state_open(struct local_files *local, const char *cgroup_path, unsigned n);
