/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: what must hold between a conversation and the records it caused. */
#pragma once

#include "datapath/attach/core/capture_talk_test.h"

/* What a scenario expects beyond what always holds. */
struct expectation {
	size_t body_max;   /* body bytes that may be copied in all, each direction; 0 = any */
	int other_node;	   /* 1 + side: that end is no socket of this kernel */
	size_t attached;   /* arrivals that travel in the record of an answer, at least */
	bool opaque;	   /* nothing is captured but what the client says before the answer */
	bool turns_opaque; /* after a while: no more marks */
	bool joined;	   /* the handshake was not seen */
	bool open_end;	   /* not closed by the test, or closed in another way */
	bool no_ends;	   /* ends of bodies need no record */
};

static const char *now_checking = "";
static unsigned faults;
static bool twice_allowed; /* packets came twice or out of order */
static jmp_buf check_end;

/* The first fault of a conversation is told; the next conversation goes on. */
#define must_hold(condition, ...)                                                                  \
	do {                                                                                       \
		if (condition)                                                                     \
			break;                                                                     \
		print_message("in \"%s\": ", now_checking);                                        \
		print_message(__VA_ARGS__);                                                        \
		print_message("\n");                                                               \
		faults++;                                                                          \
		longjmp(check_end, 1);                                                             \
	} while (0)

static void check_segment(int side, const struct weft_segment *s)
{
	int direction = s->direction == WEFT_EGRESS ? side : !side;
	struct model *m = &talk.model[direction];
	uint32_t at = s->seq - talk.first_seq[direction];

	must_hold(s->direction == WEFT_EGRESS || talk.remote, "content captured at both ends");
	must_hold(at + s->data_bytes <= m->size, "direction %d: record at %u + %u, sent %zu",
		  direction, at, s->data_bytes, m->size);
	must_hold(!memcmp(m->bytes + at, s->data, s->data_bytes), "direction %d: wrong bytes at %u",
		  direction, at);
	must_hold(!s->message || !at || m->must[at],
		  "direction %d: message %u is said to begin in a body", direction, s->message);
	must_hold(!s->frame || s->frame > s->data_bytes || m->must[at + s->frame - 1],
		  "direction %d: a frame is said to begin in a body", direction);
	for (size_t i = at; i < at + s->data_bytes; i++) {
		must_hold(twice_allowed || !(m->seen[side][i] & 1),
			  "direction %d: byte %zu came twice", direction, i);
		m->seen[side][i] |= 1;
	}
	/* where a skipped body ended, in time */
	for (size_t i = 0; i < m->end_count; i++) {
		size_t end = m->ends[i].at;

		if ((end == at || (end > at && end <= at + s->data_bytes)) &&
		    s->event.time_ns <= m->ends[i].done_ns)
			m->seen[side][end - 1] |= 2;
	}
}

/* Where the bytes end in |direction| that were sent before the other side answered. */
static size_t first_turn(int direction)
{
	return talk.turns[0].direction == direction ? talk.turns[0].size : 0;
}

static void check_opaque(int direction, size_t end)
{
	must_hold(direction == CLIENT && end <= first_turn(CLIENT),
		  "direction %d: opaque bytes captured up to %zu", direction, end);
}

static void check_covered(int side, int direction, const struct expectation *e)
{
	struct model *m = &talk.model[direction];
	size_t body = 0;

	for (size_t i = 0; i < m->size; i++) {
		must_hold(!m->must[i] || m->seen[side][i],
			  "direction %d at end %d: byte %zu of %zu is no body and is missing",
			  direction, side, i, m->size);
		body += !m->must[i] && (m->seen[side][i] & 1);
	}
	must_hold(!e->body_max || body <= e->body_max, "direction %d: %zu of %zu body bytes copied",
		  direction, body, e->body_max);
	for (size_t i = 0; i < m->end_count && !e->no_ends; i++)
		must_hold(m->seen[side][m->ends[i].at - 1] & 2,
			  "direction %d at end %d: no record tells the end of the body at %zu in "
			  "time",
			  direction, side, m->ends[i].at);
}

static void check_open(int side, const struct expectation *e)
{
	const struct weft_open *o = &talk.open[side];
	const struct weft_tuple *t = &o->tuple;

	must_hold(talk.opens[side] == 1, "end %d: %d OPEN records", side, talk.opens[side]);
	must_hold(!memcmp(t->local_addr, addr_of(side), 16) && t->local_port == port_of(side) &&
			  !memcmp(t->remote_addr, addr_of(!side), 16) &&
			  t->remote_port == port_of(!side),
		  "end %d: tuple", side);
	must_hold(!(o->flags & WEFT_OPEN_MIDSTREAM) == !e->joined, "joined or not");
	must_hold(o->owner.pid == (uint32_t)getpid() && strstr(program_name(), o->owner.exe),
		  "end %d: owner %u %s", side, o->owner.pid, o->owner.exe);
	if (e->joined)
		return;
	must_hold(o->role == (side == CLIENT ? WEFT_ROLE_CLIENT : WEFT_ROLE_SERVER), "role");
	must_hold(o->egress_seq == talk.first_seq[side] && o->ingress_seq == talk.first_seq[!side],
		  "end %d: sequence numbers", side);
}

