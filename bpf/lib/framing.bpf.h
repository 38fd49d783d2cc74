/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: the framing parser of one direction of a connection: which bytes are heads (copied) and
 * which are body (counted). Only packets in order are parsed; others are copied whole. */
#pragma once

#include "bpf/lib/deferred.bpf.h"
#include "bpf/lib/midstream.bpf.h"
#include "bpf/lib/proxy.bpf.h"
#include "bpf/lib/fast_path.bpf.h"
#include "bpf/lib/framing_units.bpf.h"

/* Flags of struct capture that never leave the kernel. */
#define CAPTURE_MARK_ONLY (1u << 31)

#define NOTHING_WANTED (~0ULL) /* the direction is captured at its other end */

#define MAX_TRIES     32
#define UNCLEAR_BYTES 2048 /* bytes copied of a client's unknown first bytes */
#define MAX_UNUSUAL   4	   /* consecutive misses, after which the fast path is not tried */

static __always_inline bool is_raw(__u8 mode)
{
	return mode == STREAM_RAW || mode == STREAM_HTTP1_RAW;
}

static __always_inline bool is_opaque(const struct conn_state *state)
{
	return state->streams[0].mode == STREAM_OPAQUE || state->streams[1].mode == STREAM_OPAQUE;
}

static __always_inline void preface_copy(struct __sk_buff *skb, struct capture *c,
					 const struct stream_state *s, __u32 at)
{
	__u64 end = s->wanted - s->position;

	capture_range(skb, c, at, end < c->bytes ? end : c->bytes);
}

/* Unknown first bytes of a client: copies the first UNCLEAR_BYTES of them, and everything after a
 * response of HTTP/1. */
static __always_inline void framing_unclear(struct __sk_buff *skb, struct capture *c,
					    const struct conn_state *state, struct stream_state *s,
					    __u32 at)
{
	__u32 end = c->bytes;

	if (is_http1(state))
		s->mode = STREAM_HTTP1_RAW;
	else if (s->position + end > UNCLEAR_BYTES)
		end = s->position < UNCLEAR_BYTES ? UNCLEAR_BYTES - s->position : 0;
	if (at < end)
		capture_range(skb, c, at, end);
	s->wanted = s->position + c->bytes;
}

/* Parses one packet that is in order. */
static __always_inline void framing_parse(struct __sk_buff *skb, struct capture *c,
					  struct conn_state *state, struct stream_state *s)
{
	for (int i = 0; i < 3; i++) {
		__u8 before = s->mode;
		__u64 at = s->wanted > s->position ? s->wanted - s->position : 0;

		if (before == STREAM_NEW) {
			if (at) /* a PROXY header; copied bytes are not copied again */
				capture_range(skb, c, 0, at < c->bytes ? at : c->bytes);
			if (at >= c->bytes || s->tries >= MAX_TRIES)
				return;
			s->mode = classify(skb, c, at, state, s);
			if (s->mode == STREAM_NEW) {
				s->wanted = s->position + c->bytes;
				s->tries++;
				return;
			}
			if (s->wanted < s->position + at)
				s->wanted = s->position + at;
		}
		c->protocol = protocol_of(s->mode);
		if (s->mode == STREAM_HTTP2 || s->mode == STREAM_TLS) {
			if (before == STREAM_NEW) /* the preface is not a frame: it is copied */
				preface_copy(skb, c, s, at);
			framing_units(skb, c, s);
		} else if (s->mode == STREAM_HTTP1 || s->mode == STREAM_HTTP1_CHUNKS) {
			framing_http1(skb, c, state, s);
		} else if (s->mode == STREAM_UNCLEAR) {
			framing_unclear(skb, c, state, s, at);
		} else if (is_raw(s->mode)) {
			capture_range(skb, c, at < c->bytes ? at : 0, c->bytes);
			s->wanted = s->position + c->bytes;
		}
		if (s->mode != STREAM_NEW)
			return;
	}
}

/* Whether everything before sequence number |end| is body, which is skipped in any order. */
static __always_inline bool in_body(const struct stream_state *s, __u32 end)
{
	__u64 place = s->position + (end - s->next);

	return place <= s->wanted &&
	       ((s->mode == STREAM_HTTP1 && s->due == DUE_SETTLED) ||
		s->mode == STREAM_HTTP1_CHUNKS ||
		(s->skip && (s->mode == STREAM_HTTP2 || s->mode == STREAM_TLS)));
}

/* Stops parsing the framing; a direction that is not classified yet still can be. */
static __always_inline void stream_lose(struct stream_state *s)
{
	if (s->mode == STREAM_HTTP1 || s->mode == STREAM_HTTP1_CHUNKS)
		s->mode = STREAM_HTTP1_RAW;
	else if (s->mode == STREAM_HTTP2 || s->mode == STREAM_TLS)
		s->mode = STREAM_RAW;
}

