/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: deferred arrivals. The arrival of a request (else a MARK record) is kept with its
 * connection and sent in the record of the response, which saves one record. Both directions of a
 * connection may run at the same time on two CPUs: the run that changes |deferred| to DEFERRED_BUSY
 * owns |arrival| until it changes |deferred| back; a run that cannot proceeds without it. */
#pragma once

#include "bpf/lib/capture.bpf.h"

static __always_inline bool deferred_own(struct conn_state *state, __u32 from)
{
	return __sync_val_compare_and_swap(&state->deferred, from, DEFERRED_BUSY) == from;
}

static __always_inline void deferred_leave(struct conn_state *state, __u32 to)
{
	__sync_lock_test_and_set(&state->deferred, to);
}

/* Takes the deferred arrival, if there is one. */
static __always_inline bool deferred_take(struct conn_state *state, struct arrival *ret_arrival)
{
	if (state->deferred != DEFERRED_FULL || !deferred_own(state, DEFERRED_FULL))
		return false;
	*ret_arrival = state->arrival;
	deferred_leave(state, DEFERRED_NONE);
	return true;
}

/* Defers |arrival|. False: the slot is in use. */
static __always_inline bool deferred_put(struct conn_state *state, const struct arrival *arrival)
{
	if (!deferred_own(state, DEFERRED_NONE))
		return false;
	state->arrival = *arrival;
	deferred_leave(state, DEFERRED_FULL);
	return true;
}

/* No response may follow that could carry the deferred arrival: sends it as a MARK of its own. */
static __always_inline void deferred_flush(struct conn_state *state)
{
	struct arrival arrival;

	if (deferred_take(state, &arrival))
		mark_send(state->cookie, &arrival);
}
