// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policy at the server's end. Hooks: cgroup_skb egress notes which process sends a SYN or a
 * datagram; cgroup_skb ingress decides about a SYN at its listener and a datagram at its socket and
 * drops what is denied, so no connection comes into being; sk_lookup (in each network namespace)
 * decides about a SYN before there is a listener and lets the kernel answer with a RST. Emits
 * VERDICT records, which may be lost when the ring is full (counted). Context: packets. */
#include "bpf/lib/attempt.bpf.h"
#include "bpf/lib/netns.bpf.h"
#include "bpf/lib/sender.bpf.h"

#define PASS 1
#define DROP 0

#define NETNS_WORKLOADS 64 /* of one network namespace; with more what arrives is denied */

/* ---- who holds a socket */

static __always_inline void facts_of_sock(struct bpf_sock *sk, struct identity_facts *f)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);

	for (int i = 0; i < IDENTITY_CGROUPS; i++)
		f->cgroups[i] = bpf_sk_ancestor_cgroup_id(sk, i + 1);
	f->uid = WEFT_NUMBER_NONE;
	f->netns_ino = netns_of_sock(sk);
	if (!owner)
		return;
	f->exe = weft_hash_name(owner->exe);
	f->uid = owner->uid;
}

/* A client whose address says nothing is who its network namespace is. 0: its address says it. */
static __noinline int place_of_sender(struct __sk_buff *skb, struct bpf_sock *sk, __u64 generation)
{
	struct weft_mesh_key address = {};
	struct end_key ends = {};

	if (!addresses_read(skb, &ends, true))
		return 0;
	__builtin_memcpy(address.addr, ends.local_addr, 16);
	if (identity_of_addr(&address, generation))
		return 0;
	return identity_of_netns(net_of_sock(sk), generation);
}

static __noinline int syn_knock(struct __sk_buff *skb, struct bpf_sock *sk, __u64 generation,
				__u32 place)
{
	struct knock knock = {.generation = generation, .place = place};
	struct end_key key = {};

	if (syn_read(skb, &key, true) != SYN_FOUND)
		return PASS;
	facts_of_sock(sk, &knock.facts);
	knock.cookie = bpf_get_socket_cookie(skb);
	knock_send(&key, &knock);
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

static __noinline bool datagram_is_due(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sender_key key = {};

	return sender_key_fill(skb, sk, &key) && sender_is_due(&key, bpf_get_socket_cookie(skb));
}

static __noinline int datagram_knock(struct __sk_buff *skb, struct bpf_sock *sk, __u64 generation,
				     __u32 place)
{
	struct sender sender = {.generation = generation, .place = place};
	struct sender_key key = {};

	if (!sender_key_fill(skb, sk, &key))
		return PASS;
	facts_of_sock(sk, &sender.facts);
	sender.cookie = bpf_get_socket_cookie(skb);
	sender.seen_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&weft_senders, &key, &sender, BPF_ANY);
	sender_enlist(&key.ends, key.netns_ino);
	return PASS;
}

/* Only a TCP socket is in the state of its SYN: raw ones, which may send any, are not. */
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
	if (!generation || (talks && !datagram_is_due(skb, sk)))
		return PASS;
	place = place_of_sender(skb, sk, generation);
	return talks ? datagram_knock(skb, sk, generation, place)
		     : syn_knock(skb, sk, generation, place);
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
		v->protocol = sk->protocol;
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

/* One SYN by the generation |generation|, for the workload |target|. A WEFT_ACTION_*. */
__weak __noinline int syn_authorize(struct __sk_buff *skb, const struct end_key *key,
				    __u64 generation, __u32 target)
{
	struct bpf_sock *sk = skb->sk;
	struct authorize a = {};

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !key)
		return WEFT_ACTION_ALLOW;
	a.question.generation = generation;
	a.target = target;
	a.source = source_of_syn(key, generation);
	accept_ask(&a, key);
	if (a.answer.action == WEFT_ACTION_STALE)
		return WEFT_ACTION_STALE;
	if (a.answer.action == WEFT_ACTION_OPEN) /* nothing more can be known */
		a.answer.action = WEFT_ACTION_DENY;
	listener_tell(skb, sk, &a, key);
	if (a.answer.action == WEFT_ACTION_DENY)
		knock_refuse(key, netns_of_sock(sk), generation);
	return a.answer.action;
}

