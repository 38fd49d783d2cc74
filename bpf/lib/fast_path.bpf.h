/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: the fast path, for a packet that is one short HTTP/1 message, the start of one, or one
 * short TLS record. It does what framing_http1.bpf.h and framing_units.bpf.h do in general, as
 * straight-line code, since most of the cost of a run is instruction cache misses. For any other
 * packet it has no effect and leaves it to them. */
#pragma once

#include "bpf/lib/framing_http1.bpf.h"
#include "bpf/lib/framing_units.bpf.h"

#define CRLF		('\r' | '\n' << 8)
#define HEADER_CONTENT	TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-')
#define HEADER_TRANSFER TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')
#define BEGINS_RESPONSE TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0)
#define BYTES_7		0xffffffffffffffULL

/* Reads a line of a response head. Returns the length of the blank line, 0 for any other line. */
static __always_inline __u32 fast_line(const __u8 *line, struct http1_head *head)
{
	__u64 first = load_8(line);

	if ((first & 0xffff) == CRLF)
		return 2;
	if ((first & 0xff) == '\n')
		return 1;
	first |= LOWER8;
	if (first == HEADER_CONTENT || first == HEADER_TRANSFER)
		line_read((const struct line_window *)line, head);
	return 0;
}

/* Reads the response head in the first |used| bytes, after which LINE_WINDOW more are readable.
 * Returns its size, 0 when it does not end there or two lines end within eight bytes. */
static __always_inline __u64 fast_scan(const __u8 *bytes, __u64 used, struct http1_head *head)
{
	for (__u64 at = 0;; at += 8) {
		__u64 ends, line, left = used - at;
		__u32 blank;

		/* If a constant is compared with a bounded number, verifiers of Linux 6.1 follow
		 * both branches, also the impossible one. A difference compared with 0 avoids
		 * it. */
		asm volatile("" : "+r"(left));
		if ((__s64)left <= 0)
			return 0;
		ends = line_ends(bytes + at);
		if (!ends)
			continue;
		line = at + 1 + (first_byte(ends) & 7);
		blank = fast_line(bytes + line, head);
		if (blank)
			return line + blank <= used ? line + blank : 0;
		if (ends & (ends - 1))
			return 0;
	}
}

/* The length of the response (head and body) whose head of |size| bytes is at |bytes|; 0: not for
 * the fast path. */
static __always_inline __u64 fast_response(const __u8 *bytes, __u64 used, __u64 size,
					   const struct http1_head *head, struct conn_state *state,
					   struct stream_state *s)
{
	__u32 status = bytes[9] << 16 | bytes[10] << 8 | bytes[11];
	bool empty =
		status == ('2' << 16 | '0' << 8 | '4') || status == ('3' << 16 | '0' << 8 | '4');

	if (state->head_request && !empty) {
		if (size < used)
			return 0;
		s->due = DUE_NOTHING;
	} else if (!empty) {
		if (head->framing != FRAMING_LENGTH || (size < used && bytes[size] == 'H'))
			return 0;
		if (size == used && head->length)
			s->due = DUE_BODY;
	}
	state->unanswered = 0;
	return empty || state->head_request ? size : size + head->length;
}

static __always_inline bool fast_is_get(const __u8 *bytes, __u64 used)
{
	return (load_8(bytes) & BYTES_4) == BEGINS_GET && bytes[used - 3] == '\n' &&
	       bytes[used - 1] == '\n';
}

/* The length of the message (head and body) of which |used| bytes are there; 0: not for the fast
 * path. Its first bytes are tested twice: a result kept over the scan would make the verifier walk
 * the scan twice. */
static __always_inline __u64 fast_message(const __u8 *bytes, __u64 used, struct conn_state *state,
					  struct stream_state *s)
{
	struct http1_head head = {};
	__u64 size;

	if (!fast_is_get(bytes, used) &&
	    ((load_8(bytes) & BYTES_7) != BEGINS_RESPONSE || bytes[9] == '1'))
		return 0;
	size = fast_scan(bytes, used, &head);
	if (bytes[0] != 'G')
		return size ? fast_response(bytes, used, size, &head, state, s) : 0;
	pipeline_request(state, false);
	if (size != used) { /* more than one request in the packet */
		pipeline_lose(state);
		s->messages = MESSAGES_UNKNOWN;
	}
	s->switches = 0;
	return used;
}

/* The length of the record at |bytes| if it is never skipped; 0: not for the fast path. */
static __always_inline __u64 fast_record(const __u8 *bytes)
{
	__u32 payload = bytes[3] << 8 | bytes[4];

	return is_record(bytes) && payload <= SMALL_BODY_BYTES ? RECORD_HEADER_BYTES + payload : 0;
}

/* Copies a packet that begins with a message or record. Returns whether it did. */
__noinline int fast_copy(struct __sk_buff *skb, struct capture *c, struct conn_state *state,
			 struct stream_state *s)
{
	struct weft_settings *set = settings();
	struct small_record *record;
	__u32 bytes, room = SMALL_BYTES;
	__u64 size = 0;

	if (!c || !state || !s || !set)
		return 0;
	bytes = c->bytes;
	if (bytes < 16 || bytes > SMALL_BYTES)
		return 0;
	if (bytes <= TINY_BYTES) {
		room = TINY_BYTES;
		if (!ring_has_room(set, sizeof(struct tiny_record), &c->waiting))
			return 0;
		record = bpf_ringbuf_reserve(&weft_ring, sizeof(struct tiny_record), 0);
	} else {
		if (!ring_has_room(set, sizeof(*record), &c->waiting))
			return 0;
		record = bpf_ringbuf_reserve(&weft_ring, sizeof(*record), 0);
	}
	if (!record)
		return 0;
	s->skip = 0; /* also clears due */
	c->message = s->mode == STREAM_TLS ? 0 : message_next_number(s);
	bytes = size_within(bytes, room);
	if (bytes && !bpf_skb_load_bytes(skb, c->offset, record->data, bytes))
		size = s->mode == STREAM_TLS ? fast_record(record->data)
					     : fast_message(record->data, bytes, state, s);
	if (!bytes || size < bytes) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		s->unusual++;
		c->message = 0;
		return 0;
	}
	message_begun(s);
	count(WEFT_COUNT_SEGMENTS_SEEN, 1);
	s->unusual = 0;
	c->protocol = s->mode == STREAM_TLS ? WEFT_PROTOCOL_TLS : WEFT_PROTOCOL_HTTP1;
	c->copied = bytes;
	c->covered = bytes;
	s->wanted = s->position + size;
	segment_fill(&record->segment, c, 0, bytes);
	event_submit_after(record, set, c->waiting);
	return 1;
}
