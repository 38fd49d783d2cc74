/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: the arrival of a request waits at its connection for the answer's record and travels in
 * it: one record less. Both directions of a connection may run at once, on two CPUs: who changes
 * |held| to HELD_BUSY owns |arrival| until it changes it back, and who cannot goes without. */
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

/* Takes the arrival that waits, if one does. */
static __always_inline bool held_take(struct conn_state *state, struct arrival *ret_arrival)
{
	if (state->held != HELD_FULL || !held_own(state, HELD_FULL))
		return false;
	*ret_arrival = state->arrival;
	held_leave(state, HELD_NONE);
	return true;
}

/* Lets |arrival| wait. False: there is no place now. */
static __always_inline bool held_put(struct conn_state *state, const struct arrival *arrival)
{
	if (!held_own(state, HELD_NONE))
		return false;
	state->arrival = *arrival;
	held_leave(state, HELD_FULL);
	return true;
}

/* Nothing may come for which it could wait: it is told on its own. */
static __always_inline void held_flush(struct conn_state *state)
{
	struct arrival arrival;

	if (held_take(state, &arrival))
		mark_send(state->cookie, &arrival);
}
