// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resolves names to addresses, and numbers of the loader's answer to names. */
#include "control/agent/simulate.h"

#include "base/address.h"
#include "control/apply/generation.h"
#include "control/ipc/ipc.h"
#include "control/export/end.h"
#include "control/export/explain.h"
#include "control/export/json.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A named client is simulated by a fact that identifies it: an address, a user, a program. */
static int find_source(const struct generation *g, const char *from, struct weft_simulation *s,
		       struct error *err)
{
	const struct mesh *m = g->mesh;

	if (!from[0])
		return 0;
	if (address_parse(from, s->source_addr))
		return ends_agree(s->source_addr, s->addr, err);
	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_workload *w = &m->workloads[i];

		if (!*w->name || !end_is_named(from, w->namespace_name, w->name))
			continue;
		s->source = g->names->workload_cells[i];
		s->generation = g->names->generation;
		for (uint32_t j = w->address_count; j-- > 0;)
			if (!ends_agree(m->addresses[w->address_first + j].address, s->addr, err))
				memcpy(s->source_addr, m->addresses[w->address_first + j].address,
				       16);
		return 0;
	}
	return error_set(err, -ENOENT, "no workload is called \"%.100s\"", from);
}

/* Removes ":PORT" from |to| and returns PORT, "" if there is none. */
static const char *cut_port(char *to)
{
	char *colon = strrchr(to, ':');

	if (!colon || (to[0] != '[' && strchr(to, ':') != colon) ||
	    (to[0] == '[' && colon[-1] != ']'))
		return "";
	*colon = 0;
	if (to[0] == '[') {
		colon[-1] = 0;
		memmove(to, to + 1, strlen(to));
	}
	return colon + 1;
}

/* Returns 0 if it is not a port. */
static uint16_t port_number(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return *end || end == text || port > 65535 ? 0 : (uint16_t)port;
}

/* "80 (main), 443". */
static void port_list(const struct mesh *m, const struct mesh_service *service, char names[160])
{
	size_t used = 0;

	names[0] = 0;
	for (uint32_t i = 0; i < service->port_count && used < 160; i++) {
		const struct mesh_port *port = &m->ports[service->port_first + i];

		used += (size_t)snprintf(names + used, 160 - used,
					 port->name[0] ? "%s%u (%s)" : "%s%u", i ? ", " : "",
					 port->port, port->name);
	}
}

/* By number or by name, as in Kubernetes; "": the only one. */
static int find_port(const struct mesh *m, const struct mesh_service *service, const char *name,
		     const char *text, struct weft_simulation *s, struct error *err)
{
	char names[160];

	s->port = port_number(text);
	if (!*text && service->port_count == 1)
		s->port = m->ports[service->port_first].port;
	for (uint32_t i = 0; !s->port && *text && i < service->port_count; i++)
		if (!strcmp(m->ports[service->port_first + i].name, text))
			s->port = m->ports[service->port_first + i].port;
	if (s->port)
		return 0;
	port_list(m, service, names);
	if (*text)
		return error_set(err, -ENOENT, "the service %s has no port \"%.40s\": it has %s",
				 name, text, names);
	return error_set(err, -EINVAL, "the service %s has %u ports: say which, %s:PORT of %s",
			 name, service->port_count, name, names);
}

static uint32_t find_service(const struct mesh *m, const char *name)
{
	uint32_t found = mesh_host_find(m, name);

	for (uint32_t i = 0; i < m->service_count && found == MESH_NONE; i++)
		if (end_is_named(name, m->services[i].namespace_name, m->services[i].name))
			found = i;
	return found;
}

static int find_target(const struct mesh *m, const char *to, struct weft_simulation *s,
		       struct error *err)
{
	const struct mesh_service *service;
	const char *port;
	char name[300];
	uint32_t found;