/* What cannot be read is denied while there are policies. */
static __noinline int unreadable_deny(struct __sk_buff *skb)
{
	struct authorize a = {.question.generation = policies_generation(),
			      .source_number = WEFT_NUMBER_NONE,
			      .target_number = WEFT_NUMBER_NONE};
	struct bpf_sock *sk = skb->sk;
	struct end_key key = {};

	if (!a.question.generation)
		return PASS;
	policy_answer_empty(&a.answer);
	a.answer.action = WEFT_ACTION_DENY;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return DROP;
	addresses_read(skb, &key, false);
	key.local_port = sk->src_port;
	listener_tell(skb, sk, &a, &key);
	return DROP;
}

/* ---- datagrams */

static __always_inline void talk_key_fill(struct talk_key *out, const struct end_key *ends,
					  __u64 who, bool by_cookie)
{
	out->who = who;
	__builtin_memcpy(out->addr, ends->remote_addr, 16);
	out->port = ends->remote_port;
	out->local_port = by_cookie ? 0 : ends->local_port;
	out->protocol = ends->egress_seq;
}

static __always_inline bool datagram_answers(struct __sk_buff *skb, const struct end_key *ends)
{
	struct talk_key key = {};

	talk_key_fill(&key, ends, bpf_get_socket_cookie(skb), true);
	return talk_lives(bpf_map_lookup_elem(&weft_talk_out, &key));
}

/* Whether a record is due, and that answers may be sent. */
static __noinline bool datagram_judged(const struct end_key *ends, __u32 netns_ino,
				       const struct authorize *a)
{
	struct talk_key key = {};

	talk_key_fill(&key, ends, netns_ino, false);
	if (a->answer.action == WEFT_ACTION_DENY)
		return talk_judged(&weft_talk_denied, &key, a->question.generation);
	return talk_judged(&weft_talk_in, &key, a->question.generation);
}

/* Candidates for who sent a datagram: a process in the receiver's own network namespace; those in
 * others; who has the address. */
#define FROM_HERE      0
#define FROM_ADDRESS   (1 + SENDERS_LISTED)
#define FROM_SOMEWHERE (FROM_ADDRESS + 1)

static __always_inline int datagram_source(const struct end_key *ends, __u32 netns_ino,
					   __u32 number, __u64 generation)
{
	if (number == FROM_ADDRESS)
		return source_of_addr(ends, generation);
	if (number != FROM_HERE)
		netns_ino = sender_netns(ends, number - 1);
	return netns_ino ? sender_in(ends, netns_ino, generation) : SENDER_NONE;
}

/* One datagram by the generation |generation|. Where several network namespaces have its addresses,
 * what one of them may send passes: the others cannot reach this place. */
__weak __noinline int datagram_authorize(struct __sk_buff *skb, const struct end_key *ends,
					 __u64 generation, __u32 target)
{
	struct authorize a = {.question.generation = generation};
	struct bpf_sock *sk = skb->sk;
	__u32 netns_ino;
	bool found = false;
	int source;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !ends)
		return WEFT_ACTION_ALLOW;
	netns_ino = netns_of_sock(sk);
	for (__u32 i = FROM_HERE; i < FROM_SOMEWHERE; i++) {
		if (found && (i == FROM_ADDRESS || a.answer.action != WEFT_ACTION_DENY))
			break;
		source = datagram_source(ends, netns_ino, i, generation);
		if (source == SENDER_NONE)
			continue;
		found = true;
		a.source = source;
		a.target = target;
		accept_ask(&a, ends);
		if (a.answer.action == WEFT_ACTION_OPEN) /* nothing more can be known */
			a.answer.action = WEFT_ACTION_DENY;
		if (i == FROM_HERE)
			break;
	}
	if (a.answer.action == WEFT_ACTION_STALE)
		return WEFT_ACTION_STALE;
	if (datagram_judged(ends, netns_ino, &a))
		listener_tell(skb, sk, &a, ends);
	return a.answer.action;
}

/* ---- what arrives */

#define ARRIVES_NOT	   0 /* nothing that policy is asked about */
#define ARRIVES		   1
#define ARRIVES_UNREADABLE 2

/* A datagram's socket that is connected has asked for what comes. */
static __noinline int arrival_of_datagram(struct __sk_buff *skb, struct bpf_sock *sk,
					  struct end_key *ends)
{
	ends->egress_seq = sk->protocol;
	if (sk->state == TCP_ESTABLISHED)
		return ARRIVES_NOT;
	if (!ends_read(skb, ends, false))
		return ARRIVES_UNREADABLE;
	return datagram_answers(skb, ends) ? ARRIVES_NOT : ARRIVES;
}

static __always_inline int arrival_of_syn(struct __sk_buff *skb, struct end_key *ends)
{
	int syn = syn_read(skb, ends, false);

	if (syn == SYN_FOUND)
		return ARRIVES;
	return syn == SYN_NONE ? ARRIVES_NOT : ARRIVES_UNREADABLE;
}

