// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Run by hand (BPF_PROG_TEST_RUN, syscall program): where a connect would go, by the code and the
 * maps that decide it. Emits nothing, counts nothing. */
#include "bpf/lib/ask.bpf.h"

static __always_inline void simulation_ask(const struct weft_simulation *s, struct mesh_ask *ask)
{
	__u8 source[16];

	__builtin_memcpy(source, s->source_addr, 16);
	__builtin_memcpy(ask->key.addr, s->addr, 16);
	ask->key.port = s->port;
	ask->key.protocol = s->protocol;
	ask->key.kind = WEFT_KEY_FRONT;
	ask->can_v4 = mesh_addr_is_v4(ask->key.addr);
	ask->can_v6 = !ask->can_v4;
	ask->simulate = 1;
	ask->client = addr_is_any(source) ? client_of_netns(s->client) : client_of_addr(source);
}

static __always_inline void simulation_answer(struct weft_simulation *s, const struct mesh_ask *ask,
					      int verdict)
{
	s->verdict = verdict;
	s->generation = ask->generation;
	s->service = ask->service ? ask->service_state : WEFT_NUMBER_NONE;
	s->endpoint = ask->endpoint ? ask->endpoint_state : WEFT_NUMBER_NONE;
	s->pool = ask->pool;
	s->subset = s->source = s->target = s->policy = WEFT_NUMBER_NONE;
	s->rule = 0;
	__builtin_memcpy(s->endpoint_addr, ask->addr, 16);
	s->endpoint_port = ask->port;
}

SEC("syscall")
int mesh_simulate(struct weft_simulation *s)
{
	struct mesh_ask ask = {};
	int verdict;

	simulation_ask(s, &ask);
	verdict = mesh_decide(&ask);
	simulation_answer(s, &ask, verdict);
	return 0;
}
