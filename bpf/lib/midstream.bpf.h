/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: a connection that carried data before it was discovered (midstream). */
#pragma once

#include "bpf/lib/maps.bpf.h"

/* Resets the parser state of the direction; its byte count goes on. */
static __always_inline void stream_reset(struct stream_state *s)
{
	s->wanted = s->position;
	s->mode = STREAM_NEW;
	s->started = 0;
	s->holes = 0;
	s->announced = 0;
	s->tries = 0;
	s->header_bytes = 0;
	s->skip = 0;
	s->unusual = 0;
	s->messages = MESSAGES_UNKNOWN;
}

/* Starts to follow a connection midstream: where its messages begin is not known. */
static __always_inline void midstream_begin(struct conn_state *state, __u32 epoch)
{
	if (!state->started_ns)
		state->started_ns = bpf_ktime_get_ns();
	state->epoch = epoch;
	state->deferred = DEFERRED_NONE;
	state->midstream = 1;
	state->peer = state->opened_ns ? PEER_UNKNOWN : PEER_REMOTE;
	state->last_direction = 2;
	state->head_request = 0;
	state->unanswered = 0;
	state->overlaps = OVERLAPS_NOT;
	stream_reset(&state->streams[WEFT_EGRESS]);
	stream_reset(&state->streams[WEFT_INGRESS]);
}
