// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policy at the server's end, using the senders that bpf/socket/syn_owner.bpf.c noted. Hooks:
 * cgroup_skb ingress decides about a SYN at its listener and about a datagram at its socket, and
 * drops what is denied, so that no connection is created; sk_lookup (in each network namespace)
 * decides about a SYN before a listener is found, so that the kernel answers it with a RST. Emits
 * VERDICT records, which may be lost when the ring is full (counted). Context: packets. */
#include "bpf/lib/attempt.bpf.h"
#include "bpf/lib/holder.bpf.h"
#include "bpf/lib/netns.bpf.h"
#include "bpf/lib/sender.bpf.h"

#define PASS 1
#define DROP 0

/* ---- the workloads at both ends */

/* By the facts of the process that listened or bound the socket. */
static __noinline int target_of_owner(struct bpf_sock *sk, struct identity_search *s)
{
	struct identity_facts facts = {};

	facts_of_sock(sk, &facts);
	identity_of_facts(s, &facts);
	return s->identity;
}

/* The |number|th workload among the processes that hold the listener, 0: there are no more;
 * IDENTITY_MANY: more than the table holds. */
__weak __noinline int target_of_listener(struct __sk_buff *skb, const struct end_key *ends,
					 __u64 generation, __u32 number)
{
	struct identity_search s = {.generation = generation};
	struct bpf_sock *sk = skb->sk;
	int identity;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !ends)
		return 0;
	__builtin_memcpy(s.addr, ends->local_addr, 16);
	identity = identity_of_holder(holders_of_sock(sk), &s, number);
	if (identity != HOLDERS_UNKNOWN)
		return identity;
	return number ? 0 : target_of_owner(sk, &s);
}

/* The |skip|th workload with an address of the listener's network namespace, 0: no more. */
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

/* A record of the denial, or of note |number|. NULL: lost, and counted. */
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

