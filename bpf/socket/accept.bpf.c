// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policy at the server's end. Hooks: cgroup_skb egress notes which process sends a SYN; cgroup_skb
 * ingress decides about a SYN at its listener and drops it when it is denied, so no connection
 * comes into being; sk_lookup (in each network namespace) decides before there is a listener and
 * lets the kernel answer with a RST (TCP) or port unreachable (UDP). Emits VERDICT records, which
 * may be lost when the ring is full (counted). Context: packets. */
#include "bpf/lib/arrival.bpf.h"
#include "bpf/lib/netns.bpf.h"
#include "bpf/lib/packet_tcp.bpf.h"

#define PASS 1
#define DROP 0

#define TARGET_UNKNOWN	16 /* beside WEFT_ACTION_* */
#define NETNS_WORKLOADS 64 /* of one network namespace; with more what arrives is denied */

/* ---- SYN packets */

/* Whether the packet is a SYN without ACK; its sequence number in |ret_seq|. */
static __always_inline bool syn_find(const struct __sk_buff *skb, __u32 *ret_seq)
{
	__u32 offset = tcp_find(skb);
	struct tcphdr *tcp = (void *)(long)skb->data + offset;

	if (!offset || (void *)(tcp + 1) > (void *)(long)skb->data_end)
		return false;
	*ret_seq = bpf_ntohl(tcp->seq);
	return tcp->syn && !tcp->ack;
}

/* Functions of their own, like others below: the stack of all that calls each other is bounded. */
static __noinline bool key_of_packet(const struct __sk_buff *skb, __u8 direction,
				     struct end_key *ret_key)
{
	struct weft_tuple tuple = {};

	if (!tuple_of_packet(skb, direction, &tuple))
		return false;
	end_key_fill(ret_key, &tuple, 0, 0);
	return true;
}

/* ---- who holds a socket */

/* As a number: functions that are verified by themselves take no pointer to it. */
static __always_inline __u64 net_of_sock(struct bpf_sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	return tcp ? (__u64)BPF_CORE_READ((struct sock *)tcp, __sk_common.skc_net.net) : 0;
}

static __always_inline void facts_of_sock(struct bpf_sock *sk, struct identity_facts *f)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	const struct net *net = (const struct net *)net_of_sock(sk);

	for (int i = 0; i < IDENTITY_CGROUPS; i++)
		f->cgroups[i] = bpf_sk_ancestor_cgroup_id(sk, i + 1);
	f->uid = WEFT_NUMBER_NONE;
	if (net)
		f->netns_ino = BPF_CORE_READ(net, ns.inum);
	if (!owner)
		return;
	f->exe = weft_hash_name(owner->exe);
	f->uid = owner->uid;
}

/* A client whose address says nothing is who its network namespace is. */
static __always_inline void knock_place(struct bpf_sock *sk, const struct end_key *key,
					struct knock *knock)
{
	struct weft_mesh_key address = {};

	knock->generation = policies_generation();
	__builtin_memcpy(address.addr, key->local_addr, 16);
	if (!identity_of_addr(&address, knock->generation))
		knock->place = identity_of_netns(net_of_sock(sk), knock->generation);
}

SEC("cgroup_skb/egress")
int mesh_knock(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct end_key key = {};
	struct knock knock = {};

	if (!sk || !syn_find(skb, &knock.seq) || !policies_generation())
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk || !key_of_packet(skb, WEFT_EGRESS, &key))
		return PASS;
	facts_of_sock(sk, &knock.facts);
	knock_place(sk, &key, &knock);
	bpf_map_update_elem(&weft_knocks, &key, &knock, BPF_ANY);
	return PASS;
}

/* ---- who the ends are */

__weak __noinline int target_of_listener(struct __sk_buff *skb, __u64 generation)
{
	struct identity_search s = {.generation = generation};
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return 0;
	facts_of_sock(sk, &s.facts);
	identity_of_facts(&s);
	return s.identity;
}

