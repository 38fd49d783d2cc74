/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drafts of what steers connections: balancing, subsets, splits. */
#pragma once

#include "mesh-config/schema/schema.h"

struct draft_maglev {
	struct place at;
	uint32_t table_size;
};

struct draft_hash {
	struct place at;
	int8_t use_source_ip;
	struct draft_maglev *maglev;
};

struct draft_distribute {
	struct place at;
	const struct mesh_locality *from;
	struct draft_list to; /* NUMBERS */
};

struct draft_failover {
	struct place at;
	const char *from, *to;
};

struct draft_locality_setting {
	struct place at;
	int8_t enabled; /* -1 not said */
	struct draft_list distribute, failover;
};

enum balance_word {
	BALANCE_WORD_UNSPECIFIED,
	BALANCE_WORD_LEAST_CONN,
	BALANCE_WORD_RANDOM,
	BALANCE_WORD_PASSTHROUGH,
	BALANCE_WORD_ROUND_ROBIN,
	BALANCE_WORD_LEAST_REQUEST,
};

struct draft_balancer {
	struct place at;
	uint8_t simple;
	struct draft_hash *hash;
	struct draft_locality_setting *locality;
};

struct draft_tcp_pool {
	struct place at;
	uint32_t max_connections; /* 0: no limit */
};

struct draft_pool {
	struct place at;
	struct draft_tcp_pool *tcp;
};

struct draft_outlier {
	struct place at;
	uint32_t consecutive_5xx, consecutive_gateway, consecutive_local;
	uint32_t interval_ms, base_ejection_ms, max_percent, min_health_percent;
	int8_t split;
};

struct draft_client_tls {
	struct place at;
	uint8_t mode; /* 0: DISABLE */
};

struct draft_traffic {
	struct place at;
	struct draft_balancer *balancer;
	struct draft_pool *pool;
	struct draft_outlier *outlier;
	struct draft_client_tls *tls;
};

struct draft_port_traffic {
	struct place at;
	struct draft_port_selector *port;
	struct draft_traffic traffic;
};

struct draft_subset {
	struct place at;
	struct draft_text name;
	const struct mesh_labels *labels;
	struct draft_traffic *traffic;
};

struct draft_destination_rule {
	struct place at;
	struct draft_text host;
	struct draft_traffic *traffic;
	struct draft_list subsets;
	struct draft_list export_to;
	struct draft *next; /* see rule_next: made anew with each assignment of rules */
};

struct draft_port_selector {
	struct place at;
	uint32_t number;
};

struct draft_destination {
	struct place at;
	struct draft_text host;
	struct draft_text subset;
	struct draft_port_selector *port;
};

struct draft_weighted {
	struct place at;
	struct draft_destination *destination;
	uint32_t weight; /* UINT32_MAX: not said */
};

struct draft_route_match {
	struct place at;
	uint32_t port; /* 0: any */
	const struct mesh_labels *source_labels;
	const char *source_namespace;
	struct draft_list subnets;
	struct draft_list gateways;
};

struct draft_route {
	struct place at;
	struct draft_list match;
	struct draft_list route; /* of draft_weighted */
	bool answers;		 /* it answers, or others say where to; see FIELD_REFUSED */
};

struct draft_virtual_service {
	struct place at;
	struct draft_list hosts, gateways;
	struct draft_list http, tcp;
	struct draft_list export_to;
	bool has_tls; /* see FIELD_REFUSED */
};

struct draft_factor {
	struct place at;
	double factor;
};

struct draft_outlier_detection {
	struct place at;
	struct draft_text host;
	struct draft_factor *success_rate, *latency;
	uint32_t minimum_hosts, minimum_requests;
};

struct draft_acceleration {
	struct place at;
	struct draft_list services; /* of draft_text: hosts; none: all of the namespace */
	int8_t enabled;
};
