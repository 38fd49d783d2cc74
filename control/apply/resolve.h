/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Resolves names in matchers on this machine: control groups (by path, systemd unit, container) and
 * network namespaces to the numbers that the kernel half compares. They change over time. */
#pragma once

#include "control/ipc/messages.h"

/* Fills the ids of |names|. Of several groups that fit, the one nearest to the root counts, which
 * those below it belong to; of several units the one below slices alone. A unit or container is one
 * where root alone may have given the name: all directories above it are root's. |cgroup_root|:
 * where the cgroup2 tree is mounted. 0; a negative errno when descriptors or memory are short: the
 * ids are as they were then. */
int resolve_names(const char *cgroup_root, struct resolve_name *names, size_t count);
