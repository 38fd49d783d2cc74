/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: following one direction of a connection: which bytes are heads (copied) and which are body
 * (counted). Only packets in order are followed; what comes out of order is copied whole. */
#pragma once

#include "bpf/lib/http1.bpf.h"

/* Flags of struct capture that never leave the kernel. */
#define CAPTURE_MARK_ONLY (1u << 31)

#define MAX_MESSAGES 256 /* HTTP/1 messages and chunks followed in one packet */
#define MAX_MESSAGES_UNROLLED 8 /* on kernels without bpf_loop (before 5.17) */
#define MAX_FRAMES 58300 /* HTTP/2 frames followed in one packet: more than fit in 512 KiB */
#define MAX_FRAMES_UNROLLED 24 /* on kernels without bpf_loop (before 5.17) */
#define MAX_TRIES 32
#define FRAME_HEADER_BYTES 9
#define PREFACE_BYTES 24
#define SMALL_BODY_BYTES 512 /* DATA payloads up to this are copied along: fewer records */

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

/* The bytes begin with |text|, or are the beginning of it. */
static __always_inline bool begins(const struct first_bytes *f, const char *text, __u32 size)
{
	for (__u32 i = 0; i < size; i++)
		if (i < f->bytes && f->b[i] != (__u8)text[i])
			return false;
	return true;
}

