/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the framing parser of HTTP/1 messages and chunks: heads are copied, bodies skipped. */
#pragma once

#include "bpf/lib/classify.bpf.h"
#include "bpf/lib/http1.bpf.h"
#include "bpf/lib/peer.bpf.h"
#include "bpf/lib/pipeline.bpf.h"

#define MAX_MESSAGES	      256 /* messages and chunks parsed in one packet */
#define MAX_MESSAGES_UNROLLED 8	  /* on kernels without bpf_loop (before 5.17) */

/* Copies [at, at + size) and parses the head in it. Bytes that an earlier record of this packet has
 * (pipelining) are parsed again, but not sent again. If the head does not end in it and |more|,
 * nothing is sent: the caller tries a larger window. */
#define record_head(type, max, skb, c, at, size, set, head, more)                                  \
	do {                                                                                       \
		struct type *record_ = record_reserve(type, set, c);                               \
		if (!record_)                                                                      \
			break;                                                                     \
		if (!payload_load(skb, c, at, size, max, record_->data)) {                         \
			bpf_ringbuf_discard(record_, BPF_RB_NO_WAKEUP);                            \
			count_lost(WEFT_LOST_READ_SEGMENT);                                        \
			break;                                                                     \
		}                                                                                  \
		head_scan(record_->data, size, max, head);                                         \
		if (c->covered > at || (more && !(head)->head_bytes)) {                            \
			bpf_ringbuf_discard(record_, BPF_RB_NO_WAKEUP);                            \
			count(WEFT_COUNT_SEGMENTS_SEEN, -1);                                       \
			break;                                                                     \
		}                                                                                  \
		segment_fill(&record_->segment, c, at, size);                                      \
		event_submit_after(record_, set, (c)->waiting);                                    \
		(c)->copied += size;                                                               \
		(c)->covered = at + size;                                                          \
	} while (0)

/* Copies the start of a message and parses its framing. If the head does not end in the largest
 * window, the caller copies the whole message. Returns how many bytes from |at| on the caller has
 * to copy because no record holds them; 0: none. Stack frames of calls add up, so it does not. */
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
	return c->covered < at + bytes ? bytes : 0;
}

/* Parses the framing of a head that was not copied: the end of a message must not depend on the
 * ring having room. */
__noinline int head_reread(struct __sk_buff *skb, const struct capture *c, __u32 at,
			   struct http1_head *head)
{
	struct scratch *scratch;
	__u32 bytes;

	if (!c || !head || at >= c->bytes)
		return 0;
	scratch = scratch_take();
	if (!scratch)
		return 0;
	bytes = c->bytes - at < LARGE_BYTES ? c->bytes - at : LARGE_BYTES;
	if (payload_load(skb, c, at, bytes, LARGE_BYTES, scratch->data))
		head_scan(scratch->data, bytes, LARGE_BYTES, head);
	scratch_give(scratch);
	return 0;
}

/* Copies a head, or trailers, and parses the framing. */
static __always_inline void head_take(struct __sk_buff *skb, struct capture *c, __u32 at,
				      struct http1_head *head)
{
	__u32 left = head_copy(skb, c, at, head);

	if (left)
		capture_range(skb, c, at, at + left);
	if (!head->head_bytes)
		head_reread(skb, c, at, head);
	c->message = 0;
}

/* Whether another response begins at |at|, or the bytes cannot be read. */
__noinline int http1_begins_response(struct __sk_buff *skb, const struct capture *c, __u32 at)
{
	struct first_bytes f;

	return c && (!first_bytes_load(skb, c, at, &f) || begins(&f, "HTTP/1.", 7));
}

/* Whether it is doubtful that the bytes at |at|, after a response's head, are its body. They are if
 * they do not begin like a response. Otherwise it is known only without pipelining, as then the
 * response answers the latest request. */
static __always_inline bool http1_doubtful(struct __sk_buff *skb, const struct capture *c,
					   const struct conn_state *state,
					   const struct stream_state *s, __u32 at)
{
	if (s->due == DUE_BODY && !http1_begins_response(skb, c, at))
		return false;
	return pipeline_overlaps(state, !c->direction) || peer_overlaps(skb, state);
}

/* A response's head ends at |at|; if the packet has more bytes they are examined now. If requests
 * are pipelined, later responses are doubtful too: everything is copied from here on. */
