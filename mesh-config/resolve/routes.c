// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Routes: who splits which service, and where its connections go then. */
#include "mesh-config/resolve/resolve.h"

#include <stdio.h>

/* ---- who splits what */

static bool is_gateway(const struct draft *d)
{
	return d->kind != KIND_VIRTUAL_SERVICE && d->kind != KIND_TRAFFIC_SPLIT;
}

/* Routes of the Gateway API may share a service, each in its turn. */
static void splitter_add(struct resolve *r, struct draft *d, uint32_t service, uint32_t port,
			 struct place at)
{
	struct splitters *w = &r->splitters[service];
	struct draft *first = w->first ? w->first->draft : NULL;
	struct splitter *s;

	if (first && (!is_gateway(d) || !is_gateway(first))) {
		if (first != d) {
			resolve_problem(r, d, PROBLEM_CONFLICT, at,
					"the service is split by %s already", first->title);
			problem_hint(r->problems, "%s:%u", first->file->name, first->at.line);
		}
		return;
	}
	s = arena_take(&r->arena, sizeof(*s));
	r->failed |= !s;
	if (!s)
		return;
	*s = (struct splitter){d, port, NULL};
	*(w->first ? w->end : &w->first) = s;
	w->end = &s->next;
	r->work[service].routes_hash += d->hash;
	unbalanced_warn(r, service, d, at);
}

static void virtual_service_assign(struct resolve *r, struct draft *d)
{
	const struct draft_virtual_service *spec = d->spec;
	const struct draft_text *hosts = spec->hosts.items;

	if (!is_for_mesh(&spec->gateways)) {
		resolve_problem(r, d, PROBLEM_HARMLESS, spec->gateways.at,
				"routes of gateways have no effect here");
		return;
	}
	for (uint32_t i = 0; i < spec->hosts.count; i++) {
		uint32_t service;

		if (strchr(hosts[i].text, '*')) {
			resolve_problem(r, d, PROBLEM_UNSUPPORTED, hosts[i].at,
					"routes for hosts by wildcard are not supported");
			continue;
		}
		service = host_require(r, d, PROBLEM_LOST_OBJECT, &hosts[i]);
		for (; service != MESH_NONE; service = r->work[service].twin_next)
			splitter_add(r, d, service, 0, hosts[i].at);
	}
}

/* The service that a parentRef or backendRef names. */
static uint32_t reference_resolve(struct resolve *r, const struct draft *d, enum problem_code code,
				  const char *namespace_name, const struct draft_text *name)
{
	const char *in = namespace_name[0] ? namespace_name : d->namespace_name;
	uint32_t service = service_resolve(r, in, name->text);

	if (service == MESH_NONE && !r->incomplete && name->text[0])
		resolve_problem(r, d, code, name->at, "there is no Service %s/%s", in, name->text);
	return service;
}

static bool parent_is_service(const struct draft_parent *p)
{
	if (!strcmp(p->kind, "ServiceEntry"))
		return !p->group[0] || !strcmp(p->group, "networking.istio.io");
	return !strcmp(p->kind, "Service") && !p->group[0];
}

static void gateway_route_assign(struct resolve *r, struct draft *d)
{
	const struct draft_gateway_route *spec = d->spec;
	const struct draft_parent *p = spec->parents.items;

	for (uint32_t i = 0; i < spec->parents.count; i++) {
		uint32_t service;

		if (!parent_is_service(&p[i])) {
			resolve_problem(r, d, PROBLEM_HARMLESS, p[i].at,
					"routes of gateways have no effect here");
			continue;
		}
		service = reference_resolve(r, d, PROBLEM_LOST_OBJECT, p[i].namespace_name,
					    &p[i].name);
		if (service != MESH_NONE)
			splitter_add(r, d, service, p[i].port, p[i].at);
	}
}

