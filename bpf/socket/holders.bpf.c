// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The current holders of the sockets of servers: after it began to listen, a process may change its
 * user, execute another program, be moved to another control group or pass its socket to others.
 * `mesh_holders` is an iterator over the files of all processes, run when user space reads it; it
 * stores in weft_holders what differs from the socket's owner, and writes nothing. It does not see
 * sockets that are in no process's files; their last findings stay. Hooks: tp_btf
 * sched_process_fork, sched_process_exec, cgroup_attach_task; they request a walk when a process
 * that may hold such a socket may have changed. */
#include "bpf/lib/files.bpf.h"
#include "bpf/lib/holder_walk.bpf.h"
#include "bpf/lib/holders.bpf.h"
#include "bpf/lib/talk.bpf.h"

/* ---- the current process of the walk */

static __always_inline bool walker_is_at(const struct walker *w, const struct task_struct *task,
					 __u64 session)
{
	return w->session == session && w->pid == (__u32)task->tgid &&
	       w->start_ns == task->group_leader->start_boottime;
}

static __always_inline void walker_move(struct walker *w, struct task_struct *task, __u64 session)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->session = session;
	w->start_ns = task->group_leader->start_boottime;
	w->pid = task->tgid;
	w->cgroup = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
	cgroups_of(w->cgroup, &w->facts);
	w->facts.uid = task->cred->uid.val;
	program_of(&w->facts.program, (__u64)kernel_address(task));
	binder_add(w->pid);
}

/* The process's workload, in the network namespace of a socket. */
static __always_inline void walker_identify(struct walker *w, __u32 netns_ino)
{
	struct identity_search s = {};
	struct mesh m;

	if (w->facts.netns_ino == netns_ino)
		return;
	w->facts.netns_ino = netns_ino;
	w->identity = 0;
	if (!mesh_open(&m))
		return;
	w->ends = m.header->flags & WEFT_MESH_ENDS;
	s.generation = m.header->generation;
	identity_of_facts(&s, &w->facts);
	w->identity = s.identity;
}

static __always_inline struct walker *walker_at(struct task_struct *task, __u64 session,
						__u32 netns_ino)
{
	__u32 zero = 0;
	struct walker *w = bpf_map_lookup_elem(&weft_walker, &zero);

	if (!w)
		return NULL;
	if (!walker_is_at(w, task, session))
		walker_move(w, task, session);
	walker_identify(w, netns_ino);
	return w;
}

/* ---- the recorded holders of a socket */

static __always_inline bool same_program(const struct weft_program *a, const struct weft_program *b)
{
	return a->name == b->name && a->path == b->path && a->path_more == b->path_more &&
	       a->owner == b->owner;
}

static __always_inline bool same_facts(const struct identity_facts *a,
				       const struct identity_facts *b)
{
	if (a->uid != b->uid || a->netns_ino != b->netns_ino ||
	    !same_program(&a->program, &b->program))
		return false;
	for (int i = 0; i < IDENTITY_CGROUPS; i++)
		if (a->cgroups[i] != b->cgroups[i])
			return false;
	return true;
}

/* Whether the socket's owner has the facts of this process. */
static __always_inline bool is_known(struct sock *sk, const struct weft_owner *owner,
				     const struct walker *w)
{
	return owner && owner->uid == w->facts.uid &&
	       (__u64)BPF_CORE_READ(sk, sk_cgrp_data.cgroup) == w->cgroup &&
	       same_program(&owner->program, &w->facts.program);
}

static __always_inline void holder_put(struct holder *holder, const struct identity_facts *facts,
				       __u32 walk, bool is_workload)
{
	holder->walk = 0;
	holder->facts = *facts;
	holder->is_workload = is_workload;
	holder->walk = walk;
}

/* Starts with the facts of the recorded owner, because the walk may have seen that process before.
 * A separate function: the stack of a call chain is limited. */
static __noinline int holders_begin(struct sock *sk, const struct weft_owner *owner,
				    struct holders *holders, __u32 walk)
{
	struct identity_facts facts = {};

	holder_facts(sk, owner, &facts);
	holder_put(&holders->holder[0], &facts, walk, false);
	holders->owner_walk = walk;
	return 0;
}

/* Whether the entry |holder|, which is another process, may be replaced by |w|. */
static __always_inline bool gives_way(const struct holder *holder, const struct walker *w,
				      __u32 since)
{
	return !holder_counts(holder, since) || (w->identity && !holder->is_workload);
}