/* Notes an out-of-order packet. */
static __always_inline void hole_note(const struct capture *c, struct stream_state *s)
{
	__u32 end = c->seq + c->bytes;

	count(WEFT_COUNT_REORDERED, 1);
	if (!s->holes) {
		s->holes = 1;
		s->scattered = 0;
		s->ahead_from = c->seq;
		s->ahead = end;
	} else if (c->seq != s->ahead) {
		s->scattered = 1;
	}
	if ((__s32)(end - s->ahead) > 0)
		s->ahead = end;
}

/* An out-of-order packet: copied unless it is known to be all body. */
static __always_inline void follow_hole(struct __sk_buff *skb, struct capture *c,
					struct stream_state *s)
{
	hole_note(c, s);
	if (s->mode == STREAM_OPAQUE || (s->mode == STREAM_REST && s->due == DUE_SETTLED) ||
	    in_body(s, c->seq + c->bytes))
		return;
	c->protocol = protocol_of(s->mode);
	c->flags |= WEFT_SEGMENT_RAW | WEFT_SEGMENT_AHEAD;
	capture_range(skb, c, 0, c->bytes);
}

/* A direction change. It does not restart a parser that is out of step: a response may come before
 * the end of a request's body, a request before that of a response, and a body can contain
 * anything. */
static __always_inline void direction_change(const struct capture *c, struct conn_state *state,
					     struct stream_state *s)
{
	if (state->last_direction == c->direction)
		return;
	state->last_direction = c->direction;
	s->tries = 0;
}

/* The response of the other end begins. After a request whose body was not sent yet it matters
 * whether the server still wants the body; only a 100 Continue that fills the packet is certain. */
static __always_inline void direction_change_response(struct conn_state *state,
						      const struct capture *c, __u32 at,
						      const struct first_bytes *f)
{
	bool waits = state->streams[WEFT_EGRESS].due == DUE_UPLOAD;

	if (waits && is_continue(f, c->bytes - at))
		return;
	state->last_direction = c->direction;
	pipeline_answered(state, c->early);
	if (waits && !is_final(f))
		pipeline_lose(state);
}

/* A direction change to the other end, which captures its bytes itself. This end reads from them
 * only what it needs to parse its own direction: a response to HEAD has no body. Returns whether a
 * request begins, to which this end will respond. */
__noinline int direction_change_arrived(struct __sk_buff *skb, const struct capture *c, __u32 at,
					struct conn_state *state)
{
	struct first_bytes f;
	bool request;

	if (!c || !state || !first_bytes_load(skb, c, at, &f))
		return 0;
	if (state->role == WEFT_ROLE_CLIENT) {
		direction_change_response(state, c, at, &f);
		return 0;
	}
	request = begins_request(skb, c, at, &f);
	if (!request && !state->unanswered)
		return 0; /* the rest of a request that was answered early */
	state->last_direction = c->direction;
	if (request)
		pipeline_request(state, begins(&f, "HEAD ", 5));
	return state->role == WEFT_ROLE_SERVER && !c->fin && (request || begins(&f, "HTTP/1", 6));
}

/* Reports an arrival, or defers that of a request to the response. Nothing else is deferred,
 * because the rest of a request may arrive after the response. */
static __always_inline void arrival_report(struct capture *c, struct conn_state *state,
					   bool request)
{
	deferred_flush(state);
	c->arrival.time_ns = c->time_ns;
	c->arrival.end_seq = c->seq + c->bytes;
	c->arrival.bytes = c->bytes;
	if (!request || !deferred_put(state, &c->arrival))
		mark_send(state->cookie, &c->arrival);
}

/* The same for an out-of-order packet. It is not parsed, so neither the protocol nor the number of
 * requests is known any more. */
static __always_inline void arrival_report_early(struct capture *c, struct conn_state *state,
						 struct stream_state *s)
{
	hole_note(c, s);
	c->flags = 0;
	if (is_opaque(state))
		return;
	if (state->role == WEFT_ROLE_CLIENT)
		state->unanswered = 0;
	pipeline_lose(state);
	arrival_report(c, state, false);
}

/* Advances the stream: everything before sequence number |end| was seen. */
static __always_inline void stream_move(struct stream_state *s, __u32 end)
{
	if ((__s32)(end - s->next) <= 0)
		return;
	s->position += end - s->next;
	s->next = end;
	if (s->holes && (__s32)(end - s->ahead) >= 0)
		s->holes = 0;
	if (is_raw(s->mode))
		s->wanted = s->position;
}

/* Whether the bytes after a response's head were to be examined. */
static __always_inline bool is_body_due(const struct stream_state *s)
{
	return (s->mode == STREAM_HTTP1 || s->mode == STREAM_REST) &&
	       (s->due == DUE_BODY || s->due == DUE_NOTHING);
}

/* The gap before out-of-order data is filled. That data was copied, unless it was all body. If it
 * contained more than the rest of a body, the parser is out of step. */
static __always_inline void stream_jump(struct stream_state *s, __u32 end)
{
	if ((__s32)(end - s->next) <= 0)
		return;
	stream_move(s, end);
	if (is_body_due(s))
		s->mode = STREAM_HTTP1_RAW;
	if (s->wanted >= s->position && !is_raw(s->mode)) {
		if (s->mode == STREAM_HTTP1 || s->mode == STREAM_HTTP1_CHUNKS)
			s->due = DUE_SETTLED; /* sent before a response could arrive */
		return;
	}
	stream_lose(s);
	if (s->mode == STREAM_NEW) /* its first bytes were skipped */
		s->mode = STREAM_HTTP1_RAW;
	s->wanted = s->position;
}

