/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: facts about a TCP socket: addresses, owner, counters. */
#pragma once

#include "bpf/lib/emit.bpf.h"
#include "bpf/lib/program.bpf.h"

static __always_inline void addr_from_v4(__u8 out[16], __be32 addr)
{
	__builtin_memset(out, 0, 10);
	out[10] = 0xff;
	out[11] = 0xff;
	__builtin_memcpy(out + 12, &addr, 4);
}

/* The address of the kernel structure behind a context or a socket of a hook, of which the program
 * may access only some fields: the pointer is stored on the stack and read back as a number. */
static __always_inline const void *kernel_address(const void *shown)
{
	const void *volatile place = shown;
	const void *address = NULL;

	bpf_probe_read_kernel(&address, sizeof(address), (const void *)&place);
	return address;
}

/* As a number: global functions take no pointer to a struct net. */
static __always_inline __u64 net_of_sock(const struct bpf_sock *sk)
{
	const struct sock *inner = kernel_address(sk);

	return (__u64)BPF_CORE_READ(inner, __sk_common.skc_net.net);
}

static __always_inline __u32 netns_of_sock(const struct bpf_sock *sk)
{
	const struct net *net = (const struct net *)net_of_sock(sk);

	return BPF_CORE_READ(net, ns.inum);
}

/* Whether the addresses of |net| (a struct net) identify a workload. In a user namespace any user
 * can create devices with any address. */
static __always_inline bool net_counts(__u64 net)
{
	const struct net *from = (const void *)net;

	return user_is_initial(BPF_CORE_READ(from, user_ns));
}

/* Whether a network namespace belongs to a user namespace of this level that a user other than root
 * created, who can give its devices any address: what happens there says nothing about the
 * endpoints, clients and services whose addresses these are. Containers with mapped users are
 * created by root. Without a branch, which would double what the verifier explores. */
static __always_inline __u8 isolates(__u32 level, __u32 owner)
{
	__u64 both = -(__u64)level & -(__u64)owner;

	asm volatile("" : "+r"(both)); /* else clang makes two branches of it */
	return both >> 63;
}

/* |net|: a struct net. */
static __always_inline __u8 net_is_isolated(__u64 net)
{
	const struct net *from = (const void *)net;
	const struct user_namespace *user = BPF_CORE_READ(from, user_ns);

	return isolates(BPF_CORE_READ(user, level), BPF_CORE_READ(user, owner.val));
}

static __always_inline __u8 is_isolated(const struct sock *sk)
{
	const struct user_namespace *user = sk->__sk_common.skc_net.net->user_ns;

	return isolates(user->level, user->owner.val);
}

static __always_inline void tuple_fill(struct weft_tuple *t, const struct sock *sk)
{
	const struct sock_common *c = &sk->__sk_common;

	if (c->skc_family == AF_INET6) {
		bpf_probe_read_kernel(t->local_addr, 16, &c->skc_v6_rcv_saddr);
		bpf_probe_read_kernel(t->remote_addr, 16, &c->skc_v6_daddr);
	} else {
		addr_from_v4(t->local_addr, c->skc_rcv_saddr);
		addr_from_v4(t->remote_addr, c->skc_daddr);
	}
	t->local_port = c->skc_num;
	t->remote_port = bpf_ntohs(c->skc_dport);
	t->netns_ino = c->skc_net.net->ns.inum;
}

static __always_inline __u32 age_us(__u64 since_ns, __u64 now_ns)
{
	__u64 us = (now_ns - since_ns) / 1000;

	return us < ~0u ? us : ~0u;
}

static __always_inline void end_key_fill(struct end_key *key, const struct weft_tuple *t,
					 __u32 egress_seq, __u32 ingress_seq)
{
	__builtin_memcpy(key->local_addr, t->local_addr, 16);
	__builtin_memcpy(key->remote_addr, t->remote_addr, 16);
	key->local_port = t->local_port;
	key->remote_port = t->remote_port;
	key->egress_seq = egress_seq;
	key->ingress_seq = ingress_seq;
}

/* The same key as the other end sees it. */
static __always_inline void key_reverse(struct end_key *out, const struct end_key *key)
{
	__builtin_memcpy(out->local_addr, key->remote_addr, 16);
	__builtin_memcpy(out->remote_addr, key->local_addr, 16);
	out->local_port = key->remote_port;
	out->remote_port = key->local_port;
}

/* All but |owner->program|. */
static __always_inline void owner_fill(struct weft_owner *owner, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct file *exe;

	owner->pid = task->tgid;
	owner->start_ns = task->group_leader->start_boottime;
	owner->uid = task->cred->uid.val;
	bpf_probe_read_kernel(owner->comm, sizeof(owner->comm), &task->group_leader->comm);
	if (!mm)
		return;
	exe = mm->exe_file;
	if (exe)
		bpf_probe_read_kernel_str(owner->exe, sizeof(owner->exe),
					  exe->f_path.dentry->d_name.name);
}