static __always_inline void http1_due(struct __sk_buff *skb, struct capture *c,
				      struct conn_state *state, struct stream_state *s, __u32 at,
				      __u8 due)
{
	s->due = due;
	if (at >= c->bytes)
		return;
	if (http1_doubtful(skb, c, state, s, at))
		framing_raw(skb, c, s, at, STREAM_HTTP1_RAW);
	s->due = DUE_SETTLED;
}

/* Out of step at the packet's first byte: this packet and all later ones are copied whole. */
static __always_inline void http1_lose_all(struct capture *c, struct stream_state *s)
{
	c->flags |= WEFT_SEGMENT_RAW;
	s->mode = STREAM_HTTP1_RAW;
	s->wanted = s->position;
	count(WEFT_COUNT_FRAMING_LOST, 1);
}

/* The first bytes after a request's head are here. The server may have refused the body (Expect:
 * 100-continue): then the next request is where the body would begin. If the response may have
 * answered another request, or was not seen, bytes that look like a request are ambiguous. */
static __always_inline void http1_settle_upload(struct __sk_buff *skb, struct capture *c,
						struct conn_state *state, struct stream_state *s)
{
	bool answers_lost = state->streams[!(c->direction & 1)].mode == STREAM_HTTP1_RAW;
	struct first_bytes f;

	s->due = DUE_SETTLED;
	if ((state->unanswered && !answers_lost) || !first_bytes_load(skb, c, 0, &f))
		return;
	if (!begins_request(skb, c, 0, &f)) {
		pipeline_lose(state);
	} else if (state->overlaps || answers_lost) {
		http1_lose_all(c, s);
	} else {
		s->mode = STREAM_HTTP1;
		s->wanted = s->position;
		s->messages = MESSAGES_UNKNOWN; /* a body may look like that */
	}
}

/* The first bytes after a head are here. A global function, so that it is verified once. */
__noinline int http1_settle_due(struct __sk_buff *skb, struct capture *c, struct conn_state *state,
				struct stream_state *s)
{
	if (!c || !state || !s)
		return 0;
	if (s->due == DUE_UPLOAD) {
		http1_settle_upload(skb, c, state, s);
		return 0;
	}
	if (http1_doubtful(skb, c, state, s, 0))
		http1_lose_all(c, s);
	s->due = DUE_SETTLED;
	return 0;
}

static __always_inline void http1_settle(struct __sk_buff *skb, struct capture *c,
					 struct conn_state *state, struct stream_state *s)
{
	if (s->due != DUE_SETTLED &&
	    (s->mode == STREAM_HTTP1 || s->mode == STREAM_HTTP1_CHUNKS || s->mode == STREAM_REST))
		http1_settle_due(skb, c, state, s);
}

/* The head of a response ends at |wanted|. Inlined: the stack of a call chain is limited. */
static __always_inline int http1_response(struct __sk_buff *skb, struct capture *c,
					  struct conn_state *state, struct stream_state *s,
					  const struct http1_head *head)
{
	__u32 at;
	__u8 due;

	if (!c || !state || !s || !head)
		return 0;
	at = s->wanted - s->position;
	due = state->head_request ? DUE_NOTHING : DUE_BODY;
	if (head->status == 101) {
		s->mode = STREAM_NEW;
		return 0;
	}
	if (head->status < 200)
		return 0;
	state->unanswered = 0;
	if (head->status == 204 || head->status == 304)
		return 0;
	if (due == DUE_BODY && head->framing == FRAMING_CHUNKED) {
		s->mode = STREAM_HTTP1_CHUNKS;
		return 0;
	}
	if (due == DUE_BODY && head->framing == FRAMING_NONE)
		s->mode = STREAM_REST;
	if (due == DUE_BODY)
		s->wanted += head->length;
	if (due == DUE_NOTHING || s->mode == STREAM_REST || head->length)
		http1_due(skb, c, state, s, at, due);
	return 0;
}

/* The bytes at |at| are not understood: from here on requests and responses are not counted. */
static __always_inline void http1_lose(struct __sk_buff *skb, struct capture *c,
				       struct conn_state *state, struct stream_state *s, __u32 at)
{
	pipeline_lose(state);
	state->unanswered = 0;
	framing_raw(skb, c, s, at, STREAM_HTTP1_RAW);
}