static void split_assign(struct resolve *r, struct draft *d)
{
	const struct draft_split *spec = d->spec;
	uint32_t service = host_require(r, d, PROBLEM_LOST_OBJECT, &spec->service);

	if (service != MESH_NONE)
		splitter_add(r, d, service, 0, spec->service.at);
}

void resolve_splitters(struct resolve *r)
{
	static const struct {
		enum kind_id kind;
		void (*assign)(struct resolve *r, struct draft *d);
	} order[] = {
		{KIND_VIRTUAL_SERVICE, virtual_service_assign},
		{KIND_HTTP_ROUTE, gateway_route_assign},
		{KIND_GRPC_ROUTE, gateway_route_assign},
		{KIND_TCP_ROUTE, gateway_route_assign},
		{KIND_TRAFFIC_SPLIT, split_assign},
	};

	r->splitters = arena_array(&r->arena, struct splitters, ROWS_END(r, services) + 1u);
	r->failed |= !r->splitters;
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		uint32_t count;
		struct draft *const *drafts = drafts_of(r, order[i].kind, &count);

		for (uint32_t j = 0; j < count && !r->failed; j++)
			order[i].assign(r, drafts[j]);
	}
}

/* ---- destinations */

struct route_work {
	struct resolve *r;
	const struct draft *d;
	uint32_t service;
	uint32_t destination_first, destination_count;
	const struct draft *everything; /* a route of it before matches everything */
};

/* Of a destination it is an error; a condition never holds then, as in Istio. */
static void port_report(struct resolve *r, const struct draft *d, enum problem_code code,
			uint32_t service, uint32_t port, struct place at)
{
	const struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];
	char ports[128] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < s->port_count && used < sizeof(ports); i++)
		used += (size_t)snprintf(ports + used, sizeof(ports) - used, "%s%u", i ? ", " : "",
					 ROWS(r, ports, struct mesh_port)[s->port_first + i].port);
	resolve_problem(r, d, code, at, "%s/%s has no port %u%s", s->namespace_name, s->name, port,
			code == PROBLEM_NO_PORT ? "" : ": this never holds");
	problem_hint(r->problems, "its ports: %s", ports[0] ? ports : "none");
}

static void port_require(struct resolve *r, const struct draft *d, uint32_t service, uint32_t port,
			 struct place at)
{
	if (port && !service_offers(r, service, port))
		port_report(r, d, PROBLEM_NO_PORT, service, port, at);
}

static uint32_t subset_require(struct resolve *r, const struct draft *d, uint32_t service,
			       const struct draft_text *name)
{
	const struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];
	const struct mesh_subset *subsets = ROWS(r, subsets, struct mesh_subset);
	char known[256] = "";
	size_t used = 0;

	for (uint32_t i = s->subset_first; i < s->subset_first + s->subset_count; i++) {
		if (subsets[i].name == name->text)
			return i;
		if (used < sizeof(known))
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
						 used ? ", " : "", subsets[i].name);
	}
	if (r->incomplete)
		return MESH_NONE;
	resolve_problem(r, d, PROBLEM_NO_SUBSET, name->at, "%s/%s has no subset \"%s\"",
			s->namespace_name, s->name, name->text);
	if (known[0])
		problem_hint(r->problems, "its subsets: %s", known);
	else
		problem_hint(r->problems, "no DestinationRule of the host has subsets");
	return MESH_NONE;
}

static void destination_add(struct route_work *w, uint32_t service, uint32_t subset, uint32_t port,
			    uint32_t weight, struct place at)
{
	const struct draft *to;

	if (service == MESH_NONE)
		return;
	to = w->r->work[service].draft;
	w->destination_count++;
	w->r->work[w->service].routes_hash += name_hash(to->namespace_name, to->name);
	*ROW_ADD(w->r, destinations, struct mesh_destination) = (struct mesh_destination){
		service, subset, (uint16_t)port, weight, position_of(w->d, at)};
}

