// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Holds the compiler, the current generation, and the ejections. */
#include "control/apply/mesh_runtime.h"

#include "control/apply/config_compiler.h"
#include "control/apply/process_match.h"
#include "control/apply/mesh_runtime_state.h"
#include "control/apply/verdict_names.h"
#include "control/export/json.h"
#include "control/signals/health.h"
#include "control/signals/istio.h"

#include "base/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EJECT_HOSTS    131072
#define CLOSE_NS       3000000000ull /* the walk that ends connections is done by then */
#define SERVICES_SHOWN 10000	     /* in metrics */

/* ---- ejection */

static void set_ejected(void *arg, const struct eject_change *change)
{
	struct mesh_runtime *s = arg;
	uint32_t *flags = &s->state.endpoints[change->state].flags;

	if (!change->ejected) {
		__atomic_fetch_and(flags, ~(WEFT_EJECTED | WEFT_EJECTED_CLOSE), __ATOMIC_RELAXED);
		return;
	}
	__atomic_fetch_or(flags, WEFT_EJECTED | (change->close ? WEFT_EJECTED_CLOSE : 0),
			  __ATOMIC_RELAXED);
	if (!change->close)
		return;
	s->close_until_ns = process_now_ns() + CLOSE_NS;
	s->end_connections(s->end_arg);
}

static void flags_clear(struct mesh_runtime *s, const struct generation *g, uint32_t flags)
{
	for (uint32_t i = 0; g && i < g->endpoint_count; i++)
		__atomic_fetch_and(&s->state.endpoints[g->endpoints[i].state].flags, ~flags,
				   __ATOMIC_RELAXED);
}

/* Connections are ended once: those made later, while too few others are healthy, stay. */
static void stop_closing(struct mesh_runtime *s)
{
	s->close_until_ns = 0;
	flags_clear(s, s->generation, WEFT_EJECTED_CLOSE);
}

/* The port of its service that it serves: the first that leads there. */
static uint32_t port_of(const struct mesh *m, const struct generation_endpoint *e)
{
	const struct mesh_endpoint *endpoint = &m->endpoints[e->endpoint];
	uint32_t count = m->services[endpoint->service].port_count;

	for (uint32_t i = 0; i < count; i++)
		if (m->target_ports[endpoint->ports_first + i] == e->port)
			return i;
	return MESH_NONE;
}

/* Watches those endpoints of a service that serve its |port|-th port. */
static void watch_port(struct mesh_runtime *s, const struct generation *g, uint32_t service,
		       uint32_t port)
{
	const struct mesh *m = g->mesh;
	const struct mesh_outlier *policy = &m->traffic[m->services[service].traffic].outlier;
	bool added = false;
	uint32_t end;

	for (uint32_t i = generation_rows(g, service, &end); i < end; i++) {
		const struct generation_endpoint *e = &g->endpoints[i];

		if (port_of(m, e) != port)
			continue;
		if (!added)
			eject_service_add(s->eject, g->services[service], policy);
		added = true;
		eject_host_add(s->eject, m->endpoints[e->endpoint].address, e->port, e->state);
	}
}

static void watch_outliers(struct mesh_runtime *s, const struct generation *g)
{
	const struct mesh *m = g->mesh;

	eject_begin(s->eject);
	for (uint32_t i = 0; i < m->service_count; i++) {
		if (!m->traffic[m->services[i].traffic].outlier.enabled)
			continue;
		for (uint32_t port = 0; port < m->services[i].port_count; port++)
			watch_port(s, g, i, port);
	}
	eject_commit(s->eject);
}

void mesh_runtime_request(struct mesh_runtime *s, const struct request *r)
{
	uint64_t duration_ns = r->start_ns && r->end_ns ? r->end_ns - r->start_ns : 0;

	if (evidence_request(r) && istio_status(r) != ISTIO_STATUS_UNKNOWN)
		eject_request(s->eject, r->server->addr, r->server->port, r->status, duration_ns,
			      process_now_ns());
}

void mesh_runtime_connection(struct mesh_runtime *s, const struct connection *c)
{
	const struct generation *g = s->generation;

	if (g && evidence_connect(s->evidence, g->mesh, g->number, c))
		eject_connect(s->eject, c->server->addr, c->server->port,
			      !(c->flags & RESPONSE_FLAG(UF)), process_now_ns());
}

