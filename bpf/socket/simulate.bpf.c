// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Run by user space (BPF_PROG_TEST_RUN, syscall program): the endpoint a connect would get,
 * determined by the code and the maps that decide it. Emits nothing, counts nothing. */
#include "bpf/lib/client.bpf.h"

static __always_inline void simulation_ask(const struct weft_simulation *s, struct mesh_ask *ask)
{
	__builtin_memcpy(ask->key.addr, s->addr, 16);
	ask->key.port = s->port;
	ask->key.protocol = s->protocol;
	ask->key.kind = WEFT_KEY_FRONT;
	ask->can_v4 = mesh_addr_is_v4(ask->key.addr);
	ask->can_v6 = !ask->can_v4;
	ask->simulate = 1;
}

/* The client's workload, as far as the request describes it. */
__weak __noinline int simulation_source(const struct weft_simulation *s, __u64 generation)
{
	struct identity_search search = {.generation = generation};
	struct identity_facts facts = {};
	struct weft_mesh_key key = {};

	if (!s)
		return 0;
	if (s->source && s->generation == generation)
		return s->source;
	facts.cgroups[0] = s->cgroup_id;
	facts.netns_ino = s->netns_ino;
	facts.uid = s->uid;
	__builtin_memcpy(key.addr, s->source_addr, 16);
	__builtin_memcpy(search.addr, s->source_addr, 16);
	identity_of_facts(&search, &facts);
	return search.identity ? search.identity : identity_of_addr(&key, generation);
}

static __always_inline int simulation_decide(const struct weft_simulation *s, struct mesh_ask *ask)
{
	int verdict = mesh_decide(ask);
	__u8 source[16];

	if (verdict != MESH_ASKS)
		return verdict;
	__builtin_memcpy(source, s->source_addr, 16);
	ask->client = addr_is_any(source) ? client_of_netns(s->client) : client_of_addr(source);
	if (ask->asks & WEFT_ASKS_ROUTE)
		route_match(ask, simulation_source(s, ask->generation));
	verdict = mesh_decide(ask);
	return verdict == MESH_ASKS ? WEFT_VERDICT_NO_ENDPOINT : verdict;
}

static __always_inline void simulation_answer(struct weft_simulation *s, const struct mesh_ask *ask,
					      int verdict)
{
	s->verdict = verdict;
	s->generation = ask->generation;
	s->service = ask->service ? ask->service_state : WEFT_NUMBER_NONE;
	s->endpoint = ask->endpoint ? ask->endpoint_state : WEFT_NUMBER_NONE;
	s->pool = ask->pool;
	__builtin_memcpy(s->endpoint_addr, ask->addr, 16);
	s->endpoint_port = ask->port;
}

SEC("syscall")
int mesh_simulate(struct weft_simulation *s)
{
	struct mesh_ask ask = {};
	int verdict;

	simulation_ask(s, &ask);
	verdict = simulation_decide(s, &ask);
	simulation_answer(s, &ask, verdict);
	return 0;
}
