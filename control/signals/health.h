/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Weft's own health as plain numbers: weftd fills it before a scrape, signals only renders it. */
#pragma once

#include <linux/types.h>
#include "bpf/abi.h"
#include "datapath/observe/observe.h"

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_PROGRAMS_MAX   64
#define HEALTH_PROBES_MAX     64
#define HEALTH_INTERFACES_MAX 256

/* Protocols by which flows are counted: X(NAME, "label value") */
#define HEALTH_FLOW_PROTOCOLS(X)                                                                   \
	X(TCP, "tcp")                                                                              \
	X(UDP, "udp")                                                                              \
	X(OTHER, "other")

enum health_flow_protocol {
#define X(name, text) HEALTH_FLOW_##name,
	HEALTH_FLOW_PROTOCOLS(X)
#undef X
		HEALTH_FLOW_PROTOCOL_MAX
};

struct health_total {
	uint64_t packets;
	uint64_t bytes;
};

/* A network interface; names are unique in the list. */
struct health_interface {
	char name[32];
	char mode[16]; /* how it is watched: "xdp_native", "xdp_generic", "tcx", "clsact" */
	uint32_t ifindex;
	uint32_t flows;
	struct health_total totals[2][HEALTH_FLOW_PROTOCOL_MAX]; /* by WEFT_INGRESS, WEFT_EGRESS */
};

/* A BPF program; names are unique in the list. */
struct health_program {
	char name[16];
	uint64_t runs;
	uint64_t run_ns;
};

/* A probe (a hook or a probe site's kind) and in how many places it is attached;
 * names are unique. */
struct health_probe {
	char name[32];
	uint32_t attached;
};

/* X(NAME, "label value") */
#define HEALTH_MESH_OBJECTS(X)                                                                     \
	X(FILES, "file")                                                                           \
	X(SERVICES, "service")                                                                     \
	X(ENDPOINTS, "endpoint")                                                                   \
	X(WORKLOADS, "workload")                                                                   \
	X(POLICIES, "policy")

enum health_mesh_object {
#define X(name, text) HEALTH_MESH_##name,
	HEALTH_MESH_OBJECTS(X)
#undef X
		HEALTH_MESH_OBJECT_MAX
};

#define HEALTH_EJECT_REASONS_MAX 8

/* A service of the mesh with at least one connect. */
struct health_service {
	const char *name; /* "NAMESPACE/NAME" */
	uint64_t connects;
	uint64_t refused[3]; /* response flags UH (no endpoint), UO (overflow), RBAC (denied) */
	uint32_t connections;
};

/* The mesh; all zero without one. */
struct health_mesh {
	bool on;
	uint64_t generation;
	uint64_t hash;
	uint64_t applied;
	uint64_t failed;
	uint64_t success_s, failure_s; /* since the epoch, 0 = never */
	bool ahead;		       /* the directory has changes that are not in force */
	uint64_t objects[HEALTH_MESH_OBJECT_MAX];
	uint64_t ended; /* living connections */
	uint64_t not_ended;
	uint64_t owner_walks, owner_walk_ns, owner_changes; /* datapath/attach/mesh/owners.h */
	uint64_t ejected;
	uint64_t ejections[HEALTH_EJECT_REASONS_MAX];
	const char *eject_reasons[HEALTH_EJECT_REASONS_MAX]; /* NULL ends them */
	const struct health_service *services;		     /* borrowed */
	uint32_t service_count;
};

struct health {
	struct health_mesh mesh;
	const char *version;			/* "" = not known */
	uint64_t kernel_lost[WEFT_LOSS_MAX];	/* by WEFT_LOST_*, over all CPUs */
	uint64_t kernel_counts[WEFT_COUNT_MAX]; /* by WEFT_COUNT_*, over all CPUs */
	struct observe_counters observe;
	uint64_t reader_lost;
	uint64_t clients_ended;
	uint64_t ring_bytes;
	uint64_t ring_waiting_max; /* bytes, since the start */
	uint64_t ring_rescues;
	uint64_t process_cpu_ns;
	uint64_t process_resident_bytes;
	uint64_t process_start_s;  /* since the epoch */
	uint64_t loader_ms;	   /* the same: of programs, probes, interfaces, descriptors */
	uint32_t process_open_fds; /* of the half that attaches */
	uint64_t process_max_fds;
	uint32_t program_count;
	uint32_t probe_count;
	uint32_t interface_count;
	struct health_program programs[HEALTH_PROGRAMS_MAX];
	struct health_probe probes[HEALTH_PROBES_MAX];
	struct health_interface interfaces[HEALTH_INTERFACES_MAX];
};
