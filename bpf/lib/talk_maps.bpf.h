/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: maps of policy for datagrams, declared here, defined in bpf/maps.bpf.c. They exist only
 * with a mesh. */
#pragma once

#include "bpf/lib/policy_maps.bpf.h"

/* Datagrams have no connection: a datagram from an address to which a socket has sent is an answer,
 * and so is one that is sent to an address from which one came. There are separate tables, so that
 * filling one does not evict entries of another. */
struct talk_key {
	__u64 who;     /* weft_talk_out: socket cookie; others: inode of the network namespace */
	__u8 addr[16]; /* of the peer */
	__u16 port;
	__u16 local_port; /* weft_talk_out: 0, the cookie implies it */
	__u32 protocol;
};

struct talk {
	__u64 last_ns; /* when a datagram last passed; 0: never */
	__u64 told_ns; /* when a record last reported the verdict, */
	__u64 told_generation;
};

struct talk_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct talk_key);
	__type(value, struct talk);
};
extern struct talk_map weft_talk_out SEC(".maps");    /* this end sent first */
extern struct talk_map weft_talk_in SEC(".maps");     /* the other end sent first, allowed */
extern struct talk_map weft_talk_denied SEC(".maps"); /* the other end sent first, denied */

/* Senders of datagrams on this node. Two namespaces may have the same addresses, and a datagram
 * does not identify its sender: each namespace has an entry of its own, and those that have sent
 * with the same addresses and ports are listed. Keys are as the sender sees them. */
struct sender_key {
	struct end_key ends; /* egress_seq: the protocol */
	__u32 netns_ino;
};

struct sender {
	struct identity_facts facts;
	__u64 cookie; /* of the socket that sent last */
	__u64 seen_ns;
	__u64 generation; /* of |place| */
	__u64 net;	  /* as knock.net */
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
#define SENDERS_OF_ROOT 3 /* the rest: namespaces of unprivileged users */

struct sender_list {
	__u32 netns_ino[SENDERS_LISTED]; /* 0: free */
	__u32 next;			 /* place to replace when none is free */
};

struct sender_list_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct end_key);
	__type(value, struct sender_list);
};
extern struct sender_list_map weft_sending SEC(".maps");