static __noinline int listener_report(struct __sk_buff *skb, const struct authorize *a,
				      const struct end_key *key)
{
	bool denied = a->answer.action == WEFT_ACTION_DENY;
	__u32 notes = verdicts_of(a);
	struct bpf_sock *sk = skb->sk;
	struct weft_owner *owner;
	struct weft_verdict *v;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return 0;
	for (__u32 i = 0; i < WEFT_POLICY_NOTES + 1; i++) {
		if (i >= notes + denied)
			break;
		v = accept_record(a, key, i, notes);
		if (!v)
			continue;
		owner = owner_of_sock(sk);
		if (owner)
			v->owner = *owner;
		v->cookie = bpf_get_socket_cookie(skb);
		v->protocol = sk->protocol;
		v->isolated = net_is_isolated(net_of_sock(sk));
		bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

/* ---- decisions */

static __always_inline void accept_decide(struct authorize *a, const struct end_key *key)
{
	__builtin_memcpy(a->question.source_addr, key->remote_addr, 16);
	__builtin_memcpy(a->question.target_addr, key->local_addr, 16);
	a->question.target_port = key->local_port;
	authorize_decide(a);
}

/* Whether the decision for |source| is not final yet. */
static __always_inline bool is_unsettled(__u8 action, __u32 source)
{
	return action == WEFT_ACTION_STALE || (action == WEFT_ACTION_OPEN && !source);
}

/* Decides about one SYN by |generation|, for the workload |target|, of |source|; 0: it is looked
 * up. Returns a WEFT_ACTION_*; OPEN: it depends on which of several workloads the source is. */
__weak __noinline int syn_authorize(struct __sk_buff *skb, const struct end_key *key,
				    __u64 generation, __u32 target, __u32 source)
{
	struct bpf_sock *sk = skb->sk;
	struct authorize a = {};

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !key)
		return WEFT_ACTION_ALLOW;
	a.question.generation = generation;
	a.target = target;
	a.source = source ? source : source_of_syn(key, generation);
	accept_decide(&a, key);
	if (is_unsettled(a.answer.action, source))
		return a.answer.action;
	if (a.answer.action == WEFT_ACTION_OPEN) /* nothing more can be known */
		a.answer.action = WEFT_ACTION_DENY;
	listener_report(skb, &a, key);
	if (a.answer.action == WEFT_ACTION_DENY)
		syn_owner_refuse(key, netns_of_sock(sk), generation);
	return a.answer.action;
}

/* A packet that cannot be parsed is denied while there are policies. */
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
	listener_report(skb, &a, &key);
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

/* Whether a record is due. */
static __noinline bool datagram_judged(struct __sk_buff *skb, const struct end_key *ends,
				       const struct authorize *a)
{
	struct bpf_sock *sk = skb->sk;
	struct talk_key key = {};

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return false;
	talk_key_fill(&key, ends, netns_of_sock(sk), false);
	if (a->answer.action == WEFT_ACTION_DENY)
		return talk_judged(&weft_talk_denied, &key, a->question.generation);
	return talk_judged(&weft_talk_in, &key, a->question.generation);
}

/* Whether a process of this network namespace sent it from an address that the namespace does not
 * have (IPV6_FREEBIND), so that it looks as if it came from outside. Over IPv4 that requires
 * CAP_NET_RAW or CAP_NET_ADMIN. Where only a few addresses can be looked at, all are trusted. */
static __noinline bool datagram_pretends(struct __sk_buff *skb, struct bpf_sock *sk,
					 const struct end_key *ends)
{
	struct weft_mesh_key address = {};

	if (!came_back(skb) && !(may_have_come_back(skb) && sender_find(ends, netns_of_sock(sk))))
		return false;
	if (mesh_addr_is_v4(ends->remote_addr) ||
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		return false;
	__builtin_memcpy(address.addr, ends->remote_addr, 16);
	return !net_has_addr(net_of_sock(sk), &address);
}

/* Records the datagram, so that it may be answered. */
static __noinline int datagram_passed(struct __sk_buff *skb, const struct end_key *ends)
{
	struct bpf_sock *sk = skb->sk;
	struct talk_key key = {};

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return PASS;
	talk_key_fill(&key, ends, netns_of_sock(sk), false);
	if (talk_is_due(bpf_map_lookup_elem(&weft_talk_in, &key)) &&
	    !datagram_pretends(skb, sk, ends))
		talk_go_on(&weft_talk_in, &key);
	return PASS;
}

/* Candidates for the sender of a datagram: a process in the receiver's own network namespace;
 * processes in others; the workload that has the address. */
#define FROM_HERE      0
#define FROM_ADDRESS   (1 + SENDERS_LISTED)
#define FROM_SOMEWHERE (FROM_ADDRESS + 1)

/* Value of |source| for a datagram: it has to be looked up, and is no process of the receiver's own
 * network namespace. The caller determines that: the stack of a call chain is limited. */
#define SOURCE_FOREIGN (IDENTITY_MANY - 1)

static __always_inline bool is_looked_up(__u32 source)
{
	return !source || source == SOURCE_FOREIGN;
}

/* The workload of candidate |number|, with the receiver in |netns_ino|. */
static __always_inline int datagram_source(const struct end_key *ends, __u32 netns_ino,
					   __u32 number, __u64 generation, bool foreign)
{
	__u32 from;

	if (number == FROM_ADDRESS)
		return source_of_addr(ends, generation);
	from = number == FROM_HERE ? netns_ino : sender_netns(ends, number - 1);
	if (!from || (foreign && from == netns_ino))
		return SENDER_NONE;
	return sender_in(ends, from, generation);
}

/* Whether accept_decide was called. There is no stack left for a flag of its own. */
static __always_inline bool was_decided(const struct authorize *a)
{
	return a->question.target_port;
}

/* Decides for every candidate for the sender, as seen from |netns_ino|; the result is in |a|. It is
 * OPEN when no candidate is allowed, and for one candidate the result depends on which of several
 * workloads it is. |given|: the source that datagram_authorize was given. */
static __always_inline void datagram_decide(struct authorize *a, const struct end_key *ends,
					    __u32 netns_ino, __u32 target, __u32 given)
{
	int source;

	for (__u32 i = FROM_HERE; i < FROM_SOMEWHERE; i++) {
		if (was_decided(a) && (i == FROM_ADDRESS || a->answer.action == WEFT_ACTION_ALLOW ||
				       a->answer.action == WEFT_ACTION_STALE))
			break;
		source = datagram_source(ends, netns_ino, i, a->question.generation,
					 given == SOURCE_FOREIGN);
		if (source == SENDER_NONE)
			continue;
		a->source = source;
		a->target = target;
		accept_decide(a, ends);
		a->question.some_open |= a->answer.action == WEFT_ACTION_OPEN;
		if (i == FROM_HERE)
			break;
	}
	if (a->question.some_open && a->answer.action == WEFT_ACTION_DENY)
		a->answer.action = WEFT_ACTION_OPEN;
}

/* Decides about one datagram, as syn_authorize. If several network namespaces have its source
 * address, it passes if any of them may send it: the others cannot reach this socket. */
__weak __noinline int datagram_authorize(struct __sk_buff *skb, const struct end_key *ends,
					 __u64 generation, __u32 target, __u32 source)
{
	struct authorize a = {.question.generation = generation, .target = target};
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || !ends)
		return WEFT_ACTION_ALLOW;
	if (is_looked_up(source)) {
		datagram_decide(&a, ends, netns_of_sock(sk), target, source);
	} else {
		a.source = source;
		accept_decide(&a, ends);
	}
	if (is_unsettled(a.answer.action, is_looked_up(source) ? 0 : source))
		return a.answer.action;
	if (a.answer.action == WEFT_ACTION_OPEN) /* nothing more can be known */
		a.answer.action = WEFT_ACTION_DENY;
	if (datagram_judged(skb, ends, &a))
		listener_report(skb, &a, ends);
	return a.answer.action;
}

/* ---- ingress */

#define ARRIVES_NOT	   0 /* policy does not apply */
#define ARRIVES		   1
#define ARRIVES_UNREADABLE 2

/* A connected datagram socket only receives from its peer, which it chose. */
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

/* A SYN or datagram, decided by one generation. */
struct arrival_walk {
	const struct end_key *ends;
	__u64 generation;
	bool talks;
};

static __always_inline int one_authorize(struct __sk_buff *skb, const struct arrival_walk *w,
					 __u32 target, __u32 source)
{
	return w->talks ? datagram_authorize(skb, w->ends, w->generation, target, source)
			: syn_authorize(skb, w->ends, w->generation, target, source);
}

/* The struct net of the sender if its addresses belong to several workloads, else 0. A global
 * function, so that it is verified once. */
__weak __noinline __u64 net_of_several(struct __sk_buff *skb, const struct end_key *ends,
				       __u64 generation, bool talks)
{
	struct bpf_sock *sk = skb->sk;
	__u64 net = 0;

	if (!ends)
		return 0;
	if (!talks)
		return source_net(ends, generation);
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (sk)
		net = sender_net(ends, netns_of_sock(sk), generation);
	for (__u32 i = 0; i < SENDERS_LISTED && !net; i++)
		net = sender_net(ends, sender_netns(ends, i), generation);
	return net;
}

/* Decides for the workload |target|, with any sender. A sender that is one of several workloads may
 * do what each of them may. Values that can be looked up again are not kept: the stack of a call
 * chain is limited. */
static __always_inline int target_authorize(struct __sk_buff *skb, const struct arrival_walk *w,
					    __u32 target)
{
	__u32 source = w->talks && datagram_is_foreign(skb, w->ends) ? SOURCE_FOREIGN : 0;
	int action = one_authorize(skb, w, target, source);
	__u64 net;

	if (action != WEFT_ACTION_OPEN)
		return action;
	for (__u32 i = 0; i < NETNS_SOURCES; i++) {
		net = net_of_several(skb, w->ends, w->generation, w->talks);
		source = net ? identity_of_net(net, w->generation, 0, i) : 0;
		if (!source && i)
			return WEFT_ACTION_ALLOW;
		action = one_authorize(skb, w, target, source ? source : IDENTITY_MANY);
		if (action != WEFT_ACTION_ALLOW)
			return action;
	}
	return WEFT_ACTION_DENY; /* there are more */
}

/* The receiver is no workload, so no policy applies. */
static __always_inline int arrival_unwatched(__u64 generation)
{
	return policies_generation() == generation ? WEFT_ACTION_ALLOW : WEFT_ACTION_STALE;
}

/* The receiver is the workload of the address, else all workloads of the processes that hold the
 * socket, else all that the network namespace may be. They are looked up here: the stack of a call
 * chain is limited. */
__weak __noinline int arrival_authorize(struct __sk_buff *skb, const struct end_key *ends,
					__u64 generation, bool talks)
{
	struct arrival_walk w = {ends, generation, talks};
	int action = WEFT_ACTION_ALLOW;
	__u32 by_address, known, target;

	if (!ends)
		return action;
	by_address = target_of_packet(ends, generation);
	known = by_address ? by_address : target_of_listener(skb, ends, generation, 0);
	if (!known && addr_is_loopback(ends->local_addr))
		return arrival_unwatched(generation);
	for (__u32 i = 0; i < NETNS_WORKLOADS; i++) {
		target = known ? known : target_of_netns(skb, generation, i);
		if (!target)
			return arrival_unwatched(generation);
		if (target == IDENTITY_MANY)
			break;
		action = target_authorize(skb, &w, target);
		if (action != WEFT_ACTION_ALLOW)
			return action;
		if (!known)
			continue;
		if (by_address || i == HOLDERS_MAX)
			return action;
		known = target_of_listener(skb, ends, generation, i + 1);
		if (!known)
			return action;
	}
	return WEFT_ACTION_DENY; /* there are more */
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
	if (action == WEFT_ACTION_DENY)
		return DROP;
	return talks ? datagram_passed(skb, &ends) : PASS;
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

/* Records the denial only: notes are recorded at the listener. */
static __always_inline void lookup_report(const struct authorize *a, const struct end_key *key)
{
	struct weft_verdict *v = accept_record(a, key, 0, 0);

	if (v)
		bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
}

/* If the address does not give the target, the decision is left to the listener's hook. So is one
 * that depends on the connecting process: only the SYN's sequence number tells which of those with
 * these addresses it is. */
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
	near = syn_sent_lately(key);
	a.target = target;
	a.source = near ? IDENTITY_MANY : source_of_addr(key, generation);
	accept_decide(&a, key);
	if (near && a.answer.action == WEFT_ACTION_DENY) { /* for any; record this one */
		latest = *key;
		latest.egress_seq = near->seq;
		a.target = target;
		a.source = source_of_syn(&latest, generation);
		accept_decide(&a, key);
	}
	if (a.answer.action == WEFT_ACTION_DENY)
		lookup_report(&a, key);
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
