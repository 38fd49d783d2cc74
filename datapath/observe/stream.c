// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Puts the captured bytes of one direction in order. */
#include "datapath/observe/stream.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/l7.h"
#include "datapath/observe/transport.h"

#include <stdlib.h>

/* Room for two packets of the largest size, captured in pieces of 4 KiB, that arrive out of
 * order. */
#define WINDOW_RECORDS 64
#define WINDOW_BYTES   262144
#define WINDOWS_MAX    128 /* of all connections together */

/* Bytes of the stream with the time at which a hook saw them. */
struct piece {
	const uint8_t *data;
	uint64_t start; /* position before the first byte */
	uint64_t time_ns;
	uint32_t size_bytes;
	uint32_t packet_bytes;
	uint32_t message; /* that begins with it, see struct feed */
	uint32_t frame;	  /* likewise */
	bool at_receiver;
	bool ahead; /* out of order for the receiver's TCP, too */
};

struct held {
	struct piece piece; /* its data is in the window */
	bool used;
};

/* Records that arrived out of order, in the order of arrival. */
struct window {
	struct window *next; /* free ones */
	uint32_t records;
	uint32_t bytes; /* of |data| in use; freed when the window is empty */
	struct held held[WINDOW_RECORDS];
	uint8_t data[WINDOW_BYTES];
};

static uint64_t piece_end(const struct piece *p)
{
	return p->start + p->size_bytes;
}

static void window_give(struct observe *o, struct stream *s)
{
	if (!s->window)
		return;
	s->window->next = o->free_windows;
	o->free_windows = s->window;
	s->window = NULL;
}

static struct window *window_take(struct observe *o)
{
	struct window *w = o->free_windows;

	if (w) {
		o->free_windows = w->next;
	} else if (o->windows < WINDOWS_MAX) {
		w = malloc(sizeof(*w));
		o->windows += !!w;
	}
	if (w) {
		w->records = 0;
		w->bytes = 0;
		for (int i = 0; i < WINDOW_RECORDS; i++)
			w->held[i].used = false;
	}
	return w;
}

void stream_free_pool(struct observe *o)
{
	while (o->free_windows) {
		struct window *w = o->free_windows;

		o->free_windows = w->next;
		free(w);
	}
}

void stream_free(struct conn *c, unsigned side)
{
	window_give(c->observe, &c->streams[side]);
}

void stream_place(struct stream *s, uint32_t seq)
{
	if (s->placed)
		return;
	s->base_seq = seq;
	s->placed = true;
}

/* The position before the byte |seq|: of all that |seq| may stand for, the one nearest to |near|.
 * Negative: before the start. */
static int64_t position_near(const struct stream *s, uint32_t seq, uint64_t near)
{
	return (int64_t)near + (int32_t)(seq - (uint32_t)(s->base_seq + near));
}

/* When a body of more than 2 GiB was skipped, |seq| alone is ambiguous: the record at its end gives
 * the position. */
static int64_t position_of(const struct conn *c, unsigned side, uint32_t seq)
{
	const struct stream *s = &c->streams[side];
	uint64_t left = conn_body_left(c, side);

	if (left > INT32_MAX && (uint32_t)(s->base_seq + s->next + left) == seq)
		return (int64_t)(s->next + left);
	return position_near(s, seq, s->next);
}

static void arrive(struct conn *c, unsigned side, uint64_t end, uint64_t time_ns)
{
	timeline_add(&c->streams[side].arrived, end, time_ns);
	exchange_arrived(c, side, end, time_ns);
}

/* When the bytes of a gap passed is not known, but for its end: a skipped body ends in the packet
 * of the next record, or a record of its own says when it ended (and is missed when the next one
 * begins its packet). */
static void time_piece(struct conn *c, unsigned side, const struct piece *p)
{
	struct stream *s = &c->streams[side];
	struct timeline *t = p->at_receiver ? &s->arrived : &s->sent;
	bool begins_packet = p->size_bytes && p->packet_bytes == p->size_bytes;

	if (p->start > s->next)
		timeline_blur(t, s->next, begins_packet ? p->start : p->start - 1);
	timeline_add(t, piece_end(p), p->time_ns);
}

/* Whether the hole before |p| may still be filled: never at the sender (it sends in order), not in
 * a body (which is skipped on purpose). */
static bool hole_may_fill(const struct conn *c, unsigned side, const struct piece *p)
{
	uint64_t hole = p->start - c->streams[side].next;

	return p->at_receiver && !c->opaque && hole > conn_body_left(c, side);
}

/* |p| is next (after a gap that is given up, maybe). */
static void piece_feed(struct conn *c, unsigned side, struct piece p)
{
	struct stream *s = &c->streams[side];
	uint64_t from = s->next;
	uint64_t skip = from > p.start ? from - p.start : 0;
	struct feed f = {.step = 1};

	time_piece(c, side, &p);
	/* a hole is lost, unless it is in a body or the kernel half left it out */
	if (p.start > from && hole_may_fill(c, side, &p) && p.start > c->l7[side].skip_until)
		observe_count(c, OBSERVE_LOST_HOLE);
	s->next = piece_end(&p);
	s->at_receiver = p.at_receiver;
	if (p.start > from) {
		f.at = from + 1;
		f.size_bytes = p.start - from;
		transport_feed(c, side, &f, p.time_ns);
	}
	if (p.size_bytes > skip) {
		f.data = p.data + skip;
		f.size_bytes = p.size_bytes - skip;
		f.at = p.start + skip + 1;
		f.message = skip ? 0 : p.message;
		f.frame = p.frame > skip ? (uint32_t)(p.frame - skip) : 0;
		c->observe->counters.bytes_decoded += f.size_bytes;
		transport_feed(c, side, &f, p.time_ns);
	}
	if (p.at_receiver)
		exchange_arrived(c, side, piece_end(&p), p.time_ns);
}