/* The |skip|th workload whose addresses the listener's network namespace has, 0: there are no more.
 */
static __always_inline __u32 target_of_netns(struct __sk_buff *skb, __u64 generation, __u32 skip)
{
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return 0;
	return identity_of_net(net_of_sock(sk), generation, sk->src_port, skip);
}

/* ---- records */

static __always_inline void accept_tuple(struct weft_tuple *t, const struct end_key *key)
{
	__builtin_memcpy(t->local_addr, key->local_addr, 16);
	__builtin_memcpy(t->remote_addr, key->remote_addr, 16);
	t->local_port = key->local_port;
	t->remote_port = key->remote_port;
}

/* The denial, or note |number|. NULL: lost, and counted. */
static __always_inline struct weft_verdict *
accept_record(const struct authorize *a, const struct end_key *key, __u32 number, __u32 notes)
{
	struct weft_verdict *v = lifecycle_reserve(weft_verdict, WEFT_EVENT_VERDICT);

	if (!v)
		return NULL;
	verdict_fill(v, a);
	if (number < notes)
		verdict_note(v, a, number);
	accept_tuple(&v->tuple, key);
	v->place = WEFT_PLACE_ACCEPT;
	v->protocol = IPPROTO_TCP;
	return v;
}

static __noinline int listener_tell(struct __sk_buff *skb, struct bpf_sock *sk,
				    const struct authorize *a, const struct end_key *key)
{
	bool denied = a->answer.action == WEFT_ACTION_DENY;
	__u32 notes = verdicts_of(a);
	struct weft_owner *owner;
	struct weft_verdict *v;

	for (__u32 i = 0; i < WEFT_POLICY_NOTES + 1; i++) {
		if (i >= notes + denied)
			break;
		v = accept_record(a, key, i, notes);
		if (!v)
			continue;
		owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
		if (owner)
			v->owner = *owner;
		v->cookie = bpf_get_socket_cookie(skb);
		bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

/* ---- decisions */

static __always_inline void accept_ask(struct authorize *a, const struct end_key *key)
{
	__builtin_memcpy(a->question.source_addr, key->remote_addr, 16);
	__builtin_memcpy(a->question.target_addr, key->local_addr, 16);
	a->question.target_port = key->local_port;
	authorize_ask(a);
}

/* One SYN by the generation |generation|, for the workload |target|; 0: whose address or process it
 * is. A WEFT_ACTION_* or TARGET_UNKNOWN. */
__weak __noinline int syn_authorize(struct __sk_buff *skb, __u32 seq, __u64 generation,
				    __u32 target)
{
	struct bpf_sock *sk = skb->sk;
	struct authorize a = {};
	struct end_key key = {};

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !key_of_packet(skb, WEFT_INGRESS, &key))
		return WEFT_ACTION_ALLOW;
	a.question.generation = generation;
	a.target = target ? target : target_of_packet(&key, generation);
	if (!a.target)
		a.target = target_of_listener(skb, generation);
	if (!a.target)
		return addr_is_loopback(key.local_addr) ? WEFT_ACTION_ALLOW : TARGET_UNKNOWN;
	a.source = source_of_packet(&key, seq, generation);
	accept_ask(&a, &key);
	if (a.answer.action == WEFT_ACTION_STALE)
		return WEFT_ACTION_STALE;
	if (a.answer.action == WEFT_ACTION_OPEN) /* nothing more can be known */
		a.answer.action = WEFT_ACTION_DENY;
	listener_tell(skb, sk, &a, &key);
	if (a.answer.action == WEFT_ACTION_DENY)
		bpf_map_update_elem(&weft_refused, &key, &generation, BPF_ANY);
	return a.answer.action;
}

/* The same for all workloads that the listener may belong to. */
__weak __noinline int arrival_authorize(struct __sk_buff *skb, __u32 seq, __u64 generation)
{
	int action = syn_authorize(skb, seq, generation, 0);
	__u32 target;

	if (action != TARGET_UNKNOWN)
		return action;
	action = WEFT_ACTION_ALLOW;
	for (__u32 i = 0; i < NETNS_WORKLOADS && action == WEFT_ACTION_ALLOW; i++) {
		target = target_of_netns(skb, generation, i);
		if (!target)
			return policies_generation() == generation ? action : WEFT_ACTION_STALE;
		action = syn_authorize(skb, seq, generation, target);
	}
	return action == WEFT_ACTION_ALLOW ? WEFT_ACTION_DENY : action; /* there are more */
}

SEC("cgroup_skb/ingress")
int mesh_accept(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	int action = WEFT_ACTION_ALLOW;
	__u64 generation;
	__u32 seq;

	if (!sk || !syn_find(skb, &seq) || sk->state != BPF_TCP_LISTEN)
		return PASS;
	for (int i = 0; i < AUTHORIZE_TRIES; i++) {
		generation = policies_generation();
		if (!generation)
			return PASS;
		action = arrival_authorize(skb, seq, generation);
		if (action != WEFT_ACTION_STALE)
			break;
	}
	return action == WEFT_ACTION_DENY ? DROP : PASS;
}

/* ---- before there is a listener */

static __always_inline void key_of_lookup(const struct bpf_sk_lookup *ctx, struct end_key *key)
{
	__u32 local[4] = {ctx->local_ip6[0], ctx->local_ip6[1], ctx->local_ip6[2],
			  ctx->local_ip6[3]};
	__u32 remote[4] = {ctx->remote_ip6[0], ctx->remote_ip6[1], ctx->remote_ip6[2],
			   ctx->remote_ip6[3]};

	key->local_port = ctx->local_port;
	key->remote_port = bpf_ntohs(ctx->remote_port);
	if (ctx->family == AF_INET) {
		addr_from_v4(key->local_addr, ctx->local_ip4);
		addr_from_v4(key->remote_addr, ctx->remote_ip4);
	} else {
		__builtin_memcpy(key->local_addr, local, 16);
		__builtin_memcpy(key->remote_addr, remote, 16);
	}
}

/* The denial alone: what is allowed is noted at the listener. */
static __always_inline void lookup_tell(const struct authorize *a, const struct end_key *key,
					__u8 protocol)
{
	struct weft_verdict *v = accept_record(a, key, 0, 0);

	if (!v)
		return;
	v->protocol = protocol;
	bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
}

/* A target that only its listener is known by, or nobody, is decided there. */
__weak __noinline int lookup_authorize(const struct end_key *key, __u64 generation, __u32 protocol)
{
	struct authorize a = {};

	if (!key)
		return WEFT_ACTION_ALLOW;
	a.question.generation = generation;
	a.target = target_of_packet(key, generation);
	if (!a.target)
		return policies_generation() == generation ? WEFT_ACTION_ALLOW : WEFT_ACTION_STALE;
	a.source = source_of_packet(key, 0, generation);
	accept_ask(&a, key);
	if (a.answer.action == WEFT_ACTION_DENY)
		lookup_tell(&a, key, protocol);
	return a.answer.action;
}

SEC("sk_lookup")
int mesh_lookup(struct bpf_sk_lookup *ctx)
{
	__u64 generation = policies_generation(), *refused;
	struct end_key key = {};
	int action = WEFT_ACTION_ALLOW;

	if (!generation)
		return SK_PASS;
	key_of_lookup(ctx, &key);
	refused = bpf_map_lookup_elem(&weft_refused, &key);
	if (refused && *refused == generation)
		return SK_DROP;
	for (int i = 0; i < AUTHORIZE_TRIES && generation; i++) {
		action = lookup_authorize(&key, generation, ctx->protocol);
		if (action != WEFT_ACTION_STALE)
			break;
		generation = policies_generation();
	}
	return action == WEFT_ACTION_DENY ? SK_DROP : SK_PASS;
}
