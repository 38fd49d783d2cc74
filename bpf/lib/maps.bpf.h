/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: every map, declared here, defined in bpf/maps.bpf.c. Names have at
 * most 15 characters. */
#pragma once

#include "bpf/lib/kernel.bpf.h"

/* All events of the kernel half, in order. Resized by the loader before load. */
struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
};
extern struct ring_map weft_ring SEC(".maps");

/* Per-CPU counters: WEFT_LOST_* first, then WEFT_COUNT_*. */
struct counter_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEFT_LOSS_MAX + WEFT_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct counter_map weft_counters SEC(".maps");

/* What this CPU may still put into the ring before it asks how full that is: asking costs a cache
 * line that all CPUs write. */
struct grant_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64); /* bytes */
};
extern struct grant_map weft_grants SEC(".maps");

/* Where a head is read for which the ring has no room. A run on this CPU may interrupt another one:
 * each takes a slot. */
#define SCRATCH_SLOTS 4
#define SCRATCH_BYTES 4072

struct scratch {
	__u64 taken;
	__u8 data[SCRATCH_BYTES];
};

struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
};
extern struct scratch_map weft_scratch SEC(".maps");

struct settings_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_settings);
};
extern struct settings_map weft_settings SEC(".maps");

/* What became of the ring's records. */
struct account_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_account);
};
extern struct account_map weft_account SEC(".maps");

/* What the agent said can be skipped. */
struct skip_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEFT_SKIPS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_skip);
};
extern struct skip_map weft_skips SEC(".maps");

/* L4 flows of the chosen interfaces. */
struct flow_map {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct weft_flow_key);
	__type(value, struct weft_flow);
};
extern struct flow_map weft_flows SEC(".maps");

/* Files mapped as code, for the loader alone; made only where code_mapped is loaded. */
struct mapped_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEFT_MAPPED_RING_BYTES);
};
extern struct mapped_ring_map mapped_ring SEC(".maps");

/* One element: mappings that found the ring full. */
struct mapped_lost_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct mapped_lost_map mapped_lost SEC(".maps");

/* How one direction of a connection is followed: what is copied and what is skipped. */
enum walk_mode {
	WALK_NEW,	   /* not classified yet */
	WALK_OPAQUE,	   /* no protocol of ours: counted only */
	WALK_REST,	   /* a body until close: counted only */
	WALK_RAW,	   /* out of step for good: everything is copied */
	WALK_TLS,	   /* a record header starts at |wanted| */
	WALK_HTTP1,	   /* a message starts at |wanted| */
	WALK_HTTP1_CHUNKS, /* a chunk header starts at |wanted| */
	WALK_HTTP1_RAW,	   /* HTTP/1, out of step for good: everything is copied */
	WALK_HTTP2,	   /* a frame header starts at |wanted| */
	WALK_UNCLEAR,	   /* what a client says first: the answer tells what it is */
};

/* What follows a head that the last packet ended with. */
enum due {
	DUE_SETTLED,
	DUE_BODY,    /* its body; the next response, when it answers HEAD */
	DUE_NOTHING, /* the next response; its body, when it does not answer HEAD */
	DUE_UPLOAD,  /* a request's body; the next request, when the body was refused */
};

struct stream_state {
	__u8 header[18];   /* a frame or record header (9, 5 bytes) that was cut by the end of a
			      packet */
	__u8 header_bytes; /* of |header| */
	__u8 tries;	   /* packets of a joined connection that could not be classified */
	union {
		__u8 skip; /* frames, records: what comes before |wanted| is payload that is left
			      out */
		__u8 due;  /* HTTP/1, body until close: enum due */
	};
	__u8 mode;	    /* enum walk_mode */
	__u8 unusual;	    /* packets in a row that quick.bpf.h did not take */
	__u8 announced : 1; /* a record of this direction was sent */
	__u8 switches : 1;  /* the request asks for another protocol (Upgrade, CONNECT) */
	__u8 started : 1;
	__u8 holes : 1;	    /* packets came before their turn, up to |ahead| */
	__u8 scattered : 1; /* there is more than one hole before |ahead| */
	__u64 position; /* payload bytes seen in order: the place of the byte with sequence number
			   |next| */
	__u64 wanted;	/* place of the next byte that is not body; up to there all is skipped */
	__u32 next;
	__u32 ahead_from; /* what came before its turn: first sequence number, */
	__u32 ahead;	  /* and the one after the last */
	__u32 messages;	  /* HTTP/1: that have begun, or MESSAGES_UNKNOWN */
};

#define MESSAGES_UNKNOWN (~0u)

/* Payload that came in: all up to |end_seq| is here. */
struct arrival {
	__u64 time_ns;
	__u32 end_seq;
	__u32 bytes; /* of the packet */
};

