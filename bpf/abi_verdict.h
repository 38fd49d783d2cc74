/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh's decisions about connections: the verdict record, and requests from user space. Part of
 * bpf/abi.h, which is what others include. */
#pragma once

/* Verdicts (weft_verdict.verdict) */
#define WEFT_VERDICT_ALLOWED	 0 /* recorded only with a note */
#define WEFT_VERDICT_DENIED	 1
#define WEFT_VERDICT_NO_ENDPOINT 2 /* UH */
#define WEFT_VERDICT_OVERFLOW	 3 /* UO */
#define WEFT_VERDICT_ENDED	 4 /* established before, policy denies it now */
#define WEFT_VERDICT_EJECTED	 5 /* established before, its endpoint was ejected */
#define WEFT_VERDICT_GONE	 6 /* a connected datagram socket whose endpoint left its service */

/* Where the verdict was reached (weft_verdict.place) */
#define WEFT_PLACE_CONNECT 1 /* the client's connect or first datagram */
#define WEFT_PLACE_ACCEPT  2 /* the server's end */
#define WEFT_PLACE_XDP	   3

/* WEFT_EVENT_VERDICT: what the mesh decided about a connection (bpf/abi_mesh.h). Services and
 * endpoints are given by their |state|, workloads by their |number|; WEFT_NUMBER_NONE = none. */
struct weft_verdict {
	struct weft_event event;
	__u64 cookie; /* of the socket, 0 = there is none yet */
	__u64 generation;
	struct weft_tuple tuple; /* connect: |remote| is the requested one, |local| may be empty */
	struct weft_owner owner; /* connect: the process that connects; accept: the listener's; else
				    the ended socket's */
	__u32 policy;
	__u32 rule; /* from 1; 0 = none matched (no ALLOW policy did) */
	__u32 service;
	__u32 endpoint;
	__u32 source; /* workload */
	__u32 target;
	__u8 verdict;  /* WEFT_VERDICT_* */
	__u8 place;    /* WEFT_PLACE_* */
	__u8 protocol; /* IPPROTO_* */
	__u8 isolated; /* as in weft_open; 0 also if the socket is not known */
	__u8 pad[4];
};

/* Context of the program `mesh_policy`: evaluates a graph of the generation in force. */
struct weft_policy_probe {
	struct weft_policy_question question;
	struct weft_policy_answer answer;
};

/* Context of the program `mesh_explain`: a connection and the result of the policies in force. The
 * caller fills the addresses, the port and the generation of |question|. */
struct weft_explanation {
	struct weft_policy_question question;
	struct weft_policy_answer answer;
	__u32 source; /* request: cell of weft_mesh_identity, 0 = look up by address */
	__u32 target;
	__u32 source_number; /* answer: the pair of workloads that |answer| is for */
	__u32 target_number;
};

/* Request to the iterators `mesh_servers` and `mesh_places`: the workloads at a local address. */
struct weft_where {
	__u8 addr[16];
	__u64 generation;
	__u16 port;
	__u8 servers; /* 1: listening sockets; 0: network namespaces with the address */
	__u8 pad[5];
};

/* Their answer, one record for each workload that it may be. */
struct weft_place {
	struct weft_event event;
	struct weft_owner owner; /* of the socket */
	__u64 generation;	 /* generation of |identity| */
	__u32 netns_ino;
	__u32 identity; /* cell of weft_mesh_identity; 0: no workload of the mesh; WEFT_NUMBER_NONE:
			   several, or more than the limit */
	__u8 protocol;	/* IPPROTO_* of the socket, 0: the network namespace itself */
	__u8 exact;	/* the socket is bound to this address only */
	__u8 pad[6];
};

_Static_assert(sizeof(struct weft_policy_probe) == 112, "policy probe");
_Static_assert(sizeof(struct weft_explanation) == 128, "explanation");
_Static_assert(sizeof(struct weft_verdict) == 232, "verdict");
_Static_assert(sizeof(struct weft_where) == 32, "question where");
_Static_assert(sizeof(struct weft_place) == 168, "place");