/* Advances the stream past this packet, and past out-of-order data that it completes. */
static __always_inline void advance(struct capture *c, struct stream_state *s)
{
	__u32 end = c->seq + c->bytes;

	stream_move(s, end);
	if (s->holes && !s->scattered && (__s32)(end - s->ahead_from) >= 0)
		stream_jump(s, s->ahead);
}

/* Advances the stream to what TCP has received in order; |rcv_nxt| counts a FIN, the stream does
 * not. |past| bytes bypassed TCP before. */
static __always_inline void stream_sync(struct stream_state *s, struct bpf_sock *sk, __u32 past)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	__u32 end;

	if (!tcp)
		return;
	end = tcp->rcv_nxt + past;
	stream_jump(s, (__s32)(end - s->ahead) > 0 ? s->ahead : end);
}

/* Removes bytes seen before (retransmission) from the packet's start. False: nothing is new. */
static __always_inline bool trim(struct capture *c, __u32 seen)
{
	if (seen >= c->bytes)
		return false;
	c->seq += seen;
	c->offset += seen;
	c->bytes -= seen;
	return true;
}

/* Whether to try the fast path: a message or record begins with this packet and may end in it. */
static __always_inline bool is_usual(const struct capture *c, const struct stream_state *s)
{
	return s->wanted == s->position && c->bytes <= SMALL_BYTES && !s->header_bytes &&
	       (s->mode == STREAM_HTTP1 || s->mode == STREAM_TLS) && s->unusual < MAX_UNUSUAL;
}

/* Whether the packet is all body and more of it follows. */
static __always_inline bool is_passed(const struct capture *c, const struct stream_state *s)
{
	return s->mode == STREAM_HTTP1 && s->wanted > s->position + c->bytes;
}

static __always_inline void stream_look(struct __sk_buff *skb, struct capture *c,
					struct conn_state *state, struct stream_state *s)
{
	bool request = false;
	__u64 at;

	if (is_opaque(state))
		return;
	if (!s->position && s->mode == STREAM_NEW && !state->midstream)
		s->wanted = proxy_header(skb, c);
	if (!(c->flags & CAPTURE_MARK_ONLY)) {
		if (state->midstream && !s->announced)
			c->flags |= WEFT_SEGMENT_MIDSTREAM;
		direction_change(c, state, s);
		http1_settle(skb, c, state, s);
		if (!is_passed(c, s) && !(is_usual(c, s) && fast_copy(skb, c, state, s)))
			framing_parse(skb, c, state, s);
		if (c->fin && s->mode == STREAM_REST && c->covered < c->bytes)
			capture_end(c, c->bytes);
		s->announced |= c->covered > 0;
		count_about(WEFT_COUNT_COPIED_BYTES, c->copied);
		if (c->bytes > c->copied)
			count_about(WEFT_COUNT_SKIPPED_BYTES, c->bytes - c->copied);
		return;
	}
	c->flags = 0;
	at = s->mode == STREAM_NEW && s->wanted > s->position ? s->wanted - s->position : 0;
	if (s->mode == STREAM_NEW && at < c->bytes)
		s->mode = classify(skb, c, at, state, s);
	/* the framing is parsed at the other end */
	if (s->mode == STREAM_HTTP1_RAW || (s->mode == STREAM_UNCLEAR && is_http1(state)))
		s->mode = STREAM_HTTP1;
	if (s->mode == STREAM_HTTP1 && state->last_direction != c->direction)
		request = direction_change_arrived(skb, c, at, state);
	if (s->mode != STREAM_NEW)
		s->wanted = NOTHING_WANTED;
	if (s->mode != STREAM_OPAQUE &&
	    !(s->mode == STREAM_UNCLEAR && s->position >= UNCLEAR_BYTES))
		arrival_report(c, state, request);
}

/* Initializes the stream with the first packet of a direction. */
static __always_inline void stream_start(struct stream_state *s, __u32 seq)
{
	if (s->started)
		return;
	s->started = 1;
	s->next = seq;
}

static __always_inline void stream_count(struct capture *c, struct stream_state *s)
{
	stream_start(s, c->seq);
	advance(c, s);
}

__noinline int stream_follow(struct __sk_buff *skb, struct capture *c, struct conn_state *state,
			     struct stream_state *s)
{
	__s32 ahead;

	if (!c || !state || !s)
		return 0;
	stream_start(s, c->seq);
	ahead = c->seq - s->next;
	if (ahead > 0) {
		if (c->flags & CAPTURE_MARK_ONLY)
			arrival_report_early(c, state, s);
		else
			follow_hole(skb, c, s);
		return 0;
	}
	if (ahead < 0 && !trim(c, -ahead)) {
		count(WEFT_COUNT_REORDERED, 1);
		return 0;
	}
	stream_look(skb, c, state, s);
	advance(c, s);
	return 0;
}
