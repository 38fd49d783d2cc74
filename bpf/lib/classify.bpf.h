/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: which protocol the first bytes of a direction belong to. */
#pragma once

#include "bpf/lib/request_line.bpf.h"

#define FRAME_HEADER_BYTES 9
#define PREFACE_BYTES	   24

struct first_bytes {
	__u8 b[32];
	__u32 bytes;
};

static __always_inline bool first_bytes_load(struct __sk_buff *skb, const struct capture *c,
					     __u32 at, struct first_bytes *f)
{
	__u32 left = c->bytes - at;

	f->bytes = left < 24 ? left : 24;
	__builtin_memset(f->b, 0, sizeof(f->b));
	return payload_load(skb, c, at, f->bytes, 24, f->b);
}

static __always_inline bool is_upper(__u8 c)
{
	return c >= 'A' && c <= 'Z';
}

/* Whether the bytes begin with |text|, or are a prefix of it. */
static __always_inline bool begins(const struct first_bytes *f, const char *text, __u32 size)
{
	for (__u32 i = 0; i < size; i++)
		if (i < f->bytes && f->b[i] != (__u8)text[i])
			return false;
	return true;
}

/* "HTTP/1." or a usual method (capitals, then a blank), also when truncated. A global function, so
 * that it is verified once. */
__weak __noinline int looks_http1(const struct first_bytes *f)
{
	const __u8 *b;

	if (!f)
		return false;
	b = f->b;
	if (begins(f, "HTTP/1", 6))
		return true;
	for (__u32 i = 0; i < 18; i++) {
		if (i >= f->bytes)
			return i > 0;
		if (b[i] == ' ')
			return i >= 3;
		if (!is_upper(b[i]) && b[i] != '-' && b[i] != '_')
			return false;
	}
	return false;
}

/* Whether a request begins at |at|, where |f| was loaded. */
static __always_inline bool begins_request(struct __sk_buff *skb, const struct capture *c, __u32 at,
					   const struct first_bytes *f)
{
	return !begins(f, "HTTP/1", 6) && (looks_http1(f) || line_names_http1(skb, c, at));
}

#define CONTINUE       "HTTP/1.1 100 Continue\r\n\r\n"
#define CONTINUE_BYTES 25

/* Whether |bytes| bytes, of which |f| is the beginning, are exactly one 100 Continue. */
static __always_inline bool is_continue(const struct first_bytes *f, __u32 bytes)
{
	return bytes == CONTINUE_BYTES && begins(f, CONTINUE, CONTINUE_BYTES - 1);
}

/* Whether it is the status line of a final response. */
static __always_inline bool is_final(const struct first_bytes *f)
{
	return begins(f, "HTTP/1.", 7) && f->b[9] >= '2';
}

/* A truncated preface counts if no method in use begins like it. */
static __always_inline bool looks_preface(const struct first_bytes *f)
{
	return f->bytes >= 3 && begins(f, "PRI * HTTP/2", 12);
}

static __always_inline __u32 frame_bytes(const __u8 *h)
{
	return FRAME_HEADER_BYTES + (h[0] << 16 | h[1] << 8 | h[2]);
}

/* A server's first frame: SETTINGS on stream 0 (RFC 9113 3.4). */
static __always_inline bool looks_settings(const struct first_bytes *f)
{
	const __u8 *b = f->b;

	return f->bytes >= FRAME_HEADER_BYTES && b[0] == 0 && b[3] == 4 && b[4] <= 1 &&
	       !(b[5] | b[6] | b[7] | b[8]) && (b[1] << 8 | b[2]) % 6 == 0;
}

/* A truncated SETTINGS frame: the packet ends within the header. */
static __always_inline bool looks_settings_cut(const struct first_bytes *f)
{
	const __u8 *b = f->b; /* zeros after |bytes| */

	return f->bytes < FRAME_HEADER_BYTES && b[0] == 0 && (f->bytes < 4 || b[3] == 4) &&
	       !(b[4] | b[5] | b[6] | b[7]);
}

