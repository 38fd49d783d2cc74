// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of VirtualService. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

/* Gateways are named, and those inside the mesh are not among them. */
static bool is_of_gateways(const struct yaml_node *map)
{
	const struct yaml_node *gateways = yaml_find(map, "gateways");

	if (!gateways || gateways->kind != YAML_LIST)
		return false;
	for (const struct yaml_node *n = gateways->first; n; n = n->next)
		if (n->kind != YAML_TEXT || slice_equal(n->text, SLICE("mesh")))
			return false;
	return gateways->count;
}

/* A route of which every condition is. */
static bool is_route_of_gateways(const struct yaml_node *map)
{
	const struct yaml_node *match = yaml_find(map, "match");

	if (!match || match->kind != YAML_LIST)
		return false;
	for (const struct yaml_node *n = match->first; n; n = n->next)
		if (n->kind != YAML_MAP || !is_of_gateways(n))
			return false;
	return match->count;
}

static SCHEMA(destination, DESTINATION_FIELDS, "destination");
static SCHEMA(weighted, WEIGHTED_FIELDS, "route");

/* {prefix: /}, as people write a route for the rest. */
static bool is_every_path(const struct yaml_node *n)
{
	const struct yaml_node *prefix = yaml_find(n, "prefix");

	return prefix && n->count == 1 && prefix->kind == YAML_TEXT &&
	       slice_equal(prefix->text, SLICE("/"));
}

static SCHEMA_AS(http_match, route_match, HTTP_MATCH_FIELDS, "VirtualService.spec.http.match",
		 .elsewhere = is_of_gateways);
static SCHEMA_AS(tcp_match, route_match, TCP_MATCH_FIELDS, "VirtualService.spec.tcp.match",
		 .elsewhere = is_of_gateways);

static void route_check(struct reading *r, void *draft)
{
	const struct draft_route *route = draft;
	struct draft_weighted *to = route->route.items;
	uint64_t sum = 0;
	bool said = false;

	if (!route->route.count && !route->answer_at.line)
		problem_add(r->problems, PROBLEM_REQUIRED, route->at,
			    "field \"route\" is missing: nothing says where connections go");
	for (uint32_t i = 0; i < route->route.count; i++) {
		said |= to[i].weight != UINT32_MAX;
		to[i].weight =
			to[i].weight != UINT32_MAX ? to[i].weight : (route->route.count == 1);
		sum += to[i].weight;
	}
	if (route->route.count == 1 && !sum)
		to[0].weight = 1; /* all of it goes there, whatever its share is */
	else if (route->route.count && !sum) {
		problem_add(r->problems, PROBLEM_WEIGHTS, route->route.at,
			    "no destination has a weight above 0");
		problem_hint(r->problems,
			     "give each destination a weight, best so that they make 100");
	} else if (said && route->route.count > 1 && sum != 100)
		problem_add(r->problems, PROBLEM_HARMLESS, route->route.at,
			    "the weights add up to %llu, not 100: shares are of that sum",
			    (unsigned long long)sum);
}

/* 0s: requests take as long as they take, in Istio by default as well. */
static bool is_no_timeout(const struct yaml_node *n)
{
	return n->kind == YAML_TEXT && slice_equal(n->text, SLICE("0s"));
}

/* {attempts: 0}: Istio repeats twice where nothing is said. */
static bool is_no_retry(const struct yaml_node *n)
{
	const struct yaml_node *attempts = yaml_find(n, "attempts");

	return attempts && attempts->kind == YAML_TEXT && slice_equal(attempts->text, SLICE("0"));
}

static SCHEMA_AS(http_route_row, route, HTTP_ROUTE_ROW_FIELDS, "VirtualService.spec.http",
		 .check = route_check, .elsewhere = is_route_of_gateways);
static SCHEMA_AS(tcp_route_row, route, TCP_ROUTE_ROW_FIELDS, "VirtualService.spec.tcp",
		 .check = route_check, .elsewhere = is_route_of_gateways);

/* Whether |host| is |other|, or a wildcard that covers it. */
static bool host_covers(const char *host, const char *other)
{
	size_t n = strlen(host), m = strlen(other);

	return !strcasecmp(host, other) ||
	       (host[0] == '*' && m >= n && !strcasecmp(host + 1, other + m - (n - 1)));
}

static void host_twice_check(struct reading *r, const struct draft_text *first,
			     const struct draft_text *second)
{
	bool covers = host_covers(second->text, first->text);
	bool covered = host_covers(first->text, second->text);

	if (second->text[0] && (covers || covered))
		problem_add(r->problems, PROBLEM_DUPLICATE, second->at,
			    "host \"%s\" %s \"%s\", which is there already", second->text,
			    !covered ? "covers"
			    : covers ? "is"
				     : "is covered by",
			    first->text);
}

static void hosts_check(struct reading *r, const struct draft_virtual_service *v)
{
	const struct draft_text *hosts = v->hosts.items;

	for (uint32_t i = 0; i < v->hosts.count; i++) {
		if (!strcmp(hosts[i].text, "*") && is_for_mesh(&v->gateways)) {
			problem_add(r->problems, PROBLEM_NAME, hosts[i].at,
				    "\"*\" is every service of the mesh");
			problem_hint(r->problems, "name the services");
		}
		for (uint32_t j = 0; j < i; j++)
			host_twice_check(r, &hosts[j], &hosts[i]);
	}
}

static void virtual_service_check(struct reading *r, void *draft)
{
	const struct draft_virtual_service *v = draft;

	export_check(r, &v->export_to);
	hosts_check(r, v);
	if (!v->http.count && !v->tcp.count && !v->tls_at.line) {
		problem_add(r->problems, PROBLEM_REQUIRED, v->at,
			    "neither http nor tcp: nothing says where connections go");
		problem_hint(r->problems, "a list of routes under http or tcp");
	}
}

SCHEMA(virtual_service, VIRTUAL_SERVICE_FIELDS, "VirtualService.spec",
       .check = virtual_service_check, .elsewhere = is_of_gateways);
