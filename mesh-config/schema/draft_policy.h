/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* AuthorizationPolicy and PeerAuthentication: their fields, and what is read of them. */
#pragma once

#include "mesh-config/schema/schema.h"

#define MATCH_LABELS_FIELDS(F, N, s)                                                               \
	F(s, labels, "matchLabels", LABELS, "that a workload must have", .form = FORM_SELECTOR)
DRAFT(match_labels, MATCH_LABELS_FIELDS);

#define HTTP_ONLY    "HTTP only: never matches in ALLOW, ignored in DENY"
#define NOT_OF(what) "none of these " what

#define SOURCE_FIELDS(F, N, s)                                                                     \
	F(s, principals, "principals", LIST(WORD),                                                 \
	  "TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT of workloads that weft identified itself, "        \
	  "without certificates; abc*, *abc, *",                                                   \
	  .form = FORM_FILLED)                                                                     \
	F(s, not_principals, "notPrincipals", LIST(WORD), NOT_OF("principals"),                    \
	  .form = FORM_FILLED)                                                                     \
	F(s, namespaces, "namespaces", LIST(WORD), "of the client's workload",                     \
	  .form = FORM_FILLED)                                                                     \
	F(s, not_namespaces, "notNamespaces", LIST(WORD), NOT_OF("namespaces"),                    \
	  .form = FORM_FILLED)                                                                     \
	F(s, accounts, "serviceAccounts", LIST(WORD),                                              \
	  "NAMESPACE/ACCOUNT, or ACCOUNT in the policy's namespace", .form = FORM_ACCOUNT)         \
	F(s, not_accounts, "notServiceAccounts", LIST(WORD), NOT_OF("accounts"),                   \
	  .form = FORM_ACCOUNT)                                                                    \
	F(s, ips, "ipBlocks", LIST(ADDRESS), "of the client")                                      \
	F(s, not_ips, "notIpBlocks", LIST(ADDRESS), NOT_OF("networks"))                            \
	F(s, request_principals, "requestPrincipals", LIST(WORD), HTTP_ONLY, .form = FORM_FILLED)  \
	F(s, not_request_principals, "notRequestPrincipals", LIST(WORD), HTTP_ONLY,                \
	  .form = FORM_FILLED)                                                                     \
	F(s, remote_ips, "remoteIpBlocks", LIST(WORD), HTTP_ONLY, .form = FORM_ADDRESS)            \
	F(s, not_remote_ips, "notRemoteIpBlocks", LIST(WORD), HTTP_ONLY, .form = FORM_ADDRESS)
DRAFT(source, SOURCE_FIELDS);

#define FROM_FIELDS(F, N, s)                                                                       \
	F(s, source, "source", OBJECT(source), "everything in it must hold", .required = true)
DRAFT(from, FROM_FIELDS);

#define OPERATION_FIELDS(F, N, s)                                                                  \
	F(s, ports, "ports", LIST(WORD), "at the server", .form = FORM_FILLED)                     \
	F(s, not_ports, "notPorts", LIST(WORD), NOT_OF("ports"), .form = FORM_FILLED)              \
	F(s, hosts, "hosts", LIST(WORD), HTTP_ONLY, .form = FORM_FILLED)                           \
	F(s, not_hosts, "notHosts", LIST(WORD), HTTP_ONLY, .form = FORM_FILLED)                    \
	F(s, methods, "methods", LIST(WORD), HTTP_ONLY, .form = FORM_FILLED)                       \
	F(s, not_methods, "notMethods", LIST(WORD), HTTP_ONLY, .form = FORM_FILLED)                \
	F(s, paths, "paths", LIST(WORD), HTTP_ONLY, .form = FORM_FILLED)                           \
	F(s, not_paths, "notPaths", LIST(WORD), HTTP_ONLY, .form = FORM_FILLED)
DRAFT(operation, OPERATION_FIELDS);

