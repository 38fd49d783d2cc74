/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Workload identity and policy as the kernel half reads them: cells of the arena that
 * bpf/abi_mesh.h describes, and requests to evaluate them. Part of bpf/abi.h, which is what others
 * include. */
#pragma once

/* An address of workloads, or a prefix that contains all addresses of a workload. */
struct weft_mesh_address {
	struct weft_mesh_key key;
	__u32 identity; /* cell of the first workload it may be, see weft_mesh_identity.next */
	__u32 pad[10];
};

#define WEFT_MESH_LENGTHS 63u

/* The prefix lengths in use, in bits of the 16-byte address, longest first. */
struct weft_mesh_lengths {
	__u8 count;
	__u8 bits[WEFT_MESH_LENGTHS];
};

/* What a process is matched by. */
#define WEFT_MATCH_CGROUP  1 /* value: cgroup id, of the process or of a group above it */
#define WEFT_MATCH_NETNS   2 /* value: inode of the network namespace */
#define WEFT_MATCH_EXE	   3 /* value: weft_program.name */
#define WEFT_MATCH_PATH	   4 /* value: weft_program.path; of the file that the process runs */
#define WEFT_MATCH_UID	   5
#define WEFT_MATCH_ADDRESS 6 /* only in |wants|, with another kind: see weft_mesh_lengths */
#define WEFT_MATCH_OWNER   7 /* only in |wants|, with another kind: who may change the file */

/* Maximum length of a chain of matchers with the same kind and value. */
#define WEFT_MESH_MATCHERS 16

/* A matcher. The table holds the first of each kind and value; |next| leads to the others, in
 * ascending |rank|. A matcher holds when every condition in |wants| holds; of all matchers that
 * hold, over all kinds, the one with the lowest rank gives the workload. A prefix needs a known
 * address. */
struct weft_mesh_matcher {
	__u64 value;
	__u8 kind;  /* WEFT_MATCH_*: the kind of |value| */
	__u8 wants; /* 1 << WEFT_MATCH_* for each condition below; of its own kind only
		       WEFT_MATCH_PATH, as |value| is not the whole path hash */
	__u8 prefix_bits;
	__u8 pad;
	__u32 identity; /* cell */
	__u32 rank;
	__u32 next; /* cell */
	__u64 exe;  /* WEFT_MATCH_EXE: weft_program.name; WEFT_MATCH_PATH: weft_program.path */
	__u32 path_more;
	__u32 owner;
	__u32 netns_ino;
	__u32 uid;
	__u8 prefix[16]; /* of the process's address, IPv4 mapped: WEFT_MATCH_ADDRESS */
};

/* Maximum number of different workloads that share an address (and port). */
#define WEFT_MESH_IDENTITIES 16u

/* A workload. Steps hold bitmaps over namespaces, principals and classes. An end that may be one of
 * several workloads is a chain of them: what policies deny to, or from, one of them is denied. */
struct weft_mesh_identity {
	__u64 key;    /* hash of what identifies the workload over generations */
	__u32 number; /* stable over generations; records name workloads by it */
	__u32 namespace_number;
	__u32 principal_number; /* namespace and service account */
	__u32 class_number;	/* namespace and labels */
	__u32 policy; /* first step for connections to it; 0 = no policy selects it: allowed */
	__u32 next;   /* cell of another workload that it may be */
	__u32 pad[8];
};

/* Policies, compiled to steps: a decision graph without cycles. Each step tests one thing and
 * continues at |yes| or |no|; the graph ends at step 0 (allowed, no policy) or at a
 * WEFT_STEP_VERDICT whose action is not WEFT_ACTION_NOTE. */
#define WEFT_MESH_STEPS 4096u /* on the longest path through a graph */

#define WEFT_STEP_VERDICT   1
#define WEFT_STEP_SOURCE_IP 2 /* value.prefixes */
#define WEFT_STEP_TARGET_IP 3
#define WEFT_STEP_PORT	    4 /* of the destination: value.ports, or with |first| a bitmap */
#define WEFT_STEP_NAMESPACE 5 /* of the source: number in value.bitmap */
#define WEFT_STEP_PRINCIPAL 6
#define WEFT_STEP_CLASS	    7 /* workloads by their labels */

