// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Iterators, run when user space reads them. `sockets_found` learns the owners of sockets that are
 * older than the agent; `conns_alive` and `listeners` write struct weft_close (alive) and
 * weft_listen for what lives now, in every network namespace. They lose nothing: the reader reads
 * on. */
#include "bpf/lib/redirect.bpf.h"

SEC("iter/task_file")
int sockets_found(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct weft_owner *owner;
	struct socket *socket;
	struct sock *sk;

	if (!file || !task || task->pid != task->tgid)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket || !socket->sk)
		return 0;
	sk = socket->sk;
	if (!sock_is_tcp(sk))
		return 0;
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	if (owner) /* inherited or shared: the first holder stays */
		return 0;
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner) {
		owner_fill(owner, task);
		owner->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	}
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int conns_alive(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct conn_state *state = ctx->value;
	struct sock *sk = ctx->sk;
	struct weft_close close = {};
	struct weft_owner *owner;

	if (!sk || !state || !state->cookie)
		return 0;
	event_fill(&close.event, WEFT_EVENT_CLOSE, sizeof(close), bpf_ktime_get_ns());
	close.event.cpu = WEFT_CPU_NONE;
	tuple_fill(&close.tuple, sk);
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	if (owner)
		close.owner = *owner;
	close.cookie = state->cookie;
	close.role = state->role;
	close.alive = 1;
	close.age_ms = (close.event.time_ns - state->started_ns) / 1000000;
	counters_fill(&close.counters, bpf_skc_to_tcp_sock(sk), state);
	redirected_add(&close.counters, sk, state);
	bpf_seq_write(ctx->meta->seq, &close, sizeof(close));
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int listeners(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct weft_owner *owner = ctx->value;
	struct sock *sk = ctx->sk;
	struct weft_listen listen = {};

	if (!sk || !owner || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	event_fill(&listen.event, WEFT_EVENT_LISTEN, sizeof(listen), bpf_ktime_get_ns());
	listen.event.cpu = WEFT_CPU_NONE;
	tuple_fill(&listen.tuple, sk);
	listen.owner = *owner;
	listen.cookie = bpf_get_socket_cookie(sk);
	listen.backlog = sk->sk_ack_backlog;
	listen.backlog_max = sk->sk_max_ack_backlog;
	listen.drops = sk->sk_drops.counter;
	bpf_seq_write(ctx->meta->seq, &listen, sizeof(listen));
	return 0;
}
