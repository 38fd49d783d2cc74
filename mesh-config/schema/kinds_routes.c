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

static const struct field destination_schema_fields[] = {
	FIELD(struct draft_destination, host, "host", WORD, "of the service", .required = true,
	      .form = FORM_HOST_NOT_ALL),
	FIELD(struct draft_destination, subset, "subset", WORD, "of its DestinationRule",
	      .form = FORM_DNS_LABEL),
	FIELD(struct draft_destination, port, "port", OBJECT, "of that service, if it differs",
	      .object = &port_selector_schema),
};
static SCHEMA(destination_schema, "destination", struct draft_destination);

static const struct field weighted_schema_fields[] = {
	FIELD(struct draft_weighted, destination, "destination", OBJECT, "destinations",
	      .object = &destination_schema, .required = true),
	FIELD(struct draft_weighted, weight, "weight", NUMBER, "share of connections",
	      .max = 1000000, .fallback = UINT32_MAX, .fallback_text = "all, of a single one"),
	FIELD_REFUSE("headers", NOT_HONOURED, "weft does not change requests"),
};
static SCHEMA(weighted_schema, "route", struct draft_weighted);

#define MATCH_FIELDS                                                                               \
	FIELD(struct draft_route_match, port, "port", NUMBER, "of the service", .max = 65535,      \
	      .fallback_text = "any"),                                                             \
		FIELD(struct draft_route_match, source_labels, "sourceLabels", LABELS,             \
		      "of the client's workload"),                                                 \
		FIELD(struct draft_route_match, source_namespace, "sourceNamespace", TEXT,         \
		      "of the client's workload", .form = FORM_DNS_LABEL),                         \
		FIELD(struct draft_route_match, gateways, "gateways", WORD, "mesh only",           \
		      .list = true, .form = FORM_GATEWAY)

#define REQUEST_UNSEEN "connections are routed before any request is sent"

/* {prefix: /}, as people write a route for the rest. */
static bool is_every_path(const struct yaml_node *n)
{
	const struct yaml_node *prefix = yaml_find(n, "prefix");

	return prefix && n->count == 1 && prefix->kind == YAML_TEXT &&
	       slice_equal(prefix->text, SLICE("/"));
}

static const struct field http_match_schema_fields[] = {
	MATCH_FIELDS,
	FIELD_IGNORE("name", "description", FIELD_OF(TEXT)),
	FIELD_REFUSE("uri", NOT_HONOURED, REQUEST_UNSEEN, .asks_nothing = is_every_path),
	FIELD_REFUSE("scheme", NOT_HONOURED, REQUEST_UNSEEN),
	FIELD_REFUSE("method", NOT_HONOURED, REQUEST_UNSEEN),
	FIELD_REFUSE("authority", NOT_HONOURED, REQUEST_UNSEEN),
	FIELD_REFUSE("headers", NOT_HONOURED, REQUEST_UNSEEN),
	FIELD_REFUSE("withoutHeaders", NOT_HONOURED, REQUEST_UNSEEN),
	FIELD_REFUSE("queryParams", NOT_HONOURED, REQUEST_UNSEEN),
	FIELD_IGNORE("ignoreUriCase", "of uri", FIELD_OF(BOOL)),
	FIELD_WARN("statPrefix", HARMLESS, "weft's metrics have their own names", FIELD_OF(TEXT)),
};
static SCHEMA(http_match_schema, "VirtualService.spec.http.match", struct draft_route_match,
	      .elsewhere = is_of_gateways);

static const struct field tcp_match_schema_fields[] = {
	MATCH_FIELDS,
	FIELD(struct draft_route_match, subnets, "destinationSubnets", ADDRESS,
	      "networks of the address that the client connects to", .list = true),
	FIELD_REFUSE("sourceSubnet", NOT_HONOURED, "write sourceLabels or sourceNamespace"),
};
static SCHEMA(tcp_match_schema, "VirtualService.spec.tcp.match", struct draft_route_match,
	      .elsewhere = is_of_gateways);

static void route_check(struct reading *r, void *draft)
{
	const struct draft_route *route = draft;
	struct draft_weighted *to = route->route.items;
	uint64_t sum = 0;
	bool said = false;

	if (!route->route.count && !route->answers)
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
	else if (route->route.count && !sum)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_WEIGHTS, route->route.at,
					 "no destination has a weight above 0"),
			     "give each destination a weight, best so that they make 100");
	else if (said && route->route.count > 1 && sum != 100)
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

/* In the place of a route: accepted, the row is left out. */
#define ANSWERS .offset = offsetof(struct draft_route, answers)

