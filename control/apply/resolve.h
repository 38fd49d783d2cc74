/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What names in matchers mean on this machine now: control groups (by path, systemd unit,
 * container) and network namespaces to the numbers that the kernel half compares. They come and go.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum resolve_kind {
	RESOLVE_CGROUP,	   /* path below the mount: "/system.slice/nginx.service" */
	RESOLVE_UNIT,	   /* systemd unit: last component of the path, not below another unit */
	RESOLVE_CONTAINER, /* its id, or a beginning of it, stands in the last component */
	RESOLVE_NETNS,	   /* name below /run/netns */
};

/* Patterns as in struct mesh_matcher: exact, "abc*", "*abc". */
struct resolve_name {
	uint32_t matcher; /* the caller's number */
	uint32_t kind;	  /* enum resolve_kind */
	char text[232];
	uint64_t id;	 /* of the cgroup, inode of the namespace; 0: there is none now */
	uint64_t before; /* the caller's */
};

/* Fills the ids of |names|. Of several groups that fit, the one nearest to the root counts, which
 * those below it belong to; of several units the one below slices alone. A unit or container is one
 * where root alone may have given the name: all directories above it are root's. |cgroup_root|:
 * where the cgroup2 tree is mounted. 0; a negative errno when descriptors or memory are short: the
 * ids are as they were then. */
int resolve_names(const char *cgroup_root, struct resolve_name *names, size_t count);
