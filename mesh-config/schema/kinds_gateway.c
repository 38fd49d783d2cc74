// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of the Gateway API's routes (with Services as parents, GAMMA), of the grants that they
 * need, and of SMI's TrafficSplit. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

static SCHEMA(parent, PARENT_FIELDS, "parentRefs");
static SCHEMA(filter_of_route, FILTER_OF_ROUTE_FIELDS, "filters", .open = true);
static SCHEMA(backend, BACKEND_FIELDS, "backendRefs");

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

static const char *const path_types[] = {"PathPrefix", "Exact", "RegularExpression", NULL};

static void path_match_check(struct reading *r, void *draft)
{
	const struct draft_path_match *p = draft;

	if (p->type || (p->value.text[0] && strcmp(p->value.text, "/") != 0))
		problem_add(r->problems, PROBLEM_NOT_HONOURED, p->at,
			    "a match of paths: " BEFORE_REQUESTS);
}

static SCHEMA(path_match, PATH_MATCH_FIELDS, "HTTPRoute.spec.rules.matches.path",
	      .check = path_match_check);
static SCHEMA(gateway_match, GATEWAY_MATCH_FIELDS, "HTTPRoute.spec.rules.matches");

static void gateway_rule_check(struct reading *r, void *draft)
{
	const struct draft_gateway_rule *rule = draft;

	backend_check(r, &rule->backends);
}

static SCHEMA_AS(http_rule, gateway_rule, HTTP_RULE_FIELDS, "HTTPRoute.spec.rules",
		 .check = gateway_rule_check);
static SCHEMA_AS(grpc_rule, gateway_rule, GRPC_RULE_FIELDS, "GRPCRoute.spec.rules",
		 .check = gateway_rule_check);
static SCHEMA_AS(tcp_rule, gateway_rule, TCP_RULE_FIELDS, "TCPRoute.spec.rules",
		 .check = gateway_rule_check);

/* Every parent is another thing than a service: a Gateway, where no kind is given. */
static bool is_of_gateways(const struct yaml_node *map)
{
	const struct yaml_node *parents = yaml_find(map, "parentRefs");

	if (!parents || parents->kind != YAML_LIST)
		return false;
	for (const struct yaml_node *n = parents->first; n; n = n->next) {
		const struct yaml_node *kind = n->kind == YAML_MAP ? yaml_find(n, "kind") : NULL;

		if (n->kind != YAML_MAP || (kind && kind->kind == YAML_TEXT &&
					    (slice_equal(kind->text, SLICE("Service")) ||
					     slice_equal(kind->text, SLICE("ServiceEntry")))))
			return false;
	}
	return parents->count;
}

SCHEMA_AS(http_route, gateway_route, HTTP_ROUTE_FIELDS, "HTTPRoute.spec",
	  .elsewhere = is_of_gateways);
SCHEMA_AS(grpc_route, gateway_route, GRPC_ROUTE_FIELDS, "GRPCRoute.spec",
	  .elsewhere = is_of_gateways);
SCHEMA_AS(tcp_route, gateway_route, TCP_ROUTE_FIELDS, "TCPRoute.spec", .elsewhere = is_of_gateways);

/* ---- ReferenceGrant */

static SCHEMA(grant_from, GRANT_FROM_FIELDS, "ReferenceGrant.spec.from");
static SCHEMA(grant_to, GRANT_TO_FIELDS, "ReferenceGrant.spec.to");
SCHEMA(grant, GRANT_FIELDS, "ReferenceGrant.spec");

/* ---- TrafficSplit */

static SCHEMA(split_backend, SPLIT_BACKEND_FIELDS, "TrafficSplit.spec.backends");

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

SCHEMA(split, SPLIT_FIELDS, "TrafficSplit.spec", .check = split_check);