void mesh_runtime_verdict(struct mesh_runtime *s, const struct verdict *v)
{
	evidence_verdict(s->evidence, v);
}

void mesh_runtime_tick(struct mesh_runtime *s, uint64_t now_ns)
{
	eject_tick(s->eject, now_ns);
	if (s->close_until_ns && now_ns >= s->close_until_ns)
		stop_closing(s);
}

/* ---- removed endpoints */

/* Whether it has UDP ports: a connected socket would send to an endpoint forever. */
static bool has_datagrams(const struct mesh *m, const struct mesh_service *s)
{
	for (uint32_t i = 0; i < s->port_count; i++)
		if (m->ports[s->port_first + i].protocol == MESH_UDP)
			return true;
	return false;
}

typedef void (*endpoint_visit)(struct weft_endpoint_state *e, bool connects, bool *used);

/* Visits the endpoints that have UDP ports; |connects|: sockets may be connected to it. */
static void visit_datagrams(struct mesh_runtime *s, const struct generation *g,
			    endpoint_visit visit, bool *used)
{
	const struct mesh *m = g->mesh;

	for (uint32_t service = 0, end; service < m->service_count; service++) {
		if (!has_datagrams(m, &m->services[service]))
			continue;
		for (uint32_t i = generation_rows(g, service, &end); i < end; i++)
			visit(&s->state.endpoints[g->endpoints[i].state],
			      m->endpoints[g->endpoints[i].endpoint].health != MESH_NOT_READY,
			      used);
	}
}

static void set_gone(struct weft_endpoint_state *e, bool connects, bool *used)
{
	(void)used;
	if (connects)
		__atomic_fetch_or(&e->flags, WEFT_GONE, __ATOMIC_RELAXED);
}

static void set_living(struct weft_endpoint_state *e, bool connects, bool *used)
{
	(void)used;
	if (connects)
		__atomic_fetch_and(&e->flags, ~WEFT_GONE, __ATOMIC_RELAXED);
}

static void find_used(struct weft_endpoint_state *e, bool connects, bool *used)
{
	(void)connects;
	*used |= e->flags & WEFT_GONE && e->connections;
}

/* Endpoints removed while no agent ran: sockets are connected to them, and the first generation
 * does not have them. Their numbers are not reused while that is so. */
static void mark_gone_before(struct mesh_runtime *s, const struct generation *first)
{
	bool used = false;

	for (uint32_t i = 0; i < WEFT_MESH_ENDPOINTS; i++)
		if (s->state.endpoints[i].connections)
			__atomic_fetch_or(&s->state.endpoints[i].flags, WEFT_GONE,
					  __ATOMIC_RELAXED);
	visit_datagrams(s, first, set_living, &used);
	for (uint32_t i = 0; i < WEFT_MESH_ENDPOINTS && !used; i++)
		used = s->state.endpoints[i].connections && s->state.endpoints[i].flags & WEFT_GONE;
	if (used)
		s->end_connections(s->end_arg);
}

static void mark_gone(struct mesh_runtime *s, const struct generation *old,
		      const struct generation *new)
{
	bool used = false;

	visit_datagrams(s, old, set_gone, &used);
	visit_datagrams(s, new, set_living, &used);
	visit_datagrams(s, old, find_used, &used);
	if (used)
		s->end_connections(s->end_arg);
}

/* ---- names of verdicts */

void mesh_runtime_verdict_names(void *arg, const struct weft_verdict *v,
				struct observe_verdict_names *ret)
{
	struct mesh_runtime *s = arg;
	struct generation *g = config_compiler_generation(s->config_compiler, v->generation);

	if (g)
		verdict_names_find(g, v, ret);
	generation_put(g);
}

/* ---- changes */

void mesh_runtime_news(struct mesh_runtime *s)
{
	struct generation *g;

	config_compiler_acknowledge(s->config_compiler);
	g = config_compiler_latest(s->config_compiler);
	if (!g)
		return;
	if (!s->generation) { /* ejections of an earlier agent would never end */
		flags_clear(s, g, WEFT_EJECTED | WEFT_EJECTED_CLOSE | WEFT_GONE);
		mark_gone_before(s, g);
	}
	if (!s->generation || s->generation->number != g->number)
		watch_outliers(s, g);
	if (s->generation && s->generation->number != g->number)
		mark_gone(s, s->generation, g);
	generation_put(s->generation);
	s->generation = g;
}

