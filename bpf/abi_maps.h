/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys and values of the maps that both halves read. Part of bpf/abi.h, which is what others
 * include. */
#pragma once

/* L4 flow counters per interface, kept by XDP or TC in a per-CPU LRU hash. Addresses as in the
 * packet, IPv4 mapped. bpf/lib/flow.bpf.h says which other counters these equal. */
struct weft_flow_key {
	__u8 source_addr[16];
	__u8 destination_addr[16];
	__u16 source_port; /* host order; 0 for protocols without ports and for later fragments */
	__u16 destination_port;
	__u32 ifindex;
	__u8 protocol;	/* IPPROTO_* */
	__u8 direction; /* WEFT_INGRESS: into the interface; WEFT_EGRESS: out of it */
	__u8 pad[2];
};

struct weft_flow {
	__u64 packets;	/* on the wire: a large (GSO) segment counts as the packets it becomes */
	__u64 bytes;	/* at layer 3: IP header and payload */
	__u64 first_ns; /* CLOCK_MONOTONIC, as of the last timer tick (1 to 10 ms) */
	__u64 last_ns;
	__u32 tcp_flags_seen; /* OR of the TCP flag bytes */
	__u32 syn_count;
};

#define WEFT_PAGE_BYTES 65536 /* the largest page size */

/* What the reader of the ring writes. */
struct weft_reader {
	__u64 heartbeat_ns; /* CLOCK_MONOTONIC; older than WEFT_HEARTBEAT_MAX_NS: capture stops */
	/* identifies the reader, never 0: each connection is announced to a new reader again */
	__u32 epoch;
	__u32 readers; /* so far, the present one included */
	/* What the readers did with the ring's records since the kernel half was loaded. It is kept
	 * with the kernel half so that seen = delivered + lost holds over any number of agents. */
	__u64 delivered[8]; /* by WEFT_EVENT_* */
	__u64 dropped[8];   /* records that were written while no reader ran */
};

/* Settings that may change while programs run: one element of an array map. Settings that are fixed
 * at the start are `const volatile` data of the programs instead. */
struct weft_settings {
	__u32 capture;		  /* 1: socket hooks capture payload (L7); 0: L4 only */
	__u32 tls_keys;		  /* 1: TLS secrets are taken */
	__u32 ring_bytes;	  /* size of the ring */
	__u32 ring_reserve_bytes; /* payload records leave this much of the ring free for lifecycle
				     records and secrets */
	__u32 ring_wakeup_bytes;  /* wake the reader only when this much is waiting */
	__u32 own_pid;		  /* weftd: secrets it derives itself are not taken */
	__u32 ring_grant_bytes;	  /* bytes a CPU may write before it queries the ring's fill level
				     again; for all CPUs together at most half of the reserve */
	__u32 programs;		  /* 1: owners are recorded with their program, for a mesh */
	__u8 pad[WEFT_PAGE_BYTES - 32];
	/* on pages of its own: the reader of the ring maps only these */
	struct weft_reader reader;
	__u8 reader_pad[WEFT_PAGE_BYTES - sizeof(struct weft_reader)];
};

#define WEFT_HEARTBEAT_MAX_NS 3000000000ULL

/* Where the agent writes what the kernel half need not copy: an array map; the slot of a socket
 * is its cookie modulo WEFT_SKIPS. If another socket has the slot, more is copied than needed and
 * nothing else happens. */
#define WEFT_SKIPS 1024u

struct weft_skip {
	__u64 cookie;
	__u64 until[2]; /* by direction: payload of TLS records that end at or before this many
			 * payload bytes of the connection is body */
};

/* A service address whose connections between two local ends may bypass TCP. The zero address
 * stands for any. The value is a word of WEFT_ACCEL_*. */
struct weft_accel_key {
	__u8 addr[16];
	__u16 port; /* host order */
	__u8 pad[6];
};

#define WEFT_ACCEL_TRUSTED 1u /* its programs skip the trial that shows how they read */

/* The receive side of one end of an accelerated connection: data queued past TCP. Key: cookie. */
struct weft_lane {
	__u64 bytes;	   /* redirected to it */
	__u64 read;	   /* payload that it has read, past TCP or not */
	__u32 messages;	   /* redirected since the queue was last empty */
	__u32 closed;	   /* nothing more may be redirected to it */
	__u32 changes;	   /* direction changes: how often its sender began to send */
	__u8 request;	   /* what the sender sent since then begins with a request, */
	__u8 head_request; /* with a HEAD request */
	__u8 overlaps;	   /* requests were pipelined */
	__u8 mode;	   /* its protocol: a stream_mode of the kernel half */
};

/* A file that a process has mapped as code. The inode number is the kernel's, which differs from
 * that of stat() on overlay and btrfs. */
struct weft_mapping {
	__u64 start;
	__u64 end;
	__u64 inode;
	__u32 generation;
	__u32 device_major;
	__u32 device_minor;
	__u32 pid; /* thread group, initial namespace */
	__u32 pad;
	char name[60]; /* the last component of its path, truncated */
};

#define WEFT_MAPPED_RING_BYTES (256u << 10)

/* Walks that find out which processes hold the sockets of servers now. Walk numbers begin with 1; a
 * walk that failed is repeated with its number. */
struct weft_holding {
	__u32 walk;	 /* number of the walk that runs or ran last; written by the agent */
	__u32 completed; /* number of the latest complete walk; written by the agent */
	__u32 stirred; /* 1: a holder may have changed since the walk began; the agent was woken */
	__u32 known;   /* how often a walk found a socket held by another workload than before */
};

#define WEFT_STIR_BYTES (128u << 10) /* two pages of the largest page size (64 KiB) */

_Static_assert(sizeof(struct weft_accel_key) == 24, "accel key");
_Static_assert(sizeof(struct weft_lane) == 32, "lane");
_Static_assert(sizeof(struct weft_reader) == 144, "reader");
_Static_assert(sizeof(struct weft_flow_key) == 44, "flow key");
_Static_assert(sizeof(struct weft_flow) == 40, "flow");
_Static_assert(sizeof(struct weft_settings) == 2 * WEFT_PAGE_BYTES, "settings");
_Static_assert(__builtin_offsetof(struct weft_settings, reader) == WEFT_PAGE_BYTES, "settings");
_Static_assert(sizeof(struct weft_skip) == 24, "skip");
_Static_assert(sizeof(struct weft_mapping) == 104, "mapping");
_Static_assert(sizeof(struct weft_holding) == 16, "holding");
