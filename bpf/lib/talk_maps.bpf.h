/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: maps of policy about datagrams, declared here, defined in bpf/maps.bpf.c. Only there
 * with a mesh. */
#pragma once

#include "bpf/lib/policy_maps.bpf.h"

/* Datagrams have no connection: what comes from where a socket has sent to is an answer, and what
 * is sent to where something came from is one. Kept apart, so that who fills one table does not
 * empty the other. */
struct talk_key {
	__u64 who;     /* asked: cookie of the socket; others: inode of the network namespace */
	__u8 addr[16]; /* of the peer */
	__u16 port;
	__u16 local_port; /* asked: 0, the cookie says it */
	__u32 protocol;
};

struct talk {
	__u64 last_ns; /* a datagram passed; 0: none yet */
	__u64 told_ns; /* when a record said what policy makes of it, */
	__u64 told_generation;
};

struct talk_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct talk_key);
	__type(value, struct talk);
};
extern struct talk_map weft_talk_out SEC(".maps");    /* this end began */
extern struct talk_map weft_talk_in SEC(".maps");     /* the other end did, and may */
extern struct talk_map weft_talk_denied SEC(".maps"); /* the other end did, and may not */

/* Who sends datagrams on this node. Two namespaces may have the same addresses, and nothing in a
 * datagram tells its sender: each has an entry of its own, and those that have sent from and to the
 * same addresses and ports are listed. Keys are as the sender sees them. */
struct sender_key {
	struct end_key ends; /* egress_seq: the protocol */
	__u32 netns_ino;
};

struct sender {
	struct identity_facts facts;
	__u64 cookie; /* of the socket that sent last */
	__u64 seen_ns;
	__u64 generation; /* of |place| */
	__u64 net;	  /* as of a knock */
	__u32 place;
	__u32 pad;
};

struct sender_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct sender_key);
	__type(value, struct sender);
};
extern struct sender_map weft_senders SEC(".maps");

#define SENDERS_LISTED	4
#define SENDERS_OF_ROOT 3 /* the rest: of users */

struct sender_list {
	__u32 netns_ino[SENDERS_LISTED]; /* 0: free */
	__u32 next;			 /* place that is taken when none is free */
};

struct sender_list_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct end_key);
	__type(value, struct sender_list);
};
extern struct sender_list_map weft_sending SEC(".maps");
