/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Authorization policies of the model, with the semantics of Istio's AuthorizationPolicy on TCP:
 *
 *   a policy matches if one of its rules does; no rules: it never matches
 *   a rule matches if (one of its from clauses, or it has none) and (one of its to clauses, or it
 *     has none) and every term of its when matches, and it is not marked |never|
 *   a clause matches if all of its terms do
 *   a term matches if one of its values does, or, negated, if none does
 *
 * Verdict: any DENY that matches denies; else without ALLOW policies for the workload: allowed;
 * else allowed if an ALLOW matches. AUDIT and dry-run policies never change a verdict. */
#pragma once

#include "mesh-config/model/base.h"

enum mesh_action {
	MESH_ALLOW,
	MESH_DENY,
	MESH_AUDIT,
};

enum mesh_scope {
	MESH_SCOPE_MESH,      /* in the root namespace, no selector */
	MESH_SCOPE_NAMESPACE, /* no selector */
	MESH_SCOPE_WORKLOADS, /* by selector: in its namespace, in the root namespace everywhere */
};

/* What a term looks at. Attributes that only HTTP has never get here. */
enum mesh_attribute {
	MESH_SOURCE_PRINCIPAL, /* TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT */
	MESH_SOURCE_NAMESPACE,
	MESH_SOURCE_SERVICE_ACCOUNT, /* NAMESPACE/ACCOUNT, exact */
	MESH_SOURCE_IP,
	MESH_DESTINATION_IP,
	MESH_DESTINATION_PORT,
};

enum mesh_value_kind {
	MESH_VALUE_EXACT,
	MESH_VALUE_PREFIX,  /* "abc*": text is "abc" */
	MESH_VALUE_SUFFIX,  /* "*abc": text is "abc" */
	MESH_VALUE_PRESENT, /* "*": not empty */
	MESH_VALUE_CIDR,
	MESH_VALUE_PORT,
};

struct mesh_value {
	uint8_t kind; /* enum mesh_value_kind: texts for the first three attributes */
	uint16_t port;
	const char *text;
	struct mesh_prefix prefix;
};

struct mesh_term {
	uint8_t attribute;		   /* enum mesh_attribute */
	bool negated;			   /* notPrincipals, notValues, ... */
	uint32_t value_first, value_count; /* at least one */
};

struct mesh_clause {
	uint32_t term_first, term_count;
};

/* HTTP attributes on TCP (as ztunnel does): an ALLOW or AUDIT rule that has one never matches. In
 * a DENY rule they are left out: a clause of which nothing remains is dropped, a rule of which
 * nothing remains never matches. */
struct mesh_rule {
	uint32_t from_first, from_count; /* clauses, one of them */
	uint32_t to_first, to_count;	 /* clauses, one of them */
	uint32_t when_first, when_count; /* terms, all of them */
	bool has_l7;			 /* something of it was left out */
	bool never;
	struct mesh_position position;
};

struct mesh_policy {
	uint64_t hash; /* of its content */
	const char *namespace_name;
	const char *name;
	uint8_t action;	      /* enum mesh_action */
	uint8_t scope;	      /* enum mesh_scope */
	bool dry_run;	      /* annotation istio.io/dry-run: "true" */
	bool end_connections; /* annotation weft.dev/end-connections: "true" */
	const struct mesh_labels *selector;
	uint32_t rule_first, rule_count;
	struct mesh_position position;
};