const struct generation *mesh_runtime_generation(const struct mesh_runtime *s)
{
	return s->generation;
}

/* The generation of another build is in force in the kernel, but not in this build's maps. */
static const char *in_force_text(const struct mesh_runtime *s,
				 const struct config_compiler_status *status)
{
	return status->in_force == CONFIG_COMPILER_NOTHING && s->earlier_build
		       ? "an earlier build"
		       : config_compiler_source_text(status->in_force);
}

bool mesh_runtime_ready(struct mesh_runtime *s, char *why, size_t size)
{
	struct config_compiler_status status;

	config_compiler_status_read(s->config_compiler, &status);
	why[0] = 0;
	if (!status.settled)
		return false;
	if (status.in_force != CONFIG_COMPILER_DIRECTORY || status.failure[0])
		snprintf(why, size, "in force: %s; %s", in_force_text(s, &status), status.failure);
	return status.in_force != CONFIG_COMPILER_NOTHING;
}

/* ---- start */

static int start(struct mesh_runtime *s, const struct mesh_runtime_options *o, struct error *err)
{
	struct config_compiler_options options = {.seed = (uint32_t)o->seed,
						  .loader = o->loader,
						  .files = o->files,
						  .confine = o->confine};
	int r = mesh_state_open(&o->lent, &s->state, err);

	if (r)
		return r;
	s->earlier_build = o->earlier_build;
	s->end_connections = o->end_connections;
	s->end_arg = o->arg;
	options.state = s->state;
	s->eject = eject_new(EJECT_HOSTS, o->seed, set_ejected, s);
	s->evidence = evidence_new(o->seed);
	s->match = process_match_new(o->cgroup_path, o->arg);
	if (!s->eject || !s->evidence || !s->match)
		return error_set(err, -ENOMEM, "no memory for the mesh");
	return config_compiler_new(&options, &s->config_compiler, err);
}

int mesh_runtime_new(const struct mesh_runtime_options *options, struct mesh_runtime **ret,
		     struct error *err)
{
	struct mesh_runtime *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return error_set(err, -ENOMEM, "no memory");
	r = start(s, options, err);
	if (r)
		mesh_runtime_free(s);
	else
		*ret = s;
	return r;
}

void mesh_runtime_free(struct mesh_runtime *s)
{
	if (!s)
		return;
	config_compiler_free(s->config_compiler);
	generation_put(s->generation);
	eject_free(s->eject);
	evidence_free(s->evidence);
	process_match_free(s->match);
	mesh_state_close(&s->state);
	free(s->shown);
	free(s->names);
	free(s);
}

int mesh_runtime_fd(const struct mesh_runtime *s)
{
	return config_compiler_fd(s->config_compiler);
}

/* ---- names */