/* Of services with one host that of the port, or the one whose connections are routed. */
static uint32_t destination_service(const struct route_work *w, uint32_t service, uint32_t port)
{
	const struct service_work *work = w->r->work;
	uint32_t twin = MESH_NONE;

	if (service == MESH_NONE || work[service].twin_first == MESH_NONE)
		return service;
	if (port)
		twin = twin_with_port(w->r, service, port);
	else if (work[service].twin_first == work[w->service].twin_first)
		twin = w->service;
	return twin == MESH_NONE ? service : twin;
}

static void weighted_add(struct route_work *w, const struct draft_list *list)
{
	const struct draft_weighted *to = list->items;

	w->destination_first = ROWS_END(w->r, destinations);
	w->destination_count = 0;
	for (uint32_t i = 0; i < list->count && !w->r->failed; i++) {
		const struct draft_destination *d = to[i].destination;
		uint32_t service, subset = MESH_NONE, port;

		if (!d)
			continue;
		port = d->port ? d->port->number : 0;
		service = host_require(w->r, w->d, PROBLEM_NO_SERVICE, &d->host);
		service = destination_service(w, service, port);
		if (service == MESH_NONE)
			continue;
		if (d->subset.text[0])
			subset = subset_require(w->r, w->d, service, &d->subset);
		port_require(w->r, w->d, service, port, d->port ? d->port->at : d->at);
		destination_add(w, service, subset, port, to[i].weight, to[i].at);
	}
}

/* ---- routes */

static const struct draft_route_match match_all = {.source_labels = &(const struct mesh_labels){0},
						   .source_namespace = pool_empty};

static void route_add(struct route_work *w, const struct draft_route_match *m, uint32_t port,
		      struct place at)
{
	const struct draft_address *subnet = m->subnets.items;
	struct mesh_route *route;
	struct mesh_service *s;

	if (w->everything == w->d)
		resolve_problem(w->r, w->d, PROBLEM_UNREACHABLE, at,
				"the route before takes every connection");
	else if (w->everything)
		resolve_problem(w->r, w->d, PROBLEM_UNREACHABLE, at,
				"%s comes before and takes every connection", w->everything->title);
	route = ROW_ADD(w->r, routes, struct mesh_route);
	*route = (struct mesh_route){
		.service = w->service,
		.port = (uint16_t)port,
		.source_namespace = m->source_namespace,
		.source_labels = m->source_labels->count ? m->source_labels : pool_labels_none,
		.prefix_first = ROWS_END(w->r, prefixes),
		.prefix_count = m->subnets.count,
		.destination_first = w->destination_first,
		.destination_count = w->destination_count,
		.position = position_of(w->d, at),
	};
	for (uint32_t i = 0; i < m->subnets.count; i++)
		*ROW_ADD(w->r, prefixes, struct mesh_prefix) = subnet[i].prefix;
	s = &ROWS(w->r, services, struct mesh_service)[w->service];
	s->route_count++;
	if (!w->everything && !port && !m->source_namespace[0] && !m->source_labels->count &&
	    !m->subnets.count)
		w->everything = w->d;
}

enum port_class {
	PORTS_ALL,
	PORTS_HTTP,
	PORTS_OTHER,
};

static bool port_is(const struct mesh_port *p, enum port_class class)
{
	bool http = p->app_protocol == MESH_APP_HTTP || p->app_protocol == MESH_APP_HTTP2 ||
		    p->app_protocol == MESH_APP_GRPC;

	return class == PORTS_ALL || http == (class == PORTS_HTTP);
}

static void match_add(struct route_work *w, const struct draft_route_match *m,
		      enum port_class class, struct place at)
{
	const struct mesh_service *s = &ROWS(w->r, services, struct mesh_service)[w->service];