/* "HTTP/1." or a method token of capitals and a blank; a cut token counts. */
static __always_inline bool looks_http1(const struct first_bytes *f)
{
	const __u8 *b = f->b;

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

/* A cut preface counts when it cannot be a method any more that is in use. */
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

/* Joined connections: one frame that fills the packet. */
static __always_inline bool looks_frame(const struct first_bytes *f, __u32 left)
{
	return f->bytes >= FRAME_HEADER_BYTES && f->b[3] <= 9 && !(f->b[5] & 0x80) &&
	       frame_bytes(f->b) == left;
}

static __always_inline bool looks_tls(const struct first_bytes *f, bool joined)
{
	const __u8 *b = f->b;

	if ((f->bytes > 1 && b[1] != 3) || b[2] > 4 || b[3] > 0x41)
		return false;
	return b[0] == 22 || (joined && f->bytes >= 5 && b[0] >= 20 && b[0] <= 23);
}

/* The client's preface was seen: what the server says first is frames, however it is cut. */
static __always_inline bool is_http2(const struct conn_state *state)
{
	return state->streams[0].mode == WALK_HTTP2 || state->streams[1].mode == WALK_HTTP2;
}

static __always_inline bool is_http1(const struct conn_state *state)
{
	__u8 out = state->streams[WEFT_EGRESS].mode, in = state->streams[WEFT_INGRESS].mode;

	return out == WALK_HTTP1 || out == WALK_HTTP1_RAW || in == WALK_HTTP1 ||
	       in == WALK_HTTP1_RAW;
}

/* Decides what the bytes at |at| begin: a walk_mode. A global function: verified once. */
__noinline int classify(struct __sk_buff *skb, const struct capture *c, __u32 at,
			const struct conn_state *state, struct stream_state *s)
{
	struct first_bytes f;

	if (!c || !state || !s || !first_bytes_load(skb, c, at, &f))
		return WALK_RAW;
	if (looks_preface(&f)) {
		s->wanted = s->position + at + PREFACE_BYTES;
		return WALK_HTTP2;
	}
	if (looks_http1(&f))
		return WALK_HTTP1;
	if (is_http2(state) && !state->joined)
		return WALK_HTTP2;
	if (looks_tls(&f, state->joined))
		return WALK_TLS;
	if (looks_settings(&f) || (state->joined && looks_frame(&f, c->bytes - at)))
		return WALK_HTTP2;
	if (f.bytes < FRAME_HEADER_BYTES && !f.b[0] && is_http1(state))
		return WALK_RAW; /* a frame in pieces after a preface in pieces */
	return state->joined ? WALK_NEW : WALK_OPAQUE;
}

static __always_inline __u8 protocol_of(__u8 mode)
{
	switch (mode) {
	case WALK_OPAQUE:
		return WEFT_PROTOCOL_OPAQUE;
	case WALK_TLS:
		return WEFT_PROTOCOL_TLS;
	case WALK_HTTP2:
		return WEFT_PROTOCOL_HTTP2;
	case WALK_NEW:
	case WALK_RAW:
		return WEFT_PROTOCOL_UNKNOWN;
	}
	return WEFT_PROTOCOL_HTTP1;
}

/* Gives up following: from |at| on everything is copied, in |mode|. */
static __always_inline void walk_raw(struct __sk_buff *skb, struct capture *c,
				     struct stream_state *s, __u32 at, __u8 mode)
{
	c->flags |= WEFT_SEGMENT_RAW;
	capture_range(skb, c, at, c->bytes);
	s->mode = mode;
	s->wanted = s->position + c->bytes;
	count(WEFT_COUNT_WALKS_LOST, 1);
}

/* Copies [at, at + size) and reads the head in it. What an earlier record of this packet holds already is
 * read again (pipelining), but not sent again. When the head does not end in it and |more|, nothing is sent:
 * the caller tries a larger window. */
#define record_head(type, max, skb, c, at, size, set, head, more)                                    \
	do {                                                                                   \
		struct type *record_ = record_reserve(type, set);                              \
		if (!record_)                                                                  \
			break;                                                                 \
		if (!payload_load(skb, c, at, size, max, record_->data)) {                     \
			bpf_ringbuf_discard(record_, BPF_RB_NO_WAKEUP);                        \
			count_lost(WEFT_LOST_READ_SEGMENT);                                    \
			break;                                                                 \
		}                                                                              \
		head_scan(record_->data, size, max, head);                                     \
		if (c->covered > at || (more && !(head)->head_bytes)) {                        \
			bpf_ringbuf_discard(record_, BPF_RB_NO_WAKEUP);                        \
			count(WEFT_COUNT_SEGMENTS_SEEN, -1);                                   \
			break;                                                                 \
		}                                                                              \
		segment_fill(&record_->segment, c, at, size);                                  \
		event_submit(record_, set);                                                    \
		(c)->copied += size;                                                           \
		(c)->covered = at + size;                                                      \
	} while (0)

/* Copies the start of a message and reads its framing. A message that is larger than what is copied
 * and whose head does not end in it is copied whole by the caller. */
__noinline int head_copy(struct __sk_buff *skb, struct capture *c, __u32 at,
			 struct http1_head *head)
{
	struct weft_settings *set = settings();
	__u32 bytes, small;

	if (!c || !head || !set || at >= c->bytes)
		return 0;
	bytes = c->bytes - at;
	if (bytes <= TINY_BYTES) {
		record_head(tiny_record, TINY_BYTES, skb, c, at, bytes, set, head, false);
	} else if (bytes <= SMALL_BYTES || bytes > LARGE_BYTES) {
		small = bytes < SMALL_BYTES ? bytes : SMALL_BYTES;
		record_head(small_record, SMALL_BYTES, skb, c, at, small, set, head,
			    bytes > LARGE_BYTES);
		bytes = head->head_bytes || bytes <= SMALL_BYTES ? small : bytes;
	}
	if (bytes > SMALL_BYTES) {
		bytes = bytes < LARGE_BYTES ? bytes : LARGE_BYTES;
		record_head(large_record, LARGE_BYTES, skb, c, at, bytes, set, head, false);
	}
	if (c->covered < at + bytes)
		capture_range(skb, c, at, at + bytes);
	return 0;
}

/* A message starts at |at|: copies its head, learns where the next thing of interest is. */
static __always_inline void http1_message(struct __sk_buff *skb, struct capture *c,
					  struct conn_state *state, struct stream_state *s,
					  __u32 at)
{
	struct http1_head head = {};

	head_copy(skb, c, at, &head);
	if (!head.head_bytes) {
		walk_raw(skb, c, s, at, WALK_HTTP1_RAW);
		return;
	}
	s->wanted = s->position + at + head.head_bytes;
	if (!head.response) {
		state->head_request = head.is_head;
		s->switches = head.switches;
	} else if (head.status == 101) {
		s->mode = WALK_NEW;
		return;
	} else if (head.status < 200 || head.status == 204 || head.status == 304 ||
		   state->head_request) {
		return;
	} else if (head.framing == FRAMING_NONE) {
		s->mode = WALK_REST;
		return;
	}
	if (head.framing == FRAMING_LENGTH)
		s->wanted += head.length;
	else if (head.framing == FRAMING_CHUNKED)
		s->mode = WALK_HTTP1_CHUNKS;
}

static __always_inline int hex_digit(__u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads "size CRLF", after the CRLF that ends the chunk before, if there is one. Returns the bytes of both; 0 when they do
 * not end in what was loaded or are not plain. A global function: verified once. */
__noinline int chunk_line(const struct first_bytes *f, __u64 *size)
{
	__u32 start;

	if (!f || !size)
		return 0;
	start = f->b[0] == '\r' && f->b[1] == '\n' ? 2 : 0;
	*size = 0;
	for (__u32 i = 0; i < 16; i++) {
		const __u8 *at = &f->b[start + i];
		int digit = hex_digit(*at);

		if (digit >= 0) {
			*size = *size << 4 | digit;
			continue;
		}
		if (!i || at[0] != '\r' || at[1] != '\n' || start + i + 2 > f->bytes)
			return 0;
		return start + i + 2;
	}
	return 0;
}

static __always_inline void http1_chunk(struct __sk_buff *skb, struct capture *c,
					struct stream_state *s, __u32 at)
{
	struct first_bytes f;
	__u32 line = 0;
	__u64 size = 0;

	if (first_bytes_load(skb, c, at, &f))
		line = chunk_line(&f, &size);
	if (line && size) {
		capture_range(skb, c, at, c->bytes <= LARGE_BYTES ? c->bytes : at + line);
		s->wanted += line + size;
		return;
	}
	if (line && at + line + 2 == c->bytes) { /* last chunk, no trailers */
		capture_range(skb, c, at, c->bytes);
		s->wanted = s->position + c->bytes;
		s->mode = WALK_HTTP1;
		return;
	}
	walk_raw(skb, c, s, at, WALK_HTTP1_RAW);
}

/* What stands where the next message is due: another one, another protocol after a switch, or a mistake of ours. */
enum http1_next { NEXT_UNKNOWN, NEXT_MESSAGE, NEXT_SWITCHED };

__noinline int http1_next(struct __sk_buff *skb, const struct capture *c,
			  const struct stream_state *s, __u32 at)
{
	struct first_bytes f;

	if (!c || !s || !first_bytes_load(skb, c, at, &f))
		return NEXT_UNKNOWN;
	if (looks_preface(&f))
		return NEXT_SWITCHED;
	if (looks_http1(&f))
		return NEXT_MESSAGE;
	return s->switches ? NEXT_SWITCHED : NEXT_UNKNOWN;
}

struct message_walk {
	struct __sk_buff *skb;
	struct capture *c;
	struct conn_state *state;
	struct stream_state *s;
};

/* The next message or chunk. Returns 1 when the packet has no more. */
static long message_next(__u32 index, void *walk)
{
	struct message_walk *w = walk;
	struct stream_state *s = w->s;
	__u64 at = s->wanted - s->position;
	int next;

	if (at == w->c->bytes && w->c->covered != w->c->bytes)
		capture_end(w->c, at);
	if (at >= w->c->bytes)
		return 1;
	if (s->mode == WALK_HTTP1_CHUNKS) {
		http1_chunk(w->skb, w->c, s, at);
		return 0;
	}
	if (s->mode != WALK_HTTP1)
		return 1;
	next = http1_next(w->skb, w->c, s, at);
	if (next == NEXT_MESSAGE) {
		http1_message(w->skb, w->c, w->state, s, at);
		return 0;
	}
	if (next == NEXT_SWITCHED)
		s->mode = WALK_NEW;
	else
		walk_raw(w->skb, w->c, s, at, WALK_HTTP1_RAW);
	return 1;
}

__noinline int walk_http1(struct __sk_buff *skb, struct capture *c, struct conn_state *state,
			  struct stream_state *s)
{
	struct message_walk w = { skb, c, state, s };

	if (!c || !state || !s)
		return 0;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		bpf_loop(MAX_MESSAGES, message_next, &w, 0);
	else
		for (int i = 0; i < MAX_MESSAGES_UNROLLED; i++)
			if (message_next(i, &w))
				break;
	if ((s->mode == WALK_HTTP1 || s->mode == WALK_HTTP1_CHUNKS) &&
	    s->wanted < s->position + c->bytes)
		walk_raw(skb, c, s, s->wanted - s->position, WALK_HTTP1_RAW);
	return 0;
}

/* Following the frames of one packet. */
struct frame_walk {
	struct __sk_buff *skb;
	struct capture *c;
	struct stream_state *s;
};

/* A frame with this header ends |length| bytes after |at|: payload of a long DATA frame is left out. */
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

/* The frame whose header is at |w->at|. Returns 1 when the packet holds no whole header any more. */
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
	struct frame_walk w = { .skb = skb, .c = c, .s = s };

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

static __always_inline bool is_raw(__u8 mode)
{
	return mode == WALK_RAW || mode == WALK_HTTP1_RAW || mode == WALK_TLS;
}

static __always_inline void preface_copy(struct __sk_buff *skb, struct capture *c,
					 const struct stream_state *s, __u32 at)
{
	__u64 end = s->wanted - s->position;

	capture_range(skb, c, at, end < c->bytes ? end : c->bytes);
}

/* One packet in order. */
static __always_inline void walk(struct __sk_buff *skb, struct capture *c,
				 struct conn_state *state, struct stream_state *s)
{
	for (int i = 0; i < 3; i++) {
		__u8 before = s->mode;
		__u64 at = s->wanted > s->position ? s->wanted - s->position : 0;

		if (before == WALK_NEW) {
			if (at >= c->bytes || s->tries >= MAX_TRIES)
				return;
			s->mode = classify(skb, c, at, state, s);
			if (s->mode == WALK_NEW) {
				s->wanted = s->position + c->bytes;
				s->tries++;
				return;
			}
			if (s->wanted < s->position + at)
				s->wanted = s->position + at;
		}
		c->protocol = protocol_of(s->mode);
		if (s->mode == WALK_HTTP2) {
			if (before == WALK_NEW) /* the preface is no frame: its bytes are copied */
				preface_copy(skb, c, s, at);
			walk_http2(skb, c, s);
		} else if (s->mode == WALK_HTTP1 || s->mode == WALK_HTTP1_CHUNKS) {
			walk_http1(skb, c, state, s);
		} else if (is_raw(s->mode)) {
			capture_range(skb, c, at < c->bytes ? at : 0, c->bytes);
			s->wanted = s->position + c->bytes;
		}
		if (s->mode != WALK_NEW)
			return;
	}
}

/* A packet that came before its turn, or filled a hole: copied whole, nothing is trimmed from here on. */
static __always_inline void follow_hole(struct __sk_buff *skb, struct capture *c,
					struct stream_state *s)
{
	__u32 end = c->seq + c->bytes;

	count(WEFT_COUNT_REORDERED, 1);
	if (!s->holes) {
		s->ahead_from = c->seq;
		s->ahead = end;
	}
	s->holes = 1;
	if ((__s32)(end - s->ahead) > 0)
		s->ahead = end;
	if (s->mode == WALK_OPAQUE || s->mode == WALK_REST)
		return;
	if (s->mode == WALK_HTTP1 || s->mode == WALK_HTTP1_CHUNKS)
		s->mode = WALK_HTTP1_RAW;
	else if (s->mode != WALK_TLS && s->mode != WALK_HTTP1_RAW)
		s->mode = WALK_RAW;
	c->protocol = protocol_of(s->mode);
	c->flags |= WEFT_SEGMENT_RAW;
	capture_range(skb, c, 0, c->bytes);
}

/* The other side has answered: an HTTP/1 direction that was not understood may start anew. */
static __always_inline void turn(struct capture *c, struct conn_state *state,
				 struct stream_state *s)
{
	if (state->last_direction == c->direction)
		return;
	state->last_direction = c->direction;
	s->tries = 0;
	if (s->mode != WALK_HTTP1_RAW || (s->holes && s->next != s->ahead))
		return;
	s->holes = 0;
	s->mode = WALK_HTTP1;
}

/* The turn of the other end, whose bytes are captured there: of them only matters what decides how this end's are
 * to be read. An interim response is no turn, a response to HEAD has no body. */
static __always_inline void turn_arrived(struct __sk_buff *skb, const struct capture *c,
					 struct conn_state *state)
{
	struct first_bytes f;

	if (!first_bytes_load(skb, c, 0, &f) || (f.b[0] == 'H' && f.b[4] == '/' && f.b[9] == '1'))
		return;
	state->last_direction = c->direction;
	state->head_request = begins(&f, "HEAD ", 5);
}

/* Moves the place of the stream past this packet. */
static __always_inline void advance(struct capture *c, struct stream_state *s)
{
	__u32 end = c->seq + c->bytes;

	if (s->holes && end == s->ahead_from)
		end = s->ahead;
	if ((__s32)(end - s->next) <= 0)
		return;
	s->position += end - s->next;
	s->next = end;
	if (is_raw(s->mode))
		s->wanted = s->position;
}

static __always_inline bool is_opaque(const struct conn_state *state)
{
	return state->streams[0].mode == WALK_OPAQUE || state->streams[1].mode == WALK_OPAQUE;
}

/* Cuts what was seen before from the packet's start. False: nothing is new. */
static __always_inline bool trim(struct capture *c, __u32 seen)
{
	if (seen >= c->bytes)
		return false;
	c->seq += seen;
	c->offset += seen;
	c->bytes -= seen;
	return true;
}

static __always_inline void stream_look(struct __sk_buff *skb, struct capture *c,
					struct conn_state *state, struct stream_state *s)
{
	if (is_opaque(state))
		return;
	if (!(c->flags & CAPTURE_MARK_ONLY)) {
		if (state->joined && !s->announced)
			c->flags |= WEFT_SEGMENT_JOIN;
		turn(c, state, s);
		walk(skb, c, state, s);
		if (c->fin && s->mode == WALK_REST && c->covered < c->bytes)
			capture_end(c, c->bytes);
		s->announced |= c->covered > 0;
		count(WEFT_COUNT_COPIED_BYTES, c->copied);
		if (c->bytes > c->copied)
			count(WEFT_COUNT_SKIPPED_BYTES, c->bytes - c->copied);
		return;
	}
	c->flags = 0;
	if (s->mode == WALK_NEW)
		s->mode = classify(skb, c, 0, state, s);
	if (s->mode == WALK_HTTP1 && state->last_direction != c->direction)
		turn_arrived(skb, c, state);
	if (s->mode != WALK_OPAQUE)
		capture_mark(c);
}

/* The place of the first packet that is seen of a direction. */
static __always_inline void stream_start(struct stream_state *s, __u32 seq)
{
	if (s->started)
		return;
	s->started = 1;
	s->next = seq;
}

/* Forgets what the direction carried; its byte count goes on. */
static __always_inline void stream_reset(struct stream_state *s)
{
	s->wanted = s->position;
	s->mode = WALK_NEW;
	s->started = 0;
	s->holes = 0;
	s->announced = 0;
	s->tries = 0;
	s->header_bytes = 0;
	s->skip = 0;
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
	if (ahead > 0 && !(c->flags & CAPTURE_MARK_ONLY)) {
		follow_hole(skb, c, s);
		return 0;
	}
	if (ahead < 0 && !s->holes && !trim(c, -ahead)) {
		count(WEFT_COUNT_REORDERED, 1);
		return 0;
	}
	stream_look(skb, c, state, s);
	advance(c, s);
	return 0;
}
