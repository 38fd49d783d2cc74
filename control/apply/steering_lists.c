// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services and endpoints as `weft services` and `weft endpoints` have them. */
#include "control/apply/steering.h"
#include "control/apply/steering_state.h"
#include "control/export/json.h"

#include "base/process.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *address_text(const uint8_t addr[16], char out[INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = !memcmp(addr, mapped, sizeof(mapped));

	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, out, INET6_ADDRSTRLEN);
}

static const char *balance_text(const struct mesh_service *service, const struct mesh_traffic *t)
{
	static const char *const texts[] = {
		[MESH_BALANCE_RANDOM] = "random",
		[MESH_BALANCE_ROUND_ROBIN] = "round_robin",
		[MESH_BALANCE_LEAST_REQUEST] = "least_request",
		[MESH_BALANCE_MAGLEV_SOURCE] = "maglev",
		[MESH_BALANCE_PASSTHROUGH] = "passthrough",
	};

	return service->resolution == MESH_UNCHANGED ? "unchanged" : texts[t->balance];
}

static void put_vips(struct json *j, const struct mesh *m, const struct mesh_service *service)
{
	char text[INET6_ADDRSTRLEN];

	json_put_array(j, "addresses");
	for (uint32_t i = 0; i < service->vip_count; i++)
		json_put_string(j, NULL,
				address_text(m->vips[service->vip_first + i].prefix.address, text));
	json_put_array_end(j);
}

static void put_ports(struct json *j, const struct mesh *m, const struct mesh_service *service)
{
	char text[16];

	json_put_array(j, "ports");
	for (uint32_t i = 0; i < service->port_count; i++) {
		const struct mesh_port *port = &m->ports[service->port_first + i];

		snprintf(text, sizeof(text), "%u/%s", port->port,
			 port->protocol == MESH_UDP ? "udp" : "tcp");
		json_put_string(j, NULL, text);
	}
	json_put_array_end(j);
}

/* Endpoints of a service that take connections at all their ports, and those ejected at one. */
struct tally {
	uint32_t ready, ejected;
};

enum { HAS_PORT = 1, IS_OUT = 2 };

/* By service. NULL when memory is short. */
static struct tally *count_endpoints(const struct steering *s)
{
	const struct generation *g = s->generation;
	struct tally *tallies = calloc(g->mesh->service_count + 1, sizeof(*tallies));
	uint8_t *places = calloc(g->mesh->endpoint_count + 1, sizeof(*places));

	for (uint32_t i = 0; places && i < g->endpoint_count; i++) {
		const struct generation_endpoint *e = &g->endpoints[i];
		bool ejected = s->endpoints[e->state].flags & WEFT_EJECTED;

		places[e->endpoint] |= ejected ? HAS_PORT | IS_OUT : HAS_PORT;
	}
	for (uint32_t i = 0; tallies && places && i < g->mesh->endpoint_count; i++) {
		const struct mesh_endpoint *endpoint = &g->mesh->endpoints[i];
		struct tally *tally = &tallies[endpoint->service];

		tally->ejected += (places[i] & IS_OUT) != 0;
		tally->ready += places[i] == HAS_PORT && endpoint->health == MESH_READY;
	}
	if (!places) {
		free(tallies);
		tallies = NULL;
	}
	free(places);
	return tallies;
}

static void put_service(struct json *j, const struct steering *s, uint32_t index,
			const struct tally *tally)
{
	const struct generation *g = s->generation;
	const struct mesh_service *service = &g->mesh->services[index];
	const struct weft_service_state *state = &s->services[g->services[index]];
	bool known = g->services[index] != MESH_NONE;

	json_put_object(j, NULL);
	json_put_string(j, "namespace", service->namespace_name);
	json_put_string(j, "name", service->name);
	put_vips(j, g->mesh, service);
	put_ports(j, g->mesh, service);
	json_put_string(j, "balance", balance_text(service, &g->mesh->traffic[service->traffic]));
	json_put_number(j, "endpoints", service->endpoint_count);
	json_put_number(j, "ready", tally->ready);
	json_put_number(j, "ejected", tally->ejected);
	json_put_number(j, "connections", known ? state->connections : 0);
	json_put_number(j, "connects", known ? state->connects : 0);
	json_put_number(j, "no_endpoint", known ? state->no_endpoint : 0);
	json_put_number(j, "overflow", known ? state->overflow : 0);
	json_put_number(j, "denied", known ? state->denied : 0);
	json_put_object_end(j);
	json_put_line(j);
}

void steering_write_services(struct steering *s, struct text *out)
{
	struct json j = json_to(out);
	struct tally *tallies = s->generation ? count_endpoints(s) : NULL;

	for (uint32_t i = 0; tallies && i < s->generation->mesh->service_count; i++)
		put_service(&j, s, i, &tallies[i]);
	free(tallies);
}

static void put_locality(struct json *j, const struct mesh_locality *l)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s%s%s", l->region, l->zone[0] ? "/" : "", l->zone,
		 l->subzone[0] ? "/" : "", l->subzone);
	json_put_string(j, "locality", text);
}

static void put_endpoint(struct json *j, const struct steering *s,
			 const struct generation_endpoint *e)
{
	static const char *const health[] = {[MESH_READY] = "ready",
					     [MESH_DRAINING] = "draining",
					     [MESH_NOT_READY] = "not ready"};
	const struct mesh *m = s->generation->mesh;
	const struct mesh_endpoint *endpoint = &m->endpoints[e->endpoint];
	const struct mesh_service *service = &m->services[endpoint->service];
	const struct weft_endpoint_state *state = &s->endpoints[e->state];
	uint64_t until_ns = eject_until_ns(s->eject, e->state), now_ns = process_now_ns();
	bool ejected = state->flags & WEFT_EJECTED;
	char text[INET6_ADDRSTRLEN], address[80];

	snprintf(address, sizeof(address),
		 strchr(address_text(endpoint->address, text), ':') ? "[%s]:%u" : "%s:%u", text,
		 e->port);
	json_put_object(j, NULL);
	json_put_string(j, "namespace", service->namespace_name);
	json_put_string(j, "service", service->name);
	json_put_string(j, "address", address);
	json_put_string(j, "workload",
			endpoint->workload == MESH_NONE
				? ""
				: mesh_workload_title(&m->workloads[endpoint->workload]));
	put_locality(j, endpoint->locality);
	json_put_string(j, "health", ejected ? "ejected" : health[endpoint->health]);
	json_put_number(j, "weight", endpoint->weight);
	json_put_number(j, "connections", state->connections);
	json_put_number(j, "connects", state->connects);
	json_put_number(j, "failures", state->failures);
	json_put_number(j, "ejected_ms", until_ns > now_ns ? (until_ns - now_ns) / 1000000u : 0);
	json_put_object_end(j);
	json_put_line(j);
}

void steering_write_endpoints(struct steering *s, struct text *out)
{
	struct json j = json_to(out);

	for (uint32_t i = 0; s->generation && i < s->generation->endpoint_count; i++)
		put_endpoint(&j, s, &s->generation->endpoints[i]);
}
