/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: copying pieces of a packet's payload to the ring. */
#pragma once

#include "bpf/lib/packet_tcp.bpf.h"

/* Size classes of a record: the ring reserves constant sizes only. */
#define TINY_BYTES	    192
#define SMALL_BYTES	    960
#define LARGE_BYTES	    4032
#define LINE_WINDOW	    40	/* readable after the data, for a line that begins in it */
#define MAX_PIECES	    132 /* of LARGE_BYTES: more than the largest packet (512 KiB, BIG TCP) */
#define MAX_PIECES_UNROLLED 17	/* on kernels without bpf_loop (before 5.17) */

struct tiny_record {
	struct weft_segment segment;
	__u8 data[TINY_BYTES + LINE_WINDOW];
};

struct small_record {
	struct weft_segment segment;
	__u8 data[SMALL_BYTES + LINE_WINDOW];
};

struct large_record {
	struct weft_segment segment;
	__u8 data[LARGE_BYTES + LINE_WINDOW];
};

/* The packet at hand, and how much of it was copied. */
struct capture {
	__u64 cookie;
	__u64 time_ns;
	__u32 seq;		/* of the payload's first byte */
	__u32 offset;		/* of that byte in the packet */
	__u32 bytes;		/* of payload */
	__u32 covered;		/* payload bytes [0, covered) are copied already or need no copy */
	__u32 flags;		/* WEFT_SEGMENT_* */
	__u32 from;		/* framing parsers: the next bytes to copy start here, */
	__u64 at;		/* and the next header is here */
	struct arrival arrival; /* goes into the next record; its |bytes| 0: none */
	__u64 waiting;		/* bytes in the ring before the current record; 0 = not queried */
	__u64 quiet; /* TLS: payload of records that end up to this byte of the direction is body */
	__u32 copied; /* bytes in records */
	__u8 direction;
	__u8 protocol;
	__u8 fin;      /* the packet has FIN */
	__u8 early;    /* ingress: its ACK does not cover all that this end has sent */
	__u32 message; /* number of a message that begins with the next record; 0: not known, none
			*/
	__u32 frame;   /* 1 + offset of a frame's start in the next record */
};

/* Fills the header of a record of |bytes| bytes at |at|. The arrival, the message and the frame go
 * into one record only. */
static __always_inline void segment_fill(struct weft_segment *s, struct capture *c, __u32 at,
					 __u32 bytes)
{
	event_fill(&s->event, WEFT_EVENT_SEGMENT, sizeof(*s) + bytes, c->time_ns);
	s->cookie = c->cookie;
	s->seq = c->seq + at;
	s->data_bytes = bytes;
	s->direction = c->direction;
	s->protocol = c->protocol;
	s->flags = c->flags;
	s->packet_bytes = c->bytes;
	s->mark_time_ns = c->arrival.time_ns;
	s->mark_end_seq = c->arrival.end_seq;
	s->mark_bytes = c->arrival.bytes;
	s->message = c->message;
	s->frame = c->frame;
	c->arrival.bytes = 0;
	c->message = 0;
	c->frame = 0;
}

/* Payload records have lower priority: the last part of the ring is reserved for lifecycle records
 * and secrets. A CPU queries the fill level, and wakes the reader if needed, once per grant. A run
 * that interrupts another may spend a grant twice; the reserve holds two grants of each CPU. */
static __always_inline bool ring_has_room(const struct weft_settings *set, __u32 record_bytes,
					  __u64 *ret_waiting)
{
	__u32 zero = 0, bytes = record_bytes + BPF_RINGBUF_HDR_SZ;
	__s64 *grant = bpf_map_lookup_elem(&weft_grants, &zero);

	*ret_waiting = 0;
	if (grant && *grant >= bytes) {
		*grant -= bytes;
		return true;
	}
	*ret_waiting = bpf_ringbuf_query(&weft_ring, BPF_RB_AVAIL_DATA);
	if (*ret_waiting + set->ring_reserve_bytes >= set->ring_bytes)
		return false;
	if (grant)
		*grant = (__s64)set->ring_grant_bytes - bytes;
	return true;
}

/* A record of |type| (tiny_record, small_record, large_record) or NULL; counted as seen, and as
 * lost when NULL. */
#define record_reserve(type, set, c)                                                               \
	({                                                                                         \
		struct type *record_ = NULL;                                                       \
		count(WEFT_COUNT_SEGMENTS_SEEN, 1);                                                \
		if (ring_has_room(set, sizeof(*record_), &(c)->waiting))                           \
			record_ = bpf_ringbuf_reserve(&weft_ring, sizeof(*record_), 0);            \
		if (!record_)                                                                      \
			count_lost(WEFT_LOST_RING_SEGMENT);                                        \
		record_;                                                                           \
	})

/* |size| if it is 1 to |max|, else 0; |max| is a constant at every call site. The code compares
 * size - 1 and derives the result from the compared value: verifiers before Linux 6.14 learn
 * nothing from a test for not 0, and clang tends to check a copy. */