static void check_close(int side, const struct expectation *e)
{
	const struct weft_counters *c = &talk.close[side].counters;

	must_hold(talk.closes[side] == 1, "end %d: %d CLOSE records", side, talk.closes[side]);
	must_hold(!memcmp(talk.close[side].tuple.local_addr, addr_of(side), 16), "tuple of CLOSE");
	must_hold(talk.close[side].owner.pid == (uint32_t)getpid(), "owner of CLOSE");
	if (e->joined)
		return;
	must_hold(c->sent_bytes == talk.model[side].size, "end %d: sent %llu of %zu", side,
		  (unsigned long long)c->sent_bytes, talk.model[side].size);
	must_hold(c->received_bytes == talk.model[!side].size, "end %d: received %llu of %zu", side,
		  (unsigned long long)c->received_bytes, talk.model[!side].size);
}

static void check_marks(int side, const uint64_t bytes[2], const uint32_t last[2],
			const struct expectation *e)
{
	struct model *m = &talk.model[!side];

	if (talk.remote || e->opaque || e->turns_opaque || !m->size)
		return;
	must_hold(bytes[side] == m->size && last[side] - talk.first_seq[!side] == m->size,
		  "end %d: marks tell of %llu of %zu bytes", side, (unsigned long long)bytes[side],
		  m->size);
}

static void seen_clear(void)
{
	for (int i = 0; i < 4; i++) {
		struct model *m = &talk.model[i / 2];

		m->seen[i % 2] = realloc(m->seen[i % 2], m->size + 1);
		memset(m->seen[i % 2], 0, m->size + 1);
	}
}

static void compare(const struct expectation *e)
{
	uint64_t mark_bytes[2] = {0}, attached = 0;
	uint32_t mark_last[2] = {0};

	consume();
	seen_clear();
	for (size_t at = 0; at < arena_used; at += 8 + *(uint64_t *)(arena + at)) {
		struct weft_event *event = (void *)(arena + at + 8);
		uint64_t cookie = *(uint64_t *)(event + 1);
		int side = side_of(cookie);

		if (side < 0)
			continue;
		if (event->kind == WEFT_EVENT_SEGMENT) {
			struct weft_segment *s = (void *)event;

			check_segment(side, s);
			if (e->opaque)
				check_opaque(s->direction == WEFT_EGRESS ? side : !side,
					     s->seq + s->data_bytes - talk.first_seq[CLIENT]);
			mark_bytes[side] += s->mark_bytes;
			mark_last[side] = s->mark_bytes ? s->mark_end_seq : mark_last[side];
			attached += s->mark_bytes > 0;
			must_hold(s->mark_time_ns <= s->event.time_ns, "answered before it came");
		} else if (event->kind == WEFT_EVENT_MARK) {
			mark_bytes[side] += ((struct weft_mark *)event)->bytes;
			mark_last[side] = ((struct weft_mark *)event)->end_seq;
		} else if (event->kind == WEFT_EVENT_OPEN) {
			memcpy(&talk.open[side], event, sizeof(struct weft_open));
			talk.opens[side]++;
		} else if (event->kind == WEFT_EVENT_CLOSE && ((struct weft_close *)event)->alive) {
			memcpy(&talk.left[side], event, sizeof(struct weft_close));
			talk.leaves[side]++;
		} else if (event->kind == WEFT_EVENT_CLOSE) {
			memcpy(&talk.close[side], event, sizeof(struct weft_close));
			talk.closes[side]++;
		}
	}
	must_hold(attached >= e->attached, "%llu arrivals in records of answers",
		  (unsigned long long)attached);
	must_hold(!e->opaque || mark_bytes[SERVER] + mark_bytes[CLIENT] <= first_turn(CLIENT),
		  "marks tell of opaque bytes: %llu, %llu", (unsigned long long)mark_bytes[CLIENT],
		  (unsigned long long)mark_bytes[SERVER]);
	for (int side = CLIENT; side <= SERVER; side++) {
		if (e->other_node == 1 + side)
			continue;
		check_open(side, e);
		if (!e->open_end)
			check_close(side, e);
		check_marks(side, mark_bytes, mark_last, e);
		if (!e->opaque)
			check_covered(side, side, e);
		if (!e->opaque && talk.remote)
			check_covered(side, !side, e);
	}
}

/* Compares the records with what was said. */
static void check(const struct expectation *e)
{
	if (!setjmp(check_end))
		compare(e);
}
