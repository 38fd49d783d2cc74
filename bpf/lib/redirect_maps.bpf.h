/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: the maps of redirection, defined in bpf/maps.bpf.c. While no service is accelerated they
 * are empty, and the LRU maps are not created. */
#pragma once

#include "bpf/lib/maps.bpf.h"

#define REDIRECT_SOCKETS 65536

/* How an end sends. An end only moves down this list from NEW, and PASS is final: bytes sent by TCP
 * could be overtaken by redirected ones. */
enum lane_mode {
	LANE_NONE,     /* not enrolled */
	LANE_TRIAL,    /* not enrolled: its program's reads are watched */
	LANE_NEW,      /* nothing was sent yet */
	LANE_REDIRECT, /* everything so far bypassed TCP */
	LANE_PASS,     /* everything from now on goes by TCP */
};

/* A program in one control group that is a client of an accelerated service or serves it. With
 * program and group 0: all programs that serve it. */
struct reader_key {
	struct weft_program program;
	__u64 cgroup_id;
	struct weft_accel_key service;
	__u32 role; /* WEFT_ROLE_* */
	__u32 pad;
};

struct reader {
	__u32 good; /* read all of a connection by recv() and its like */
	__u32 bad; /* used splice() or another way to read that does not work with redirected bytes,
		      or took part in a stream */
};

/* An end of a connection to an accelerated service. Accepted sockets inherit |excluded|. */
struct enrolled {
	struct end_key pair; /* as the client sees the connection */
	__u64 cookie;
	__u64 peer;	  /* cookie of the other end, 0 = not known yet */
	__u64 sent_bytes; /* redirected from here */
	__u64 sent_messages;
	__u64 received_bytes; /* redirected to here, saved when its lane is deleted */
	__u64 read;	      /* trial: payload read by recv() and its like */
	__u32 reads;
	__u32 ingress_seq;
	__u8 mode;     /* enum lane_mode */
	__u8 excluded; /* set a socket option that does not work with redirected bytes */
	__u8 role;
	__u8 announced; /* this direction change was announced to the other end */
	__u8 pad[4];
	__u32 changes_seen; /* weft_lane.changes of its own lane, as processed */
	__u32 run;	    /* messages since the other end last sent */
	__u64 heard;	    /* bytes received from it by then */
	struct reader_key reader;
};

struct enrolled_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct enrolled);
};
extern struct enrolled_map weft_enrolled SEC(".maps");

/* By cookie of the receiver. */
struct lane_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REDIRECT_SOCKETS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct weft_lane);
};
extern struct lane_map weft_lanes SEC(".maps");

/* The sockets themselves, by cookie. Only the kernel removes a socket, when it closes: a socket
 * removed earlier would lose its unread data. */
struct socket_map {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, REDIRECT_SOCKETS);
	__type(key, __u64);
	__type(value, __u64);
};
extern struct socket_map weft_sockets SEC(".maps");

struct accel_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct weft_accel_key);
	__type(value, __u32);
};
extern struct accel_map weft_accel SEC(".maps");

/* Both ends of a connection, by addresses and first sequence numbers as the client sees them. */
struct pair {
	__u64 client; /* cookies; 0 = not enrolled yet */
	__u64 server;
	__u64 client_netns;	  /* cookie of its network namespace */
	__u64 ambiguous;	  /* two connections share the key: neither is redirected */
	struct reader_key reader; /* the client's program */
};

struct pair_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2 * REDIRECT_SOCKETS);
	__type(key, struct end_key);
	__type(value, struct pair);
};
extern struct pair_map weft_pairs SEC(".maps");

/* SYNs that reached a listener of this node, as the client sees them, sequence numbers 0: a client
 * is enrolled only if its server is on this node. */
struct syn_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct end_key);
	__type(value, __u32);
};
extern struct syn_map weft_syns SEC(".maps");

struct reader_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct reader_key);
	__type(value, struct reader);
};
extern struct reader_map weft_readers SEC(".maps");