static __always_inline __u32 size_within(__u32 size, __u32 max)
{
	__u32 less = size - 1;

	asm volatile("" : "+r"(less));
	if (less >= max)
		return 0;
	asm volatile("" : "+r"(less));
	return less + 1;
}

/* Loads payload [at, at + bytes) to |data|; 1 <= bytes <= |max|, a constant. */
static __always_inline bool payload_load(struct __sk_buff *skb, const struct capture *c, __u32 at,
					 __u32 bytes, __u32 max, void *data)
{
	bytes = size_within(bytes, max);
	return bytes && !bpf_skb_load_bytes(skb, c->offset + at, data, bytes);
}

/* Copies [at, at + bytes) as one record of |type|. */
#define record_copy(type, max, skb, c, at, bytes, set)                                             \
	do {                                                                                       \
		struct type *copy_ = record_reserve(type, set, c);                                 \
		if (!copy_) { /* the next record begins elsewhere */                               \
			(c)->message = (c)->frame = 0;                                             \
			break;                                                                     \
		}                                                                                  \
		if (payload_load(skb, c, at, bytes, max, copy_->data)) {                           \
			segment_fill(&copy_->segment, c, at, bytes);                               \
			event_submit_after(copy_, set, (c)->waiting);                              \
			(c)->copied += bytes;                                                      \
		} else {                                                                           \
			bpf_ringbuf_discard(copy_, BPF_RB_NO_WAKEUP);                              \
			count_lost(WEFT_LOST_READ_SEGMENT);                                        \
		}                                                                                  \
	} while (0)

struct range {
	struct __sk_buff *skb;
	struct capture *c;
	struct weft_settings *set;
	__u64 from;
	__u64 to;
};

/* Copies the next piece. Returns 1 when none is left. */
static long range_piece(__u32 index, void *ctx)
{
	struct range *r = ctx;
	__u32 bytes = r->to - r->from;
	__u32 from = r->from;

	if (r->from >= r->to)
		return 1;
	if (bytes <= TINY_BYTES) {
		record_copy(tiny_record, TINY_BYTES, r->skb, r->c, from, bytes, r->set);
	} else if (bytes <= SMALL_BYTES) {
		record_copy(small_record, SMALL_BYTES, r->skb, r->c, from, bytes, r->set);
	} else {
		if (bytes > LARGE_BYTES)
			bytes = LARGE_BYTES;
		record_copy(large_record, LARGE_BYTES, r->skb, r->c, from, bytes, r->set);
	}
	r->from += bytes;
	return 0;
}

/* Copies payload [from, to) without what is covered already; afterwards everything before |to| is
 * covered. */
__weak __noinline int capture_range(struct __sk_buff *skb, struct capture *c, __u32 from, __u32 to)
{
	struct range r = {.skb = skb, .c = c, .set = settings(), .from = from, .to = to};

	if (!c || !r.set)
		return 0;
	if (r.from < c->covered)
		r.from = c->covered;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		bpf_loop(MAX_PIECES, range_piece, &r, 0);
	else
		for (int i = 0; i < MAX_PIECES_UNROLLED; i++)
			if (range_piece(i, &r))
				break;
	if (r.from < r.to) {
		count(WEFT_COUNT_SEGMENTS_SEEN, 1);
		count_lost(WEFT_LOST_TOO_LARGE);
	}
	if (c->covered < to)
		c->covered = to;
	return 0;
}

/* Sends an empty record: a skipped body ended with byte |at| of this packet, at this time. */
__weak __noinline int capture_end(struct capture *c, __u32 at)
{
	struct weft_settings *set = settings();
	struct weft_segment *s = NULL;

	if (!c || !set)
		return 0;
	count(WEFT_COUNT_SEGMENTS_SEEN, 1);
	if (ring_has_room(set, sizeof(*s), &c->waiting))
		s = bpf_ringbuf_reserve(&weft_ring, sizeof(*s), 0);
	if (!s) {
		count_lost(WEFT_LOST_RING_SEGMENT);
		return 0;
	}
	segment_fill(s, c, at, 0);
	event_submit_after(s, set, c->waiting);
	return 0;
}

/* Sends a MARK record. A global function, so that it is verified once. */
__weak __noinline int mark_send(__u64 cookie, const struct arrival *arrival)
{
	struct weft_settings *set = settings();
	struct weft_mark *mark = NULL;
	__u64 waiting;

	if (!set || !arrival)
		return 0;
	count(WEFT_COUNT_MARKS_SEEN, 1);
	if (ring_has_room(set, sizeof(*mark), &waiting))
		mark = bpf_ringbuf_reserve(&weft_ring, sizeof(*mark), 0);
	if (!mark) {
		count_lost(WEFT_LOST_RING_MARK);
		return 0;
	}
	event_fill(&mark->event, WEFT_EVENT_MARK, sizeof(*mark), arrival->time_ns);
	mark->cookie = cookie;
	mark->end_seq = arrival->end_seq;
	mark->bytes = arrival->bytes;
	event_submit_after(mark, set, waiting);
	return 0;
}