/* A message starts at |at|: copies its head and determines the next position of interest. */
static __always_inline void http1_message(struct __sk_buff *skb, struct capture *c,
					  struct conn_state *state, struct stream_state *s,
					  __u32 at)
{
	struct http1_head head = {};

	if (s->switches) /* refused, or another protocol that looks like HTTP/1 */
		s->messages = MESSAGES_UNKNOWN;
	c->message = c->covered > at ? 0 : message_next_number(s);
	head_take(skb, c, at, &head);
	if (!head.head_bytes) {
		http1_lose(skb, c, state, s, at);
		return;
	}
	at += head.head_bytes;
	s->wanted = s->position + at;
	if (!head.response || head.status == 101 || head.status >= 200)
		message_begun(s);
	if (head.response) {
		http1_response(skb, c, state, s, &head);
		return;
	}
	pipeline_request(state, head.is_head);
	if (head.several) {
		pipeline_lose(state);
		s->messages = MESSAGES_UNKNOWN;
	}
	s->switches = head.switches;
	if (head.framing == FRAMING_LENGTH)
		s->wanted += head.length;
	else if (head.framing == FRAMING_CHUNKED)
		s->mode = STREAM_HTTP1_CHUNKS;
	if (head.framing != FRAMING_NONE && at == c->bytes)
		s->due = DUE_UPLOAD;
}

