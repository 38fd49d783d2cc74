/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drafts of services, endpoints and workloads. */
#pragma once

#include "mesh-config/model/service.h"
#include "mesh-config/schema/schema.h"

struct draft_port {
	struct place at;
	const char *name;
	uint32_t port;
	struct draft_text target; /* number or name; "" */
	uint8_t protocol;	  /* enum mesh_protocol, 2: SCTP */
	uint8_t app_protocol;	  /* enum mesh_app_protocol */
	const char *app_protocol_text;
};

struct draft_client_ip {
	struct place at;
	uint32_t timeout_s;
};

struct draft_affinity_config {
	struct place at;
	struct draft_client_ip *client_ip;
};

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,
};

/* In the order of the words. */
enum distribution_word {
	DISTRIBUTION_WORD_NONE,
	DISTRIBUTION_WORD_CLOSE,
	DISTRIBUTION_WORD_ZONE,
	DISTRIBUTION_WORD_NODE,
};

struct draft_service {
	struct place at;
	struct draft_text cluster_ip;
	struct draft_list cluster_ips; /* of draft_text */
	struct draft_list external_ips;
	struct draft_list ports;
	const struct mesh_labels *selector;
	uint8_t type;
	uint8_t affinity; /* 1: ClientIP */
	struct draft_affinity_config *affinity_config;
	uint8_t internal_policy; /* 1: Local */
	uint8_t distribution;	 /* enum distribution_word */
	int8_t publish_not_ready;
	bool headless;
	struct draft_list vips; /* of draft_address: all of the above */
};

struct draft_conditions {
	struct place at;
	int8_t ready, serving, terminating; /* -1 not said */
};

struct draft_target {
	struct place at;
	const char *kind, *name;
};

struct draft_slice_endpoint {
	struct place at;
	struct draft_list addresses;
	struct draft_conditions *conditions;
	struct draft_target *target;
	const char *node_name, *zone;
	/* what of it becomes an endpoint, in one place: building reads a lot of these */
	const struct mesh_locality *locality; /* of the zone; NULL: not said */
	const char *name;
	uint8_t address[16]; /* the first one */
	uint8_t health;	     /* enum mesh_health */
};

struct draft_slice {
	struct place at;
	uint8_t address_type; /* 2: FQDN */
	struct draft_list endpoints;
	struct draft_list ports;
};

struct draft_endpoints_address {
	struct place at;
	struct draft_address ip;
	struct draft_target *target;
	const char *node_name;
};

struct draft_endpoints_subset {
	struct place at;
	struct draft_list ready, not_ready, ports;
};

struct draft_endpoints {
	struct place at;
	struct draft_list subsets;
};

struct draft_workload_entry {
	struct place at;
	struct draft_text address;
	struct mesh_prefix prefix; /* of |address|; bits 0 when it is none */
	struct draft_list ports;   /* NUMBERS */
	const struct mesh_labels *labels;
	const char *service_account;
	const struct mesh_locality *locality; /* NULL: not said */
	uint32_t weight;
	struct draft_text network; /* only whether it is given counts */
};

struct draft_selector {
	struct place at;
	const struct mesh_labels *labels;
};

enum service_resolution {
	RESOLUTION_NONE,
	RESOLUTION_STATIC,
	RESOLUTION_DNS,
	RESOLUTION_DNS_ROUND_ROBIN,
	RESOLUTION_DYNAMIC_DNS,
};

struct draft_service_entry {
	struct place at;
	struct draft_list hosts;     /* of draft_text */
	struct draft_list addresses; /* of draft_address */
	struct draft_list ports;
	struct draft_list endpoints; /* of draft_workload_entry */
	struct draft_selector *selector;
	uint8_t location; /* 1: MESH_INTERNAL */
	uint8_t resolution;
	struct draft_list export_to;
};

struct draft_group_metadata {
	struct place at;
	const struct mesh_labels *labels;
};

struct draft_workload_group {
	struct place at;
	struct draft_group_metadata *metadata;
	struct draft_workload_entry *template;
};

struct draft_match {
	struct place at;
	struct draft_list ips; /* of draft_address */
	struct draft_text executable, systemd_unit, cgroup, container, netns;
	uint32_t executable_owner, uid; /* UINT32_MAX: not said */
};

struct draft_workload {
	struct place at;
	struct draft_list match;
	const struct mesh_labels *labels;
	const char *service_account;
	const struct mesh_locality *locality;
	struct draft_list ports;
	uint32_t weight;
};

struct draft_settings {
	struct place at;
	const char *root_namespace, *trust_domain, *cluster_domain, *node_name;
	const struct mesh_locality *locality;
};