static __always_inline void owner_of_current(struct weft_owner *owner)
{
	owner_fill(owner, (struct task_struct *)bpf_get_current_task_btf());
	owner->cgroup_id = bpf_get_current_cgroup_id();
}

/* Whether programs have to be recorded. */
static __always_inline bool programs_matter(void)
{
	const struct weft_settings *set = settings();

	return set && set->programs;
}

/* The owner with its program. */
static __always_inline void owner_learn(struct weft_owner *owner)
{
	owner_of_current(owner);
	if (programs_matter())
		program_of(&owner->program, bpf_get_current_task());
	else
		__builtin_memset(&owner->program, 0, sizeof(owner->program));
}

/* Whether the socket is of |protocol| over IPv4 or IPv6. */
static __always_inline bool sock_is_of(const struct sock *sk, __u16 protocol)
{
	__u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == protocol && (family == AF_INET || family == AF_INET6);
}

static __always_inline bool sock_is_tcp(const struct sock *sk)
{
	return sock_is_of(sk, IPPROTO_TCP);
}

static __always_inline bool sock_is_udp(const struct sock *sk)
{
	return sock_is_of(sk, IPPROTO_UDP);
}

/* Multipath TCP: the kernel connects and listens with a subflow socket, the process holds another
 * socket. Returns the latter; NULL: |sk| is no subflow. */
static __always_inline struct mptcp_sock *mptcp_parent(struct bpf_sock *sk)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_skc_to_mptcp_sock) ||
	    !bpf_core_type_exists(struct mptcp_sock))
		return NULL;
	return bpf_skc_to_mptcp_sock(sk);
}

/* Whether owners are recorded for this kind of socket: TCP, Multipath TCP, UDP, UDP-Lite. */
static __always_inline bool sock_has_owner(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family, protocol = sk->sk_protocol;

	return (family == AF_INET || family == AF_INET6) &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP || protocol == IPPROTO_UDP ||
		protocol == IPPROTO_UDPLITE);
}

/* The socket is in TCP_REPAIR: a process dumps or restores it. */
static __always_inline bool is_repaired(const struct tcp_sock *tcp)
{
	return BPF_CORE_READ_BITFIELD(tcp, repair);
}

/* Bytes received in order. Includes reordered packets whose gap was filled when no packet was seen
 * since; |rcv_nxt| also counts a FIN, which is not counted here. Redirected bytes arrive in
 * order. */
static __always_inline __u64 received_in_order(const struct conn_state *state,
					       const struct tcp_sock *tcp)
{
	const struct stream_state *s = &state->streams[WEFT_INGRESS];
	__u32 end = tcp->rcv_nxt;

	if (!s->holes || state->enrolled)
		return s->position;
	end = (__s32)(end - s->ahead) > 0 ? s->ahead : end;
	return (__s32)(end - s->next) > 0 ? s->position + (end - s->next) : s->position;
}

static __always_inline void counters_fill(struct weft_counters *c, const struct tcp_sock *tcp,
					  const struct conn_state *state)
{
	c->sent_bytes = state->streams[WEFT_EGRESS].position;
	c->received_bytes = state->streams[WEFT_INGRESS].position;
	c->flags = state->end_flags;
	if (!tcp)
		return;
	c->received_bytes = received_in_order(state, tcp);
	c->tcp_bytes_sent = tcp->bytes_sent;
	c->tcp_bytes_acked = tcp->bytes_acked;
	c->tcp_bytes_received = tcp->bytes_received;
	c->segments_out = tcp->segs_out;
	c->segments_in = tcp->segs_in;
	c->data_segments_out = tcp->data_segs_out;
	c->data_segments_in = tcp->data_segs_in;
	c->retransmits = tcp->total_retrans;
	c->srtt_us = tcp->srtt_us >> 3;
	c->min_rtt_us = tcp->rtt_min.s[0].v == ~0u ? 0 : tcp->rtt_min.s[0].v;
}

/* Reserves a lifecycle record, zeroed except for its header; counts it as seen, and as lost when
 * the ring has no room. */
#define lifecycle_reserve(type, event_kind)                                                        \
	({                                                                                         \
		struct type *record_ = bpf_ringbuf_reserve(&weft_ring, sizeof(*record_), 0);       \
		count(WEFT_COUNT_LIFECYCLE_SEEN, 1);                                               \
		if (record_) {                                                                     \
			__builtin_memset(record_, 0, sizeof(*record_));                            \
			event_fill(&record_->event, event_kind, sizeof(*record_),                  \
				   bpf_ktime_get_ns());                                            \
		} else {                                                                           \
			count_lost(WEFT_LOST_RING_LIFECYCLE);                                      \
		}                                                                                  \
		record_;                                                                           \
	})