/* The held record that can go next; with |force| the one nearest to its turn. */
static struct held *window_next(struct window *w, uint64_t next, bool force)
{
	struct held *best = NULL;

	for (int i = 0; i < WINDOW_RECORDS; i++) {
		struct held *h = &w->held[i];

		if (h->used && (force || h->piece.start <= next) &&
		    (!best || h->piece.start < best->piece.start))
			best = h;
	}
	return best;
}

/* Feeds held records whose turn has come; with |force| the first one even over a hole. */
static void window_drain(struct conn *c, unsigned side, bool force, uint64_t filled_ns)
{
	struct stream *s = &c->streams[side];
	struct held *h;

	while (s->window && (h = window_next(s->window, s->next, force))) {
		struct piece p = h->piece;

		h->used = false;
		s->window->records--;
		if (p.time_ns < filled_ns) /* it could not be read before the hole was filled */
			p.time_ns = filled_ns;
		if (piece_end(&p) >= s->next)
			piece_feed(c, side, p);
		force = false;
	}
	if (s->window && !s->window->records)
		window_give(c->observe, s);
}

static bool window_hold(struct conn *c, unsigned side, const struct piece *p)
{
	struct stream *s = &c->streams[side];
	struct held *h;

	if (!s->window)
		s->window = window_take(c->observe);
	if (!s->window || s->window->records == WINDOW_RECORDS ||
	    s->window->bytes + p->size_bytes > WINDOW_BYTES)
		return false;
	for (h = s->window->held; h->used; h++)
		;
	h->piece = *p;
	h->used = true;
	h->piece.data = s->window->data + s->window->bytes;
	if (p->size_bytes)
		memcpy(s->window->data + s->window->bytes, p->data, p->size_bytes);
	s->window->bytes += p->size_bytes;
	s->window->records++;
	conn_want_tick(c);
	return true;
}

static void piece_take(struct conn *c, unsigned side, const struct piece *p)
{
	struct stream *s = &c->streams[side];

	while (p->start > s->next && hole_may_fill(c, side, p)) {
		if (window_hold(c, side, p))
			return;
		if (!s->window) /* no window is free */
			break;
		window_drain(c, side, true, p->time_ns);
	}
	piece_feed(c, side, *p);
	window_drain(c, side, false, p->time_ns);
}

void stream_segment(struct conn *c, unsigned side, bool at_receiver,
		    const struct weft_segment *segment)
{
	struct stream *s = &c->streams[side];
	struct piece p = {.data = segment->data,
			  .time_ns = segment->event.time_ns,
			  .size_bytes = segment->data_bytes,
			  .packet_bytes = segment->packet_bytes,
			  .message = segment->message,
			  .frame = segment->frame,
			  .at_receiver = at_receiver,
			  .ahead = segment->flags & WEFT_SEGMENT_AHEAD};
	int64_t start;

	stream_place(s, segment->seq);
	start = position_of(c, side, segment->seq);
	if (start < 0 || (uint64_t)start + p.size_bytes <= s->next) {
		if (at_receiver && start >= 0)
			arrive(c, side, (uint64_t)start + p.size_bytes, p.time_ns);
		else if (start >= 0)
			timeline_add(&s->sent, (uint64_t)start + p.size_bytes, p.time_ns);
		return;
	}
	p.start = (uint64_t)start;
	piece_take(c, side, &p);
}

void stream_mark(struct conn *c, unsigned side, const struct weft_mark *mark)
{
	struct stream *s = &c->streams[side];
	uint64_t arrived = timeline_end(&s->arrived);
	int64_t end, start;

	if (!s->placed)
		return;
	end = position_near(s, mark->end_seq, arrived > s->next ? arrived : s->next);
	start = end - mark->bytes;
	if (start > 0 && (uint64_t)start > arrived) { /* marks before this one are lost */
		timeline_blur(&s->arrived, arrived, (uint64_t)start);
		exchange_arrived(c, side, (uint64_t)start, 0);
	}
	if (end > 0)
		arrive(c, side, (uint64_t)end, mark->event.time_ns);
}

/* Whether the hole before a record is overdue. A record that was in order for the receiver's TCP
 * proves that the bytes before it had arrived. */
static bool window_overdue(const struct window *w, uint64_t now_ns)
{
	for (int i = 0; i < WINDOW_RECORDS; i++) {
		const struct piece *p = &w->held[i].piece;

		if (w->held[i].used &&
		    p->time_ns + (p->ahead ? STREAM_RESENT_NS : STREAM_HOLE_NS) <= now_ns)
			return true;
	}
	return false;
}

bool stream_expire(struct conn *c, unsigned side, uint64_t now_ns)
{
	struct stream *s = &c->streams[side];

	while (s->window) {
		if (now_ns != UINT64_MAX && !window_overdue(s->window, now_ns))
			return true;
		window_drain(c, side, true, 0);
	}
	return false;
}

void stream_finish(struct conn *c, unsigned side, uint64_t total_bytes, uint64_t time_ns)
{
	struct stream *s = &c->streams[side];
	struct feed gap = {.size_bytes = total_bytes - s->next, .at = s->next + 1, .step = 1};

	if (total_bytes > s->next && !c->midstream) {
		s->next = total_bytes;
		transport_feed(c, side, &gap, time_ns);
	}
	l7_finish(c, side);
}
