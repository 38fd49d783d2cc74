/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* State files of container runtimes. They are opened here, in the privileged process;
 * control/agent/runtime_name.h parses them in the unprivileged one. */
#pragma once

struct local_files;

/* Opens the |n|-th file, from 1, that may contain the name of the container with the control group
 * |cgroup_path|: Docker's and containerd's file of the container, the lists of Podman and CRI-O.
 * Only regular files that belong to root, in directories on local file systems (local_files.h). A
 * descriptor, or -ENOENT: the group is no container's, or there are fewer files. */
int runtime_state_open(struct local_files *local, const char *cgroup_path, unsigned n);
