/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 6: where a socket was sent, kept with the socket, and counted out exactly once. */
#pragma once

#include "bpf/lib/decide.bpf.h"

/* Counts the connection out, if it is counted in. */
static __always_inline void pick_end(struct mesh_pick *pick, bool failed)
{
	if (__sync_lock_test_and_set(&pick->phase, PICK_NONE) != PICK_NONE)
		count_out(pick->service, pick->endpoint, failed);
}

/* Only forward, and only once. */
static __always_inline void pick_advance(struct mesh_pick *pick, __u32 from, __u32 to)
{
	__sync_val_compare_and_swap(&pick->phase, from, to);
}

static __always_inline void pick_fill(struct mesh_pick *pick, const struct mesh_ask *ask)
{
	__builtin_memcpy(pick->asked_addr, ask->key.addr, 16);
	__builtin_memcpy(pick->endpoint_addr, ask->addr, 16);
	pick->asked_port = ask->key.port;
	pick->endpoint_port = ask->port;
	pick->endpoint = ask->endpoint_state;
	pick->service = ask->service_state;
	pick->phase = PICK_CHOSEN;
}

static __always_inline bool pick_is_to(const struct mesh_pick *pick, const __u8 addr[16],
				       __u16 port)
{
	__u64 a[2], b[2];

	__builtin_memcpy(a, pick->endpoint_addr, 16);
	__builtin_memcpy(b, addr, 16);
	return a[0] == b[0] && a[1] == b[1] && pick->endpoint_port == port;
}
