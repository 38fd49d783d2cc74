// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of the Gateway API's routes (with Services as parents, GAMMA), of the grants that they
 * need, and of SMI's TrafficSplit. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

static const struct field parent_schema_fields[] = {
	FIELD(struct draft_parent, group, "group", TEXT,
	      "\"\" with kind Service, or "
	      "networking.istio.io with ServiceEntry",
	      .form = FORM_GROUP),
	FIELD(struct draft_parent, kind, "kind", TEXT, "Service or ServiceEntry",
	      .fallback_text = "Gateway", .form = FORM_KIND),
	FIELD(struct draft_parent, namespace_name, "namespace", TEXT,
	      "of the service; another one than the route's: only for clients of the route's",
	      .form = FORM_NAMESPACE, .fallback_text = "that of the route"),
	FIELD(struct draft_parent, name, "name", WORD, "of the service", .required = true,
	      .form = FORM_OBJECT_NAME),
	FIELD(struct draft_parent, port, "port", NUMBER, "of the service", .min = 1, .max = 65535,
	      .fallback_text = "every port"),
	FIELD_IGNORE("sectionName", "of gateways", FIELD_OF(TEXT)),
};
static SCHEMA(parent_schema, "parentRefs", struct draft_parent);

/* Two of them keep requests out. */
static const struct field filter_schema_fields[] = {
	FIELD_IGNORE("type", "which", FIELD_OF(TEXT), .required = true),
	FIELD_REFUSE("externalAuth", SECURITY, "weft asks no external authorizer"),
	FIELD_REFUSE("cors", SECURITY, "weft does not change answers"),
};
static SCHEMA(filter_schema, "filters", struct draft_filter_of_route, .open = true);

#define FILTERS_FIELD                                                                              \
	FIELD_REFUSE("filters", NOT_HONOURED, "weft does not change requests", FIELD_OF(OBJECT),   \
		     .object = &filter_schema, .list = true)

static const struct field backend_schema_fields[] = {
	FIELD(struct draft_backend, group, "group", TEXT, "\"\" with kind Service",
	      .form = FORM_GROUP),
	FIELD(struct draft_backend, kind, "kind", TEXT, "Service", .fallback_text = "Service",
	      .form = FORM_KIND),
	FIELD(struct draft_backend, namespace_name, "namespace", TEXT,
	      "of the service; another one than the route's needs a ReferenceGrant there",
	      .form = FORM_NAMESPACE, .fallback_text = "that of the route"),
	FIELD(struct draft_backend, name, "name", WORD, "of the service", .required = true,
	      .form = FORM_OBJECT_NAME),
	FIELD(struct draft_backend, port, "port", NUMBER, "of that service", .min = 1, .max = 65535,
	      .fallback_text = "the one that was asked for"),
	FIELD(struct draft_backend, weight, "weight", NUMBER, "share of connections",
	      .max = 1000000, FIELD_DEFAULT(1, "1")),
	FILTERS_FIELD,
};
static SCHEMA(backend_schema, "backendRefs", struct draft_backend);

static void backend_check(struct reading *r, const struct draft_list *backends)
{
	const struct draft_backend *b = backends->items;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < backends->count; i++) {
		sum += b[i].weight;
		if ((b[i].kind[0] && strcmp(b[i].kind, "Service") != 0) || b[i].group[0])
			problem_add(r->problems, PROBLEM_UNSUPPORTED, b[i].at,
				    "backends of kind %s%s%s are not supported",
				    b[i].kind[0] ? b[i].kind : "Service",
				    b[i].group[0] ? " of " : "", b[i].group);
	}
	if (backends->count && !sum && !r->problems->elsewhere)
		problem_add(r->problems, PROBLEM_WEIGHTS, backends->at,
			    "no backend has a weight above 0");
}

#define BEFORE_REQUESTS "connections are routed before any request is sent"

static const char *const path_types[] = {"PathPrefix", "Exact", "RegularExpression", NULL};

static const struct field path_match_schema_fields[] = {
	FIELD(struct draft_path_match, type, "type", ENUM, "only PathPrefix", .words = path_types,
	      FIELD_DEFAULT(0, "PathPrefix")),
	FIELD(struct draft_path_match, value, "value", WORD, "only \"/\": every path",
	      .fallback_text = "/"),
};