	if (m->port && !service_offers(w->r, w->service, m->port)) {
		/* else it is about another service with this host */
		if (twin_with_port(w->r, w->service, m->port) == MESH_NONE)
			port_report(w->r, w->d, PROBLEM_LOST_OBJECT, w->service, m->port, at);
		return;
	}
	if (m->port || class == PORTS_ALL) {
		route_add(w, m, m->port, at);
		return;
	}
	for (uint32_t i = 0; i < s->port_count && !w->r->failed; i++) {
		const struct mesh_port *p = &ROWS(w->r, ports, struct mesh_port)[s->port_first + i];

		if (port_is(p, class))
			route_add(w, m, p->port, at);
	}
}

/* A row that answers itself, or is of gateways alone, sends nothing anywhere here. */
static bool leads_somewhere(const struct draft_route *row)
{
	const struct draft_route_match *m = row->match.items;

	for (uint32_t i = 0; i < row->match.count; i++)
		if (is_for_mesh(&m[i].gateways))
			return row->route.count;
	return row->route.count && !row->match.count;
}

static void rows_route(struct route_work *w, const struct draft_list *rows, enum port_class class)
{
	const struct draft_route *row = rows->items;

	for (uint32_t i = 0; i < rows->count && !w->r->failed; i++) {
		const struct draft_route_match *m = row[i].match.items;

		if (!leads_somewhere(&row[i]))
			continue;
		weighted_add(w, &row[i].route);
		if (!row[i].match.count)
			match_add(w, &match_all, class, row[i].at);
		for (uint32_t j = 0; j < row[i].match.count; j++)
			if (is_for_mesh(&m[j].gateways))
				match_add(w, &m[j], class, m[j].at);
	}
}

static void virtual_service_route(struct route_work *w)
{
	const struct draft_virtual_service *v = w->d->spec;
	bool both = v->http.count && v->tcp.count;

	rows_route(w, &v->http, both ? PORTS_HTTP : PORTS_ALL);
	rows_route(w, &v->tcp, both ? PORTS_OTHER : PORTS_ALL);
}

/* A route of another namespace than its service's is for the clients of its own. */
static bool is_consumer(const struct route_work *w, const struct draft *d)
{
	return is_gateway(d) && w->r->work[w->service].draft->namespace_name != d->namespace_name;
}

static bool grant_fits(const struct draft_grant *g, const struct draft *d, const char *name)
{
	const struct draft_grant_from *from = g->from.items;
	const struct draft_grant_to *to = g->to.items;
	bool from_fits = false, to_fits = false;

	for (uint32_t i = 0; i < g->from.count; i++)
		from_fits |= !strcmp(from[i].group, kinds[d->kind].group) &&
			     !strcmp(from[i].kind, kinds[d->kind].name) &&
			     !strcmp(from[i].namespace_name, d->namespace_name);
	for (uint32_t i = 0; i < g->to.count; i++)
		to_fits |= !to[i].group[0] && !strcmp(to[i].kind, kinds[KIND_SERVICE].name) &&
			   (!to[i].name[0] || !strcmp(to[i].name, name));
	return from_fits && to_fits;
}

/* What a file that cannot be read may grant is not known. */
static void grant_require(struct resolve *r, const struct draft *d, const struct draft_backend *b)
{
	const struct catalog *c = &r->source->catalogs[KIND_REFERENCE_GRANT];

	if (!b->namespace_name[0] || b->namespace_name == d->namespace_name || r->incomplete)
		return;
	for (uint32_t i = catalog_find(c, b->namespace_name, "");
	     i < c->count && c->items[i]->namespace_name == b->namespace_name; i++)
		if (grant_fits(c->items[i]->spec, d, b->name.text))
			return;
	resolve_problem(r, d, PROBLEM_UNGRANTED, b->at,
			"no ReferenceGrant lets a %s of namespace %s refer to Service "
			"%s/%s",
			kinds[d->kind].name, d->namespace_name, b->namespace_name, b->name.text);
	problem_hint(r->problems,
		     "add one to namespace %s, or take it upon yourself: annotation "
		     "weft.dev/accept: E3008",
		     b->namespace_name);
}

