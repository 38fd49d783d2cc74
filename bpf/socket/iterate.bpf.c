// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Iterators, run when user space reads them. `sockets_found` records the owners of sockets that are
 * older than the agent; `conns_alive` and `listeners` write struct weft_close (alive) and
 * weft_listen for living connections and listeners in every network namespace. They lose nothing:
 * the reader reads on. `files_alive` writes both where the kernel refuses iterators over a map; it
 * misses sockets that are in no process's files, such as connections that are not accepted yet. */
#include "bpf/lib/redirect.bpf.h"
#include "bpf/lib/files.bpf.h"
#include "bpf/lib/queue.bpf.h"

/* A socket that is inherited or shared keeps its first holder. */
static __always_inline void holder_found(struct weft_owner *owner, struct task_struct *task)
{
	if (!owner->pid) {
		owner_fill(owner, task);
		owner->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	}
	if (!owner->program.name && programs_matter())
		program_of(&owner->program, (__u64)kernel_address(task));
}

SEC("iter/task_file")
int sockets_found(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct sock *sk = any_sock_of_file(ctx->meta, task, ctx->file);
	struct weft_owner *owner;

	if (!sk || !sock_has_owner(sk))
		return 0;
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner)
		holder_found(owner, task);
	return 0;
}

/* ---- living sockets: 0, or a negative errno when the buffer is full (the kernel calls again) */

/* Activity counter: grows with every packet of a connection. */
static __always_inline __u64 done_by(struct sock *sk, const struct conn_state *state)
{
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u64 done = state->streams[WEFT_EGRESS].position + state->streams[WEFT_INGRESS].position;

	return tcp ? done + tcp->segs_out + tcp->segs_in : done;
}

/* Whether the current state was reported to the agent. Else |*ret| is the state to store after the
 * report. An idle connection is reported again now and then to show that it lives; an enrolled one
 * every time, as its redirected bytes are not counted here. */
static __always_inline bool is_reported(struct sock *sk, const struct conn_state *state,
					const struct walked *walked, struct walked *ret)
{
	const struct weft_settings *set = settings();

	ret->session = walked->session;
	ret->reported_ns = bpf_ktime_get_ns();
	ret->reported = done_by(sk, state);
	ret->epoch = set ? set->reader.epoch : 0;
	return walked->reported_ns && walked->reported == ret->reported &&
	       walked->epoch == ret->epoch &&
	       walked->reported_ns + WEFT_REPORT_AGAIN_NS > ret->reported_ns && !state->enrolled;
}

static __noinline int conn_report(struct seq_file *seq, struct sock *sk,
				  const struct conn_state *state)
{
	struct weft_close close = {};
	struct weft_owner *owner;

	event_fill(&close.event, WEFT_EVENT_CLOSE, sizeof(close), bpf_ktime_get_ns());
	close.event.cpu = WEFT_CPU_NONE;
	tuple_fill(&close.tuple, sk);
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	if (owner)
		close.owner = *owner;
	close.cookie = state->cookie;
	close.role = state->role;
	close.isolated = is_isolated(sk);
	close.alive = WEFT_CLOSE_ALIVE;
	close.age_us = age_us(state->started_ns, close.event.time_ns);
	counters_fill(&close.counters, bpf_skc_to_tcp_sock(sk), state);
	redirected_add(&close.counters, sk, state);
	return (int)bpf_seq_write(seq, &close, sizeof(close));
}

static __noinline int conn_write(struct seq_file *seq, struct sock *sk, struct walked *walked)
{
	struct conn_state *state = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	struct walked reported = {};

	if (!state || !state->cookie || !walked || is_reported(sk, state, walked, &reported))
		return 0;
	if (conn_report(seq, sk, state))
		return -1;
	*walked = reported;
	return 0;
}

static __noinline int listener_write(struct seq_file *seq, struct sock *sk)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	struct weft_listen listen = {};

	if (!owner || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	event_fill(&listen.event, WEFT_EVENT_LISTEN, sizeof(listen), bpf_ktime_get_ns());
	listen.event.cpu = WEFT_CPU_NONE;
	listen.owner = *owner;
	queue_fill(&listen, sk);
	return (int)bpf_seq_write(seq, &listen, sizeof(listen));
}

SEC("iter/bpf_sk_storage_map")
int conns_alive(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct walked *walked = sk ? walked_of(sk) : NULL;

	if (walked)
		conn_write(ctx->meta->seq, sk, walked);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int listeners(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;

	if (sk)
		listener_write(ctx->meta->seq, sk);
	return 0;
}

SEC("iter/task_file")
int files_alive(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = sock_of_file(ctx->meta, ctx->task, ctx->file);
	struct walked *walked = sk ? walk_enter(sk, ctx->meta) : NULL;

	if (!walked)
		return 0;
	if (!conn_write(ctx->meta->seq, sk, walked) && !listener_write(ctx->meta->seq, sk))
		walked->session = ctx->meta->session_id;
	return 0;
}