/* Records that |w| holds the socket. Returns whether it is a new workload. */
static __noinline int holders_note(struct holders *holders, const struct walker *w, __u32 walk)
{
	__u32 since = holders_since(holders), place = HOLDERS_MAX;
	bool free = false;

	for (__u32 i = 0; i < HOLDERS_MAX; i++) {
		struct holder *holder = &holders->holder[i];

		if (holder->walk && same_facts(&holder->facts, &w->facts)) {
			bool is_new = w->identity && !holder_counts(holder, since);

			holder->walk = walk;
			holder->is_workload = w->identity != 0;
			return is_new;
		}
		if (free || !gives_way(holder, w, since))
			continue;
		place = i;
		free = !holder_counts(holder, since);
	}
	if (place < HOLDERS_MAX)
		holder_put(&holders->holder[place], &w->facts, walk, w->identity);
	else if (w->identity)
		holders->more = walk;
	return w->identity != 0;
}

/* ---- the owner that records name */

static __always_inline void owner_follow(struct weft_owner *owner, struct task_struct *task,
					 const struct walker *w)
{
	owner_fill(owner, task);
	owner->program = w->facts.program;
	owner->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
}

/* The owner stays as long as it holds the socket, unless only another holder is a workload. */
static __always_inline void owner_note(struct weft_owner *owner, struct holders *holders,
				       struct task_struct *task, const struct walker *w, __u32 walk)
{
	bool same = owner->pid == w->pid && owner->start_ns == w->start_ns;
	bool stays = holders->owner_walk >= holders_since(holders) &&
		     (holders->owner_counts || !w->identity);

	if (!same && stays)
		return;
	holders->owner_walk = walk;
	holders->owner_counts = w->identity != 0;
	if (!same || owner->uid != w->facts.uid ||
	    owner->cgroup_id != task->cgroups->dfl_cgrp->kn->id ||
	    !same_program(&owner->program, &w->facts.program))
		owner_follow(owner, task, w);
}

/* ---- the walk */

#define HOLDS_NOTHING	 0
#define HOLDS_SERVER	 1
#define HOLDS_CONNECTION 2 /* a connection that a server accepted */

/* Most sockets are connections: they only matter if a policy ends connections. */
static __always_inline bool mesh_ends(void)
{
	struct mesh m;

	return mesh_open(&m) && m.header->flags & WEFT_MESH_ENDS;
}

static __always_inline int what_is_held(struct sock *sk)
{
	__u16 protocol = sk->sk_protocol;
	__u8 state = sk->__sk_common.skc_state;
	const struct conn_state *conn;

	if (is_datagram(protocol))
		return state != TCP_ESTABLISHED && sk->__sk_common.skc_num ? HOLDS_SERVER
									   : HOLDS_NOTHING;
	if (state == TCP_LISTEN)
		return HOLDS_SERVER;
	if (protocol != IPPROTO_TCP || !mesh_ends())
		return HOLDS_NOTHING;
	conn = bpf_sk_storage_get(&weft_conns, sk, 0, 0);
	return conn && conn->role == WEFT_ROLE_SERVER ? HOLDS_CONNECTION : HOLDS_NOTHING;
}

/* NULL: there is nothing to record. */
static __always_inline struct holders *holders_of(struct sock *sk, const struct weft_owner *owner,
						  const struct walker *w, int what, __u32 walk)
{
	struct holders *holders = bpf_sk_storage_get(&weft_holders, sk, 0, 0);

	if (holders || is_known(sk, owner, w))
		return holders;
	holders = bpf_sk_storage_get(&weft_holders, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (holders && owner && what == HOLDS_SERVER)
		holders_begin(sk, owner, holders, walk);
	return holders;
}

SEC("iter/task_file")
int mesh_holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct sock *sk = any_sock_of_file(ctx->meta, task, ctx->file);
	struct weft_holding *all = holding();
	struct weft_owner *owner;
	struct holders *holders;
	struct walker *w;
	int what;

	if (!sk || !all || !sock_has_owner(sk))
		return 0;
	what = what_is_held(sk);
	if (what == HOLDS_NOTHING)
		return 0;
	w = walker_at(task, ctx->meta->session_id, sk->__sk_common.skc_net.net->ns.inum);
	if (!w || (what == HOLDS_CONNECTION && (!w->identity || !w->ends)))
		return 0; /* connections only matter if a policy may end them for this holder */
	owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	holders = holders_of(sk, owner, w, what, all->walk);
	if (!holders)
		return 0;
	if (holders->walk != all->walk) {
		holders->before = holders->walk;
		holders->walk = all->walk;
	}
	if (owner && what == HOLDS_SERVER)
		owner_note(owner, holders, task, w, all->walk);
	all->known += holders_note(holders, w, all->walk);
	return 0;
}

/* ---- events that request a walk */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(mesh_stir_fork, struct task_struct *parent, struct task_struct *child)
{
	if (parent->tgid == child->tgid || !is_binder(parent->tgid))
		return 0;
	binder_add(child->tgid);
	holders_stir();
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(mesh_stir_exec, struct task_struct *task)
{
	if (is_binder(task->tgid))
		holders_stir();
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(mesh_stir_move, struct cgroup *to, const char *path, struct task_struct *task)
{
	if (is_binder(task->tgid))
		holders_stir();
	return 0;
}
