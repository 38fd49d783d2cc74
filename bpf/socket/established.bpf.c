// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hook: sockops on the root of the cgroup2 tree; attached only while a service is accelerated.
 * Enrols both ends of a connection to such a service if both are on this node, when they become
 * established and never later. Emits nothing. A socket that is not enrolled uses plain TCP. */
#include "bpf/lib/redirect.bpf.h"

#define IS_CLIENT 1

/* volatile: the verifier refuses loads that do not use the context pointer itself. */
#define addr_from_v6(out, ops, field)                                                              \
	do {                                                                                       \
		const volatile struct bpf_sock_ops *ops_ = (ops);                                  \
		__u32 words_[4] = {ops_->field[0], ops_->field[1], ops_->field[2],                 \
				   ops_->field[3]};                                                \
		__builtin_memcpy(out, words_, 16);                                                 \
	} while (0)

/* The connection as its client sees it; the caller fills in the sequence numbers. */
static __always_inline void pair_key(struct bpf_sock_ops *ops, bool client, bool v6,
				     struct end_key *key)
{
	__u8 *local = client ? key->local_addr : key->remote_addr;
	__u8 *remote = client ? key->remote_addr : key->local_addr;
	__u16 remote_port = bpf_ntohl(ops->remote_port);

	if (v6) {
		addr_from_v6(local, ops, local_ip6);
		addr_from_v6(remote, ops, remote_ip6);
	} else {
		addr_from_v4(local, ops->local_ip4);
		addr_from_v4(remote, ops->remote_ip4);
	}
	key->local_port = client ? ops->local_port : remote_port;
	key->remote_port = client ? remote_port : ops->local_port;
}

static __always_inline void syn_note(struct bpf_sock_ops *ops, bool v6)
{
	struct weft_accel_key service;
	struct end_key key = {};
	__u32 one = 1;

	pair_key(ops, !IS_CLIENT, v6, &key);
	service_of(&service, &key);
	if (accel_find(&service))
		bpf_map_update_elem(&weft_syns, &key, &one, BPF_ANY);
}

/* A listener of this node answers a SYN: there is only a request socket so far. The SYN at an IPv6
 * listener may be of either family. */
static __always_inline void syn_seen_here(struct bpf_sock_ops *ops)
{
	if (ops->is_fullsock)
		return;
	syn_note(ops, false);
	if (ops->family == AF_INET6)
		syn_note(ops, true);
}

static __always_inline bool syn_seen(const struct end_key *pair)
{
	struct end_key key = *pair;

	key.egress_seq = 0;
	key.ingress_seq = 0;
	return !bpf_map_delete_elem(&weft_syns, &key);
}

static __noinline bool servers_known(const struct enrolled *e)
{
	struct reader_key servers;
	struct reader *reader;

	servers_key(&servers, &e->reader);
	reader = bpf_map_lookup_elem(&weft_readers, &servers);
	return reader && reader->good && !reader->bad;
}

/* Whether the program at this end is known to read in a way that works with redirected bytes. If it
 * is not known, this connection is plain TCP and becomes a trial. */
static __always_inline bool reader_known(struct bpf_sock_ops *ops, struct bpf_sock *sk,
					 struct enrolled *e, __u32 flags)
{
	struct weft_owner *owner = bpf_sk_storage_get(&weft_owners, sk, 0, 0);
	struct reader *reader;

	if (flags & WEFT_ACCEL_TRUSTED)
		return true;
	if (!owner)
		return false;
	e->reader.program = owner->program;
	e->reader.cgroup_id = owner->cgroup_id;
	e->reader.role = e->role;
	reader = bpf_map_lookup_elem(&weft_readers, &e->reader);
	if (reader && reader->bad)
		return false;
	if (reader && reader->good && (e->role == WEFT_ROLE_SERVER || servers_known(e)))
		return true;
	e->mode = LANE_TRIAL;
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	return false;
}

/* Marks the connection as enrolled for its counters; a server's end may have no storage yet. */
static __always_inline bool conn_enrol(struct bpf_sock *sk)
{
	struct conn_state *state =
		bpf_sk_storage_get(&weft_conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!state)
		return false;
	state->enrolled = 1;
	return true;
}

