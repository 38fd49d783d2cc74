/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: maps of policy at the server's end, declared here, defined in bpf/maps.bpf.c. They exist
 * only with a mesh. Addresses and ports alone do not identify a socket: another socket may use them
 * a moment later, and another network namespace at the same time. */
#pragma once

#include "bpf/lib/maps.bpf.h"

/* Facts about a process, see bpf/lib/identity.bpf.h. */
#define IDENTITY_CGROUPS 6 /* levels below the root that matchers can name */

struct identity_facts {
	__u64 cgroups[IDENTITY_CGROUPS]; /* by level, from the top; 0 = there is none */
	struct weft_program program;
	__u32 netns_ino;
	__u32 uid;
};

/* SYN owners: which process of this node sent a SYN, so that the server's end knows the process and
 * not only its address, and whether the server's end refused it. Keys are as the client sees them,
 * with egress_seq of the SYN: one attempt of one socket. */
struct knock {
	struct identity_facts facts;
	__u64 cookie;		  /* of the socket */
	__u64 generation;	  /* of |place| */
	__u64 net;		  /* struct net; valid while its inode is facts.netns_ino */
	__u64 refused_generation; /* 0: not refused */
	__u32 refused_netns;	  /* network namespace of the server that refused it */
	__u32 place;		  /* workload by its address or its network namespace: cell */
};

struct syn_owner_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct end_key);
	__type(value, struct knock);
};
extern struct syn_owner_map weft_knocks SEC(".maps");

/* When a socket of this node, in any network namespace, last sent a SYN with these addresses: for
 * some time after that an arriving SYN with them may be that one. Sequence numbers 0. */
struct near {
	__u64 sent_ns;
	__u32 seq;
	__u32 pad;
};

struct near_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct end_key);
	__type(value, struct near);
};
extern struct near_map weft_near SEC(".maps");

/* The next SYN with these addresses in this network namespace is the retransmission of a refused
 * one, and gets a RST. Keys are as the server sees them. */
struct refused_key {
	struct end_key ends; /* sequence numbers 0 */
	__u32 netns_ino;
};

struct refused {
	__u64 generation;
	__u64 until_ns;
};

struct refused_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct refused_key);
	__type(value, struct refused);
};
extern struct refused_map weft_refused SEC(".maps");

/* The network namespace of the current sk_lookup run. The hook does not provide it: a small program
 * of each namespace, which runs before the one that decides, writes it
 * (datapath/attach/mesh/lookups.c). */
struct here_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};
extern struct here_map weft_here SEC(".maps");

/* Cache of the workloads of network namespaces, for servers at |port|: the |number|th one. */
struct net_key {
	__u64 cookie;
	__u32 port;
	__u32 number;
};

struct net_found {
	__u64 answer; /* the cell, and above it a hash of what it was found for: read at once, as
			 the entry may be replaced meanwhile */
	__u64 until_ns;
};

struct net_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct net_key);
	__type(value, struct net_found);
};
extern struct net_map weft_nets SEC(".maps");

/* The request for the next walk over servers or network namespaces. */
struct where_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_where);
};
extern struct where_map weft_where SEC(".maps");

/* The holders of a server's socket, as walks over the files of all processes found them
 * (bpf/socket/holders.bpf.c). Only where they differ from the socket's owner. */
#define HOLDERS_MAX 8

struct holder {
	struct identity_facts facts;
	__u32 walk; /* the latest walk that found it, 0: free */
	__u32 is_workload;
};

struct holders {
	__u32 walk;	    /* the latest walk that found the socket, */
	__u32 before;	    /* and the one before */
	__u32 more;	    /* the latest walk in which a workload found no room */
	__u32 owner_walk;   /* the latest walk that found the process in weft_owners, */
	__u32 owner_counts; /* which is a workload */
	__u32 pad;
	struct holder holder[HOLDERS_MAX];
};

struct holders_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct holders);
};
extern struct holders_map weft_holders SEC(".maps");

/* State of these walks. */
struct holding_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_holding);
};
extern struct holding_map weft_holding SEC(".maps");

/* The process whose files the walk is reading. */
struct walker {
	struct identity_facts facts; /* netns_ino: of the latest socket */
	__u64 session;
	__u64 start_ns;
	__u64 cgroup; /* struct cgroup */
	__u32 pid;
	__u32 identity; /* cell */
	__u32 ends;	/* there are policies that end connections */
	__u32 pad;
};

struct walker_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walker);
};
extern struct walker_map weft_walker SEC(".maps");

/* Processes that may hold sockets of servers: their exec, fork and cgroup moves request a walk. */
struct binder_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* thread group id */
	__type(value, __u32);
};
extern struct binder_map weft_binders SEC(".maps");

/* Wakes the agent for a walk. */
struct stir_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEFT_STIR_BYTES);
};
extern struct stir_map weft_stir SEC(".maps");
