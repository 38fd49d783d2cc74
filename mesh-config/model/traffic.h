/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Traffic policies of the model: how connections to a service or subset are spread, limits and
 * outlier ejection. From DestinationRule and OutlierDetection. */
#pragma once

#include "mesh-config/model/fields.h"

#define MESH_MAGLEV_SLOTS 65537 /* of a table whose size is not said: a prime */

enum mesh_balance {
	MESH_BALANCE_RANDOM,
	MESH_BALANCE_ROUND_ROBIN,
	MESH_BALANCE_LEAST_REQUEST, /* least connections; Istio's default */
	MESH_BALANCE_MAGLEV_SOURCE, /* consistentHash.useSourceIp */
	MESH_BALANCE_PASSTHROUGH,   /* the address that was asked for is left alone */
};

/* trafficPolicy.outlierDetection of a DestinationRule. */
#define OUTLIER_FIELDS(F, N, s)                                                                    \
	F(s, consecutive_5xx, "consecutive5xxErrors", NUMBER,                                      \
	  "answers 5xx in a row that eject; 0: off; consecutiveErrors once",                       \
	  .former = "consecutiveErrors", DEFAULT(5))                                               \
	F(s, consecutive_gateway_errors, "consecutiveGatewayErrors", NUMBER,                       \
	  "consecutive responses with 502, 503, 504 until ejection; 0: off", DEFAULT(0))           \
	F(s, consecutive_local_failures, "consecutiveLocalOriginFailures", NUMBER,                 \
	  "consecutive failed connects until ejection, if counted separately", DEFAULT(5),         \
	  NOTED(outlier, local_at))                                                                \
	F(s, split_local_origin, "splitExternalLocalOriginErrors", BOOL,                           \
	  "count failed connects separately from 5xx responses", DEFAULT(false))                   \
	F(s, interval_ms, "interval", DURATION, "interval of the evaluation",                      \
	  .label = "outlier interval", .min = 1, DEFAULT(10000))                                   \
	F(s, base_ejection_ms, "baseEjectionTime", DURATION,                                       \
	  "duration of an ejection, multiplied by the number of ejections", .min = 1,              \
	  DEFAULT(30000))                                                                          \
	F(s, max_ejection_percent, "maxEjectionPercent", NUMBER,                                   \
	  "maximum share of ejected endpoints", .max = 100, DEFAULT(10))                           \
	F(s, min_health_percent, "minHealthPercent", NUMBER,                                       \
	  "ejection is ignored while less than this share is healthy", .max = 100, DEFAULT(0))

/* Of the kind OutlierDetection. */
#define COMPARISON_FIELDS(F, N, s)                                                                 \
	F(s, minimum_hosts, "minimumHosts", NUMBER,                                                \
	  "endpoints with enough requests; with fewer none are compared", .min = 2, DEFAULT(5))    \
	F(s, minimum_requests, "minimumRequests", NUMBER,                                          \
	  "in an interval, or an endpoint is not compared", .min = 1, DEFAULT(100))

/* At the end of an interval, over the endpoints with at least |minimum_requests| in it and if those
 * are at least |minimum_hosts|, one is ejected when its success rate is below mean - factor *
 * standard deviation, or its mean latency above factor times the median of the others'. */
struct mesh_comparison {
	uint32_t success_rate_stdev_factor; /* in thousandths, as the next; 0: off */
	uint32_t latency_factor;
	COMPARISON_FIELDS(FIELD_MEMBER, FIELD_NO_MEMBER, )
};

/* Outlier ejection. 0 in a count or factor: that detection is off. */
struct mesh_outlier {
	bool enabled;		/* an outlierDetection was given */
	bool close_connections; /* annotation weft.dev/close-ejected: "true" */
	OUTLIER_FIELDS(FIELD_MEMBER, FIELD_NO_MEMBER, )
	struct mesh_comparison compare; /* all 0: the service has no OutlierDetection */
};

/* trafficPolicy.connectionPool.tcp of a DestinationRule. */
#define LIMIT_FIELDS(F, N, s)                                                                      \
	F(s, max_connections, "maxConnections", NUMBER,                                            \
	  "of this node to the service; 0: no limit", .max = 1u << 30, UNSAID("no limit"))         \
	N(WARNED(HARMLESS), "connectTimeout", DURATION, "the client's own timeout holds",          \
	  .min = 1)                                                                                \
	N(WARNED(HARMLESS), "tcpKeepalive", SOME, "the client's own keepalive holds")              \
	N(WARNED(HARMLESS), "idleTimeout", DURATION,                                               \
	  "weft does not limit the lifetime of connections", .min = 1)                             \
	N(WARNED(HARMLESS), "maxConnectionDuration", DURATION,                                     \
	  "weft does not limit the lifetime of connections", .min = 1)

struct mesh_limits {
	LIMIT_FIELDS(FIELD_MEMBER, FIELD_NO_MEMBER, )
};

/* localityLbSetting.distribute: connections from |from| are spread over |to| by weight. Rows of
 * one |from| are adjacent, their weights add up to 100. A part "*" matches every value, and so do
 * the parts behind it. */
struct mesh_distribute {
	struct mesh_locality from;
	struct mesh_locality to;
	uint32_t weight;
};

/* localityLbSetting.failover: when |from_region| has nothing healthy, |to_region| is next. */
struct mesh_failover {
	const char *from_region;
	const char *to_region;
};

/* The trafficPolicy of a DestinationRule, defaults filled in. */
struct mesh_traffic {
	uint8_t balance;       /* enum mesh_balance */
	bool locality_enabled; /* whether locality counts at all */
	bool locality_written; /* there is a localityLbSetting: the service's preference is void */
	uint32_t maglev_size;  /* tableSize, a prime */
	uint32_t distribute_first, distribute_count; /* if any: no failover */
	uint32_t failover_first, failover_count;     /* none: any other region */
	uint32_t connect_rate; /* annotation weft.dev/connect-rate, per second; 0: no limit */
	struct mesh_limits limits;
	struct mesh_outlier outlier;
};

/* Nearest healthy first: with outlier detection, as a proxy would not learn of health otherwise;
 * shares of localities are another way. */
static inline bool mesh_fails_over(const struct mesh_traffic *t)
{
	return t->locality_enabled && t->outlier.enabled && !t->distribute_count;
}
