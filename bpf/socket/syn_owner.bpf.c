// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: cgroup_skb egress: records which process sends a SYN or a datagram, for the server's end
 * (bpf/socket/accept.bpf.c). Emits nothing, refuses nothing. Context: packets. */
#include "bpf/lib/attempt.bpf.h"
#include "bpf/lib/holder.bpf.h"
#include "bpf/lib/netns.bpf.h"
#include "bpf/lib/sender.bpf.h"

#define PASS 1

/* The workload of a client by its address, else by its network namespace. A datagram does not tell
 * its namespace, so the addresses of an unprivileged user's namespace identify no workload. */
static __noinline int place_of_sender(struct __sk_buff *skb, struct bpf_sock *sk, __u64 generation)
{
	struct weft_mesh_key address = {};
	struct end_key ends = {};
	__u64 net = net_of_sock(sk);

	if (!addresses_read(skb, &ends, true))
		return 0;
	if (is_datagram(sk->protocol) && !net_counts(net) && !addr_is_loopback(ends.local_addr))
		return (int)PLACE_UNKNOWN;
	__builtin_memcpy(address.addr, ends.local_addr, 16);
	return identity_in_net(&address, net, generation);
}

static __noinline int syn_record(struct __sk_buff *skb, struct bpf_sock *sk, __u64 generation,
				 __u32 place)
{
	struct knock syn_owner = {.generation = generation, .place = place};
	struct end_key key = {};

	if (syn_read(skb, &key, true) != SYN_FOUND)
		return PASS;
	facts_of_sock(sk, &syn_owner.facts);
	syn_owner.cookie = bpf_get_socket_cookie(skb);
	syn_owner.net = net_of_sock(sk);
	syn_owner_record(&key, &syn_owner);
	return PASS;
}

static __always_inline bool sender_key_fill(struct __sk_buff *skb, struct bpf_sock *sk,
					    struct sender_key *key)
{
	key->netns_ino = netns_of_sock(sk);
	if (!ends_read(skb, &key->ends, true))
		return false;
	key->ends.egress_seq = sk->protocol;
	return true;
}

static __noinline bool datagram_is_due(struct __sk_buff *skb, struct bpf_sock *sk, __u64 generation)
{
	struct sender_key key = {};

	return sender_key_fill(skb, sk, &key) &&
	       sender_is_due(&key, bpf_get_socket_cookie(skb), generation);
}

static __noinline int datagram_record(struct __sk_buff *skb, struct bpf_sock *sk, __u64 generation,
				      __u32 place)
{
	struct sender sender = {.generation = generation, .place = place};
	struct sender_key key = {};

	if (!sender_key_fill(skb, sk, &key))
		return PASS;
	facts_of_sock(sk, &sender.facts);
	sender.cookie = bpf_get_socket_cookie(skb);
	sender.net = net_of_sock(sk);
	sender.seen_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&weft_senders, &key, &sender, BPF_ANY);
	sender_enlist(&key.ends, key.netns_ino, place == PLACE_UNKNOWN);
	return PASS;
}

/* Only a connecting TCP socket is in SYN_SENT; raw sockets, which may send any SYN, are not. */
SEC("cgroup_skb/egress")
int mesh_knock(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u64 generation;
	__u32 place;
	bool talks;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return PASS;
	talks = is_datagram(sk->protocol);
	if (!talks && (sk->protocol != IPPROTO_TCP || sk->state != TCP_SYN_SENT))
		return PASS;
	generation = policies_generation();
	if (!generation || (talks && !datagram_is_due(skb, sk, generation)))
		return PASS;
	place = place_of_sender(skb, sk, generation);
	return talks ? datagram_record(skb, sk, generation, place)
		     : syn_record(skb, sk, generation, place);
}
