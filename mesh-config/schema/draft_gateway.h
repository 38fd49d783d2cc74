/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Gateway API's routes and SMI's splits: their fields, and what is read of them. */
#pragma once

#include "mesh-config/schema/schema.h"

#define BEFORE_REQUESTS "connections are routed before any request is sent"

#define PARENT_FIELDS(F, N, s)                                                                     \
	F(s, group, "group", TEXT,                                                                 \
	  "\"\" with kind Service, or "                                                            \
	  "networking.istio.io with ServiceEntry",                                                 \
	  .form = FORM_GROUP)                                                                      \
	F(s, kind, "kind", TEXT, "Service or ServiceEntry", UNSAID("Gateway"), .form = FORM_KIND)  \
	F(s, namespace_name, "namespace", TEXT,                                                    \
	  "of the service; another one than the route's: only for clients of the route's",         \
	  .form = FORM_NAMESPACE, UNSAID("that of the route"))                                     \
	F(s, name, "name", WORD, "of the service", .required = true, .form = FORM_OBJECT_NAME)     \
	F(s, port, "port", NUMBER, "of the service", .min = 1, .max = 65535, UNSAID("every port")) \
	N(IGNORED, "sectionName", TEXT, "of gateways")
DRAFT(parent, PARENT_FIELDS);

/* Two of them keep requests out. */
#define FILTER_OF_ROUTE_FIELDS(F, N, s)                                                            \
	N(IGNORED, "type", TEXT, "which", .required = true)                                        \
	N(REFUSED(SECURITY), "externalAuth", ANY, "weft asks no external authorizer")              \
	N(REFUSED(SECURITY), "cors", ANY, "weft does not change answers")
DRAFT(filter_of_route, FILTER_OF_ROUTE_FIELDS);

#define FILTERS_FIELD(F, N, s)                                                                     \
	N(REFUSED(NOT_HONOURED), "filters", LIST(OBJECT(filter_of_route)),                         \
	  "weft does not change requests")

#define BACKEND_FIELDS(F, N, s)                                                                    \
	F(s, group, "group", TEXT, "\"\" with kind Service", .form = FORM_GROUP)                   \
	F(s, kind, "kind", TEXT, "Service", UNSAID("Service"), .form = FORM_KIND)                  \
	F(s, namespace_name, "namespace", TEXT,                                                    \
	  "of the service; another one than the route's needs a ReferenceGrant there",             \
	  .form = FORM_NAMESPACE, UNSAID("that of the route"))                                     \
	F(s, name, "name", WORD, "of the service", .required = true, .form = FORM_OBJECT_NAME)     \
	F(s, port, "port", NUMBER, "of that service", .min = 1, .max = 65535,                      \
	  UNSAID("the one that was asked for"))                                                    \
	F(s, weight, "weight", NUMBER, "share of connections", .max = 1000000, DEFAULT(1))         \
	FILTERS_FIELD(F, N, s)
DRAFT(backend, BACKEND_FIELDS);

#define PATH_MATCH_FIELDS(F, N, s)                                                                 \
	F(s, type, "type", ENUM(path_types), "only PathPrefix", DEFAULT(0))                        \
	F(s, value, "value", WORD, "only \"/\": every path", UNSAID("/"))
DRAFT(path_match, PATH_MATCH_FIELDS);

#define GATEWAY_MATCH_FIELDS(F, N, s)                                                              \
	F(s, path, "path", OBJECT(path_match), "only the prefix \"/\"")                            \
	N(REFUSED(NOT_HONOURED), "headers", ANY, BEFORE_REQUESTS)                                  \
	N(REFUSED(NOT_HONOURED), "queryParams", ANY, BEFORE_REQUESTS)                              \
	N(REFUSED(NOT_HONOURED), "method", ANY, BEFORE_REQUESTS)
DRAFT(gateway_match, GATEWAY_MATCH_FIELDS);