	snprintf(name, sizeof(name), "%s", to);
	port = cut_port(name);
	s->protocol = IPPROTO_TCP;
	if (address_parse(name, s->addr)) {
		s->port = port_number(port);
		return s->port ? 0
			       : error_set(err, -EINVAL,
					   "an address needs the number of a port: %s:80", name);
	}
	found = find_service(m, name);
	if (found == MESH_NONE)
		return error_set(err, -ENOENT, "no service is called \"%.100s\"", name);
	service = &m->services[found];
	if (!service->vip_count)
		return error_set(err, -EINVAL, "the service %s has no address of its own", name);
	memcpy(s->addr, m->vips[service->vip_first].prefix.address, 16);
	return find_port(m, service, name, port, s, err);
}

/* ---- the answer */

static void put_address(struct json *j, const char *key, const uint8_t addr[16], uint16_t port)
{
	char text[ADDRESS_PORT_BYTES];

	json_put_string(j, key, address_port_text(addr, port, text));
}

static void put_name(struct json *j, const char *key, const char *namespace_name, const char *name)
{
	char text[300];

	snprintf(text, sizeof(text), "%s/%s", namespace_name, name);
	json_put_string(j, key, text);
}

/* The names of a simulation that ran in the generation |g|. */
static void put_service(struct json *j, const char *key, const struct generation *g,
			const struct weft_simulation *s)
{
	const struct compile_names *n = g->names;
	uint32_t service = compile_name(n->services, n->service_count, s->service);

	if (service != MESH_NONE)
		put_name(j, key, g->mesh->services[service].namespace_name,
			 g->mesh->services[service].name);
}

static void put_endpoint_name(struct json *j, const char *key, const struct generation *g,
			      const struct weft_simulation *s)
{
	const struct compile_names *n = g->names;
	uint32_t endpoint = compile_name(n->endpoints, n->endpoint_count, s->endpoint);

	if (endpoint != MESH_NONE)
		json_put_optional(j, key, g->mesh->endpoints[endpoint].name);
}

/* Writes what policies decide about the selected endpoint; |ret_verdict| is kept where they have
 * not been asked. */
static void put_policy(struct json *j, const char *key, const struct generation *g,
		       const struct explain_kernel *kernel, const char *from,
		       const struct weft_simulation *s, const char **ret_verdict)
{
	bool balanced = s->endpoint != WEFT_NUMBER_NONE;
	char to[INET6_ADDRSTRLEN], port[8];
	struct error err;

	if (s->verdict != WEFT_VERDICT_ALLOWED || g->number != s->generation)
		return;
	address_text(balanced ? s->endpoint_addr : s->addr, to);
	snprintf(port, sizeof(port), "%u", balanced ? s->endpoint_port : s->port);
	explain_put(j, key, g->mesh, kernel, from, to, port, ret_verdict, &err);
}

static bool is_hashed(const struct mesh *m, const struct mesh_service *s)
{
	bool hashed = s->session_affinity_s ||
		      m->traffic[s->traffic].balance == MESH_BALANCE_MAGLEV_SOURCE;

	for (uint32_t i = 0; i < s->subset_count && !hashed; i++)
		hashed = m->traffic[m->subsets[s->subset_first + i].traffic].balance ==
			 MESH_BALANCE_MAGLEV_SOURCE;
	return hashed;
}

/* Writes the client address if it determined the endpoint, as a socket may have another. */
static void put_client(struct json *j, const char *key, const struct generation *g,
		       const struct weft_simulation *s)
{
	uint32_t service = compile_name(g->names->services, g->names->service_count, s->service);
	static const uint8_t unknown[16];
	char text[INET6_ADDRSTRLEN] = "unknown";

	if (service == MESH_NONE || !is_hashed(g->mesh, &g->mesh->services[service]))
		return;
	if (memcmp(s->source_addr, unknown, sizeof(unknown)) != 0)
		address_text(s->source_addr, text);
	json_put_string(j, key, text);
}

/* The service with this address, on any port; NULL: none. */
static const struct mesh_service *service_of(const struct mesh *m, const uint8_t address[16])
{
	for (uint32_t i = 0; i < m->vip_count; i++)
		if (mesh_prefix_has(&m->vips[i].prefix, address))
			return &m->services[m->vips[i].service];
	return NULL;
}

