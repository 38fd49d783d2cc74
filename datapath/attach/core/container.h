/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Restrictions by a container around the agent, and the podman or docker option that lifts each. */
#pragma once

#include <stdbool.h>

/* name, restriction, option */
#define CONTAINER_LIMITS(X)                                                                        \
	X(seccomp, "a seccomp filter refuses bpf(2): nothing can be loaded",                       \
	  "--security-opt seccomp=unconfined")                                                     \
	X(cgroup, "only this container's own control group is seen: no traffic but its own",       \
	  "--volume /sys/fs/cgroup:/sys/fs/cgroup, or --cgroupns=host")                            \
	X(pid,                                                                                     \
	  "processes of the node are not seen: no TLS is opened, and workloads have no names",     \
	  "--pid=host")                                                                            \
	X(network, "interfaces of the node are not seen: no flows are counted on them",            \
	  "--network=host")                                                                        \
	X(bpffs, "there is no bpf file system to pin to", "--volume /sys/fs/bpf:/sys/fs/bpf")

enum container_limit {
#define X(name, ...) CONTAINER_LIMIT_##name,
	CONTAINER_LIMITS(X)
#undef X
		CONTAINER_LIMIT_MAX
};

struct container_limits {
	bool limited[CONTAINER_LIMIT_MAX]; /* by enum container_limit */
};

/* Examines this process; on a node itself nothing is limited. |cgroup_path|: where the cgroup tree
 * is mounted, "" = nowhere. |pin_dir|: the pin directory, "" = none. What cannot be determined
 * counts as not limited. */
void container_look(const char *cgroup_path, const char *pin_dir, struct container_limits *ret);

/* The text of one limit: "... : --option". Static. */
const char *container_limit_text(enum container_limit limit);
