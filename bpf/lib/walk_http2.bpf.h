/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: following HTTP/2 frames: all is copied but the payload of long DATA frames. */
#pragma once

#include "bpf/lib/classify.bpf.h"

#define MAX_FRAMES	    58300 /* followed in one packet: more than fit in 512 KiB */
#define MAX_FRAMES_UNROLLED 24	  /* on kernels without bpf_loop (before 5.17) */
#define SMALL_BODY_BYTES    512	  /* DATA payloads up to this are copied along: fewer records */

/* Following the frames of one packet. */
struct frame_walk {
	struct __sk_buff *skb;
	struct capture *c;
	struct stream_state *s;
};

/* A frame with this header ends |length| bytes after |at|: payload of a long DATA frame is left
 * out. */
static __always_inline void frame_pass(struct frame_walk *w, __u64 at, __u32 header_left)
{
	const __u8 *header = w->s->header;
	__u32 payload = frame_bytes(header) - FRAME_HEADER_BYTES;

	w->c->at = at + header_left + payload;
	w->s->skip = header[3] == 0 && payload > SMALL_BODY_BYTES;
	if (!w->s->skip)
		return;
	capture_range(w->skb, w->c, w->c->from, at + header_left);
	w->c->from = w->c->at < w->c->bytes ? w->c->at : w->c->bytes;
}

/* The frame whose header is at |w->at|. Returns 1 when the packet holds no whole header any more.
 */
static long frame_next(__u32 index, void *walk)
{
	struct frame_walk *w = walk;

	if (w->c->at + FRAME_HEADER_BYTES > w->c->bytes)
		return 1;
	if (bpf_skb_load_bytes(w->skb, w->c->offset + w->c->at, w->s->header, FRAME_HEADER_BYTES))
		return 1;
	frame_pass(w, w->c->at, FRAME_HEADER_BYTES);
	return 0;
}

/* The header began in the packet before: takes its rest from the start of this one. */
static __always_inline void frame_header_rest(struct frame_walk *w)
{
	__u32 have = w->s->header_bytes & 15;
	__u32 rest = FRAME_HEADER_BYTES - have;

	if (rest > w->c->bytes)
		rest = w->c->bytes;
	if (have >= FRAME_HEADER_BYTES ||
	    !payload_load(w->skb, w->c, 0, rest, FRAME_HEADER_BYTES, w->s->header + have))
		return;
	w->c->at = rest;
	w->s->header_bytes = have + rest;
	if (have + rest < FRAME_HEADER_BYTES)
		return;
	w->s->header_bytes = 0;
	frame_pass(w, 0, rest);
}

/* The packet ends within a header: keeps the part that is here. */
static __always_inline void frame_header_cut(struct frame_walk *w)
{
	__u32 at = w->c->at;
	__u32 left = w->c->bytes - at;

	if (w->c->at >= w->c->bytes || left >= FRAME_HEADER_BYTES)
		return;
	if (payload_load(w->skb, w->c, at, left, FRAME_HEADER_BYTES - 1, w->s->header))
		w->s->header_bytes = left;
	w->c->at = w->c->bytes;
}

static __always_inline void frames_follow(struct frame_walk *w)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(MAX_FRAMES, frame_next, w, 0);
		return;
	}
	for (int i = 0; i < MAX_FRAMES_UNROLLED; i++)
		if (frame_next(i, w))
			return;
}

/* Frames: all is copied but the payload of long DATA frames. */
__noinline int walk_http2(struct __sk_buff *skb, struct capture *c, struct stream_state *s)
{
	struct frame_walk w = {.skb = skb, .c = c, .s = s};

	if (!c || !s)
		return 0;
	c->at = s->wanted - s->position;
	if (s->skip)
		c->from = c->at < c->bytes ? c->at : c->bytes;
	if (c->bytes <= LARGE_BYTES && c->at < c->bytes)
		capture_range(skb, c, c->from, c->bytes);
	if (s->header_bytes)
		frame_header_rest(&w);
	if (c->at < c->bytes)
		frames_follow(&w);
	if (c->at + FRAME_HEADER_BYTES <= c->bytes) {
		walk_raw(skb, c, s, c->from, WALK_RAW);
		return 0;
	}
	frame_header_cut(&w);
	s->wanted = s->position + c->at;
	if (c->from < c->bytes)
		capture_range(skb, c, c->from, c->bytes);
	else if (c->covered != c->bytes && c->at == c->bytes)
		capture_end(c, c->bytes);
	return 0;
}