/* The address is a service's, but the port is not: such a connect is not balanced. */
static void put_hint(struct json *j, const char *key, const struct mesh *m,
		     const struct weft_simulation *s)
{
	const struct mesh_service *service =
		s->service == WEFT_NUMBER_NONE ? service_of(m, s->addr) : NULL;
	char text[500], names[160];

	if (!service)
		return;
	port_list(m, service, names);
	if (!*names)
		snprintf(names, sizeof(names), "none");
	snprintf(text, sizeof(text), "the service %s/%s has no port %u: it has %s",
		 service->namespace_name, service->name, s->port, names);
	json_put_string(j, key, text);
}

static void put_endpoint(struct json *j, const char *key, const struct weft_simulation *s)
{
	if (s->endpoint != WEFT_NUMBER_NONE)
		put_address(j, key, s->endpoint_addr, s->endpoint_port);
}

/* What the kernel answered in another generation than |g| has no names. */
#define API_SIMULATE_NAMES(X)                                                                      \
	X(put_service, "service", "text",                                                          \
	  "`NAMESPACE/NAME` of the service that balances it; absent: none", g, s)                  \
	X(put_endpoint_name, "endpoint_name", "text", "name of the endpoint, where it has one", g, \
	  s)                                                                                       \
	X(put_client, "by_client", "address",                                                      \
	  "the client address that determined the endpoint, or `unknown`; absent where none did",  \
	  g, s)                                                                                    \
	X(put_hint, "hint", "text", "the address is a service's, the port is not; else absent",    \
	  g->mesh, s)

#define API_SIMULATE(X)                                                                            \
	X(json_put_number, "generation", "number", "of the tables that were asked", s->generation) \
	X(put_address, "asked", "address", "where it connects to", s->addr, s->port)               \
	X(put_policy, "policy", API_EXPLANATION,                                                   \
	  "what policies say of it there; absent where it gets nowhere", g, kernel, from, s,       \
	  &verdict)                                                                                \
	X(json_put_string, "verdict", "text",                                                      \
	  "of balancing and policies together: `allowed`, `denied`, `undecided`, `no endpoint`, "  \
	  "`overflow`",                                                                            \
	  verdict)                                                                                 \
	X(put_endpoint, "endpoint", "address", "where it goes; absent where it is not balanced", s)

static void put_answer(struct text *out, const struct generation *g,
		       const struct explain_kernel *kernel, const char *from,
		       const struct weft_simulation *s)
{
	static const char *const verdicts[] = {
		[WEFT_VERDICT_ALLOWED] = "allowed",
		[WEFT_VERDICT_DENIED] = "denied",
		[WEFT_VERDICT_NO_ENDPOINT] = "no endpoint",
		[WEFT_VERDICT_OVERFLOW] = "overflow",
	};
	struct json line = json_to(out), *j = &line;
	const char *verdict = s->verdict < 4 ? verdicts[s->verdict] : "unknown";

	json_put_object(j, NULL);
	API_SIMULATE(JSON_FIELD);
	if (g->number == s->generation) {
		API_SIMULATE_NAMES(JSON_FIELD);
	}
	json_put_object_end(j);
	json_put_line(j);
}

int simulate_write(const struct generation *g, struct ipc *loader,
		   const struct explain_kernel *kernel, const char *from, const char *to,
		   struct text *out, struct error *err)
{
	struct weft_simulation s = {.uid = WEFT_NUMBER_NONE};
	struct ipc_answer answer = {.data = &s, .size = sizeof(s)};
	int r;

	if (!g)
		return error_set(err, -ENOENT, "no mesh is in force");
	r = find_target(g->mesh, to, &s, err);
	r = r ? r : find_source(g, from, &s, err);
	if (r)
		return r;
	if (ipc_ask(loader, IPC_MESSAGE_SIMULATE, &s, sizeof(s), &answer, NULL))
		return error_set(err, -ENOTSUP,
				 "this kernel cannot run the balancing code by hand");
	put_answer(out, g, kernel, from, &s);
	return 0;
}