static __always_inline int hex_digit(__u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#define CHUNK_LINE_MAX 22

/* Parses "size CRLF", possibly with an extension between them, after the CRLF of the chunk before,
 * if any. Returns the length of all that; 0 when it does not end in the loaded bytes or is
 * malformed. A global function, so that it is verified once. */
__noinline int chunk_line(const struct first_bytes *f, __u64 *size)
{
	bool extension = false;
	__u64 value = 0;
	__u32 start;

	if (!f || !size)
		return 0;
	start = f->b[0] == '\r' && f->b[1] == '\n' ? 2 : 0;
	*size = 0;
	for (__u32 i = 0; i < CHUNK_LINE_MAX; i++) {
		const __u8 *at = &f->b[start + i];
		int digit = hex_digit(*at);

		if (!extension && digit >= 0 && i < 16) {
			value = value << 4 | digit;
		} else if (i && at[0] == '\r' && at[1] == '\n' && start + i + 2 <= f->bytes) {
			*size = value;
			return start + i + 2;
		} else {
			extension |= i && at[0] == ';';
			if (!extension || at[0] < ' ')
				return 0;
		}
	}
	return 0;
}

#define LINE_KEPT_BYTES 18 /* sizeof(stream_state.header) */
#define LINE_REST_BYTES 14 /* more than can be missing after LINE_KEPT_BYTES of a line */

/* Loads the bytes at |at|, after |have| bytes of a line that began in the packet before. */
static __always_inline bool chunk_load(struct __sk_buff *skb, const struct capture *c,
				       const struct stream_state *s, __u32 at, __u32 have,
				       struct first_bytes *f)
{
	__u32 left = c->bytes - at;

	if (!have)
		return first_bytes_load(skb, c, at, f);
	if (have > LINE_KEPT_BYTES)
		return false;
	__builtin_memset(f->b, 0, sizeof(f->b));
	__builtin_memcpy(f->b, s->header, LINE_KEPT_BYTES);
	left = left < LINE_REST_BYTES ? left : LINE_REST_BYTES;
	f->bytes = have + left;
	return payload_load(skb, c, at, left, LINE_REST_BYTES, f->b + have);
}

/* The packet ends within a chunk line: keeps the part that is here. */
static __always_inline bool chunk_cut(struct capture *c, struct stream_state *s, __u32 at,
				      __u32 have, const struct first_bytes *f)
{
	if (f->bytes > LINE_KEPT_BYTES || at + f->bytes - have != c->bytes)
		return false;
	__builtin_memcpy(s->header, f->b, LINE_KEPT_BYTES);
	s->header_bytes = f->bytes;
	s->wanted = s->position + c->bytes;
	return true;
}

#define CHUNK_UNKNOWN  (-1)
#define CHUNK_TRAILERS (-2)

/* A chunk line is expected at |at|. Returns up to where the caller has to copy from |at| on;
 * CHUNK_TRAILERS: the last chunk, with trailers; CHUNK_UNKNOWN: not a chunk line. */
__noinline int http1_chunk(struct __sk_buff *skb, struct capture *c, struct stream_state *s,
			   __u32 at)
{
	struct first_bytes f = {};
	__u32 have, line = 0;
	__u64 size = 0;

	if (!c || !s || at >= c->bytes)
		return CHUNK_UNKNOWN;
	have = s->header_bytes;
	s->header_bytes = 0;
	if (chunk_load(skb, c, s, at, have, &f))
		line = chunk_line(&f, &size);
	if (line && size) {
		line -= have;
		s->wanted += line + size;
		return c->bytes <= LARGE_BYTES ? c->bytes : at + line;
	}
	line -= line ? have : 0;
	if (!line && chunk_cut(c, s, at, have, &f))
		return c->bytes;
	if (!line || at + line + 2 != c->bytes)
		return line && !have ? CHUNK_TRAILERS : CHUNK_UNKNOWN;
	s->wanted = s->position + c->bytes; /* last chunk, no trailers */
	s->mode = STREAM_HTTP1;
	return c->bytes;
}

/* What is found where the next message is expected: a message, another protocol after a switch, or
 * a sign that the parser is out of step. */
enum http1_next { NEXT_UNKNOWN, NEXT_MESSAGE, NEXT_SWITCHED };

__noinline int http1_next(struct __sk_buff *skb, const struct capture *c,
			  const struct stream_state *s, __u32 at)
{
	struct first_bytes f;

	if (!c || !s || !first_bytes_load(skb, c, at, &f))
		return NEXT_UNKNOWN;
	if (looks_preface(&f))
		return NEXT_SWITCHED;
	if (looks_http1(&f) || line_names_http1(skb, c, at))
		return NEXT_MESSAGE;
	return s->switches ? NEXT_SWITCHED : NEXT_UNKNOWN;
}

/* The last chunk's line at |at| with trailers ends with a blank line like a head. Returns whether
 * that is in the packet. */
static __always_inline bool http1_trailers(struct __sk_buff *skb, struct capture *c,
					   struct stream_state *s, __u32 at)
{
	struct http1_head head = {};

	head_take(skb, c, at, &head);
	s->wanted = s->position + at + head.head_bytes;
	s->mode = STREAM_HTTP1;
	return head.head_bytes;
}

struct message_parser {
	struct __sk_buff *skb;
	struct capture *c;
	struct conn_state *state;
	struct stream_state *s;
};

/* Parses the next message or chunk. Returns 1 when the packet has no more. */
static long message_next(__u32 index, void *ctx)
{
	struct message_parser *w = ctx;
	struct stream_state *s = w->s;
	__u64 at = s->wanted - s->position;
	int next;

	if (at == w->c->bytes && w->c->covered != w->c->bytes)
		capture_end(w->c, at);
	if (at >= w->c->bytes)
		return 1;
	if (s->mode == STREAM_HTTP1_CHUNKS) {
		int end = http1_chunk(w->skb, w->c, s, at);

		if (end == CHUNK_UNKNOWN ||
		    (end == CHUNK_TRAILERS && !http1_trailers(w->skb, w->c, s, at)))
			http1_lose(w->skb, w->c, w->state, s, at);
		else if (end >= 0)
			capture_range(w->skb, w->c, at, end);
		return 0;
	}
	if (s->mode != STREAM_HTTP1)
		return 1;
	next = http1_next(w->skb, w->c, s, at);
	if (next == NEXT_MESSAGE) {
		http1_message(w->skb, w->c, w->state, s, at);
		return 0;
	}
	if (next == NEXT_SWITCHED)
		s->mode = STREAM_NEW;
	else
		http1_lose(w->skb, w->c, w->state, s, at);
	return 1;
}

__noinline int framing_http1(struct __sk_buff *skb, struct capture *c, struct conn_state *state,
			     struct stream_state *s)
{
	struct message_parser w = {skb, c, state, s};

	if (!c || !state || !s)
		return 0;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		bpf_loop(MAX_MESSAGES, message_next, &w, 0);
	else
		for (int i = 0; i < MAX_MESSAGES_UNROLLED; i++)
			if (message_next(i, &w))
				break;
	if ((s->mode == STREAM_HTTP1 || s->mode == STREAM_HTTP1_CHUNKS) &&
	    s->wanted < s->position + c->bytes)
		http1_lose(skb, c, state, s, s->wanted - s->position);
	return 0;
}
