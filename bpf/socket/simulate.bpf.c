// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Run by user space (BPF_PROG_TEST_RUN, syscall program): the endpoint a connect would get,
 * determined by the code and the maps that decide it. Emits nothing, counts nothing. */
#include "bpf/lib/client.bpf.h"

static __always_inline void simulation_request(const struct weft_simulation *s,
					       struct mesh_request *request)
{
	__builtin_memcpy(request->key.addr, s->addr, 16);
	request->key.port = s->port;
	request->key.protocol = s->protocol;
	request->key.kind = WEFT_KEY_FRONT;
	request->can_v4 = mesh_addr_is_v4(request->key.addr);
	request->can_v6 = !request->can_v4;
	request->simulate = 1;
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

static __always_inline int simulation_decide(const struct weft_simulation *s,
					     struct mesh_request *request)
{
	int verdict = mesh_decide(request);
	__u8 source[16];

	if (verdict != MESH_ASKS)
		return verdict;
	__builtin_memcpy(source, s->source_addr, 16);
	request->client = addr_is_any(source) ? client_of_netns(s->client) : client_of_addr(source);
	if (request->asks & WEFT_ASKS_ROUTE)
		route_match(request, simulation_source(s, request->generation));
	verdict = mesh_decide(request);
	return verdict == MESH_ASKS ? WEFT_VERDICT_NO_ENDPOINT : verdict;
}

static __always_inline void simulation_answer(struct weft_simulation *s,
					      const struct mesh_request *request, int verdict)
{
	s->verdict = verdict;
	s->generation = request->generation;
	s->service = request->service ? request->service_state : WEFT_NUMBER_NONE;
	s->endpoint = request->endpoint ? request->endpoint_state : WEFT_NUMBER_NONE;
	s->pool = request->pool;
	__builtin_memcpy(s->endpoint_addr, request->addr, 16);
	s->endpoint_port = request->port;
}

SEC("syscall")
int mesh_simulate(struct weft_simulation *s)
{
	struct mesh_request request = {};
	int verdict;

	simulation_request(s, &request);
	verdict = simulation_decide(s, &request);
	simulation_answer(s, &request, verdict);
	return 0;
}