/* The PROXY protocol's binary header, version 2: the signature, or a prefix of it. */
static __always_inline bool looks_proxy(const struct first_bytes *f)
{
	return begins(f, "\r\n\r\n\0\r\nQUIT\n", 12);
}

/* Valid frame headers of HTTP/2 (RFC 9113 6). Streams that carry requests have odd numbers; gRPC
 * peers announce frames of 4 MiB. */
#define FRAME_BYTES_USUAL 16384
#define FRAME_BYTES_DATA  (4u << 20)
#define FRAMES_ON_STREAM  (1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 9)
#define FRAMES_ON_ALL	  (1 << 4 | 1 << 6 | 1 << 7 | 1 << 8)
#define FRAMES_OF_4	  (1 << 3 | 1 << 8) /* RST_STREAM, WINDOW_UPDATE */

/* The flags defined for a frame type. */
static __always_inline __u8 frame_flags(__u8 type)
{
	switch (type) {
	case 0:
		return 0x09;
	case 1:
		return 0x2d;
	case 4:
	case 6:
		return 0x01;
	case 5:
		return 0x0c;
	case 9:
		return 0x04;
	}
	return 0;
}

static __always_inline bool is_frame(const __u8 *h)
{
	__u32 bytes = h[0] << 16 | h[1] << 8 | h[2], type = 1u << (h[3] & 31);
	bool on_stream = h[5] | h[6] | h[7] | h[8];

	if (h[3] > 9 || h[4] & ~frame_flags(h[3]) || h[5] & 0x80)
		return false;
	if (bytes > (h[3] ? FRAME_BYTES_USUAL : FRAME_BYTES_DATA) ||
	    (type & FRAMES_OF_4 && bytes != 4) || (h[3] == 6 && bytes != 8))
		return false;
	return on_stream ? type & FRAMES_ON_STREAM && h[8] & 1 : type & FRAMES_ON_ALL;
}

#define MIDSTREAM_FRAMES 3 /* frames checked */

/* Midstream: whether there are frames from |at| on. A single header whose frame ends beyond the
 * packet is not enough, as it may be part of a payload. A frame that fills the packet, or that
 * another valid header follows, is accepted. */
static __always_inline bool looks_frames(struct __sk_buff *skb, const struct capture *c, __u32 at)
{
	__u64 next = at;
	__u8 h[FRAME_HEADER_BYTES];

	for (int i = 0; i < MIDSTREAM_FRAMES; i++) {
		if (next + FRAME_HEADER_BYTES > c->bytes)
			return i > 0 && next <= c->bytes;
		if (!payload_load(skb, c, next, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES, h) ||
		    !is_frame(h))
			return false;
		next += frame_bytes(h);
		if (next > c->bytes)
			return i > 0;
	}
	return true;
}

/* Whether the other direction is TLS: a server may answer with an alert, which can be truncated. */
static __always_inline bool is_tls(const struct conn_state *state)
{
	return state->streams[0].mode == STREAM_TLS || state->streams[1].mode == STREAM_TLS;
}

/* A handshake record; a record of any type if its header is complete midstream, or if the other
 * direction is TLS. */
static __always_inline bool looks_tls(const struct first_bytes *f, const struct conn_state *state)
{
	const __u8 *b = f->b;

	if ((f->bytes > 1 && b[1] != 3) || b[2] > 4 || b[3] > 0x41)
		return false;
	if (b[0] < 20 || b[0] > 23)
		return false;
	return b[0] == 22 || is_tls(state) || (state->midstream && f->bytes >= 5);
}

/* Whether the other direction is HTTP/2: then a server's first bytes are frames. */
static __always_inline bool is_http2(const struct conn_state *state)
{
	return state->streams[0].mode == STREAM_HTTP2 || state->streams[1].mode == STREAM_HTTP2;
}

static __always_inline bool is_http1(const struct conn_state *state)
{
	__u8 out = state->streams[WEFT_EGRESS].mode, in = state->streams[WEFT_INGRESS].mode;

	return out == STREAM_HTTP1 || out == STREAM_HTTP1_RAW || in == STREAM_HTTP1 ||
	       in == STREAM_HTTP1_RAW;
}

