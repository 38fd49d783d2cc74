/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: whether it is known which request a response answers, which holds while each request
 * waits for the response to the one before (no pipelining). A response to HEAD has the length of a
 * body that does not follow, and nothing in the response itself shows that. */
#pragma once

#include "bpf/lib/maps.bpf.h"

/* The number of the next message of a direction; 0: not known. */
static __always_inline __u32 message_next_number(const struct stream_state *s)
{
	return s->messages + 1;
}

static __always_inline void message_begun(struct stream_state *s)
{
	if (s->messages != MESSAGES_UNKNOWN)
		s->messages++;
}

/* Requests are pipelined, or some were not counted. */
static __always_inline void pipeline_lose(struct conn_state *state)
{
	if (state->overlaps == OVERLAPS_NOT)
		state->overlaps = OVERLAPS_HERE;
}

/* A request begins. */
static __always_inline void pipeline_request(struct conn_state *state, bool is_head)
{
	if (state->unanswered)
		pipeline_lose(state);
	state->unanswered = 1;
	state->head_request = is_head;
}

/* The other end begins to respond. If it has not received all of the request by then, the rest
 * arrives after the response, where requests are expected, and may look like one. */
static __always_inline void pipeline_answered(struct conn_state *state, bool early)
{
	const struct stream_state *s = &state->streams[WEFT_EGRESS];
	bool ended = s->mode == STREAM_HTTP1 && s->wanted <= s->position;

	if (early || (!ended && s->due != DUE_UPLOAD))
		pipeline_lose(state);
	state->unanswered = 0;
}

/* Whether the requests in |direction| are pipelined, as far as this end knows. */
static __always_inline bool pipeline_overlaps(const struct conn_state *state, __u8 direction)
{
	__u8 mode = direction == WEFT_EGRESS ? state->streams[WEFT_EGRESS].mode
					     : state->streams[WEFT_INGRESS].mode;

	return state->overlaps || mode == STREAM_HTTP1_RAW;
}