/* Adds the socket to the map from which its peer redirects to it. */
static __always_inline bool enrol(struct bpf_sock_ops *ops, struct bpf_sock *sk, struct enrolled *e)
{
	struct weft_lane lane = {};

	if (!conn_enrol(sk) || bpf_map_update_elem(&weft_lanes, &e->cookie, &lane, BPF_NOEXIST)) {
		count(WEFT_COUNT_REDIRECT_REFUSED, 1);
		return false;
	}
	e->mode = LANE_NEW;
	if (!bpf_sock_hash_update(ops, &weft_sockets, &e->cookie, BPF_NOEXIST)) {
		bpf_sock_ops_cb_flags_set(ops,
					  ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
		return true;
	}
	e->mode = LANE_NONE;
	bpf_map_delete_elem(&weft_lanes, &e->cookie);
	count(WEFT_COUNT_REDIRECT_REFUSED, 1);
	return false;
}

/* Two connections have the same addresses and the same first sequence numbers: it cannot be known
 * which ends belong together. */
static __always_inline void pair_refuse(struct pair *pair)
{
	pair->ambiguous = 1;
	count(WEFT_COUNT_REDIRECT_REFUSED, 1);
}

static __always_inline void client_enrol(struct bpf_sock_ops *ops, struct bpf_sock *sk,
					 struct enrolled *e)
{
	struct pair fresh = {.client = e->cookie,
			     .client_netns = bpf_get_netns_cookie(ops),
			     .reader = e->reader};
	struct pair *known;

	if (bpf_map_update_elem(&weft_pairs, &e->pair, &fresh, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&weft_pairs, &e->pair);
		if (known)
			pair_refuse(known);
		return;
	}
	enrol(ops, sk, e);
}

/* The server's end is established second: the client's is established before its ACK is sent. */
static __always_inline void server_enrol(struct bpf_sock_ops *ops, struct bpf_sock *sk,
					 struct enrolled *e)
{
	struct pair *pair = bpf_map_lookup_elem(&weft_pairs, &e->pair);

	if (!pair)
		return;
	if (pair->server) {
		pair_refuse(pair);
		return;
	}
	if (same_netns_only(&e->pair) && pair->client_netns != bpf_get_netns_cookie(ops))
		return;
	e->peer = pair->client;
	if (!enrol(ops, sk, e))
		return;
	if (__sync_val_compare_and_swap(&pair->server, 0, e->cookie))
		pair_refuse(pair);
	else
		count(WEFT_COUNT_REDIRECT_PAIRS, 1);
}

static __always_inline void established(struct bpf_sock_ops *ops, bool client)
{
	struct bpf_sock *sk = ops->sk;
	struct weft_accel_key service;
	struct end_key key = {};
	struct enrolled *e;
	__u32 *flags;

	if (!sk)
		return;
	pair_key(ops, client, ops->family == AF_INET6, &key);
	key.egress_seq = client ? ops->snd_una : ops->rcv_nxt;
	key.ingress_seq = client ? ops->rcv_nxt : ops->snd_una;
	service_of(&service, &key);
	flags = accel_find(&service);
	if (!flags || (client && !syn_seen(&key)))
		return;
	e = bpf_sk_storage_get(&weft_enrolled, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!e || e->excluded)
		return;
	e->pair = key;
	e->cookie = bpf_get_socket_cookie(ops);
	e->ingress_seq = ops->rcv_nxt;
	e->role = client ? WEFT_ROLE_CLIENT : WEFT_ROLE_SERVER;
	e->reader.service = service;
	if (!reader_known(ops, sk, e, *flags))
		return;
	if (client)
		client_enrol(ops, sk, e);
	else
		server_enrol(ops, sk, e);
}

/* An end is closed: saves its counters, and records the result of a trial. */
static __always_inline void ended(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct weft_lane *lane;
	struct tcp_sock *tcp;
	struct enrolled *e;

	if (ops->args[1] != TCP_CLOSE || !sk)
		return;
	e = bpf_sk_storage_get(&weft_enrolled, sk, 0, 0);
	if (!e)
		return;
	if (e->mode == LANE_TRIAL) {
		tcp = bpf_skc_to_tcp_sock(sk);
		if (tcp && !read_by_recv_only(e, tcp->copied_seq))
			trial_judge(e, false);
		else if (tcp && e->read)
			trial_judge(e, true);
		return;
	}
	lane = bpf_map_lookup_elem(&weft_lanes, &e->cookie);
	if (!lane)
		return;
	e->received_bytes = lane->bytes;
	bpf_map_delete_elem(&weft_lanes, &e->cookie);
	bpf_map_delete_elem(&weft_pairs, &e->pair);
}

SEC("sockops")
int redirect_enrol(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_RWND_INIT:
		syn_seen_here(ops);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		established(ops, IS_CLIENT);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		established(ops, !IS_CLIENT);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		ended(ops);
		break;
	}
	return 1;
}
