/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests of the worker to the cgroup resolver (control/agent/cgroup_resolver.h): paths of control
 * groups, names of containers. Records wait for the answer: after a request that was not answered
 * in time no other is made for five seconds. */
#pragma once

#include "control/ipc/ipc.h"
#include "datapath/observe/listener.h"

struct cgroup_client {
	struct ipc *ipc;
	uint64_t due_ns; /* no request before; 0 at first */
};

/* As |cgroup_path| and |container| of struct observe_listener. */
int cgroup_client_path(struct cgroup_client *c, uint64_t cgroup_id, char *out, size_t size);
int cgroup_client_container(struct cgroup_client *c, uint64_t cgroup_id, const char *id,
			    struct observe_names *ret);
