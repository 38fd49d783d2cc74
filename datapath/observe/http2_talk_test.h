/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Both ends of a connection of HTTP/2 in the clear, for tests of events to requests. */
#pragma once

#include "datapath/observe/world_events_test.h"

#include "datapath/decode/http2_wire_test.h"

#define END_STREAM   1
#define FIELDS(path) ":method: GET\n:scheme: http\n:path: " path "\n:authority: shop\n"
#define GRPC                                                                                       \
	":method: POST\n:scheme: http\n:path: /pkg.S/M\n:authority: shop\ncontent-type: "          \
	"application/grpc\n"

/* Both peers' deflaters, each with what it has written since it was last sent. */
struct talk {
	struct world *world;
	struct wire *wires[2];
};

static inline struct talk talk_new_with(const struct observe_limits *limits)
{
	struct talk t = {world_new_with(limits), {wire_new(), wire_new()}};

	world_pair(t.world);
	wire_bytes(t.wires[0], WIRE_PREFACE, strlen(WIRE_PREFACE));
	wire_frame(t.wires[0], 4, 0, 0, "", 0);
	wire_frame(t.wires[1], 4, 0, 0, "", 0);
	return t;
}

static inline struct talk talk_new(void)
{
	struct observe_limits limits = observe_limits_default();

	return talk_new_with(&limits);
}

static inline void talk_free(struct talk *t)
{
	world_free(t->world);
	wire_free(t->wires[0]);
	wire_free(t->wires[1]);
}

/* What a side has written leaves in one segment and arrives a millisecond later. */
static inline void flush(struct talk *t, bool from_server)
{
	struct wire *w = t->wires[from_server];

	world_send_bytes(t->world, from_server, w->data, w->used_bytes);
	w->used_bytes = 0;
	t->world->now_ns += MS;
	world_arrive(t->world, from_server);
}

static inline const struct request *stream(struct talk *t, enum reporter reporter, uint32_t id)
{
	const struct request *r;

	for (unsigned i = 0; (r = world_request(t->world, reporter, i)); i++)
		if (r->stream_id == id)
			return r;
	return NULL;
}
