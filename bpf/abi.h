/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract between the kernel half and user space: events, map keys and values, loss reasons.
 * Both sides include this file, so that no layout is written twice. Include <linux/types.h> (BPF:
 * "bpf/lib/kernel.bpf.h") before it. */
#pragma once

/* Raised when the meaning or layout of anything below changes. Pins of another version are not
 * adopted. */
#define WEFT_ABI_VERSION 5

#include "bpf/abi_maps.h"
#include "bpf/abi_mesh.h"
#include "bpf/abi_program.h"
#include "bpf/abi_tables.h"

/* Opens every ring record. */
struct weft_event {
	__u64 time_ns;	  /* CLOCK_MONOTONIC */
	__u32 size_bytes; /* of the whole record, tail included; the ring may hold more (size
			     classes) */
	__u16 kind;	  /* WEFT_EVENT_* */
	__u16 cpu;	  /* WEFT_CPU_NONE: not from the ring, written by an iterator */
};

#define WEFT_CPU_NONE 0xffff

/* Both ends of a TCP connection or UDP flow. IPv4 is stored as ::ffff:a.b.c.d. Ports
 * in host order. */
struct weft_tuple {
	__u8 local_addr[16];
	__u8 remote_addr[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns_ino; /* of the socket */
};

/* Direction of the bytes, seen from the socket whose hook saw them. */
#define WEFT_EGRESS  0
#define WEFT_INGRESS 1

/* The local end's part in the handshake. */
#define WEFT_ROLE_UNKNOWN 0
#define WEFT_ROLE_CLIENT  1
#define WEFT_ROLE_SERVER  2

/* weft_segment.flags */
#define WEFT_SEGMENT_RAW       1u /* the framing parser is out of step: the whole packet is copied */
#define WEFT_SEGMENT_MIDSTREAM 2u /* midstream: the first bytes seen of a used direction */
#define WEFT_SEGMENT_AHEAD     4u /* arrived out of order: TCP waits for the bytes before it */

/* WEFT_EVENT_SEGMENT: |data_bytes| captured bytes, data[0] at sequence number |seq|. Bytes between
 * the end of one record and the start of the next were left out on purpose (bodies), had been sent
 * twice, or are lost. The decoder can tell: only body bytes are left out on purpose. data_bytes may
 * be 0: a skipped body ended at |seq| at this time. */
struct weft_segment {
	struct weft_event event;
	__u64 cookie; /* of the socket at whose hook this was seen */
	__u32 seq;
	__u16 data_bytes;
	__u8 direction; /* WEFT_EGRESS, WEFT_INGRESS */
	__u8 protocol;	/* weft_protocol, as the kernel half sees it */
	__u32 flags;
	__u32 packet_bytes; /* TCP payload of the packet that this record is part of */
	__u64 mark_time_ns;
	__u32 mark_end_seq;
	__u32 mark_bytes; /* not 0: these three are a MARK of this socket, before this record */
	__u32 message;	  /* HTTP/1: number, from 1, of the message that begins at data[0]; interim
			     responses have that of the final one. 0: not known, or none begins */
	__u32 frame; /* HTTP/2: a frame begins at data[frame - 1] (perhaps after this data); 0 = not
			known */
	__u8 data[];
};

/* WEFT_EVENT_MARK: bytes up to (not including) sequence number |end_seq| had arrived at the socket
 * |cookie|. Always ingress; the content was captured at the sender's end. The mark of the start of
 * a request travels in the SEGMENT of the response, unless another event precedes it. */
struct weft_mark {
	struct weft_event event;
	__u64 cookie;
	__u32 end_seq;
	__u32 bytes; /* TCP payload of this packet */
};

/* weft_open.flags */
#define WEFT_OPEN_MIDSTREAM 1u /* midstream: what it carried before was not seen */
#define WEFT_OPEN_AWAITED   2u /* the client's end is on this node and opens later */

/* WEFT_EVENT_OPEN */
struct weft_open {
	struct weft_event event;
	__u64 cookie;
	struct weft_tuple tuple;
	struct weft_owner owner;
	__u32 egress_seq;   /* of the first byte this end sends; midstream: both 0 = not known */
	__u32 ingress_seq;  /* of the first byte it receives */
	__u32 handshake_us; /* client: SYN to ESTABLISHED; server: round trip of the SYN-ACK; 0 =
			       not known */
	__u8 role;
	__u8 isolated; /* the network namespace is one of an unprivileged user, who can give it any
			  address: the addresses in |tuple| identify nothing outside of it */
	__u8 pad[2];
	__u32 flags;
	__u32 pad2;
};

/* Why and by whom a connection ended: weft_counters.flags */
#define WEFT_END_RESET_SENT	1u /* this end sent RST */
#define WEFT_END_RESET_RECEIVED 2u
#define WEFT_END_FAILED		4u   /* never established */
#define WEFT_END_REFUSED	8u   /* never established: RST answered the SYN */
#define WEFT_END_TIMEOUT	16u  /* gave up after retransmissions */
#define WEFT_END_PEER_FIRST	32u  /* the other end closed first */
#define WEFT_END_ABANDONED	128u /* never established: the program closed it first */
#define WEFT_END_REPAIRED	64u  /* in TCP_REPAIR: send() fills its queues, without packets */
#define WEFT_END_LEFT		256u /* WEFT_CLOSE_LEFT was sent for it, or is lost */
#define WEFT_END_PEER_LEFT	512u /* WEFT_CLOSE_PEER_LEFT */

/* The kernel's own counters of one end (struct tcp_sock), and what the socket hooks counted. */
struct weft_counters {
	__u64 sent_bytes;	  /* payload sent, without retransmissions, by sequence numbers */
	__u64 received_bytes;	  /* payload that arrived in order */
	__u64 tcp_bytes_sent;	  /* tcp_sock.bytes_sent: with retransmissions */
	__u64 tcp_bytes_acked;	  /* tcp_sock.bytes_acked: counts SYN and FIN as the kernel does */
	__u64 tcp_bytes_received; /* tcp_sock.bytes_received */
	__u64 past_sent_bytes; /* of |sent_bytes|, |received_bytes|: bypassed TCP (acceleration) */
	__u64 past_received_bytes;
	__u32 segments_out; /* tcp_sock.segs_out */
	__u32 segments_in;
	__u32 data_segments_out;
	__u32 data_segments_in;
	__u32 retransmits; /* tcp_sock.total_retrans */
	__u32 srtt_us;	   /* 0 = no sample */
	__u32 min_rtt_us;  /* 0 = no sample */
	__u32 flags;	   /* WEFT_END_* */
};

/* weft_close.alive */
#define WEFT_CLOSE_GONE	 0
#define WEFT_CLOSE_ALIVE 1 /* not from the ring: written by an iterator over living connections */
#define WEFT_CLOSE_LEFT                                                                            \
	2 /* its program neither sends nor reads any more: it closed the socket, or shut both      \
	     directions down; TCP has not finished the close */
#define WEFT_CLOSE_PEER_LEFT 3 /* the other end's FIN has arrived; this end may still send */

/* WEFT_EVENT_CLOSE: what became of an end. Also what the TCP iterator writes for a living
 * connection (a stream of these structures). */
struct weft_close {
	struct weft_event event;
	__u64 cookie;
	struct weft_tuple tuple;
	struct weft_owner owner;
	struct weft_counters counters;
	__u8 role;
	__u8 alive;    /* WEFT_CLOSE_* */
	__u8 isolated; /* as in weft_open */
	__u8 pad;
	__u32 age_us; /* since it began, was discovered, or the failed connect; all ones: longer */
};

/* WEFT_EVENT_LISTEN: a socket begins or ends to listen. Iterators write one per living listener. */
struct weft_listen {
	struct weft_event event;
	__u64 cookie;
	struct weft_tuple tuple; /* remote part empty */
	struct weft_owner owner;
	__u32 backlog;	   /* connections that wait for accept() now (sk_ack_backlog) */
	__u32 backlog_max; /* sk_max_ack_backlog; the queue holds one more (sk_acceptq_is_full) */
	__u64 drops;	   /* its part of the kernel's ListenOverflows since weft was attached */
	__u32 ended;	   /* 1: it stopped listening */
	__u32 isolated;	   /* as in weft_open */
};

_Static_assert(sizeof(struct weft_event) == 16, "header");
_Static_assert(sizeof(struct weft_tuple) == 40, "tuple");
_Static_assert(sizeof(struct weft_segment) == 64, "segment");
_Static_assert(sizeof(struct weft_mark) == 32, "mark");
_Static_assert(sizeof(struct weft_open) == 216, "open");
_Static_assert(sizeof(struct weft_counters) == 88, "counters");
_Static_assert(sizeof(struct weft_close) == 288, "close");
_Static_assert(sizeof(struct weft_listen) == 216, "listen");

#include "bpf/abi_secret.h"
#include "bpf/abi_policy.h"
#include "bpf/abi_balance.h"
#include "bpf/abi_walk.h"
