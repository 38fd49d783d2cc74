/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: maps of policy at the server's end, declared here, defined in bpf/maps.bpf.c. Only there
 * with a mesh. */
#pragma once

#include "bpf/lib/maps.bpf.h"

/* What is known of a process, see bpf/lib/identity.bpf.h. */
#define IDENTITY_CGROUPS 6 /* levels below the root that matchers can name */

struct identity_facts {
	__u64 cgroups[IDENTITY_CGROUPS]; /* by level, from the top; 0 = there is none */
	__u64 exe;			 /* weft_hash_name */
	__u32 netns_ino;
	__u32 uid;
};

/* Who sent a SYN on this node, so that the server's end knows the process and not only its address.
 * Keys are as the client sees them; egress_seq 0. */
struct knock {
	struct identity_facts facts;
	__u64 generation; /* of |place| */
	__u32 place;	  /* who its network namespace is: cell, where its address says nothing */
	__u32 seq;	  /* of the SYN */
};

struct knock_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct end_key);
	__type(value, struct knock);
};
extern struct knock_map weft_knocks SEC(".maps");

/* Connections that were refused, as the server sees them, and in which generation: when the client
 * tries again it gets a RST. */
struct refused_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct end_key); /* sequence numbers 0 */
	__type(value, __u64);
};
extern struct refused_map weft_refused SEC(".maps");
