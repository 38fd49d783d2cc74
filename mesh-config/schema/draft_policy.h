/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drafts of policies and of what concerns signals. */
#pragma once

#include "mesh-config/schema/schema.h"

struct draft_match_labels {
	struct place at;
	const struct mesh_labels *labels;
};

/* Lists of draft_text, each with its list of exceptions behind it. */
struct draft_source {
	struct place at;
	struct draft_list principals, not_principals;
	struct draft_list namespaces, not_namespaces;
	struct draft_list accounts, not_accounts;
	struct draft_list ips, not_ips; /* of draft_address */
	/* HTTP only */
	struct draft_list request_principals, not_request_principals;
	struct draft_list remote_ips, not_remote_ips;
};

struct draft_operation {
	struct place at;
	struct draft_list ports, not_ports;
	/* HTTP only */
	struct draft_list hosts, not_hosts, methods, not_methods, paths, not_paths;
};

struct draft_from {
	struct place at;
	struct draft_source *source;
};

struct draft_to {
	struct place at;
	struct draft_operation *operation;
};

struct draft_condition {
	struct place at;
	struct draft_text key;
	struct draft_list values, not_values;
};

struct draft_rule {
	struct place at;
	struct draft_list from, to, when;
};

enum policy_action {
	POLICY_ALLOW,
	POLICY_DENY,
	POLICY_AUDIT,
	POLICY_CUSTOM,
};

struct draft_policy {
	struct place at;
	struct draft_match_labels *selector;
	uint8_t action;
	bool has_target, has_provider;
	struct draft_list rules;
};

/* Policies whose restriction is not weft's: of gateways, and of external authorizers, which only
 * ever deny. Where that is accepted they are left out whole, and grant nothing. */
static inline bool policy_is_foreign(const struct draft_policy *p)
{
	return p->has_target || p->action == POLICY_CUSTOM;
}

enum peer_mode {
	PEER_UNSET,
	PEER_DISABLE,
	PEER_PERMISSIVE,
	PEER_STRICT,
};

struct draft_mtls {
	struct place at;
	uint8_t mode;
};

struct draft_port_mtls {
	struct place at;
	const char *port;
	uint8_t mode;
};

struct draft_peer {
	struct place at;
	struct draft_match_labels *selector;
	struct draft_mtls *mtls;
	struct draft_list ports; /* OBJECTS */
};

struct draft_metric_match {
	struct place at;
	uint8_t metric; /* index in telemetry_metrics */
	const char *custom_metric;
	uint8_t mode;
};

struct draft_tag_override {
	struct place at;
	const char *tag;
	uint8_t operation; /* 1: REMOVE */
	const char *value;
};

struct draft_metric_override {
	struct place at;
	struct draft_metric_match *match;
	int8_t disabled;
	struct draft_list tags; /* OBJECTS */
};

struct draft_metrics {
	struct place at;
	struct draft_list overrides;
};

struct draft_mode {
	struct place at;
	uint8_t mode; /* enum mesh_mode */
};

struct draft_filter {
	struct place at;
	const char *expression;
};

struct draft_access_log {
	struct place at;
	struct draft_mode *match;
	int8_t disabled;
	struct draft_filter *filter;
};

struct draft_tracing {
	struct place at;
	double sampling_percent;
	int8_t disabled;
};

struct draft_telemetry {
	struct place at;
	struct draft_match_labels *selector;
	struct draft_list metrics, access_logging, tracing;
};

extern const char *const telemetry_metrics[];

struct draft_objective {
	struct place at;
	struct draft_text service;
	double target;
	uint32_t window_ms, latency_ms;
	const char *path_prefix;
};