/* weft_mesh_step.action */
#define WEFT_ACTION_ALLOW 0
#define WEFT_ACTION_DENY  1
#define WEFT_ACTION_NOTE  2 /* AUDIT or dry run: recorded, then on at |yes| */

struct weft_mesh_prefix {
	__u8 addr[16]; /* IPv4 mapped; bits behind the prefix are 0 */
	__u32 bits;    /* of the 16 bytes: 96 more than IPv4 counts */
};

#define WEFT_STEP_PREFIXES 2u /* inline; elsewhere WEFT_CELL_PREFIXES in each cell */
#define WEFT_CELL_PREFIXES 3u
#define WEFT_STEP_PORTS	   20u
#define WEFT_STEP_BITS	   352u /* inline; elsewhere WEFT_CELL_BITS in each cell */
#define WEFT_CELL_BITS	   512u

struct weft_mesh_step {
	__u8 kind;   /* WEFT_STEP_* */
	__u8 action; /* verdict: WEFT_ACTION_* */
	__u16 count; /* of prefixes or inline ports */
	__u32 yes;   /* cell */
	__u32 no;
	__u32 first; /* cell of values, 0 = inline */
	union {
		struct {
			__u32 policy; /* number in the model, WEFT_NUMBER_NONE = none matched */
			__u32 rule;   /* in the policy, from 1; 0 = none matched */
			__u32 ends;   /* denial: 1 = established connections are ended, too */
		} verdict;
		__u16 ports[WEFT_STEP_PORTS]; /* ascending */
		/* ascending, none inside another: binary search */
		struct weft_mesh_prefix prefixes[WEFT_STEP_PREFIXES];
		/* Bit n is in byte n / 8, lowest bit first. A number at or above |bits|, or no
		 * number, is not in it. */
		struct {
			__u32 bits;
			__u8 bytes[WEFT_STEP_BITS / 8];
		} bitmap;
	} value;
};

/* Results of the evaluation beside WEFT_ACTION_ALLOW and WEFT_ACTION_DENY. Notes of such an
 * evaluation are ignored. */
#define WEFT_ACTION_OPEN  3 /* a step needs a fact about the source that is not known yet */
#define WEFT_ACTION_STALE 4 /* kernel: another generation is in force */

/* Input of a policy evaluation. Numbers: of weft_mesh_identity, WEFT_NUMBER_NONE = not known. */
struct weft_policy_question {
	__u8 source_addr[16]; /* all 0: not known yet */
	__u8 target_addr[16];
	__u32 step; /* first step of the graph */
	__u32 namespace_number;
	__u32 principal_number;
	__u32 class_number;
	__u16 target_port;
	__u8 source_open; /* the source's workload may still be determined by its address */
	__u8 some_open;	  /* kernel: for one candidate source the result was OPEN */
	__u8 pad[4];
	__u64 generation; /* kernel: generation of |step| and of the numbers */
};

#define WEFT_POLICY_NOTES 4u /* notes kept; all are counted */

struct weft_policy_answer {
	__u8 action; /* WEFT_ACTION_* but NOTE */
	__u8 broken; /* the graph was not evaluated to its end: denied */
	__u16 notes; /* number of notes on the path */
	__u32 policy;
	__u32 rule;
	__u16 steps; /* steps evaluated */
	__u8 ends;   /* denied: established connections are ended, too */
	__u8 pad;
	struct {
		__u32 policy;
		__u32 rule;
	} note[WEFT_POLICY_NOTES];
};

#define WEFT_NUMBER_NONE 0xffffffffu

#include "bpf/abi_verdict.h"

_Static_assert(sizeof(struct weft_mesh_prefix) == 20, "prefix");
_Static_assert(sizeof(struct weft_mesh_address) == 64, "address");
_Static_assert(sizeof(struct weft_mesh_lengths) == 64, "lengths of prefixes");
_Static_assert(sizeof(struct weft_mesh_matcher) == 64, "matcher");
_Static_assert(sizeof(struct weft_mesh_identity) == 64, "mesh identity");
_Static_assert(sizeof(struct weft_mesh_step) == 64, "step");
_Static_assert(sizeof(struct weft_policy_question) == 64, "policy question");
_Static_assert(sizeof(struct weft_policy_answer) == 48, "policy answer");
