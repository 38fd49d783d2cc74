/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cgroup resolver: the loader's thread that answers requests for which records wait: paths of
 * control groups, files about containers. It has real-time priority where that is allowed:
 * the loader may be busy with a library, or wait for a CPU, while records fill the ring. */
#pragma once

#include "control/ipc/ipc.h"

struct cgroup_resolver;

/* Answers the requests of |requests|, which outlives it, until the other end is closed.
 * |cgroup_root| is borrowed. 0, or a negative errno with |err|. Free with cgroup_resolver_free,
 * which ends it. */
int cgroup_resolver_new(const char *cgroup_root, struct ipc *requests, struct cgroup_resolver **ret,
			struct error *err);
void cgroup_resolver_free(struct cgroup_resolver *n);