static __always_inline int one_authorize(struct __sk_buff *skb, const struct end_key *ends,
					 __u64 generation, __u32 target, bool talks)
{
	return talks ? datagram_authorize(skb, ends, generation, target)
		     : syn_authorize(skb, ends, generation, target);
}

/* For whom the address or the process says that the server is, else for all workloads that its
 * network namespace may be. Those are looked up here: the stack of all that calls each other is
 * bounded. */
__weak __noinline int arrival_authorize(struct __sk_buff *skb, const struct end_key *ends,
					__u64 generation, bool talks)
{
	int action = WEFT_ACTION_ALLOW;
	__u32 target;

	if (!ends)
		return action;
	target = target_of_packet(ends, generation);
	if (!target)
		target = target_of_listener(skb, generation);
	if (target)
		return one_authorize(skb, ends, generation, target, talks);
	if (addr_is_loopback(ends->local_addr))
		return policies_generation() == generation ? action : WEFT_ACTION_STALE;
	for (__u32 i = 0; i < NETNS_WORKLOADS && action == WEFT_ACTION_ALLOW; i++) {
		target = target_of_netns(skb, generation, i);
		if (!target)
			return policies_generation() == generation ? action : WEFT_ACTION_STALE;
		action = one_authorize(skb, ends, generation, target, talks);
	}
	return action == WEFT_ACTION_ALLOW ? WEFT_ACTION_DENY : action; /* there are more */
}

SEC("cgroup_skb/ingress")
int mesh_accept(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	int action = WEFT_ACTION_ALLOW, arrival = ARRIVES_NOT;
	struct end_key ends = {};
	__u64 generation;
	bool talks;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return PASS;
	talks = is_datagram(sk->protocol);
	if (!talks && (sk->protocol != IPPROTO_TCP || sk->state != TCP_LISTEN))
		return PASS;
	if (!policies_generation())
		return PASS;
	arrival = talks ? arrival_of_datagram(skb, sk, &ends) : arrival_of_syn(skb, &ends);
	if (arrival != ARRIVES)
		return arrival == ARRIVES_NOT ? PASS : unreadable_deny(skb);
	for (int i = 0; i < AUTHORIZE_TRIES; i++) {
		generation = policies_generation();
		if (!generation)
			return PASS;
		action = arrival_authorize(skb, &ends, generation, talks);
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
static __always_inline void lookup_tell(const struct authorize *a, const struct end_key *key)
{
	struct weft_verdict *v = accept_record(a, key, 0, 0);

	if (v)
		bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
}

/* A target that only its listener tells, or nothing, is decided there. So is what depends on
 * the process that connects: which of those that have these addresses it is, only the SYN's
 * sequence number tells. */
__weak __noinline int lookup_authorize(const struct end_key *key, __u64 generation)
{
	struct authorize a = {.question.generation = generation};
	const struct near *near;
	struct end_key latest;
	__u32 target;

	if (!key)
		return WEFT_ACTION_ALLOW;
	target = target_of_packet(key, generation);
	if (!target)
		return policies_generation() == generation ? WEFT_ACTION_ALLOW : WEFT_ACTION_STALE;
	near = knocked_lately(key);
	a.target = target;
	a.source = near ? IDENTITY_MANY : source_of_addr(key, generation);
	accept_ask(&a, key);
	if (near && a.answer.action == WEFT_ACTION_DENY) { /* of any sender; this one is recorded */
		latest = *key;
		latest.egress_seq = near->seq;
		a.target = target;
		a.source = source_of_syn(&latest, generation);
		accept_ask(&a, key);
	}
	if (a.answer.action == WEFT_ACTION_DENY)
		lookup_tell(&a, key);
	return a.answer.action;
}

static __always_inline bool refused_here(const struct end_key *key, __u64 generation)
{
	__u32 zero = 0, *netns_ino = bpf_map_lookup_elem(&weft_here, &zero);

	return netns_ino && refused_take(key, *netns_ino, generation);
}

SEC("sk_lookup")
int mesh_lookup(struct bpf_sk_lookup *ctx)
{
	__u64 generation = policies_generation();
	struct end_key key = {};
	int action = WEFT_ACTION_ALLOW;

	if (!generation || ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	key_of_lookup(ctx, &key);
	if (refused_here(&key, generation))
		return SK_DROP;
	for (int i = 0; i < AUTHORIZE_TRIES && generation; i++) {
		action = lookup_authorize(&key, generation);
		if (action != WEFT_ACTION_STALE)
			break;
		generation = policies_generation();
	}
	return action == WEFT_ACTION_DENY ? SK_DROP : SK_PASS;
}
