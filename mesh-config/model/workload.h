/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Workloads of the model: who talks. From Pod, WorkloadEntry, the inline endpoints of ServiceEntry,
 * weft's own kind Workload, and endpoints of which but the address is known. */
#pragma once

#include "mesh-config/model/fields.h"

struct mesh_workload {
	const char *namespace_name;
	const char *name; /* "" for endpoints that no object describes; behind all others */
	const char *service_account;
	const char *canonical_service;	/* service.istio.io/canonical-name, app..., app; name */
	const char *canonical_revision; /* service.istio.io/canonical-revision, version; "latest" */
	const struct mesh_labels *labels;
	struct mesh_locality locality;
	uint32_t address_first, address_count; /* its own addresses, no prefixes */
	uint32_t port_first, port_count;       /* in mesh->workload_ports; endpoints say more */
	struct mesh_position position;
	/* All endpoints of a service of which but the address is known: no name, labels and
	 * account. Its addresses are sorted, no other workload but such ones has them. */
	bool bare;
};

/* What people call it in its namespace. */
static inline const char *mesh_workload_title(const struct mesh_workload *w)
{
	if (*w->name)
		return w->name;
	return *w->canonical_service ? w->canonical_service : "unknown";
}

/* Workload.match, but for its addresses. A text "" and a number MESH_NONE are not given. */
#define MATCHER_FIELDS(F, N, s)                                                                    \
	F(s, executable, "executable", TEXT,                                                       \
	  "whole path of the binary, as /proc/PID/exe has it; or \"*/NAME\", for a program of "    \
	  "this name wherever it lies",                                                            \
	  NOTED(match, executable_at))                                                             \
	F(s, executable_owner, "executableOwner", NUMBER,                                          \
	  "user who may change the executable and the directories above it, besides root; 0: "     \
	  "root alone",                                                                            \
	  .fallback = MESH_NONE, .max = UINT32_MAX - 1)                                            \
	F(s, systemd_unit, "systemdUnit", TEXT, "nginx.service")                                   \
	F(s, cgroup, "cgroup", TEXT, "path of the control group below its mount; * at the end")    \
	F(s, container, "container", TEXT, "id of the container, at least 12 digits",              \
	  NOTED(match, container_at))                                                              \
	F(s, netns, "netns", TEXT, "name of the network namespace")                                \
	F(s, uid, "uid", NUMBER, "user it runs as", .fallback = MESH_NONE, .max = UINT32_MAX - 1)

/* A way to know a process as this workload: everything that is given must hold. Patterns: exact,
 * "abc*", "*abc". Of several matchers that fit, the first in mesh->matchers wins; they are sorted
 * from the narrowest to the widest: more parts given first, then longer prefixes, then as workloads
 * are; those of an address alone come behind all others, as what is known of a process says more.
 */
struct mesh_matcher {
	uint32_t workload;
	MATCHER_FIELDS(FIELD_MEMBER, FIELD_NO_MEMBER, )
	bool has_prefix;
	struct mesh_prefix prefix; /* its address lies here */
	struct mesh_position position;
};