static void gateway_route(struct route_work *w, const struct splitter *splitter)
{
	const struct draft_gateway_route *g = w->d->spec;
	const struct draft_gateway_rule *rule = g->rules.items;

	for (uint32_t i = 0; i < g->rules.count && !w->r->failed; i++) {
		const struct draft_backend *b = rule[i].backends.items;
		struct draft_route_match m = match_all;

		if (!rule[i].backends.count)
			continue;
		w->destination_first = ROWS_END(w->r, destinations);
		w->destination_count = 0;
		for (uint32_t j = 0; j < rule[i].backends.count; j++) {
			uint32_t service = reference_resolve(w->r, w->d, PROBLEM_NO_SERVICE,
							     b[j].namespace_name, &b[j].name);

			if (service != MESH_NONE) {
				grant_require(w->r, w->d, &b[j]);
				port_require(w->r, w->d, service, b[j].port, b[j].at);
			}
			destination_add(w, service, MESH_NONE, b[j].port, b[j].weight, b[j].at);
		}
		m.port = splitter->port;
		if (is_consumer(w, w->d))
			m.source_namespace = w->d->namespace_name;
		match_add(w, &m, PORTS_ALL, rule[i].at);
	}
}

static void split_route(struct route_work *w)
{
	const struct draft_split *split = w->d->spec;
	const struct draft_split_backend *b = split->backends.items;

	w->destination_first = ROWS_END(w->r, destinations);
	w->destination_count = 0;
	for (uint32_t i = 0; i < split->backends.count && !w->r->failed; i++)
		destination_add(w, host_require(w->r, w->d, PROBLEM_NO_SERVICE, &b[i].service),
				MESH_NONE, 0, b[i].weight, b[i].at);
	route_add(w, &match_all, 0, w->d->at);
}

static void splitters_route(struct route_work *w, bool consumers)
{
	const struct splitter *s = w->r->splitters[w->service].first;

	for (; s && !w->r->failed; s = s->next) {
		if (is_consumer(w, s->draft) != consumers)
			continue;
		w->d = s->draft;
		if (s->draft->kind == KIND_VIRTUAL_SERVICE)
			virtual_service_route(w);
		else if (s->draft->kind == KIND_TRAFFIC_SPLIT)
			split_route(w);
		else
			gateway_route(w, s);
	}
}

/* To those clients what their own namespace says counts before what the service's does. */
static void service_route(struct resolve *r, uint32_t service)
{
	struct route_work w = {.r = r, .service = service};

	splitters_route(&w, true);
	splitters_route(&w, false);
}

/* ---- acceleration */

static void accelerate(struct resolve *r, uint32_t service, const struct draft *d, bool on)
{
	ROWS(r, services, struct mesh_service)[service].acceleration = on;
	r->work[service].routes_hash += d->hash;
}

static void acceleration_apply(struct resolve *r, const struct draft *d)
{
	const struct draft_acceleration *a = d->spec;
	const struct draft_text *hosts = a->services.items;

	for (uint32_t i = 0; i < a->services.count; i++) {
		uint32_t service = host_require(r, d, PROBLEM_NO_SERVICE, &hosts[i]);

		for (; service != MESH_NONE; service = r->work[service].twin_next)
			accelerate(r, service, d, a->enabled);
	}
	for (uint32_t i = 0; i < ROWS_END(r, services) && !a->services.count; i++)
		if (r->work[i].draft->namespace_name == d->namespace_name)
			accelerate(r, i, d, a->enabled);
}

void resolve_routes(struct resolve *r)
{
	struct mesh_service *s = ROWS(r, services, struct mesh_service);
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_ACCELERATION, &count);

	for (uint32_t i = 0; i < ROWS_END(r, services) && !r->failed; i++) {
		s[i].route_first = ROWS_END(r, routes);
		service_route(r, i);
	}
	unbalanced_rules_warn(r);
	for (uint32_t i = 0; i < count && !r->failed; i++)
		acceleration_apply(r, drafts[i]);
}
