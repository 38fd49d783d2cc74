/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who a peer is and what it may do, as the kernel half reads it: cells of the arena that
 * bpf/abi_mesh.h describes, and the record of a verdict. Part of bpf/abi.h, which is what others
 * include. */
#pragma once

/* An address of workloads. */
struct weft_mesh_address {
	struct weft_mesh_key key;
	__u32 identity; /* cell */
	__u32 pad[10];
};

/* How a process is known. */
#define WEFT_MATCH_CGROUP  1 /* value: cgroup id, of the process or of a group above it */
#define WEFT_MATCH_NETNS   2 /* value: inode of the network namespace */
#define WEFT_MATCH_EXE	   3 /* value: weft_hash_name of the last component of its path */
#define WEFT_MATCH_UID	   4
#define WEFT_MATCH_ADDRESS 5 /* value: 0; nothing but |prefix| is known */

/* Matchers with one kind and value in a chain: no longer than this. */
#define WEFT_MESH_MATCHERS 16

/* A matcher. The table has the first of each kind and value, |next| leads to the others, of
 * ascending |rank|. All that |wants| names must hold; of all matchers that do, over all kinds,
 * the one of the lowest rank says who the process is. A prefix holds only of an address that is
 * known. */
struct weft_mesh_matcher {
	__u64 value;
	__u8 kind;  /* WEFT_MATCH_*: what it is found by */
	__u8 wants; /* 1 << WEFT_MATCH_*, for each of the fields below; never its own kind */
	__u8 prefix_bits;
	__u8 pad;
	__u32 identity; /* cell */
	__u32 rank;
	__u32 next; /* cell */
	__u64 cgroup_id;
	__u64 exe;
	__u32 netns_ino;
	__u32 uid;
	__u8 prefix[16]; /* of the process's address, IPv4 mapped: WEFT_MATCH_ADDRESS */
};

/* A workload. Namespaces, principals and classes are what bitmaps of steps are over. */
struct weft_mesh_identity {
	__u64 key;    /* hash of what makes it the same workload in the next generation */
	__u32 number; /* stays over generations: records name workloads by it */
	__u32 namespace_number;
	__u32 principal_number; /* namespace and service account */
	__u32 class_number;	/* namespace and labels */
	__u32 policy;		/* step: for connections to it; 0 = no policy selects it: allowed */
	__u32 pad[9];
};

/* Policies, compiled to steps: a decision graph without loops. Each step tests one thing and goes
 * on at |yes| or |no|; the end is a WEFT_STEP_VERDICT or step 0: allowed, no policy. */
#define WEFT_MESH_STEPS 4096u /* on any way through the graph */

#define WEFT_STEP_VERDICT 1 /* number, action, rule */
#define WEFT_STEP_SOURCE_IP                                                                        \
	2 /* |count| prefixes: inline up to 2, else cells from |first|, 3 in each */
#define WEFT_STEP_TARGET_IP 3
#define WEFT_STEP_PORT                                                                             \
	4 /* |count| destination ports: inline up to 20, else cells from |first|, 32 in each */
#define WEFT_STEP_NAMESPACE                                                                        \
	5 /* source namespace number in the bitmap of |count| bits from |first|, 512 in each cell  \
	   */
#define WEFT_STEP_PRINCIPAL 6
#define WEFT_STEP_CLASS	    7 /* workloads by their labels */

/* weft_mesh_step.action */
#define WEFT_ACTION_ALLOW 0
#define WEFT_ACTION_DENY  1
#define WEFT_ACTION_NOTE  2 /* AUDIT, or dry run: noted, then on at |yes| */

/* A source whose identity is not known is in no bitmap. */
struct weft_mesh_prefix {
	__u8 addr[16]; /* IPv4 mapped, with bits + 96 */
	__u32 bits;
};

struct weft_mesh_step {
	__u8 kind; /* WEFT_STEP_* */
	__u8 action;
	__u16 count;
	__u32 yes; /* cell */
	__u32 no;
	__u32 first; /* cell of values, 0 = inline */
	union {
		struct {
			__u32 policy; /* number in the model */
			__u32 rule;   /* in the policy, from 1; 0 = none matched */
		} verdict;
		__u16 ports[20];
		struct weft_mesh_prefix prefixes[2];
		__u8 bytes[48];
	} value;
};

/* Verdicts (weft_verdict.verdict) */
#define WEFT_VERDICT_ALLOWED	 0 /* told only with a note */
#define WEFT_VERDICT_DENIED	 1
#define WEFT_VERDICT_NO_ENDPOINT 2 /* UH */
#define WEFT_VERDICT_OVERFLOW	 3 /* UO */

/* Where it was spoken (weft_verdict.place) */
#define WEFT_PLACE_CONNECT 1 /* the client's connect or first datagram */
#define WEFT_PLACE_ACCEPT  2 /* the server's end */
#define WEFT_PLACE_XDP	   3

/* WEFT_EVENT_VERDICT: what the mesh decided about a connection (bpf/abi_mesh.h). Services and
 * endpoints are given by their |state|, workloads by their |number|; WEFT_NUMBER_NONE = none. */
struct weft_verdict {
	struct weft_event event;
	__u64 cookie; /* of the socket, 0 = it has none yet */
	__u64 generation;
	struct weft_tuple tuple; /* connect: |remote| is what was asked for, |local| may be empty */
	struct weft_owner owner; /* of the process that connects; accept: of the listener */
	__u32 policy;
	__u32 rule; /* from 1; 0 = none matched (no ALLOW policy did) */
	__u32 service;
	__u32 endpoint;
	__u32 source; /* workload */
	__u32 target;
	__u8 verdict;  /* WEFT_VERDICT_* */
	__u8 place;    /* WEFT_PLACE_* */
	__u8 protocol; /* IPPROTO_* */
	__u8 pad[5];
};

#define WEFT_NUMBER_NONE 0xffffffffu

_Static_assert(sizeof(struct weft_mesh_address) == 64, "address");
_Static_assert(sizeof(struct weft_mesh_matcher) == 64, "matcher");
_Static_assert(sizeof(struct weft_mesh_identity) == 64, "mesh identity");
_Static_assert(sizeof(struct weft_mesh_step) == 64, "step");
_Static_assert(sizeof(struct weft_verdict) == 176, "verdict");