static const struct field http_route_row_schema_fields[] = {
	FIELD(struct draft_route, match, "match", OBJECT,
	      "one of these must hold; none: no condition", .object = &http_match_schema,
	      .list = true),
	FIELD(struct draft_route, route, "route", OBJECT, "destinations by weight",
	      .object = &weighted_schema, .list = true),
	FIELD_IGNORE("name", "description", FIELD_OF(TEXT)),
	FIELD_REFUSE("redirect", NOT_HONOURED, "weft does not answer requests", ANSWERS),
	FIELD_REFUSE("directResponse", SECURITY,
		     "weft does not answer requests: they would reach a service", ANSWERS),
	FIELD_REFUSE("delegate", NOT_HONOURED, "delegation is not supported", ANSWERS),
	FIELD_REFUSE("rewrite", NOT_HONOURED, "weft does not change requests"),
	FIELD_REFUSE("timeout", NOT_HONOURED, "weft does not end requests; set it in the client",
		     .asks_nothing = is_no_timeout),
	FIELD_REFUSE("retries", NOT_HONOURED, "weft does not repeat requests; set it in the client",
		     .asks_nothing = is_no_retry),
	FIELD_REFUSE("fault", NOT_HONOURED, "weft does not change requests"),
	FIELD_REFUSE("mirror", NOT_HONOURED, "weft does not copy requests"),
	FIELD_REFUSE("mirrors", NOT_HONOURED, "weft does not copy requests"),
	FIELD_REFUSE("mirrorPercent", NOT_HONOURED, "weft does not copy requests"),
	FIELD_REFUSE("mirrorPercentage", NOT_HONOURED, "weft does not copy requests"),
	FIELD_REFUSE("corsPolicy", SECURITY, "weft does not change answers"),
	FIELD_REFUSE("headers", NOT_HONOURED, "weft does not change requests"),
};
static SCHEMA(http_route_row_schema, "VirtualService.spec.http", struct draft_route,
	      .check = route_check, .elsewhere = is_route_of_gateways);

static const struct field tcp_route_row_schema_fields[] = {
	FIELD(struct draft_route, match, "match", OBJECT,
	      "one of these must hold; none: no condition", .object = &tcp_match_schema,
	      .list = true),
	FIELD(struct draft_route, route, "route", OBJECT, "destinations by weight",
	      .object = &weighted_schema, .list = true),
};
static SCHEMA(tcp_route_row_schema, "VirtualService.spec.tcp", struct draft_route,
	      .check = route_check, .elsewhere = is_route_of_gateways);

/* Whether |host| is |other|, or a wildcard that covers it. */
static bool host_covers(const char *host, const char *other)
{
	size_t n = strlen(host), m = strlen(other);

	return !strcasecmp(host, other) ||
	       (host[0] == '*' && m >= n && !strcasecmp(host + 1, other + m - (n - 1)));
}

static bool is_for_mesh(const struct draft_virtual_service *v)
{
	const struct draft_text *gateways = v->gateways.items;

	for (uint32_t i = 0; i < v->gateways.count; i++)
		if (!strcmp(gateways[i].text, "mesh"))
			return true;
	return !v->gateways.count;
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
		if (!strcmp(hosts[i].text, "*") && is_for_mesh(v))
			problem_hint(r->problems,
				     problem_add(r->problems, PROBLEM_NAME, hosts[i].at,
						 "\"*\" is every service of the mesh"),
				     "name the services");
		for (uint32_t j = 0; j < i; j++)
			host_twice_check(r, &hosts[j], &hosts[i]);
	}
}

static void virtual_service_check(struct reading *r, void *draft)
{
	const struct draft_virtual_service *v = draft;

	export_check(r, &v->export_to);
	hosts_check(r, v);
	if (!v->http.count && !v->tcp.count && !v->has_tls)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_REQUIRED, v->at,
					 "neither http nor tcp: nothing says where connections go"),
			     "a list of routes under http or tcp");
}

static const struct field virtual_service_schema_fields[] = {
	FIELD(struct draft_virtual_service, hosts, "hosts", WORD, "services that it applies to",
	      .list = true, .required = true, .form = FORM_HOST_OR_ADDRESS),
	FIELD(struct draft_virtual_service, gateways, "gateways", WORD,
	      "without mesh in the list: no effect here", .list = true, .form = FORM_GATEWAY,
	      .fallback_text = "mesh"),
	FIELD(struct draft_virtual_service, http, "http", OBJECT,
	      "routes of HTTP ports; of every port where there is no tcp", .list = true,
	      .object = &http_route_row_schema),
	FIELD(struct draft_virtual_service, tcp, "tcp", OBJECT,
	      "routes of other ports; of every port where there is no http", .list = true,
	      .object = &tcp_route_row_schema),
	FIELD(struct draft_virtual_service, export_to, "exportTo", WORD, "\"*\" only",
	      .list = true),
	FIELD_REFUSE("tls", NOT_HONOURED, "connections are routed before any SNI is sent",
		     FIELD_OF_SOME_OBJECT, .list = true,
		     .offset = offsetof(struct draft_virtual_service, has_tls)),
};
SCHEMA(virtual_service_schema, "VirtualService.spec", struct draft_virtual_service,
       .check = virtual_service_check, .elsewhere = is_of_gateways);
