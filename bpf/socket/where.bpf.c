// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Iterators, run when user space asks which workloads are at an address of this node (weft_where):
 * `mesh_servers` writes the sockets that listen at it, `mesh_places` the network namespaces that
 * have it, as struct weft_place, with the workload that a decision about a connection there would
 * find. They lose nothing, but do not see a socket that is in no process's files, or a namespace
 * without a process. */
#include "bpf/lib/sock_addr.bpf.h"
#include "bpf/lib/files.bpf.h"
#include "bpf/lib/holder_walk.bpf.h"
#include "bpf/lib/holders.bpf.h"
#include "bpf/lib/netns.bpf.h"
#include "bpf/lib/talk.bpf.h"

static __always_inline const struct weft_where *where_requested(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&weft_where, &zero);
}

static __always_inline bool net_has(__u64 net, const struct weft_where *where)
{
	struct weft_mesh_key address = {};

	__builtin_memcpy(address.addr, where->addr, 16);
	return net_has_addr(net, &address);
}

/* ---- records */

static __always_inline int place_write(struct seq_file *seq, struct weft_place *p, __u32 identity)
{
	p->identity = identity;
	return (int)bpf_seq_write(seq, p, sizeof(*p));
}

/* Writes a record for each workload of the network namespace |net|, and IDENTITY_MANY after |most|
 * of them. Returns nonzero when the reader's buffer is full. */
static __always_inline int netns_write(struct seq_file *seq, struct weft_place *p, __u64 net,
				       __u32 port, __u32 most)
{
	__u32 identity, i = 0;

	for (; i < most; i++) {
		identity = identity_of_net(net, p->generation, port, i);
		if (!identity)
			break;
		if (place_write(seq, p, identity))
			return -1;
	}
	if (!i || i == most)
		return place_write(seq, p, i ? IDENTITY_MANY : 0);
	return 0;
}

static __always_inline void place_fill(struct weft_place *p)
{
	struct mesh m;

	event_fill(&p->event, WEFT_EVENT_VERDICT, sizeof(*p), bpf_ktime_get_ns());
	p->event.cpu = WEFT_CPU_NONE;
	p->generation = mesh_open(&m) ? m.header->generation : 0;
}

/* ---- listening sockets */

static __always_inline bool sock_takes_family(const struct sock *sk, const struct weft_where *w)
{
	if (!mesh_addr_is_v4(w->addr))
		return sk->__sk_common.skc_family == AF_INET6;
	return sk->__sk_common.skc_family == AF_INET ||
	       !BPF_CORE_READ_BITFIELD_PROBED(&sk->__sk_common, skc_ipv6only);
}

/* Whether it receives connections or datagrams at the port. */
static __always_inline bool sock_serves(const struct sock *sk, const struct weft_where *w)
{
	__u16 protocol = sk->sk_protocol, family = sk->__sk_common.skc_family;
	__u8 state = sk->__sk_common.skc_state;

	if ((family != AF_INET && family != AF_INET6) || sk->__sk_common.skc_num != w->port)
		return false;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)
		return state == TCP_LISTEN;
	return is_datagram(protocol) && state != TCP_ESTABLISHED;
}

/* Whether it receives them at the address; |*ret_exact|: it is bound to that address. */
static __noinline bool sock_takes(struct sock *sk, const struct weft_where *w, __u8 *ret_exact)
{
	struct weft_tuple tuple = {};

	tuple_fill(&tuple, sk);
	*ret_exact = addr_is(tuple.local_addr, w->addr);
	if (*ret_exact)
		return true;
	return addr_is_any(tuple.local_addr) && sock_takes_family(sk, w) &&
	       net_has(holder_net(sk), w);
}

/* With Multipath TCP the process holds another socket than the one whose owner was recorded. */
static __always_inline void place_owner(struct weft_place *p, struct sock *sk,
					struct task_struct *task)
{
	const struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);

	if (owner)
		p->owner = *owner;
	else if (task)
		owner_fill(&p->owner, task);
}

/* By the facts of the process that listened or bound the socket. A separate function: the stack of
 * a call chain is limited. */
static __noinline int identity_of_owner(struct sock *sk, const struct weft_place *p,
					struct identity_search *s)
{
	struct identity_facts facts = {};

	holder_facts(sk, &p->owner, &facts);
	identity_of_facts(s, &facts);
	return s->identity;
}

/* The |number|th workload of its processes, 0: there are no more. */
static __noinline __u32 server_identity(struct sock *sk, const struct weft_where *w,
					const struct weft_place *p, __u32 number)
{
	struct identity_search s = {.generation = p->generation};
	int identity;

	__builtin_memcpy(s.addr, w->addr, 16);
	identity = identity_of_holder(bpf_sk_storage_get(&weft_holders, sk, 0, 0), &s, number);
	if (identity != HOLDERS_UNKNOWN)
		return identity;
	return number ? 0 : identity_of_owner(sk, p, &s);
}

/* Writes a record for each of them. Returns how many, negative: the buffer is full. */
static __always_inline int processes_write(struct seq_file *seq, struct sock *sk,
					   const struct weft_where *w, struct weft_place *p)
{
	__u32 identity, i;

	for (i = 0; i <= HOLDERS_MAX; i++) {
		identity = server_identity(sk, w, p, i);
		if (!identity)
			break;
		if (place_write(seq, p, identity))
			return -1;
	}
	return (int)i;
}

/* Determines the server as arrival_authorize (accept.bpf.c) does if the address does not identify
 * it. Returns 0, or a negative errno when the reader's buffer is full (the kernel calls again). */
static __noinline int server_write(struct bpf_iter__task_file *ctx, struct sock *sk,
				   const struct weft_where *w, __u8 exact)
{
	struct weft_place p = {.exact = exact, .protocol = IPPROTO_TCP};
	__u64 net = holder_net(sk);
	struct seq_file *seq = ctx->meta->seq;
	int written;

	place_fill(&p);
	if (is_datagram(sk->sk_protocol))
		p.protocol = (__u8)sk->sk_protocol;
	p.netns_ino = sk->__sk_common.skc_net.net->ns.inum;
	place_owner(&p, sk, ctx->task);
	written = processes_write(seq, sk, w, &p);
	if (written)
		return written < 0 ? -1 : 0;
	if (addr_is_loopback(w->addr))
		return place_write(seq, &p, 0);
	return netns_write(seq, &p, net, w->port, NETNS_WORKLOADS);
}

SEC("iter/task_file")
int mesh_servers(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = any_sock_of_file(ctx->meta, ctx->task, ctx->file);
	const struct weft_where *w = where_requested();
	struct walked *walked = NULL;
	__u8 exact = 0;

	if (sk && w && sock_serves(sk, w) && sock_takes(sk, w, &exact))
		walked = walk_enter(sk, ctx->meta);
	if (walked && !server_write(ctx, sk, w, exact))
		walked->session = ctx->meta->session_id;
	return 0;
}

/* ---- network namespaces */

SEC("iter/task")
int mesh_places(struct bpf_iter__task *ctx)
{
	const struct weft_where *w = where_requested();
	struct task_struct *task = ctx->task;
	struct weft_place p = {};
	__u64 net;

	if (!task || !w || task->pid != task->tgid)
		return 0;
	net = (__u64)BPF_CORE_READ(task, nsproxy, net_ns);
	if (!net || !net_has(net, w))
		return 0;
	place_fill(&p);
	p.netns_ino = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	netns_write(ctx->meta->seq, &p, net, 0, NETNS_SOURCES);
	return 0;
}
