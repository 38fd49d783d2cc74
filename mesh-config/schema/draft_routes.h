/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VirtualService: its fields, and what is read of it. */
#pragma once

#include "mesh-config/schema/schema.h"

#define REQUEST_UNSEEN "connections are routed before any request is sent"
/* In the place of a route: accepted, the row is left out. */
#define ANSWERS	       NOTED(route, answer_at)

#define DESTINATION_FIELDS(F, N, s)                                                                \
	F(s, host, "host", WORD, "of the service", .required = true, .form = FORM_HOST_NOT_ALL)    \
	F(s, subset, "subset", WORD, "of its DestinationRule", .form = FORM_DNS_LABEL)             \
	F(s, port, "port", OBJECT(port_selector), "of that service, if it differs")
DRAFT(destination, DESTINATION_FIELDS);

#define WEIGHTED_FIELDS(F, N, s)                                                                   \
	F(s, destination, "destination", OBJECT(destination), "destinations", .required = true)    \
	F(s, weight, "weight", NUMBER, "share of connections", .max = 1000000,                     \
	  .fallback = UINT32_MAX, UNSAID("all, of a single one"))                                  \
	N(REFUSED(NOT_HONOURED), "headers", ANY, "weft does not change requests")
DRAFT(weighted, WEIGHTED_FIELDS);

#define ROUTE_MATCH_FIELDS(F, N, s)                                                                \
	F(s, port, "port", NUMBER, "of the service", .max = 65535, UNSAID("any"))                  \
	F(s, source_labels, "sourceLabels", LABELS, "of the client's workload")                    \
	F(s, source_namespace, "sourceNamespace", TEXT, "of the client's workload",                \
	  .form = FORM_DNS_LABEL)                                                                  \
	F(s, gateways, "gateways", LIST(WORD), "mesh only", .form = FORM_GATEWAY)

#define HTTP_MATCH_FIELDS(F, N, s)                                                                 \
	ROUTE_MATCH_FIELDS(F, N, s)                                                                \
	N(IGNORED, "name", TEXT, "description")                                                    \
	N(REFUSED(NOT_HONOURED), "uri", ANY, REQUEST_UNSEEN, .asks_nothing = is_every_path)        \
	N(REFUSED(NOT_HONOURED), "scheme", ANY, REQUEST_UNSEEN)                                    \
	N(REFUSED(NOT_HONOURED), "method", ANY, REQUEST_UNSEEN)                                    \
	N(REFUSED(NOT_HONOURED), "authority", ANY, REQUEST_UNSEEN)                                 \
	N(REFUSED(NOT_HONOURED), "headers", ANY, REQUEST_UNSEEN)                                   \
	N(REFUSED(NOT_HONOURED), "withoutHeaders", ANY, REQUEST_UNSEEN)                            \
	N(REFUSED(NOT_HONOURED), "queryParams", ANY, REQUEST_UNSEEN)                               \
	N(IGNORED, "ignoreUriCase", BOOL, "of uri")                                                \
	N(WARNED(HARMLESS), "statPrefix", TEXT, "weft's metrics have their own names")

#define TCP_MATCH_FIELDS(F, N, s)                                                                  \
	ROUTE_MATCH_FIELDS(F, N, s)                                                                \
	F(s, subnets, "destinationSubnets", LIST(ADDRESS),                                         \
	  "networks of the address that the client connects to")                                   \
	N(REFUSED(NOT_HONOURED), "sourceSubnet", ANY, "write sourceLabels or sourceNamespace")
DRAFT(route_match, TCP_MATCH_FIELDS);

#define HTTP_ROUTE_ROW_FIELDS(F, N, s)                                                             \
	F(s, match, "match", LIST(OBJECT(http_match)),                                             \
	  "one of these must hold; none: no condition")                                            \
	F(s, route, "route", LIST(OBJECT(weighted)), "destinations by weight")                     \
	N(IGNORED, "name", TEXT, "description")                                                    \
	N(REFUSED(NOT_HONOURED), "redirect", ANY, "weft does not answer requests", ANSWERS)        \
	N(REFUSED(SECURITY), "directResponse", ANY,                                                \
	  "weft does not answer requests: they would reach a service", ANSWERS)                    \
	N(REFUSED(NOT_HONOURED), "delegate", ANY, "delegation is not supported", ANSWERS)          \
	N(REFUSED(NOT_HONOURED), "rewrite", ANY, "weft does not change requests")                  \
	N(REFUSED(NOT_HONOURED), "timeout", ANY,                                                   \
	  "weft does not end requests; set it in the client", .asks_nothing = is_no_timeout)       \
	N(REFUSED(NOT_HONOURED), "retries", ANY,                                                   \
	  "weft does not repeat requests; set it in the client", .asks_nothing = is_no_retry)      \
	N(REFUSED(NOT_HONOURED), "fault", ANY, "weft does not change requests")                    \
	N(REFUSED(NOT_HONOURED), "mirror", ANY, "weft does not copy requests")                     \
	N(REFUSED(NOT_HONOURED), "mirrors", ANY, "weft does not copy requests")                    \
	N(REFUSED(NOT_HONOURED), "mirrorPercent", ANY, "weft does not copy requests")              \
	N(REFUSED(NOT_HONOURED), "mirrorPercentage", ANY, "weft does not copy requests")           \
	N(REFUSED(SECURITY), "corsPolicy", ANY, "weft does not change answers")                    \
	N(REFUSED(NOT_HONOURED), "headers", ANY, "weft does not change requests")
/* |answer_at|: it answers, or others say where to. */
DRAFT(route, HTTP_ROUTE_ROW_FIELDS, struct place answer_at;);

#define TCP_ROUTE_ROW_FIELDS(F, N, s)                                                              \
	F(s, match, "match", LIST(OBJECT(tcp_match)),                                              \
	  "one of these must hold; none: no condition")                                            \
	F(s, route, "route", LIST(OBJECT(weighted)), "destinations by weight")

#define VIRTUAL_SERVICE_FIELDS(F, N, s)                                                            \
	F(s, hosts, "hosts", LIST(WORD), "services that it applies to", .required = true,          \
	  .form = FORM_HOST_OR_ADDRESS)                                                            \
	F(s, gateways, "gateways", LIST(WORD), "without mesh in the list: no effect here",         \
	  .form = FORM_GATEWAY, UNSAID("mesh"))                                                    \
	F(s, http, "http", LIST(OBJECT(http_route_row)),                                           \
	  "routes of HTTP ports; of every port where there is no tcp")                             \
	F(s, tcp, "tcp", LIST(OBJECT(tcp_route_row)),                                              \
	  "routes of other ports; of every port where there is no http")                           \
	F(s, export_to, "exportTo", LIST(WORD), "\"*\" only")                                      \
	N(REFUSED(NOT_HONOURED), "tls", LIST(SOME),                                                \
	  "connections are routed before any SNI is sent", NOTED(virtual_service, tls_at))
DRAFT(virtual_service, VIRTUAL_SERVICE_FIELDS, struct place tls_at;);

/* Whether a list of gateways has those inside the mesh; none given is the mesh. */
static inline bool is_for_mesh(const struct draft_list *gateways)
{
	const struct draft_text *g = gateways->items;

	for (uint32_t i = 0; i < gateways->count; i++)
		if (!strcmp(g[i].text, "mesh"))
			return true;
	return !gateways->count;
}
