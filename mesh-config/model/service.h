/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services of the model: what clients connect to, and where such a connection may end. From
 * Service, ServiceEntry, EndpointSlice, Endpoints, WorkloadEntry, DestinationRule, VirtualService,
 * the routes of the Gateway API and TrafficSplit. */
#pragma once

#include "mesh-config/model/traffic.h"

enum mesh_protocol {
	MESH_TCP,
	MESH_UDP,
};

/* What travels inside, from appProtocol or the name of the port (http, http-web, grpc, ...). */
enum mesh_app_protocol {
	MESH_APP_UNKNOWN,
	MESH_APP_HTTP,
	MESH_APP_HTTP2,
	MESH_APP_GRPC,
	MESH_APP_TLS, /* tls, https */
	MESH_APP_TCP,
};

struct mesh_port {
	uint16_t port;
	uint16_t target_port; /* where an endpoint says nothing else; 0: unknown */
	uint8_t protocol;     /* enum mesh_protocol */
	uint8_t app_protocol; /* enum mesh_app_protocol */
	const char *name;     /* "" or unique in the service */
};

/* A virtual address: connections to it are balanced. A prefix when a ServiceEntry says so. */
struct mesh_vip {
	struct mesh_prefix prefix;
	uint32_t service;
};

enum mesh_health {
	MESH_READY,
	MESH_DRAINING,	/* terminating, still serves: only when no endpoint is ready */
	MESH_NOT_READY, /* gets nothing */
};

struct mesh_endpoint {
	uint8_t address[16];
	uint32_t service;
	/* target_ports[ports_first + i] is the port of this endpoint for the i-th port of its
	 * service, 0 when it does not serve that one. Endpoints share these runs. */
	uint32_t ports_first;
	uint32_t weight;   /* at least 1 */
	uint32_t workload; /* index, MESH_NONE: it is outside of the mesh */
	uint8_t health;	   /* enum mesh_health */
	bool local_node;   /* its nodeName is that of the settings */
	const char *name;  /* of the pod or WorkloadEntry; "" */
	const struct mesh_labels *labels;
	const struct mesh_locality *locality; /* never NULL */
	struct mesh_position position;
};

struct mesh_subset {
	uint32_t service;
	const char *name;
	const struct mesh_labels *labels;
	uint32_t traffic;		     /* index: the service's with this subset's changes */
	uint32_t member_first, member_count; /* in mesh->members, ascending */
	struct mesh_position position;
};

struct mesh_destination {
	uint32_t service;
	uint32_t subset; /* index in mesh->subsets, MESH_NONE: all endpoints */
	uint16_t port;	 /* of that service; 0: the port that was asked for, or its only one */
	uint32_t weight; /* share of the sum over the route; 0 gets nothing */
	struct mesh_position position;
};

/* What holds of a connection for the route to be taken; absent parts match everything. */
struct mesh_route {
	uint32_t service;
	uint16_t port;				 /* of the service; 0: every port */
	const char *source_namespace;		 /* "" any */
	const struct mesh_labels *source_labels; /* of the client's workload */
	uint32_t prefix_first, prefix_count;	 /* destination subnets; none: every one */
	uint32_t destination_first, destination_count;
	struct mesh_position position;
};

enum mesh_resolution {
	MESH_STATIC,	/* balanced over the endpoints */
	MESH_UNCHANGED, /* resolution NONE, headless: known by name, connections go where they go */
};

/* trafficDistribution: nearest first, whatever else is known of health. */
enum mesh_preference {
	MESH_PREFER_NONE,
	MESH_PREFER_NEAR, /* PreferClose, PreferSameZone: by locality */
	MESH_PREFER_NODE, /* this node, then by locality */
};

#define MESH_AFFINITY_S 10800 /* of sessionAffinity ClientIP, where nothing is said */

struct mesh_service {
	const char *namespace_name;
	const char *name;
	uint32_t host_first, host_count; /* fully qualified, lower case; "*.x" only if UNCHANGED */
	uint32_t vip_first, vip_count;
	uint32_t port_first, port_count;
	uint32_t endpoint_first, endpoint_count;
	uint32_t subset_first, subset_count;
	uint32_t route_first, route_count;
	uint32_t traffic;	     /* index */
	uint32_t session_affinity_s; /* sessionAffinity ClientIP; 0: none */
	uint8_t resolution;	     /* enum mesh_resolution */
	uint8_t prefers;	     /* enum mesh_preference */
	bool external;		     /* MESH_EXTERNAL */
	bool acceleration;	     /* kind Acceleration: sockets may be redirected */
	struct mesh_position position;
};
