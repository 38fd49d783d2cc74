/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the framing parser of units with a length in their header: HTTP/2 frames and TLS
 * records. Everything is copied except the payload of long DATA frames, and of TLS records that the
 * agent knows to be body. */
#pragma once

#include "bpf/lib/classify.bpf.h"

#define MAX_UNITS	    58300 /* units parsed in one packet: more frames than fit in 512 KiB */
#define MAX_UNITS_UNROLLED  24	  /* on kernels without bpf_loop (before 5.17) */
#define SMALL_BODY_BYTES    512	  /* HTTP2_COPIED_BYTES: payloads up to this size are copied */
#define RECORD_HEADER_BYTES 5	  /* TLS, RFC 8446 5.1 */
#define MESSAGE_HEAD_BYTES  5 /* gRPC's message prefix with the length, begins most DATA frames */

/* State of the parser in one packet. */
struct unit_parser {
	struct __sk_buff *skb;
	struct capture *c;
	struct stream_state *s;
	__u64 header_bytes; /* of each unit */
};

static __always_inline bool is_record(const __u8 *header)
{
	return header[0] >= 20 && header[0] <= 23 && header[1] == 3;
}

/* Whether to skip the payload of the unit with this header, which ends at |end| of the packet. */
static __always_inline bool is_left_out(const struct unit_parser *w, __u32 payload, __u64 end)
{
	if (payload <= SMALL_BODY_BYTES)
		return false;
	if (w->header_bytes == FRAME_HEADER_BYTES)
		return w->s->header[3] == 0;
	return w->s->header[0] == 23 && w->s->position + end <= w->c->quiet;
}

/* Processes a unit whose header ends |header_left| bytes after |at|. */
static __always_inline void unit_pass(struct unit_parser *w, __u64 at, __u32 header_left)
{
	const __u8 *header = w->s->header;
	bool frames = w->header_bytes == FRAME_HEADER_BYTES;
	__u32 payload =
		frames ? frame_bytes(header) - FRAME_HEADER_BYTES : header[3] << 8 | header[4];
	__u32 head = at + header_left + (frames ? MESSAGE_HEAD_BYTES : 0);

	w->c->at = at + header_left + payload;
	/* a frame whose first payload bytes are in the next packet is copied whole, as they may
	 * have the padding's length */
	w->s->skip = head <= w->c->bytes && is_left_out(w, payload, w->c->at);
	if (!w->s->skip)
		return;
	capture_range(w->skb, w->c, w->c->from, head);
	w->c->from = w->c->at < w->c->bytes ? w->c->at : w->c->bytes;
}

/* Processes the unit at |c->at|. Returns 1 when there is no further complete or valid header. */
static long unit_next(__u32 index, void *ctx)
{
	struct unit_parser *w = ctx;

	if (w->c->at + w->header_bytes > w->c->bytes)
		return 1;
	if (!payload_load(w->skb, w->c, w->c->at, w->header_bytes, FRAME_HEADER_BYTES,
			  w->s->header))
		return 1;
	if (w->header_bytes == RECORD_HEADER_BYTES && !is_record(w->s->header))
		return 1;
	unit_pass(w, w->c->at, w->header_bytes);
	return 0;
}

/* The header began in the packet before: completes it from the start of this one. */
static __always_inline void unit_header_rest(struct unit_parser *w)
{
	__u32 have = w->s->header_bytes & 15;
	__u32 rest = w->header_bytes - have;

	if (rest > w->c->bytes)
		rest = w->c->bytes;
	if (have >= w->header_bytes ||
	    !payload_load(w->skb, w->c, 0, rest, FRAME_HEADER_BYTES, w->s->header + have))
		return;
	w->c->at = rest;
	w->s->header_bytes = have + rest;
	if (have + rest < w->header_bytes)
		return;
	w->s->header_bytes = 0;
	unit_pass(w, 0, rest);
}

/* The packet ends within a header: keeps the part that is here. */
static __always_inline void unit_header_cut(struct unit_parser *w)
{
	__u32 at = w->c->at;
	__u32 left = w->c->bytes - at;

	if (w->c->at >= w->c->bytes || left >= w->header_bytes)
		return;
	if (payload_load(w->skb, w->c, at, left, FRAME_HEADER_BYTES - 1, w->s->header))
		w->s->header_bytes = left;
	w->c->at = w->c->bytes;
}

static __always_inline void units_follow(struct unit_parser *w)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(MAX_UNITS, unit_next, w, 0);
		return;
	}
	for (int i = 0; i < MAX_UNITS_UNROLLED; i++)
		if (unit_next(i, w))
			return;
}

/* The stream offset up to which the agent wants no payload of TLS records. */
static __always_inline __u64 quiet_until(const struct capture *c)
{
	__u32 slot = c->cookie % WEFT_SKIPS;
	const struct weft_skip *skip = bpf_map_lookup_elem(&weft_skips, &slot);

	if (!skip || skip->cookie != c->cookie)
		return 0;
	return skip->until[c->direction == WEFT_INGRESS];
}

/* Sets the start of a frame in the next record, which is known if the direction was followed from
 * its first byte. */
static __always_inline void frame_announce(const struct unit_parser *w)
{
	struct capture *c = w->c;
	__u32 from = c->from < c->covered ? c->covered : c->from;

	c->frame = 0;
	if (w->header_bytes == FRAME_HEADER_BYTES && !w->s->header_bytes &&
	    w->s->messages != MESSAGES_UNKNOWN && c->at >= from && c->at < c->bytes)
		c->frame = c->at - from + 1;
}

/* A direction in mode STREAM_HTTP2 or STREAM_TLS. */
__noinline int framing_units(struct __sk_buff *skb, struct capture *c, struct stream_state *s)
{
	struct unit_parser w = {.skb = skb, .c = c, .s = s, .header_bytes = FRAME_HEADER_BYTES};

	if (!c || !s)
		return 0;
	if (s->mode == STREAM_TLS) {
		w.header_bytes = RECORD_HEADER_BYTES;
		c->quiet = quiet_until(c);
	}
	c->at = s->wanted - s->position;
	if (s->skip)
		c->from = c->at < c->bytes ? c->at : c->bytes;
	frame_announce(&w);
	if (c->bytes <= LARGE_BYTES && c->at < c->bytes)
		capture_range(skb, c, c->from, c->bytes);
	if (s->header_bytes)
		unit_header_rest(&w);
	if (c->at < c->bytes)
		units_follow(&w);
	if (c->at + w.header_bytes <= c->bytes) {
		c->frame = 0;
		framing_raw(skb, c, s, c->from, STREAM_RAW);
		return 0;
	}
	unit_header_cut(&w);
	s->wanted = s->position + c->at;
	if (c->from < c->bytes)
		capture_range(skb, c, c->from, c->bytes);
	else if (c->covered != c->bytes && c->at == c->bytes)
		capture_end(c, c->bytes);
	c->frame = 0;
	return 0;
}
