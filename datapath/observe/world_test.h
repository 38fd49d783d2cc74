/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: an observer, and what comes out of it. What goes in: world_events_test.h. */
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
#define WORLD_RECORDS 4096

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
	struct open_request open_requests[WORLD_RECORDS];
	unsigned open_request_count;
	struct connection connections[WORLD_RECORDS];
	unsigned connection_count;
	unsigned tls_stacks[2]; /* of the client, of the server */
	struct listener listeners[8];
	unsigned listener_count;
	unsigned drop_per_mille; /* records that never come */
	uint32_t random;
	uint32_t messages[2]; /* of HTTP/1 that the client, the server has begun */
	struct {
		size_t left; /* until the next frame begins */
		uint8_t head[9];
		uint8_t head_bytes;
		bool http2;
	} frames[2];
	uint32_t frame;		/* see struct weft_segment, of the next record */
	uint32_t message;	/* that the next record begins */
	uint32_t segment_flags; /* of segments that are given from now on */
};

static inline void world_on_request(void *arg, const struct request *r)
{
	struct world *w = arg;

	if (w->request_count < WORLD_RECORDS)
		w->requests[w->request_count++] = *r;
}

static inline void world_on_open_request(void *arg, const struct open_request *r)
{
	struct world *w = arg;

	if (w->open_request_count < WORLD_RECORDS)
		w->open_requests[w->open_request_count++] = *r;
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

static inline unsigned world_tls_stack(void *arg, uint32_t pid)
{
	struct world *w = arg;

	return w->tls_stacks[pid != 100];
}

static inline struct world *world_new_with(const struct observe_limits *limits)
{
	struct world *w = calloc(1, sizeof(*w));
	struct observe_listener l = {.arg = w,
				     .request = world_on_request,
				     .open_request = world_on_open_request,
				     .connection = world_on_connection,
				     .listener = world_on_listener,
				     .cgroup_path = world_cgroup_path,
				     .tls_stack = world_tls_stack};

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

static inline const struct observe_counters *world_counts(const struct world *w)
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
