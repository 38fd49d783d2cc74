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

/* Counters by CPU. Not a per-CPU array: the reader of the ring maps them. Resized by the loader. */
struct counter_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_cpu_counts);
};
extern struct counter_map weft_counters SEC(".maps");

/* Bytes this CPU may still write to the ring before it queries the fill level again: a query
 * touches a cache line that all CPUs write. */
struct grant_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64); /* bytes */
};
extern struct grant_map weft_grants SEC(".maps");

/* Memory to read a head into when the ring has no room. A run may interrupt another one on this
 * CPU: each takes a slot. */
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

/* What can be skipped, written by the agent. */
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

/* Files mapped as code, for the loader only; created only where code_mapped is loaded. */
struct mapped_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEFT_MAPPED_RING_BYTES);
};
extern struct mapped_ring_map mapped_ring SEC(".maps");

/* One element: number of mappings lost because the ring was full. */
struct mapped_lost_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct mapped_lost_map mapped_lost SEC(".maps");

/* State of the framing parser of one direction: what is copied and what is skipped. */
enum stream_mode {
	STREAM_NEW,	     /* not classified yet */
	STREAM_OPAQUE,	     /* none of the known protocols: counted only */
	STREAM_REST,	     /* a body until close: counted only */
	STREAM_RAW,	     /* out of step, permanently: everything is copied */
	STREAM_TLS,	     /* a record header starts at |wanted| */
	STREAM_HTTP1,	     /* a message starts at |wanted| */
	STREAM_HTTP1_CHUNKS, /* a chunk header starts at |wanted| */
	STREAM_HTTP1_RAW,    /* HTTP/1, out of step, permanently: everything is copied */
	STREAM_HTTP2,	     /* a frame header starts at |wanted| */
	STREAM_UNCLEAR, /* unknown first bytes of a client: the response decides the protocol */
};

/* What the next bytes are expected to be when a packet ended with a head. */
enum due {
	DUE_SETTLED,
	DUE_BODY,    /* a body; or the next response, if this one answers HEAD */
	DUE_NOTHING, /* the next response; or a body, if this one does not answer HEAD */
	DUE_UPLOAD,  /* a request's body; or the next request, if the server refused the body */
};

struct stream_state {
	__u8 header[18];   /* a frame or record header (9, 5 bytes) or chunk line that was split by
			      the end of a packet */
	__u8 header_bytes; /* filled in |header| */
	__u8 tries;	   /* midstream: packets that could not be classified */
	union {
		__u8 skip; /* frames, records: the payload before |wanted| is skipped */
		__u8 due;  /* HTTP/1, body until close: enum due */
	};
	__u8 mode;    /* enum stream_mode */
	__u8 unusual; /* consecutive packets that the fast path (fast_path.bpf.h) did not take */
	__u8 announced : 1; /* a record of this direction was sent */
	__u8 switches : 1;  /* the request asks for another protocol (Upgrade, CONNECT) */
	__u8 started : 1;
	__u8 holes : 1;	    /* packets arrived out of order; the last gap ends before |ahead| */
	__u8 scattered : 1; /* there is more than one gap before |ahead| */
	__u64 position; /* payload bytes seen in order: stream offset of sequence number |next| */
	__u64 wanted;	/* stream offset of the next byte to parse; everything before is skipped */
	__u32 next;
	__u32 ahead_from; /* out-of-order data: first sequence number, */
	__u32 ahead;	  /* and one past the last */
	__u32 messages;	  /* HTTP/1: messages that have begun, or MESSAGES_UNKNOWN */
};

#define MESSAGES_UNKNOWN (~0u)

/* Payload that arrived: everything before |end_seq| is received. */
struct arrival {
	__u64 time_ns;
	__u32 end_seq;
	__u32 bytes; /* of the packet */
};

/* conn_state.deferred */
#define DEFERRED_NONE 0
#define DEFERRED_BUSY 1 /* a run on some CPU reads or writes |arrival| */
#define DEFERRED_FULL 2

/* One end of a TCP connection. Each packet touches the first cache line (56 bytes, plus the map's
 * own word) and the stream of its direction; 184 bytes fit the slab of 256. */
struct conn_state {
	__u64 cookie;
	__u32 epoch;		/* of the agent to which it was announced */
	__u32 deferred;		/* DEFERRED_* */
	struct arrival arrival; /* deferred to the next record of this end */
	__u8 role;
	__u8 midstream;
	__u8 peer; /* PEER_* */
	__u8 last_direction;
	__u8 head_request;		/* the latest request is HEAD: its response has no body */
	__u8 enrolled;			/* for redirection: weft_enrolled has more bytes to count */
	__u8 unanswered;		/* the latest request has no response yet */
	__u8 overlaps;			/* OVERLAPS_* */
	__u64 started_ns;		/* SYN sent, or discovered */
	__u64 opened_ns;		/* ESTABLISHED, 0 before */
	struct stream_state streams[2]; /* by WEFT_EGRESS, WEFT_INGRESS */
	__u32 egress_seq;
	__u32 ingress_seq;
	__u32 end_flags; /* WEFT_END_* */
	__u32 begun;	 /* the stream offsets are initialized */
};

_Static_assert(sizeof(struct conn_state) == 184, "slab");

/* Whether requests were pipelined, or could not be counted: then a response's request is not
 * known. */
#define OVERLAPS_NOT	   0
#define OVERLAPS_HERE	   1 /* not announced to the other end yet */
#define OVERLAPS_ANNOUNCED 2

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

/* The owner of a socket; accepted sockets inherit it from the listener. */
struct owner_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct weft_owner);
};
extern struct owner_map weft_owners SEC(".maps");

/* Of a listener: number of connections it refused because its accept queue was full. */
struct overflow_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
};
extern struct overflow_map weft_overflows SEC(".maps");

/* What walks store with a socket. */
struct walked {
	__u64 session; /* session_id of the walk over files that saw it last: a shared socket occurs
			  once per process */
	__u64 reported_ns; /* when a walk over living connections last reported it, */
	__u64 reported;	   /* its activity counter then, */
	__u32 epoch;	   /* and the epoch of the agent that read it */
	__u32 pad;
};

struct walked_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct walked);
};
extern struct walked_map weft_walked SEC(".maps");

/* The ends of living connections. The key is what both ends know: addresses and first sequence
 * numbers, as the end in question sees them. It tells an end that its peer is on this node, in any
 * network namespace, and whether that peer pipelines requests. */
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

/* Payload that passes the hook before its connection is established (TCP Fast Open,
 * TCP_DEFER_ACCEPT, a lost ACK). Keyed by the addresses as seen from the end at the hook. */
#define EARLY_BYTES 960 /* fits a small record */

struct early {
	__u64 time_ns;
	__u32 bytes; /* of the packet; |data| holds EARLY_BYTES of them at most; 0: not filled yet
		      */
	__u32 seq;   /* of its first byte */
	__u8 data[EARLY_BYTES];
};

struct early_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct end_key); /* received data: egress_seq is the inode of the network
					namespace, as others may have the same addresses; sent data:
					ingress_seq is 0 */
	__type(value, struct early);
};
extern struct early_map weft_early SEC(".maps");

/* The initial value of such an entry, which is then filled in place: a per-CPU buffer to build it
 * in would be shared by programs that interrupt each other. Never written. */
struct blank_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct early);
};
extern struct blank_map weft_blank SEC(".maps");

/* The traffic secret that a thread derived last; the next record key is derived from it. Key:
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