#define BACKENDS_FIELD(F, N, s, ...)                                                               \
	F(s, backends, "backendRefs", LIST(OBJECT(backend)), "services by weight", ##__VA_ARGS__)

#define HTTP_RULE_FIELDS(F, N, s)                                                                  \
	BACKENDS_FIELD(F, N, s)                                                                    \
	F(s, matches, "matches", LIST(OBJECT(gateway_match)), "none, or every path")               \
	N(IGNORED, "name", TEXT, "description")                                                    \
	FILTERS_FIELD(F, N, s)                                                                     \
	N(REFUSED(NOT_HONOURED), "timeouts", ANY, "weft does not end requests")                    \
	N(REFUSED(NOT_HONOURED), "retry", ANY, "weft does not repeat requests")                    \
	N(REFUSED(NOT_HONOURED), "sessionPersistence", ANY, BEFORE_REQUESTS)
DRAFT(gateway_rule, HTTP_RULE_FIELDS);

#define GRPC_RULE_FIELDS(F, N, s)                                                                  \
	BACKENDS_FIELD(F, N, s)                                                                    \
	N(IGNORED, "name", TEXT, "description")                                                    \
	N(REFUSED(NOT_HONOURED), "matches", ANY, BEFORE_REQUESTS)                                  \
	FILTERS_FIELD(F, N, s)                                                                     \
	N(REFUSED(NOT_HONOURED), "sessionPersistence", ANY, BEFORE_REQUESTS)

#define TCP_RULE_FIELDS(F, N, s)                                                                   \
	BACKENDS_FIELD(F, N, s, .required = true)                                                  \
	N(IGNORED, "name", TEXT, "description")

#define PARENTS_FIELD(F, N, s)                                                                     \
	F(s, parents, "parentRefs", LIST(OBJECT(parent)),                                          \
	  "the services that it splits; gateways are not weft's", .required = true)

#define HTTP_ROUTE_FIELDS(F, N, s)                                                                 \
	PARENTS_FIELD(F, N, s)                                                                     \
	F(s, rules, "rules", LIST(OBJECT(http_rule)), "the first that matches counts")             \
	N(WARNED(HARMLESS), "hostnames", LIST(TEXT), "routes of services go by their parents",     \
	  .form = FORM_HOST_NOT_ALL)
DRAFT(gateway_route, HTTP_ROUTE_FIELDS);

#define GRPC_ROUTE_FIELDS(F, N, s)                                                                 \
	PARENTS_FIELD(F, N, s)                                                                     \
	F(s, rules, "rules", LIST(OBJECT(grpc_rule)), "the first counts")                          \
	N(WARNED(HARMLESS), "hostnames", LIST(TEXT), "routes of services go by their parents",     \
	  .form = FORM_HOST_NOT_ALL)

#define TCP_ROUTE_FIELDS(F, N, s)                                                                  \
	PARENTS_FIELD(F, N, s)                                                                     \
	F(s, rules, "rules", LIST(OBJECT(tcp_rule)), "the first counts", .required = true)

#define GRANT_FROM_FIELDS(F, N, s)                                                                 \
	F(s, group, "group", TEXT, "gateway.networking.k8s.io", .form = FORM_GROUP)                \
	F(s, kind, "kind", TEXT, "HTTPRoute, GRPCRoute, TCPRoute", .required = true,               \
	  .form = FORM_KIND)                                                                       \
	F(s, namespace_name, "namespace", TEXT, "of the routes", .required = true,                 \
	  .form = FORM_NAMESPACE)
DRAFT(grant_from, GRANT_FROM_FIELDS);

#define GRANT_TO_FIELDS(F, N, s)                                                                   \
	F(s, group, "group", TEXT, "\"\" with kind Service", .form = FORM_GROUP)                   \
	F(s, kind, "kind", TEXT, "Service", .required = true, .form = FORM_KIND)                   \
	F(s, name, "name", TEXT, "of the service", UNSAID("all of the namespace"))
DRAFT(grant_to, GRANT_TO_FIELDS);

#define GRANT_FIELDS(F, N, s)                                                                      \
	F(s, from, "from", LIST(OBJECT(grant_from)), "whose references are granted",               \
	  .required = true)                                                                        \
	F(s, to, "to", LIST(OBJECT(grant_to)), "what they may refer to", .required = true)
DRAFT(grant, GRANT_FIELDS);

#define SPLIT_BACKEND_FIELDS(F, N, s)                                                              \
	F(s, service, "service", WORD, "name, in the namespace", .required = true,                 \
	  .form = FORM_HOST_NOT_ALL)                                                               \
	F(s, weight, "weight", NUMBER, "share of connections", .max = 1000000, DEFAULT(0))
DRAFT(split_backend, SPLIT_BACKEND_FIELDS);

#define SPLIT_FIELDS(F, N, s)                                                                      \
	F(s, service, "service", WORD, "the service that it splits", .required = true,             \
	  .form = FORM_HOST_NOT_ALL)                                                               \
	F(s, backends, "backends", LIST(OBJECT(split_backend)), "services by weight",              \
	  .required = true)                                                                        \
	N(REFUSED(NOT_HONOURED), "matches", ANY, BEFORE_REQUESTS)
DRAFT(split, SPLIT_FIELDS);