#define TO_FIELDS(F, N, s)                                                                         \
	F(s, operation, "operation", OBJECT(operation), "everything in it must hold",              \
	  .required = true)
DRAFT(to, TO_FIELDS);

#define CONDITION_FIELDS(F, N, s)                                                                  \
	F(s, key, "key", WORD,                                                                     \
	  "source.ip, source.namespace, source.principal, source.serviceAccount, "                 \
	  "destination.ip, destination.port; request.*, remote.ip, connection.sni as HTTP only",   \
	  .required = true)                                                                        \
	F(s, values, "values", LIST(WORD), "one of these", .form = FORM_FILLED)                    \
	F(s, not_values, "notValues", LIST(WORD), "none of these", .form = FORM_FILLED)
DRAFT(condition, CONDITION_FIELDS);

#define RULE_FIELDS(F, N, s)                                                                       \
	F(s, from, "from", LIST(OBJECT(from)), "one of these sources; none: any source")           \
	F(s, to, "to", LIST(OBJECT(to)), "one of these operations; none: all")                     \
	F(s, when, "when", LIST(OBJECT(condition)), "all of these conditions")
DRAFT(rule, RULE_FIELDS);

enum policy_action {
	POLICY_ALLOW,
	POLICY_DENY,
	POLICY_AUDIT,
	POLICY_CUSTOM,
};

#define OF_GATEWAYS "policies of gateways and waypoints are not weft's: accepted, they are left out"

#define POLICY_FIELDS(F, N, s)                                                                     \
	F(s, selector, "selector", OBJECT(match_labels),                                           \
	  "the workloads it protects; none: all of the namespace, in the root namespace all",      \
	  .one_of = 1)                                                                             \
	F(s, action, "action", ENUM(actions),                                                      \
	  "CUSTOM is refused; accepted, the policy is left out", DEFAULT(0))                       \
	F(s, rules, "rules", LIST(OBJECT(rule)),                                                   \
	  "one of these; none: the policy never matches, so ALLOW denies everything")              \
	N(REFUSED(SECURITY), "targetRef", ANY, OF_GATEWAYS, .one_of = 1, NOTED(policy, target_at)) \
	N(REFUSED(SECURITY), "targetRefs", ANY, OF_GATEWAYS, .one_of = 1,                          \
	  NOTED(policy, target_at))                                                                \
	N(REFUSED(SECURITY), "provider", ANY, "weft asks no external authorizer",                  \
	  NOTED(policy, provider_at))
DRAFT(policy, POLICY_FIELDS, struct place target_at, provider_at;);

/* Policies whose restriction is not weft's: of gateways, and of external authorizers, which only
 * ever deny. Where that is accepted they are left out whole, and grant nothing. */
static inline bool policy_is_foreign(const struct draft_policy *p)
{
	return p->target_at.line || p->action == POLICY_CUSTOM;
}

enum peer_mode {
	PEER_UNSET,
	PEER_DISABLE,
	PEER_PERMISSIVE,
	PEER_STRICT,
};

#define PEER_MODE_FIELD(F, N, s)                                                                   \
	F(s, mode, "mode", ENUM(peer_modes), "STRICT is refused; other modes have no effect",      \
	  DEFAULT(0))

#define MTLS_FIELDS(F, N, s) PEER_MODE_FIELD(F, N, s)
DRAFT(mtls, MTLS_FIELDS);

#define PORT_MTLS_FIELDS(F, N, s) PEER_MODE_FIELD(F, N, s)
DRAFT_KEYED(port_mtls, port, PORT_MTLS_FIELDS);

#define PEER_FIELDS(F, N, s)                                                                       \
	F(s, selector, "selector", OBJECT(match_labels), "workloads that it applies to")           \
	F(s, mtls, "mtls", OBJECT(mtls), "of every port")                                          \
	F(s, ports, "portLevelMtls", OBJECTS(port_mtls), "of single ports, by number")
DRAFT(peer, PEER_FIELDS);
