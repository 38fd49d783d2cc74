/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: ring records of a client and a server, as the kernel half would write them. */
#pragma once

#include "datapath/decode/classify.h"
#include "datapath/observe/world_test.h"

static inline struct weft_event world_event(struct world *w, uint16_t kind, size_t size_bytes)
{
	return (struct weft_event){
		.time_ns = w->now_ns, .size_bytes = (uint32_t)size_bytes, .kind = kind};
}

/* Gives a record to the observer, or loses it. */
static inline void world_give(struct world *w, const void *record, size_t size_bytes)
{
	w->random = w->random * 1664525 + 1013904223;
	if ((w->random >> 8) % 1000 >= w->drop_per_mille)
		observe_event(w->observe, record, size_bytes);
}

static inline void world_tick(struct world *w, uint64_t later_ns)
{
	w->now_ns += later_ns;
	observe_tick(w->observe, w->now_ns);
}

static inline struct weft_tuple world_tuple(bool server)
{
	struct weft_tuple t = {.netns_ino = server ? 2 : 1};
	static const uint8_t client[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
	static const uint8_t address[16] = {[10] = 0xff, 0xff, 10, 0, 0, 2};

	memcpy(t.local_addr, server ? address : client, 16);
	memcpy(t.remote_addr, server ? client : address, 16);
	t.local_port = server ? 80 : 40000;
	t.remote_port = server ? 40000 : 80;
	return t;
}

static inline struct weft_owner world_owner(bool server)
{
	struct weft_owner o = {.cgroup_id = server ? 2 : 1, .pid = server ? 200 : 100};

	snprintf(o.comm, sizeof(o.comm), "%s", server ? "nginx" : "curl");
	return o;
}

static inline struct weft_open world_open_record(struct world *w, bool server)
{
	return (struct weft_open){
		.event = world_event(w, WEFT_EVENT_OPEN, sizeof(struct weft_open)),
		.cookie = server ? SERVER : CLIENT,
		.tuple = world_tuple(server),
		.owner = world_owner(server),
		.egress_seq = server ? w->server_seq : w->client_seq,
		.ingress_seq = server ? w->client_seq : w->server_seq,
		.handshake_us = 100,
		.role = server ? WEFT_ROLE_SERVER : WEFT_ROLE_CLIENT,
	};
}

static inline void world_open(struct world *w, bool server)
{
	struct weft_open open = world_open_record(w, server);

	world_give(w, &open, sizeof(open));
}

/* Met while it lived, role not known. */
static inline void world_discover(struct world *w, bool server)
{
	struct weft_open open = world_open_record(w, server);

	open.flags = WEFT_OPEN_MIDSTREAM;
	open.role = WEFT_ROLE_UNKNOWN;
	open.egress_seq = open.ingress_seq = open.handshake_us = 0;
	world_give(w, &open, sizeof(open));
}

static inline void world_pair(struct world *w)
{
	world_open(w, false);
	world_open(w, true);
}

/* The number of the HTTP/1 message that begins |data|, as the kernel half counts: 0 when none does.
 */
static inline uint32_t world_message(struct world *w, bool server, const void *data,
				     size_t size_bytes)
{
	struct classified k = classify(data, size_bytes, false);
	bool begins = k.decoder == &http1_decoder;
	bool interim = begins && k.sender == HTTP_SERVER && ((const char *)data)[9] == '1';

	w->messages[server] += begins && !interim;
	return begins ? w->messages[server] + interim : 0;
}

/* Follows the frames of HTTP/2 as the kernel half does; |data| NULL: body. Returns one more than
 * the place of the first that begins in |data|. */
static inline uint32_t world_frame(struct world *w, bool server, const uint8_t *data,
				   size_t size_bytes)
{
	size_t found = 0, n;

	if (data && !server && size_bytes > 3 && !memcmp(data, "PRI ", 4)) {
		w->frames[0].http2 = w->frames[1].http2 = true;
		w->frames[0].left = 24;
	}
	for (size_t at = 0; w->frames[server].http2 && at < size_bytes; at += n) {
		n = w->frames[server].left < size_bytes - at ? w->frames[server].left
							     : size_bytes - at;
		w->frames[server].left -= n;
		if (n)
			continue;
		n = 1;
		if (!w->frames[server].head_bytes && !found)
			found = at + 1;
		w->frames[server].head[w->frames[server].head_bytes++] = data ? data[at] : 0;
		if (w->frames[server].head_bytes < 9)
			continue;
		w->frames[server].head_bytes = 0;
		w->frames[server].left = (size_t)w->frames[server].head[0] << 16 |
					 (size_t)w->frames[server].head[1] << 8 |
					 w->frames[server].head[2];
	}
	return (uint32_t)found;
}

/* A payload record at |cookie|'s hook; |data| NULL: of no bytes. With |mark| (or NULL) an arrival
 * travels in it. */
static inline void world_segment_with(struct world *w, uint64_t cookie, uint8_t direction,
				      uint32_t seq, const void *data, size_t size_bytes,
				      const struct weft_mark *mark)
{
	size_t whole = sizeof(struct weft_segment) + size_bytes;
	struct weft_segment *s =
		calloc(1, whole); /* exact, so that a sanitizer sees every byte too far */

	s->event = world_event(w, WEFT_EVENT_SEGMENT, whole);
	s->cookie = cookie;
	s->seq = seq;
	s->data_bytes = (uint16_t)size_bytes;
	s->packet_bytes = (uint32_t)size_bytes;
	s->direction = direction;
	s->flags = w->segment_flags;
	s->message = w->message;
	s->frame = w->frame;
	w->message = w->frame = 0;
	if (mark) {
		s->mark_time_ns = mark->event.time_ns;
		s->mark_end_seq = mark->end_seq;
		s->mark_bytes = mark->bytes;
	}
	if (size_bytes)
		memcpy(s->data, data, size_bytes);
	world_give(w, s, whole);
	free(s);
}

static inline void world_segment(struct world *w, uint64_t cookie, uint8_t direction, uint32_t seq,
				 const void *data, size_t size_bytes)
{
	world_segment_with(w, cookie, direction, seq, data, size_bytes, NULL);
}

static inline uint32_t *world_seq(struct world *w, bool server)
{
	return server ? &w->server_seq : &w->client_seq;
}

static inline void world_mark(struct world *w, uint64_t cookie, uint32_t end_seq, uint32_t bytes)
{
	struct weft_mark m = {.event = world_event(w, WEFT_EVENT_MARK, sizeof(m)),
			      .cookie = cookie,
			      .end_seq = end_seq,
			      .bytes = bytes};

	world_give(w, &m, sizeof(m));
}

/* An end sends; captured at its egress. */
static inline void world_send_bytes(struct world *w, bool server, const void *data,
				    size_t size_bytes)
{
	w->message = world_message(w, server, data, size_bytes);
	w->frame = world_frame(w, server, data, size_bytes);
	world_segment(w, server ? SERVER : CLIENT, WEFT_EGRESS, *world_seq(w, server), data,
		      size_bytes);
	*world_seq(w, server) += (uint32_t)size_bytes;
}

static inline void world_send(struct world *w, bool server, const char *text)
{
	world_send_bytes(w, server, text, strlen(text));
}

/* The same, but its record is lost. */
static inline void world_lose(struct world *w, bool server, const char *text)
{
	unsigned drop_per_mille = w->drop_per_mille;

	w->drop_per_mille = 1000;
	world_send(w, server, text);
	w->drop_per_mille = drop_per_mille;
}

/* What |server| (or the client) sent so far arrives at the other end. */
static inline void world_arrive(struct world *w, bool server)
{
	uint32_t end_seq = *world_seq(w, server);

	world_mark(w, server ? CLIENT : SERVER, end_seq, end_seq - w->arrived_seq[server]);
	w->arrived_seq[server] = end_seq;
}

/* Body bytes that the kernel half skips. */
static inline void world_skip(struct world *w, bool server, uint32_t size_bytes)
{
	world_frame(w, server, NULL, size_bytes);
	*world_seq(w, server) += size_bytes;
}

/* A skipped body ended here. */
static inline void world_skip_end(struct world *w, bool server)
{
	world_segment(w, server ? SERVER : CLIENT, WEFT_EGRESS, *world_seq(w, server), NULL, 0);
}

static inline struct weft_close world_close_record(struct world *w, bool server, uint32_t flags)
{
	return (struct weft_close){
		.event = world_event(w, WEFT_EVENT_CLOSE, sizeof(struct weft_close)),
		.cookie = server ? SERVER : CLIENT,
		.tuple = world_tuple(server),
		.owner = world_owner(server),
		.counters = {.sent_bytes = server ? w->server_seq - SERVER_SEQ
						  : w->client_seq - CLIENT_SEQ,
			     .received_bytes = server ? w->client_seq - CLIENT_SEQ
						      : w->server_seq - SERVER_SEQ,
			     .flags = flags},
		.role = server ? WEFT_ROLE_SERVER : WEFT_ROLE_CLIENT,
	};
}

/* |how|: WEFT_CLOSE_LEFT, WEFT_CLOSE_PEER_LEFT */
static inline void world_leave(struct world *w, bool server, uint8_t how)
{
	struct weft_close close = world_close_record(w, server, WEFT_END_LEFT);

	close.alive = how;
	world_give(w, &close, sizeof(close));
}

static inline void world_close(struct world *w, bool server, uint32_t flags)
{
	struct weft_close close = world_close_record(w, server, flags);

	world_give(w, &close, sizeof(close));
}
