/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: which sockets may be redirected to each other. The programs are in bpf/socket:
 * established.bpf.c enrols sockets; redirect.bpf.c redirects and watches how data is read. */
#pragma once

#include "bpf/lib/conn.bpf.h"
#include "bpf/lib/pipeline.bpf.h"
#include "bpf/lib/redirect_maps.bpf.h"

/* Limit of unread data at a receiver before its sender goes back to TCP, whose flow control then
 * applies. Each message costs about a page in addition to its bytes. */
#define LANE_BYTES_MAX	  (1u << 20)
#define LANE_MESSAGES_MAX 1024

/* Consecutive messages in one direction that make it a stream instead of a ping-pong. TCP carries
 * streams better: it coalesces messages and wakes the reader less often. */
#define LANE_RUN_MAX 64

#define TRIAL_READS 16 /* reads, all by recv() and its like, that pass the trial */

/* The mutation switch of the ordering test: false lets a direction that began with TCP bypass TCP
 * later, which reorders bytes. */
extern const volatile bool redirect_sticky;

static __always_inline void service_of(struct weft_accel_key *service, const struct end_key *pair)
{
	__builtin_memset(service, 0, sizeof(*service));
	__builtin_memcpy(service->addr, pair->remote_addr, 16);
	service->port = pair->remote_port;
}

/* The entry for this server address, else for its port at any address. */
static __always_inline __u32 *accel_find(struct weft_accel_key *service)
{
	__u32 *flags = bpf_map_lookup_elem(&weft_accel, service);

	if (flags)
		return flags;
	__builtin_memset(service->addr, 0, 16);
	return bpf_map_lookup_elem(&weft_accel, service);
}

/* Addresses that exist in every network namespace: only ends in the same one are a pair. */
static __always_inline bool same_netns_only(const struct end_key *pair)
{
	const __u8 *a = pair->remote_addr;
	bool own = !__builtin_memcmp(pair->local_addr, a, 16);
	bool v4 = a[10] == 0xff && a[11] == 0xff;

	return own || (v4 && a[12] == 127);
}

static __always_inline bool read_by_recv_only(const struct enrolled *e, __u32 copied_seq)
{
	__u32 otherwise = copied_seq - e->ingress_seq - (__u32)e->read;

	return otherwise <= 1; /* a FIN counts as one */
}

static __always_inline void reader_judge(const struct reader_key *key, bool good)
{
	struct reader *known = bpf_map_lookup_elem(&weft_readers, key);
	struct reader fresh = {.good = good, .bad = !good};

	if (!known)
		bpf_map_update_elem(&weft_readers, key, &fresh, BPF_NOEXIST);
	else if (good)
		known->good = 1;
	else
		known->bad = 1;
}

static __always_inline void servers_key(struct reader_key *key, const struct reader_key *of)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->service = of->service;
	key->role = WEFT_ROLE_SERVER;
}

/* A connection in trial has made enough reads, or ended: records the result for its program. A
 * client cannot know which of the service's programs will answer, so these are also judged
 * together. */
static __noinline int trial_judge(const struct enrolled *e, bool good)
{
	struct reader_key servers;

	reader_judge(&e->reader, good);
	if (e->role != WEFT_ROLE_SERVER)
		return 0;
	servers_key(&servers, &e->reader);
	reader_judge(&servers, good);
	return 0;
}

/* Notes a message from one end, or a read at it; |heard|: bytes that went the other way so far.
 * Returns whether it is a stream: more than LANE_RUN_MAX in a row. */
static __always_inline bool runs_on(struct enrolled *e, __u64 heard)
{
	if (heard != e->heard) {
		e->heard = heard;
		e->run = 0;
	}
	return ++e->run > LANE_RUN_MAX;
}

/* Nothing more goes past TCP to this receiver. */
static __always_inline void lane_close(__u64 cookie)
{
	struct weft_lane *lane = bpf_map_lookup_elem(&weft_lanes, &cookie);

	if (lane)
		lane->closed = 1;
}

static __always_inline bool lane_has_room(struct weft_lane *lane, __u32 bytes)
{
	__s64 waiting = lane->bytes - lane->read;

	if (waiting <= 0)
		lane->messages = 0;
	return waiting + bytes <= LANE_BYTES_MAX && lane->messages < LANE_MESSAGES_MAX;
}

/* Adds what bypassed TCP to the counters. A receiver's stream state includes it only once a byte
 * arrives by TCP. */
static __always_inline void redirected_add(struct weft_counters *c, struct sock *sk,
					   const struct conn_state *state)
{
	struct weft_lane *lane;
	struct enrolled *e;
	__u64 bytes;

	if (!state->enrolled)
		return;
	e = bpf_sk_storage_get(&weft_enrolled, sk, 0, 0);
	if (!e)
		return;
	lane = bpf_map_lookup_elem(&weft_lanes, &e->cookie);
	bytes = lane ? lane->bytes : e->received_bytes;
	c->past_sent_bytes = e->sent_bytes;
	c->past_received_bytes = bytes;
	if (c->received_bytes < bytes)
		c->received_bytes = bytes;
}

/* Takes account of what bypassed TCP to this end: direction changes and protocol. Returns how many
 * bytes arrived that way. */
static __always_inline __u32 lane_take(struct enrolled *e, struct conn_state *state)
{
	struct weft_lane *lane = bpf_map_lookup_elem(&weft_lanes, &e->cookie);
	struct stream_state *in = &state->streams[WEFT_INGRESS];

	if (!lane)
		return e->received_bytes;
	if (in->mode == STREAM_NEW)
		in->mode = lane->mode;
	if (lane->changes != e->changes_seen) {
		e->changes_seen = lane->changes;
		state->last_direction = WEFT_INGRESS;
		if (e->role == WEFT_ROLE_CLIENT)
			pipeline_answered(state, false); /* nothing is in flight */
		else if (lane->request)
			pipeline_request(state, lane->head_request);
	}
	if (lane->overlaps && !state->overlaps)
		state->overlaps = OVERLAPS_ANNOUNCED;
	return lane->bytes;
}

/* The difference between the stream offset of a byte and its TCP sequence number: the bytes that
 * bypassed TCP, all of which came before. */
static __always_inline __u32 seq_past(struct bpf_sock *sk, struct conn_state *state, __u8 direction)
{
	struct enrolled *e;
	__u32 received;

	if (!state->enrolled)
		return 0;
	e = bpf_sk_storage_get(&weft_enrolled, sk, 0, 0);
	if (!e)
		return 0;
	received = lane_take(e, state);
	return direction == WEFT_EGRESS ? e->sent_bytes : received;
}
