/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: builds ring records, feeds them to an observer and keeps what comes out. */
#pragma once

#include <linux/types.h>

#include "datapath/observe/observe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS	      1000000ull
#define WORLD_RECORDS 1024

/* Socket cookies and first sequence numbers of the usual pair. */
#define CLIENT	   11
#define SERVER	   22
#define CLIENT_SEQ 1000u
#define SERVER_SEQ 4294967000u /* wraps soon */

struct world {
	struct observe *observe;
	uint64_t now_ns;
	uint32_t client_seq; /* of the next byte that world_send will send */
	uint32_t server_seq;
	uint32_t arrived_seq[2]; /* of the client, of the server: up to here it arrived */
	struct request requests[WORLD_RECORDS];
	unsigned request_count;
	struct connection connections[WORLD_RECORDS];
	unsigned connection_count;
	struct listener listeners[8];
	unsigned listener_count;
	unsigned drop_per_mille; /* records that never come */
	uint32_t random;
};

static inline void world_on_request(void *arg, const struct request *r)
{
	struct world *w = arg;

	if (w->request_count < WORLD_RECORDS)
		w->requests[w->request_count++] = *r;
}

static inline void world_on_connection(void *arg, const struct connection *c)
{
	struct world *w = arg;

	if (w->connection_count < WORLD_RECORDS)
		w->connections[w->connection_count++] = *c;
}

static inline void world_on_listener(void *arg, const struct listener *l)
{
	struct world *w = arg;

	if (w->listener_count < 8)
		w->listeners[w->listener_count++] = *l;
}

static inline int world_cgroup_path(void *arg, uint64_t id, char *out, size_t size)
{
	(void)arg;
	if (id == 1)
		snprintf(out, size, "/system.slice/shop.service");
	else if (id == 2)
		snprintf(out, size, "/system.slice/nginx.service");
	else
		return -2;
	return 0;
}

static inline struct world *world_new_with(const struct observe_limits *limits)
{
	struct world *w = calloc(1, sizeof(*w));
	struct observe_listener l = {w, world_on_request, world_on_connection, world_on_listener,
				     world_cgroup_path};

	w->observe = observe_new(limits, &l, NULL);
	w->now_ns = 1000 * MS;
	w->client_seq = CLIENT_SEQ;
	w->server_seq = SERVER_SEQ;
	w->arrived_seq[0] = CLIENT_SEQ;
	w->arrived_seq[1] = SERVER_SEQ;
	return w;
}

static inline struct world *world_new(void)
{
	struct observe_limits limits = observe_limits_default();

	return world_new_with(&limits);
}

static inline void world_free(struct world *w)
{
	observe_free(w->observe);
	free(w);
}

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
static inline void world_join(struct world *w, bool server)
{
	struct weft_open open = world_open_record(w, server);

	open.flags = WEFT_OPEN_JOINED;
	open.role = WEFT_ROLE_UNKNOWN;
	open.egress_seq = open.ingress_seq = open.handshake_us = 0;
	world_give(w, &open, sizeof(open));
}

static inline void world_pair(struct world *w)
{
	world_open(w, false);
	world_open(w, true);
}

/* A payload record at |cookie|'s hook; |data| NULL: of no bytes. */
static inline void world_segment(struct world *w, uint64_t cookie, uint8_t direction, uint32_t seq,
				 const void *data, size_t size_bytes)
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
	if (size_bytes)
		memcpy(s->data, data, size_bytes);
	world_give(w, s, whole);
	free(s);
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
	world_segment(w, server ? SERVER : CLIENT, WEFT_EGRESS, *world_seq(w, server), data,
		      size_bytes);
	*world_seq(w, server) += (uint32_t)size_bytes;
}

static inline void world_send(struct world *w, bool server, const char *text)
{
	world_send_bytes(w, server, text, strlen(text));
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

static inline void world_close(struct world *w, bool server, uint32_t flags)
{
	struct weft_close close = world_close_record(w, server, flags);

	world_give(w, &close, sizeof(close));
}

static inline const struct observe_counters *world_counts(struct world *w)
{
	return observe_counts(w->observe);
}

static inline uint64_t world_lost(struct world *w)
{
	uint64_t sum = 0;

	for (int i = 0; i < OBSERVE_LOSS_MAX; i++)
		sum += world_counts(w)->lost[i];
	return sum;
}

/* The |index|th request of |reporter|, or NULL. */
static inline const struct request *world_request(struct world *w, enum reporter reporter,
						  unsigned index)
{
	for (unsigned i = 0; i < w->request_count; i++)
		if (w->requests[i].reporter == reporter && !index--)
			return &w->requests[i];
	return NULL;
}

static inline const struct connection *world_connection(struct world *w, enum reporter reporter,
							enum connection_phase phase)
{
	for (unsigned i = 0; i < w->connection_count; i++)
		if (w->connections[i].reporter == reporter && w->connections[i].phase == phase)
			return &w->connections[i];
	return NULL;
}