/* A request after at most two empty lines, which servers ignore (RFC 9112 2.2), as some clients
 * send them before a request, or only such lines so far. |f|, loaded at |at|, is loaded again. */
static __always_inline bool looks_empty_lines(struct __sk_buff *skb, const struct capture *c,
					      __u32 at, struct first_bytes *f)
{
	for (int i = 0; i < 4; i++) {
		if (f->b[0] != '\r' && f->b[0] != '\n')
			break;
		if (++at >= c->bytes)
			return true;
		if (!first_bytes_load(skb, c, at, f))
			return false;
	}
	return looks_http1(f);
}

/* The mode for bytes of no known protocol. Those of a client may be a request that an HTTP/1 server
 * refuses, or a part of one: the response decides. */
static __always_inline int classify_unknown(const struct capture *c, const struct conn_state *state)
{
	__u8 requests = state->role == WEFT_ROLE_CLIENT ? WEFT_EGRESS : WEFT_INGRESS;

	if (state->midstream)
		return STREAM_NEW;
	if (!state->role || c->direction != requests ||
	    state->streams[!requests].mode != STREAM_NEW)
		return STREAM_OPAQUE;
	return STREAM_UNCLEAR;
}

/* Determines the protocol at |at|: a stream_mode. A global function, so that it is verified once.
 */
__noinline int classify(struct __sk_buff *skb, const struct capture *c, __u32 at,
			const struct conn_state *state, struct stream_state *s)
{
	struct first_bytes f;

	if (!c || !state || !s || !first_bytes_load(skb, c, at, &f))
		return STREAM_RAW;
	if (state->streams[!(c->direction & 1)].mode == STREAM_UNCLEAR)
		return begins(&f, "HTTP/1.", 7) ? STREAM_HTTP1 : STREAM_OPAQUE;
	if (!state->midstream && looks_proxy(&f))
		return STREAM_HTTP1_RAW; /* a header split over packets */
	if (looks_preface(&f)) {
		s->wanted = s->position + at + PREFACE_BYTES;
		return STREAM_HTTP2;
	}
	if (state->midstream && looks_frames(skb, c, at))
		return STREAM_HTTP2;
	if (state->midstream && is_http2(state))
		return STREAM_NEW; /* inside of a frame */
	if (looks_http1(&f))
		return STREAM_HTTP1;
	if (is_http2(state))
		return STREAM_HTTP2;
	if (looks_tls(&f, state))
		return STREAM_TLS;
	if (looks_settings(&f))
		return STREAM_HTTP2;
	if (looks_settings_cut(&f) && (!state->midstream || is_http1(state)))
		return STREAM_RAW; /* the server may send first */
	if (line_names_http1(skb, c, at))
		return STREAM_HTTP1;
	if (!state->midstream && looks_empty_lines(skb, c, at, &f))
		return STREAM_HTTP1_RAW;
	return classify_unknown(c, state);
}

static __always_inline __u8 protocol_of(__u8 mode)
{
	switch (mode) {
	case STREAM_OPAQUE:
		return WEFT_PROTOCOL_OPAQUE;
	case STREAM_TLS:
		return WEFT_PROTOCOL_TLS;
	case STREAM_HTTP2:
		return WEFT_PROTOCOL_HTTP2;
	case STREAM_NEW:
	case STREAM_UNCLEAR:
	case STREAM_RAW:
		return WEFT_PROTOCOL_UNKNOWN;
	}
	return WEFT_PROTOCOL_HTTP1;
}

/* Stops parsing the framing: from |at| on everything is copied, in |mode|. */
__noinline int framing_raw(struct __sk_buff *skb, struct capture *c, struct stream_state *s,
			   __u32 at, __u8 mode)
{
	if (!c || !s)
		return 0;
	c->flags |= WEFT_SEGMENT_RAW;
	capture_range(skb, c, at, c->bytes);
	s->mode = mode;
	s->wanted = s->position + c->bytes;
	count(WEFT_COUNT_FRAMING_LOST, 1);
	return 0;
}
