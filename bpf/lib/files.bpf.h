/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: iteration over the files of all processes, and over the sockets among them. */
#pragma once

#include "bpf/lib/conn.bpf.h"

static const struct weft_pause walk_pause = {
	.event = {.size_bytes = sizeof(struct weft_pause), .kind = WEFT_EVENT_PAUSE},
};

/* The socket behind |file| of |task|, NULL when it is no socket. Each program of a walk over files
 * calls this first: here the read ends now and then (bpf/abi_walk.h). */
static __always_inline struct sock *any_sock_of_file(const struct bpf_iter_meta *meta,
						     struct task_struct *task, struct file *file)
{
	struct socket *socket;

	if (meta->seq_num % WEFT_WALK_FILES == WEFT_WALK_FILES - 1)
		bpf_seq_write(meta->seq, &walk_pause, sizeof(walk_pause));
	if (!file || !task || task->pid != task->tgid)
		return NULL;
	socket = bpf_sock_from_file(file);
	return socket ? socket->sk : NULL;
}

/* The TCP socket behind it, NULL when it is none. */
static __always_inline struct sock *sock_of_file(const struct bpf_iter_meta *meta,
						 struct task_struct *task, struct file *file)
{
	struct sock *sk = any_sock_of_file(meta, task, file);

	return sk && sock_is_tcp(sk) ? sk : NULL;
}

static __always_inline struct walked *walked_of(struct sock *sk)
{
	return bpf_sk_storage_get(&weft_walked, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
}

/* NULL when this walk has seen |sk| already; else where to put its session_id when |sk| is done. */
static __always_inline struct walked *walk_enter(struct sock *sk, const struct bpf_iter_meta *meta)
{
	struct walked *walked = walked_of(sk);

	return walked && walked->session != meta->session_id ? walked : NULL;
}
