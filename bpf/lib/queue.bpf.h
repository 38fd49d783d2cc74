/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: accept queues of listeners: how full they are, and what they refuse because they are
 * full. The kernel counts these as ListenOverflows: a SYN, or the last ACK of a handshake
 * (tcp_conn_request() and tcp_v4_syn_recv_sock()). That count is per network namespace, and a
 * listener's sk_drops includes deferred ACKs and half-open handshakes. So each packet that arrives
 * at a full queue is tested here as the kernel will test it a moment later. Not seen: last ACKs
 * that answer a SYN cookie. */
#pragma once

#include "bpf/lib/packet_tcp.bpf.h"

/* As sk_acceptq_is_full() in include/net/sock.h. */
static __always_inline bool queue_is_full(const struct sock *sk)
{
	return sk->sk_ack_backlog > sk->sk_max_ack_backlog;
}

/* Without SYN cookies a SYN that finds too many half-open handshakes is dropped before the kernel
 * looks at the accept queue (tcp_conn_request() in net/ipv4/tcp_input.c). */
static __always_inline bool queue_is_flooded(const struct tcp_sock *tcp)
{
	const struct sock *sk = (const struct sock *)tcp;

	return !sk->__sk_common.skc_net.net->ipv4.sysctl_tcp_syncookies &&
	       (__u32)tcp->inet_conn.icsk_accept_queue.qlen.counter >= sk->sk_max_ack_backlog;
}

/* Whether |p| completes the handshake |request| (tcp_check_req() in net/ipv4/tcp_minisocks.c). With
 * TCP_DEFER_ACCEPT an ACK without data completes it only after some SYN-ACK retransmissions. */
static __always_inline bool queue_completes(const struct tcp_sock *tcp,
					    struct tcp_request_sock *request,
					    const struct payload *p)
{
	__u8 deferred = tcp->inet_conn.icsk_accept_queue.rskq_defer_accept;
	__u32 first = request->rcv_isn + 1, end = p->seq + p->bytes + p->fin;

	if (p->ack != request->snt_isn + 1 || (p->seq != first && (__s32)(end - first) <= 0))
		return false;
	return end != first || BPF_CORE_READ_BITFIELD(&request->req.req, num_timeout) >= deferred;
}

/* The request socket of a handshake between the ends of |skb|; the caller releases it. */
static __always_inline struct bpf_sock *queue_request(struct __sk_buff *skb,
						      const struct tcphdr *tcp)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct bpf_sock_tuple tuple = {};
	struct iphdr *v4 = data;
	struct ipv6hdr *v6 = data;
	__u32 size = sizeof(tuple.ipv6);

	if ((void *)(v6 + 1) > end) /* also long enough for IPv4 with TCP */
		return NULL;
	if (v4->version == 4) {
		tuple.ipv4.saddr = v4->saddr;
		tuple.ipv4.daddr = v4->daddr;
		tuple.ipv4.sport = tcp->source;
		tuple.ipv4.dport = tcp->dest;
		return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.saddr, &v6->saddr, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, &v6->daddr, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = tcp->source;
	tuple.ipv6.dport = tcp->dest;
	return bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
}

/* Whether the full queue of |tcp| is the reason why |skb| is dropped. */
static __always_inline bool queue_refuses(struct __sk_buff *skb, const struct tcp_sock *tcp)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct tcp_request_sock *request;
	struct payload p = {};
	struct tcphdr *header;
	struct bpf_sock *found;
	bool refused, syn, ack;

	payload_find(skb, &p);
	header = data + tcp_find(skb);
	if (!p.offset || (void *)(header + 1) > end || header->rst)
		return false;
	syn = header->syn && !header->ack && !header->fin;
	ack = header->ack && !header->syn;
	found = queue_request(skb, header);
	if (!found)
		return false;
	request = bpf_skc_to_tcp_request_sock(found);
	refused =
		request ? ack && queue_completes(tcp, request, &p) : syn && !queue_is_flooded(tcp);
	bpf_sk_release(found);
	return refused;
}

/* Counts an ingress packet that a full accept queue refuses. Returns 1: it passes the hook. */
static __noinline int queue_look(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tcp;
	__u64 *overflows;

	if (!sk || sk->state != BPF_TCP_LISTEN)
		return 1;
	sk = bpf_sk_fullsock(sk);
	tcp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tcp || !queue_is_full((struct sock *)tcp) || !queue_refuses(skb, tcp))
		return 1;
	overflows = bpf_sk_storage_get(&weft_overflows, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (overflows)
		__sync_fetch_and_add(overflows, 1);
	else
		count_lost(WEFT_LOST_STORAGE);
	return 1;
}

/* Fills |listen| except its header and owner. */
static __always_inline void queue_fill(struct weft_listen *listen, struct sock *sk)
{
	const __u64 *overflows = bpf_sk_storage_get(&weft_overflows, sk, 0, 0);

	tuple_fill(&listen->tuple, sk);
	listen->isolated = is_isolated(sk);
	listen->cookie = bpf_get_socket_cookie(sk);
	listen->backlog = sk->sk_ack_backlog;
	listen->backlog_max = sk->sk_max_ack_backlog;
	listen->drops = overflows ? *overflows : 0;
}