static bool serves(const struct mesh *m, const struct mesh_endpoint *e, uint16_t port)
{
	const struct mesh_service *service = &m->services[e->service];

	for (uint32_t i = 0; i < service->port_count; i++)
		if (m->target_ports[e->ports_first + i] == port)
			return true;
	return false;
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static void name_workload(const struct mesh_workload *w, struct observe_names *ret)
{
	copy(ret->workload, sizeof(ret->workload), mesh_workload_title(w));
	copy(ret->namespace_name, sizeof(ret->namespace_name), w->namespace_name);
	copy(ret->app, sizeof(ret->app), w->canonical_service);
	copy(ret->version, sizeof(ret->version), w->bare ? "unknown" : w->canonical_revision);
}

static void name_service(const struct mesh *m, const struct mesh_service *service,
			 struct observe_names *ret)
{
	copy(ret->namespace_name, sizeof(ret->namespace_name), service->namespace_name);
	copy(ret->service, sizeof(ret->service),
	     service->host_count ? m->hosts[service->host_first] : service->name);
}

int mesh_runtime_names(void *arg, const struct weft_owner *owner, const uint8_t addr[16],
		       uint16_t port, struct observe_names *ret)
{
	static const uint8_t nowhere[16];
	const struct mesh_runtime *s = arg;
	const struct mesh *m;
	uint32_t workload = MESH_NONE, endpoint = MESH_NONE;

	if (!s->generation)
		return -ENOENT;
	m = s->generation->mesh;
	if (owner)
		workload = process_match_owner(s->match, m, s->generation->number, owner,
					       addr ? addr : nowhere);
	if (workload == MESH_NONE && addr)
		workload = mesh_workload_find(m, addr);
	if (addr)
		endpoint = mesh_endpoint_find(m, addr);
	if (workload == MESH_NONE && endpoint == MESH_NONE)
		return -ENOENT;
	if (workload == MESH_NONE)
		workload = m->endpoints[endpoint].workload;
	if (workload != MESH_NONE)
		name_workload(&m->workloads[workload], ret);
	if (endpoint != MESH_NONE && serves(m, &m->endpoints[endpoint], port))
		name_service(m, &m->services[m->endpoints[endpoint].service], ret);
	return 0;
}

/* ---- output */

static void put_problems(struct json *j, const char *key,
			 const struct config_compiler_status *status)
{
	json_put_array(j, key);
	for (uint32_t i = 0; i < status->problem_count; i++)
		json_put_string(j, NULL, status->problems[i]);
	json_put_array_end(j);
}

static void put_ejections(struct json *j, const char *key, const struct eject_counts *counts)
{
	json_put_object(j, key);
	for (unsigned i = 0; i < EJECT_REASON_MAX; i++)
		json_put_number(j, eject_reason_text(i), counts->ejections[i]);
	json_put_object_end(j);
}

#define API_STATUS_MESH(X)                                                                         \
	X(json_put_number, "generation", "number", "of the configuration in force; 0: none",       \
	  status.number)                                                                           \
	X(json_put_number, "failed", "number", "changes that were not put in force",               \
	  status.failed)                                                                           \
	X(json_put_string, "failure", "text", "why the latest was not; empty: it is in force",     \
	  status.failure)

void mesh_runtime_write_short(struct mesh_runtime *s, struct json *j, const char *key)
{
	struct config_compiler_status status;

	config_compiler_status_read(s->config_compiler, &status);
	JSON_OBJECT(key, API_STATUS_MESH);
}

#define API_MESH(X)                                                                                \
	X(json_put_string, "directory", "text", "of the configuration", directory)                 \
	X(json_put_bool, "settled", "boolean",                                                     \
	  "whether what the directory holds has been handled", status.settled)                     \
	X(json_put_string, "in_force", "text",                                                     \
	  "`directory`; `last good`: the files that an earlier agent had put in force, kept "      \
	  "beside the pins, as the directory's are not valid; `an earlier agent`: its tables, "    \
	  "its files are not known; `an earlier build`: the same, in a kernel half that this "     \
	  "build cannot read; `nothing`",                                                          \
	  in_force_text(s, &status))                                                               \
	X(json_put_number, "generation", "number", "of the configuration in force; 0: none",       \
	  status.number)                                                                           \
	X(json_put_string, "hash", "text", "of its files, in hexadecimal", hash)                   \
	X(json_put_number, "applied", "number", "changes that were put in force", status.applied)  \
	X(json_put_number, "failed", "number", "changes that were not", status.failed)             \
	X(json_put_number, "success_s", "s since 1970",                                            \
	  "when a change was last put in force; 0: never", status.success_s)                       \
	X(json_put_number, "failure_s", "s since 1970", "when a change last was not; 0: never",    \
	  status.failure_s)                                                                        \
	X(json_put_string, "failure", "text", "why the latest was not; empty: it is in force",     \
	  status.failure)                                                                          \
	X(json_put_string, "acceleration", "text",                                                 \
	  "why not all that the configuration asks for is accelerated; empty: all is",             \
	  status.acceleration)                                                                     \
	X(json_put_number, "errors", "number", "in the files of the directory", status.errors)     \
	X(json_put_number, "warnings", "number", "in the files of the directory", status.warnings) \
	X(json_put_number, "plan_us", "us", "from the files of the latest change to a generation", \
	  status.plan_us)                                                                          \
	X(json_put_number, "apply_us", "us", "from that to the kernel's tables", status.apply_us)  \
	X(json_put_number, "cells", "number", "entries of the generation in the kernel's tables",  \
	  status.cells)                                                                            \
	X(json_put_number, "files", "number", "files in force", m ? m->file_count : 0)             \
	X(json_put_number, "services", "number", "services in force", m ? m->service_count : 0)    \
	X(json_put_number, "endpoints", "number", "endpoints in force", m ? m->endpoint_count : 0) \
	X(json_put_number, "workloads", "number", "workloads in force", m ? m->workload_count : 0) \
	X(json_put_number, "policies", "number", "policies in force", m ? m->policy_count : 0)     \
	X(json_put_number, "ejected", "number", "endpoints ejected now, at one port each",         \
	  counts->active)                                                                          \
	X(json_put_number, "ejections_held_back", "number",                                        \
	  "ejections that the limit of ejected endpoints prevented", counts->held_back)            \
	X(put_ejections, "ejections", "object", "how often an endpoint was ejected, by reason",    \
	  counts)                                                                                  \
	X(put_problems, "problems", "list of text",                                                \
	  "errors and warnings of the files, with place", &status)

void mesh_runtime_write_status(struct mesh_runtime *s, const char *directory, struct text *out)
{
	const struct mesh *m = s->generation ? s->generation->mesh : NULL;
	const struct eject_counts *counts = eject_counts(s->eject);
	struct config_compiler_status status;
	char hash[20];

	config_compiler_status_read(s->config_compiler, &status);
	snprintf(hash, sizeof(hash), "%016" PRIx64, status.hash);
	JSON_LINE(out, API_MESH);
}

/* ---- metrics */

static bool health_room(struct mesh_runtime *s)
{
	if (s->shown)
		return true;
	s->shown = calloc(SERVICES_SHOWN, sizeof(*s->shown));
	s->names = calloc(SERVICES_SHOWN, sizeof(*s->names));
	return s->shown && s->names;
}

static void show_service(struct mesh_runtime *s, uint32_t index, struct health_mesh *ret)
{
	const struct mesh_service *service = &s->generation->mesh->services[index];
	const struct weft_service_state *state = &s->state.services[s->generation->services[index]];
	struct health_service *shown = &s->shown[ret->service_count];
	char *name = s->names[ret->service_count];

	if (!state->connects && !state->no_endpoint && !state->overflow && !state->denied)
		return;
	snprintf(name, SERVICE_NAME_BYTES, "%s/%s", service->namespace_name, service->name);
	*shown = (struct health_service){
		.name = name,
		.connects = state->connects,
		.refused = {state->no_endpoint, state->overflow, state->denied},
		.connections = state->connections,
	};
	ret->service_count++;
}

static void show_services(struct mesh_runtime *s, struct health_mesh *ret)
{
	const struct generation *g = s->generation;

	ret->service_count = 0;
	ret->services = s->shown;
	for (uint32_t i = 0; i < g->mesh->service_count && ret->service_count < SERVICES_SHOWN; i++)
		if (g->services[i] != MESH_NONE)
			show_service(s, i, ret);
}

void mesh_runtime_health(struct mesh_runtime *s, struct health_mesh *ret)
{
	const struct mesh *m = s->generation ? s->generation->mesh : NULL;
	const struct eject_counts *counts = eject_counts(s->eject);
	struct config_compiler_status status;

	config_compiler_status_read(s->config_compiler, &status);
	*ret = (struct health_mesh){
		.on = true,
		.generation = status.number,
		.hash = status.hash,
		.applied = status.applied,
		.failed = status.failed,
		.success_s = status.success_s,
		.failure_s = status.failure_s,
		.ahead = status.failure[0] != 0,
		.ejected = counts->active,
	};
	for (unsigned i = 0; i < EJECT_REASON_MAX; i++) {
		ret->ejections[i] = counts->ejections[i];
		ret->eject_reasons[i] = eject_reason_text(i);
	}
	if (!m || !health_room(s))
		return;
	ret->objects[HEALTH_MESH_FILES] = m->file_count;
	ret->objects[HEALTH_MESH_SERVICES] = m->service_count;
	ret->objects[HEALTH_MESH_ENDPOINTS] = m->endpoint_count;
	ret->objects[HEALTH_MESH_WORKLOADS] = m->workload_count;
	ret->objects[HEALTH_MESH_POLICIES] = m->policy_count;
	show_services(s, ret);
}