static void path_match_check(struct reading *r, void *draft)
{
	const struct draft_path_match *p = draft;

	if (p->type || (p->value.text[0] && strcmp(p->value.text, "/") != 0))
		problem_add(r->problems, PROBLEM_NOT_HONOURED, p->at,
			    "a match of paths: " BEFORE_REQUESTS);
}

static SCHEMA(path_match_schema, "HTTPRoute.spec.rules.matches.path", struct draft_path_match,
	      .check = path_match_check);

static const struct field gateway_match_schema_fields[] = {
	FIELD(struct draft_gateway_match, path, "path", OBJECT, "only the prefix \"/\"",
	      .object = &path_match_schema),
	FIELD_REFUSE("headers", NOT_HONOURED, BEFORE_REQUESTS),
	FIELD_REFUSE("queryParams", NOT_HONOURED, BEFORE_REQUESTS),
	FIELD_REFUSE("method", NOT_HONOURED, BEFORE_REQUESTS),
};
static SCHEMA(gateway_match_schema, "HTTPRoute.spec.rules.matches", struct draft_gateway_match);

static void gateway_rule_check(struct reading *r, void *draft)
{
	const struct draft_gateway_rule *rule = draft;

	backend_check(r, &rule->backends);
}

#define BACKENDS_FIELD(...)                                                                        \
	FIELD(struct draft_gateway_rule, backends, "backendRefs", OBJECT, "services by weight",    \
	      .object = &backend_schema, .list = true, ##__VA_ARGS__)

static const struct field http_rule_schema_fields[] = {
	BACKENDS_FIELD(),
	FIELD(struct draft_gateway_rule, matches, "matches", OBJECT, "none, or every path",
	      .object = &gateway_match_schema, .list = true),
	FIELD_IGNORE("name", "description", FIELD_OF(TEXT)),
	FILTERS_FIELD,
	FIELD_REFUSE("timeouts", NOT_HONOURED, "weft does not end requests"),
	FIELD_REFUSE("retry", NOT_HONOURED, "weft does not repeat requests"),
	FIELD_REFUSE("sessionPersistence", NOT_HONOURED, BEFORE_REQUESTS),
};
static SCHEMA(http_rule_schema, "HTTPRoute.spec.rules", struct draft_gateway_rule,
	      .check = gateway_rule_check);

static const struct field grpc_rule_schema_fields[] = {
	BACKENDS_FIELD(),
	FIELD_IGNORE("name", "description", FIELD_OF(TEXT)),
	FIELD_REFUSE("matches", NOT_HONOURED, BEFORE_REQUESTS),
	FILTERS_FIELD,
	FIELD_REFUSE("sessionPersistence", NOT_HONOURED, BEFORE_REQUESTS),
};
static SCHEMA(grpc_rule_schema, "GRPCRoute.spec.rules", struct draft_gateway_rule,
	      .check = gateway_rule_check);

static const struct field tcp_rule_schema_fields[] = {
	BACKENDS_FIELD(.required = true),
	FIELD_IGNORE("name", "description", FIELD_OF(TEXT)),
};
static SCHEMA(tcp_rule_schema, "TCPRoute.spec.rules", struct draft_gateway_rule,
	      .check = gateway_rule_check);

static bool parent_is_service(struct slice kind)
{
	return slice_equal(kind, SLICE("Service")) || slice_equal(kind, SLICE("ServiceEntry"));
}

/* Every parent is another thing than a service: a Gateway, where no kind is given. */
static bool is_of_gateways(const struct yaml_node *map)
{
	const struct yaml_node *parents = yaml_find(map, "parentRefs");

	if (!parents || parents->kind != YAML_LIST)
		return false;
	for (const struct yaml_node *n = parents->first; n; n = n->next) {
		const struct yaml_node *kind = n->kind == YAML_MAP ? yaml_find(n, "kind") : NULL;

		if (n->kind != YAML_MAP ||
		    (kind && kind->kind == YAML_TEXT && parent_is_service(kind->text)))
			return false;
	}
	return parents->count;
}

#define PARENTS_FIELD                                                                              \
	FIELD(struct draft_gateway_route, parents, "parentRefs", OBJECT,                           \
	      "the services that it splits; gateways are not weft's", .object = &parent_schema,    \
	      .list = true, .required = true)

static const struct field http_route_schema_fields[] = {
	PARENTS_FIELD,
	FIELD(struct draft_gateway_route, rules, "rules", OBJECT, "the first that matches counts",
	      .object = &http_rule_schema, .list = true),
	FIELD_WARN("hostnames", HARMLESS, "routes of services go by their parents", FIELD_OF(TEXT),
		   .list = true, .form = FORM_HOST_NOT_ALL),
};
SCHEMA(http_route_schema, "HTTPRoute.spec", struct draft_gateway_route,
       .elsewhere = is_of_gateways);

static const struct field grpc_route_schema_fields[] = {
	PARENTS_FIELD,
	FIELD(struct draft_gateway_route, rules, "rules", OBJECT, "the first counts",
	      .object = &grpc_rule_schema, .list = true),
	FIELD_WARN("hostnames", HARMLESS, "routes of services go by their parents", FIELD_OF(TEXT),
		   .list = true, .form = FORM_HOST_NOT_ALL),
};
SCHEMA(grpc_route_schema, "GRPCRoute.spec", struct draft_gateway_route,
       .elsewhere = is_of_gateways);

static const struct field tcp_route_schema_fields[] = {
	PARENTS_FIELD,
	FIELD(struct draft_gateway_route, rules, "rules", OBJECT, "the first counts",
	      .object = &tcp_rule_schema, .list = true, .required = true),
};
SCHEMA(tcp_route_schema, "TCPRoute.spec", struct draft_gateway_route, .elsewhere = is_of_gateways);

/* ---- ReferenceGrant */

static const struct field grant_from_schema_fields[] = {
	FIELD(struct draft_grant_from, group, "group", TEXT, "gateway.networking.k8s.io",
	      .form = FORM_GROUP),
	FIELD(struct draft_grant_from, kind, "kind", TEXT, "HTTPRoute, GRPCRoute, TCPRoute",
	      .required = true, .form = FORM_KIND),
	FIELD(struct draft_grant_from, namespace_name, "namespace", TEXT, "of the routes",
	      .required = true, .form = FORM_NAMESPACE),
};
static SCHEMA(grant_from_schema, "ReferenceGrant.spec.from", struct draft_grant_from);

static const struct field grant_to_schema_fields[] = {
	FIELD(struct draft_grant_to, group, "group", TEXT, "\"\" with kind Service",
	      .form = FORM_GROUP),
	FIELD(struct draft_grant_to, kind, "kind", TEXT, "Service", .required = true,
	      .form = FORM_KIND),
	FIELD(struct draft_grant_to, name, "name", TEXT, "of the service",
	      .fallback_text = "all of the namespace"),
};
static SCHEMA(grant_to_schema, "ReferenceGrant.spec.to", struct draft_grant_to);

static const struct field reference_grant_schema_fields[] = {
	FIELD(struct draft_grant, from, "from", OBJECT, "whose references are granted",
	      .object = &grant_from_schema, .list = true, .required = true),
	FIELD(struct draft_grant, to, "to", OBJECT, "what they may refer to",
	      .object = &grant_to_schema, .list = true, .required = true),
};
SCHEMA(reference_grant_schema, "ReferenceGrant.spec", struct draft_grant);

/* ---- TrafficSplit */

static const struct field split_backend_schema_fields[] = {
	FIELD(struct draft_split_backend, service, "service", WORD, "name, in the namespace",
	      .required = true, .form = FORM_HOST_NOT_ALL),
	FIELD(struct draft_split_backend, weight, "weight", NUMBER, "share of connections",
	      .max = 1000000, FIELD_DEFAULT(0, "0")),
};
static SCHEMA(split_backend_schema, "TrafficSplit.spec.backends", struct draft_split_backend);

static void split_check(struct reading *r, void *draft)
{
	const struct draft_split *s = draft;
	const struct draft_split_backend *b = s->backends.items;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->backends.count; i++)
		sum += b[i].weight;
	if (s->backends.count && !sum)
		problem_add(r->problems, PROBLEM_WEIGHTS, s->backends.at,
			    "no backend has a weight above 0");
}

static const struct field traffic_split_schema_fields[] = {
	FIELD(struct draft_split, service, "service", WORD, "the service that it splits",
	      .required = true, .form = FORM_HOST_NOT_ALL),
	FIELD(struct draft_split, backends, "backends", OBJECT, "services by weight",
	      .object = &split_backend_schema, .list = true, .required = true),
	FIELD_REFUSE("matches", NOT_HONOURED, BEFORE_REQUESTS),
};
SCHEMA(traffic_split_schema, "TrafficSplit.spec", struct draft_split, .check = split_check);
