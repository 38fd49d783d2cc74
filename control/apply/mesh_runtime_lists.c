// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services, endpoints and files as the API has them. */
#include "control/apply/mesh_runtime.h"

#include "control/apply/config_compiler.h"
#include "control/apply/mesh_runtime_state.h"
#include "control/export/json.h"

#include "base/address.h"
#include "base/process.h"
#include "mesh-config/resolve/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void put_vips(struct json *j, const char *key, const struct mesh *m,
		     const struct mesh_service *service)
{
	char text[INET6_ADDRSTRLEN];

	json_put_array(j, key);
	for (uint32_t i = 0; i < service->vip_count; i++)
		json_put_string(j, NULL,
				address_text(m->vips[service->vip_first + i].prefix.address, text));
	json_put_array_end(j);
}

static void put_ports(struct json *j, const char *key, const struct mesh *m,
		      const struct mesh_service *service)
{
	char text[16];

	json_put_array(j, key);
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
static struct tally *count_endpoints(const struct mesh_runtime *s)
{
	const struct generation *g = s->generation;
	struct tally *tallies = calloc(g->mesh->service_count + 1, sizeof(*tallies));
	uint8_t *places = calloc(g->mesh->endpoint_count + 1, sizeof(*places));

	for (uint32_t i = 0; places && i < g->endpoint_count; i++) {
		const struct generation_endpoint *e = &g->endpoints[i];
		bool ejected = s->state.endpoints[e->state].flags & WEFT_EJECTED;

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

#define API_SERVICES(X)                                                                            \
	X(json_put_string, "namespace", "text", "of the service", service->namespace_name)         \
	X(json_put_string, "name", "text", "of the service", service->name)                        \
	X(put_vips, "addresses", "list of text", "its addresses", m, service)                      \
	X(put_ports, "ports", "list of text", "its ports, as `80/tcp`", m, service)                \
	X(json_put_string, "balance", "text",                                                      \
	  "`random`, `round_robin`, `least_request`, `maglev`, `passthrough`; `unchanged`: "       \
	  "connects are not balanced",                                                             \
	  balance_text(service, &m->traffic[service->traffic]))                                    \
	X(json_put_number, "endpoints", "number", "its endpoints", service->endpoint_count)        \
	X(json_put_number, "ready", "number", "of them take connections at all their ports",       \
	  tally->ready)                                                                            \
	X(json_put_number, "ejected", "number", "of them are ejected at one port or more",         \
	  tally->ejected)                                                                          \
	X(json_put_number, "connections", "number", "open now", known ? state->connections : 0)    \
	X(json_put_number, "connects", "number", "sent to an endpoint",                            \
	  known ? state->connects : 0)                                                             \
	X(json_put_number, "no_endpoint", "number",                                                \
	  "connects refused as no endpoint takes connections", known ? state->no_endpoint : 0)     \
	X(json_put_number, "overflow", "number", "connects refused by a limit of the service",     \
	  known ? state->overflow : 0)                                                             \
	X(json_put_number, "denied", "number",                                                     \
	  "connects that policy denied at the client; they are not in `connects`",                 \
	  known ? state->denied : 0)

static void put_service(struct text *out, const struct mesh_runtime *s, uint32_t index,
			const struct tally *tally)
{
	const struct generation *g = s->generation;
	const struct mesh *m = g->mesh;
	const struct mesh_service *service = &m->services[index];
	const struct weft_service_state *state = &s->state.services[g->services[index]];
	bool known = g->services[index] != MESH_NONE;

	JSON_LINE(out, API_SERVICES);
}

void mesh_runtime_write_services(struct mesh_runtime *s, struct text *out)
{
	struct tally *tallies = s->generation ? count_endpoints(s) : NULL;

	for (uint32_t i = 0; tallies && i < s->generation->mesh->service_count; i++)
		put_service(out, s, i, &tallies[i]);
	free(tallies);
}

static void put_locality(struct json *j, const char *key, const struct mesh_locality *l)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s%s%s", l->region, l->zone[0] ? "/" : "", l->zone,
		 l->subzone[0] ? "/" : "", l->subzone);
	json_put_string(j, key, text);
}

#define API_ENDPOINTS(X)                                                                           \
	X(json_put_string, "namespace", "text", "of the service", service->namespace_name)         \
	X(json_put_string, "service", "text", "name of the service", service->name)                \
	X(json_put_string, "address", "address", "of the endpoint, with port", address)            \
	X(json_put_string, "workload", "text", "its workload; empty: none is known", workload)     \
	X(put_locality, "locality", "text", "`REGION/ZONE/SUBZONE`", endpoint->locality)           \
	X(json_put_string, "health", "text", "`ready`, `draining`, `not ready`, `ejected`",        \
	  ejected ? "ejected" : health[endpoint->health])                                          \
	X(json_put_number, "weight", "number", "its share of connects, to that of others",         \
	  endpoint->weight)                                                                        \
	X(json_put_number, "connections", "number", "open now", state->connections)                \
	X(json_put_number, "connects", "number",                                                   \
	  "sent there; what policy denies at the client is in `denied` of `services` alone",       \
	  state->connects)                                                                         \
	X(json_put_number, "failures", "number", "connects that failed", state->failures)          \
	X(json_put_number, "ejected_ms", "ms", "for how long still it is ejected",                 \
	  until_ns > now_ns ? (until_ns - now_ns) / 1000000u : 0)

static void put_endpoint(struct text *out, const struct mesh_runtime *s,
			 const struct generation_endpoint *e)
{
	static const char *const health[] = {[MESH_READY] = "ready",
					     [MESH_DRAINING] = "draining",
					     [MESH_NOT_READY] = "not ready"};
	const struct mesh *m = s->generation->mesh;
	const struct mesh_endpoint *endpoint = &m->endpoints[e->endpoint];
	const struct mesh_service *service = &m->services[endpoint->service];
	const struct weft_endpoint_state *state = &s->state.endpoints[e->state];
	uint64_t until_ns = eject_until_ns(s->eject, e->state), now_ns = process_now_ns();
	bool ejected = state->flags & WEFT_EJECTED;
	const char *workload = endpoint->workload == MESH_NONE
				       ? ""
				       : mesh_workload_title(&m->workloads[endpoint->workload]);
	char address[ADDRESS_PORT_BYTES];

	address_port_text(endpoint->address, e->port, address);
	JSON_LINE(out, API_ENDPOINTS);
}

void mesh_runtime_write_endpoints(struct mesh_runtime *s, struct text *out)
{
	for (uint32_t i = 0; s->generation && i < s->generation->endpoint_count; i++)
		put_endpoint(out, s, &s->generation->endpoints[i]);
}

#define API_CONFIG(X)                                                                              \
	X(json_put_number, "generation", "number", "of the files that follow", found->number)      \
	X(json_put_string, "hash", "text", "of these files, in hexadecimal", hash)                 \
	X(json_put_bool, "in_force", "boolean", "whether this generation is in force",             \
	  found->number == status->number)                                                         \
	X(json_put_number, "files", "number", "how many files follow", found->files->file_count)   \
	X(json_put_number, "bytes", "bytes", "size of all files", found->files->size_bytes)        \
	X(json_put_string, "failure", "text",                                                      \
	  "why what is in the directory now is not in force; empty: it is", status->failure)

static void put_files(const struct config_compiler_files *found,
		      const struct config_compiler_status *status, struct text *out)
{
	char hash[20];

	snprintf(hash, sizeof(hash), "%016" PRIx64, found->hash);
	JSON_LINE(out, API_CONFIG);
}

struct mesh_files *mesh_runtime_files(struct mesh_runtime *s, uint64_t number, struct text *head,
				      struct error *err)
{
	struct config_compiler_status status;
	struct config_compiler_files found;

	config_compiler_status_read(s->config_compiler, &status);
	if (!config_compiler_files_read(s->config_compiler, number, &found)) {
		put_files(&found, &status, head);
		return found.files;
	}
	if (number)
		error_set(err, -ENOENT,
			  "the files of generation %" PRIu64 " are not kept (any more); %" PRIu64
			  " is in force",
			  number, status.number);
	else
		error_set(err, -ENOENT, "this agent has put nothing in force yet%s%s",
			  status.failure[0] ? ": " : "", status.failure);
	return NULL;
}