/* conn_state.held */
#define HELD_NONE 0
#define HELD_BUSY 1 /* a run on some CPU reads or writes |arrival| */
#define HELD_FULL 2

/* One end of a TCP connection. Each packet touches the first cache line (56 bytes: the map's own
 * word is in it) and the stream of its direction; 184 bytes fill the slab's 256. */
struct conn_state {
	__u64 cookie;
	__u32 epoch;		/* of the agent that was told of it */
	__u32 held;		/* HELD_* */
	struct arrival arrival; /* waits for the next record of this end */
	__u8 role;
	__u8 joined;
	__u8 peer; /* PEER_* */
	__u8 last_direction;
	__u8 head_request;		/* the latest request is HEAD: its response has no body */
	__u8 enrolled;			/* for redirection: weft_enrolled counts with it */
	__u8 asked;			/* the latest request is not answered yet */
	__u8 overlaps;			/* OVERLAPS_* */
	__u64 started_ns;		/* SYN sent, or first met */
	__u64 opened_ns;		/* ESTABLISHED, 0 before */
	struct stream_state streams[2]; /* by WEFT_EGRESS, WEFT_INGRESS */
	__u32 egress_seq;
	__u32 ingress_seq;
	__u32 end_flags; /* WEFT_END_* */
	__u32 begun;	 /* the streams have their places */
};

_Static_assert(sizeof(struct conn_state) == 184, "slab");

/* Whether requests were sent that did not wait for the answer to the one before, or that could not
 * be counted: then it is not known which one a response answers. */
#define OVERLAPS_NOT  0
#define OVERLAPS_HERE 1 /* the other end does not know yet */
#define OVERLAPS_TOLD 2

#define PEER_UNKNOWN 0
#define PEER_REMOTE  1 /* not on this node, or not known: ingress is captured in full */
#define PEER_LOCAL   2 /* its egress is captured: ingress only yields arrival records */

struct conn_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct conn_state);
};
extern struct conn_map weft_conns SEC(".maps");

/* Who holds a socket; accepted sockets inherit it from the listener. */
struct owner_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct weft_owner);
};
extern struct owner_map weft_owners SEC(".maps");

/* Of a listener: what it refused because its accept queue was full. */
struct overflow_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
};
extern struct overflow_map weft_overflows SEC(".maps");

/* What walks note of a socket. */
struct walked {
	__u64 session; /* of the walk over files that met it last: it is in as many files as
			  processes hold it */
	__u64 told_ns; /* when a walk over what lives told of it, */
	__u64 told;    /* how much it had carried then, */
	__u32 epoch;   /* and of the agent that was told */
	__u32 pad;
};

struct walked_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct walked);
};
extern struct walked_map weft_walked SEC(".maps");

/* The ends of living connections by what both ends know: addresses and first sequence numbers, as
 * the end in question sees them. It tells an end that its peer is on this node, in whatever
 * namespace, and whether the requests that this peer sends overlap. */
#define END_OVERLAPS (1ull << 63)

struct end_key {
	__u8 local_addr[16];
	__u8 remote_addr[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 egress_seq;
	__u32 ingress_seq;
};

struct end_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct end_key);
	__type(value, __u64); /* socket cookie, and END_OVERLAPS */
};
extern struct end_map weft_ends SEC(".maps");

/* Payload that passes the hook before its connection has begun (TCP Fast Open, TCP_DEFER_ACCEPT, a
 * lost ACK). Kept by the addresses of both ends, seen from the one that it passes. */
#define EARLY_BYTES 960 /* fits a small record */

struct early {
	__u64 time_ns;
	__u32 bytes; /* of the packet; |data| holds the first EARLY_BYTES of them; 0: not filled */
	__u32 seq;   /* of its first byte */
	__u8 data[EARLY_BYTES];
};

struct early_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct end_key); /* of what arrived: egress_seq is the inode of the network
					namespace, another one may have the same addresses; of
					what was sent: ingress_seq is 0 */
	__type(value, struct early);
};
extern struct early_map weft_early SEC(".maps");

/* What such an entry begins as, before it is filled in its place: one per CPU to put it together in
 * would be shared by programs that interrupt each other. Never written. */
struct blank_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct early);
};
extern struct blank_map weft_blank SEC(".maps");

/* The traffic secret that a thread derived last: what its next record key belongs to. Key:
 * pid_tgid. */
struct traffic_note {
	__u64 secret; /* user address that the secret was written to */
	__u32 which;  /* WEFT_SECRET_* */
	__u32 pad;
};

struct traffic_note_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct traffic_note);
};
extern struct traffic_note_map weft_tls_notes SEC(".maps");
