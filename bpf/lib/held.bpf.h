/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: deferred arrivals. The arrival of a request (else a MARK record) is kept with its
 * connection and sent in the record of the response, which saves one record. Both directions of a
 * connection may run at the same time on two CPUs: the run that changes |held| to HELD_BUSY owns
 * |arrival| until it changes |held| back; a run that cannot proceeds without it. */
#pragma once

#include "bpf/lib/capture.bpf.h"

static __always_inline bool held_own(struct conn_state *state, __u32 from)
{
	return __sync_val_compare_and_swap(&state->held, from, HELD_BUSY) == from;
}

static __always_inline void held_leave(struct conn_state *state, __u32 to)
{
	__sync_lock_test_and_set(&state->held, to);
}

/* Takes the deferred arrival, if there is one. */
static __always_inline bool held_take(struct conn_state *state, struct arrival *ret_arrival)
{
	if (state->held != HELD_FULL || !held_own(state, HELD_FULL))
		return false;
	*ret_arrival = state->arrival;
	held_leave(state, HELD_NONE);
	return true;
}

/* Defers |arrival|. False: the slot is in use. */
static __always_inline bool held_put(struct conn_state *state, const struct arrival *arrival)
{
	if (!held_own(state, HELD_NONE))
		return false;
	state->arrival = *arrival;
	held_leave(state, HELD_FULL);
	return true;
}

/* No response may follow that could carry the deferred arrival: sends it as a MARK of its own. */
static __always_inline void held_flush(struct conn_state *state)
{
	struct arrival arrival;

	if (held_take(state, &arrival))
		mark_send(state->cookie, &arrival);
}
