/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DestinationRule, OutlierDetection and Acceleration: their fields, and what is read of them. */
#pragma once

#include "mesh-config/model/traffic.h"
#include "mesh-config/schema/schema.h"

#define MAGLEV_FIELDS(F, N, s)                                                                     \
	F(s, table_size, "tableSize", NUMBER, "slots, a prime", .min = 2, .max = 5000010,          \
	  DEFAULT(MESH_MAGLEV_SLOTS))
DRAFT(maglev, MAGLEV_FIELDS);

#define HASH_FIELDS(F, N, s)                                                                       \
	F(s, use_source_ip, "useSourceIp", BOOL,                                                   \
	  "the client's address chooses the endpoint: the socket's, else the first of its "        \
	  "network namespace",                                                                     \
	  DEFAULT(false))                                                                          \
	F(s, maglev, "maglev", OBJECT(maglev), "the table", .one_of = 1)                           \
	N(WARNED(HARMLESS), "ringHash", SOME, "weft hashes with Maglev", .one_of = 1)              \
	N(WARNED(HARMLESS), "minimumRingSize", NUMBER, "weft hashes with Maglev", .one_of = 1)     \
	N(REFUSED(NOT_HONOURED), "httpHeaderName", ANY,                                            \
	  "connections are balanced before any header "                                            \
	  "is sent")                                                                               \
	N(REFUSED(NOT_HONOURED), "httpCookie", ANY,                                                \
	  "connections are balanced before any cookie is "                                         \
	  "sent")                                                                                  \
	N(REFUSED(NOT_HONOURED), "httpQueryParameterName", ANY,                                    \
	  "connections are balanced before any request is sent")
DRAFT(hash, HASH_FIELDS);

#define DISTRIBUTE_FIELDS(F, N, s)                                                                 \
	F(s, from, "from", LOCALITY, "of the client; * for any part", .required = true,            \
	  .form = FORM_LOCALITY)                                                                   \
	F(s, to, "to", NUMBERS, "locality: percent", .min = 1, .max = 100, .required = true,       \
	  .form = FORM_LOCALITY)
DRAFT(distribute, DISTRIBUTE_FIELDS);

#define FAILOVER_FIELDS(F, N, s)                                                                   \
	F(s, from, "from", TEXT, "region", .required = true, .form = FORM_REGION)                  \
	F(s, to, "to", TEXT, "region to fail over to", .required = true, .form = FORM_REGION)
DRAFT(failover, FAILOVER_FIELDS);

#define LOCALITY_SETTING_FIELDS(F, N, s)                                                           \
	F(s, enabled, "enabled", MAYBE, "whether locality counts",                                 \
	  UNSAID("true if localityLbSetting is given"))                                            \
	F(s, distribute, "distribute", LIST(OBJECT(distribute)),                                   \
	  "shares of each locality, by that of the client")                                        \
	F(s, failover, "failover", LIST(OBJECT(failover)),                                         \
	  "destinations when a region has no healthy endpoint; needs outlierDetection")            \
	N(REFUSED(NOT_HONOURED), "failoverPriority", ANY, "priorities by label are not supported")
DRAFT(locality_setting, LOCALITY_SETTING_FIELDS);

enum balance_word {
	BALANCE_WORD_UNSPECIFIED,
	BALANCE_WORD_LEAST_CONN,
	BALANCE_WORD_RANDOM,
	BALANCE_WORD_PASSTHROUGH,
	BALANCE_WORD_ROUND_ROBIN,
	BALANCE_WORD_LEAST_REQUEST,
};

#define BALANCER_FIELDS(F, N, s)                                                                   \
	F(s, simple, "simple", ENUM(balancers),                                                    \
	  "how an endpoint is chosen; LEAST_REQUEST counts connections", .one_of = 1,              \
	  UNSAID("LEAST_REQUEST"))                                                                 \
	F(s, hash, "consistentHash", OBJECT(hash), "by the client's address", .one_of = 1)         \
	F(s, locality, "localityLbSetting", OBJECT(locality_setting), "by locality")               \
	N(WARNED(HARMLESS), "warmup", SOME, "new endpoints get their full share immediately")      \
	N(WARNED(HARMLESS), "warmupDurationSecs", DURATION,                                        \
	  "new endpoints get their full share immediately", .min = 1)
DRAFT(balancer, BALANCER_FIELDS);

/* The rows of these two are in mesh-config/model/traffic.h. */
DRAFT_OF(limits, NO_FIELDS, struct mesh_limits);
DRAFT_OF(outlier, NO_FIELDS, struct mesh_outlier, struct place local_at;);
extern const struct schema limits_schema, outlier_schema, outlier_detection_schema;

#define POOL_FIELDS(F, N, s)                                                                       \
	F(s, tcp, "tcp", OBJECT(limits), "of connections")                                         \
	N(REFUSED(NOT_HONOURED), "http", ANY,                                                      \
	  "limits of requests are not supported, those of "                                        \
	  "connections (tcp) are")
DRAFT(pool, POOL_FIELDS);

#define CLIENT_TLS_FIELDS(F, N, s)                                                                 \
	F(s, mode, "mode", ENUM(tls_modes), "only DISABLE", DEFAULT(0))                            \
	N(IGNORED, "clientCertificate", TEXT, "of other modes")                                    \
	N(IGNORED, "privateKey", TEXT, "of other modes")                                           \
	N(IGNORED, "caCertificates", TEXT, "of other modes")                                       \
	N(IGNORED, "caCrl", TEXT, "of other modes")                                                \
	N(IGNORED, "credentialName", TEXT, "of other modes")                                       \
	N(IGNORED, "subjectAltNames", LIST(TEXT), "of other modes")                                \
	N(IGNORED, "sni", TEXT, "of other modes")                                                  \
	N(IGNORED, "insecureSkipVerify", BOOL, "of other modes")
DRAFT(client_tls, CLIENT_TLS_FIELDS);

#define PORT_SELECTOR_FIELDS(F, N, s)                                                              \
	F(s, number, "number", NUMBER, "of the service", .min = 1, .max = 65535, .required = true)
DRAFT(port_selector, PORT_SELECTOR_FIELDS);

/* Refused, but looked into: what they say of TLS is about security. */
#define PORT_TRAFFIC_FIELDS(F, N, s)                                                               \
	F(s, port, "port", OBJECT(port_selector), "of the service", .required = true)              \
	F(s, balancer, "loadBalancer", OBJECT(balancer), "how an endpoint is chosen")              \
	F(s, pool, "connectionPool", OBJECT(pool), "limits")                                       \
	F(s, outlier, "outlierDetection", OBJECT(outlier), "outlier ejection of endpoints")        \
	F(s, tls, "tls", OBJECT(client_tls), "weft does not originate TLS")
DRAFT(port_traffic, PORT_TRAFFIC_FIELDS);

/* Of services and of subsets. */
#define TRAFFIC_COMMON_FIELDS(F, N, s)                                                             \
	F(s, balancer, "loadBalancer", OBJECT(balancer), "how an endpoint is chosen")              \
	F(s, tls, "tls", OBJECT(client_tls), "weft does not originate TLS")                        \
	N(REFUSED(NOT_HONOURED), "portLevelSettings", LIST(OBJECT(port_traffic)),                  \
	  "settings for single ports are not supported")                                           \
	N(REFUSED(NOT_HONOURED), "tunnel", ANY, "tunnels are not supported")                       \
	N(REFUSED(NOT_HONOURED), "proxyProtocol", ANY,                                             \
	  "weft does not change the data of a connection")                                         \
	N(REFUSED(NOT_HONOURED), "retryBudget", ANY, "weft does not repeat requests")

#define TRAFFIC_FIELDS(F, N, s)                                                                    \
	TRAFFIC_COMMON_FIELDS(F, N, s)                                                             \
	F(s, pool, "connectionPool", OBJECT(pool), "limits")                                       \
	F(s, outlier, "outlierDetection", OBJECT(outlier), "outlier ejection of endpoints")
DRAFT(traffic, TRAFFIC_FIELDS);

#define SUBSET_TRAFFIC_FIELDS(F, N, s)                                                             \
	TRAFFIC_COMMON_FIELDS(F, N, s)                                                             \
	N(REFUSED(NOT_HONOURED), "connectionPool", ANY,                                            \
	  "limits are of whole services, not of subsets: write them in the rule's own "            \
	  "trafficPolicy")                                                                         \
	N(REFUSED(NOT_HONOURED), "outlierDetection", ANY,                                          \
	  "ejection is of whole services, not of subsets: write it in the rule's own "             \
	  "trafficPolicy")

#define SUBSET_FIELDS(F, N, s)                                                                     \
	F(s, name, "name", WORD, "for VirtualServices", .required = true, .form = FORM_DNS_LABEL)  \
	F(s, labels, "labels", LABELS, "that its endpoints have")                                  \
	F(s, traffic, "trafficPolicy", OBJECT_AS(subset_traffic, traffic),                         \
	  "if it differs from that of the whole service")
DRAFT(subset, SUBSET_FIELDS);

#define DESTINATION_RULE_FIELDS(F, N, s)                                                           \
	F(s, host, "host", WORD, "of the service", .required = true, .form = FORM_HOST)            \
	F(s, traffic, "trafficPolicy", OBJECT(traffic), "of every connection to it")               \
	F(s, subsets, "subsets", LIST(OBJECT(subset)), "endpoints by their labels")                \
	F(s, export_to, "exportTo", LIST(WORD), "\"*\" only")                                      \
	N(REFUSED(NOT_HONOURED), "workloadSelector", ANY, "the rule would hold for every client")
/* |next|: see rule_next; made anew with each assignment of rules. */
DRAFT(destination_rule, DESTINATION_RULE_FIELDS, struct draft *next;);

#define SUCCESS_RATE_FIELDS(F, N, s)                                                               \
	F(s, factor, "stdevFactor", REAL,                                                          \
	  "standard deviations below the mean of the endpoints' rates, as 1.9", .required = true,  \
	  .max = 1000)
DRAFT(factor, SUCCESS_RATE_FIELDS);

#define LATENCY_FIELDS(F, N, s)                                                                    \
	F(s, factor, "medianFactor", REAL,                                                         \
	  "times the median of the endpoints' mean latencies, as 3", .required = true,             \
	  .max = 1000)

#define OUTLIER_DETECTION_FIELDS(F, N, s)                                                          \
	F(s, host, "host", WORD, "of the service", .required = true, .form = FORM_HOST_NOT_ALL)    \
	F(s, success_rate, "successRate", OBJECT_AS(success_rate, factor),                         \
	  "leave out who answers 5xx more often than the others")                                  \
	F(s, latency, "latency", OBJECT_AS(latency, factor),                                       \
	  "leave out who answers more slowly than the others")
DRAFT_OF(outlier_detection, OUTLIER_DETECTION_FIELDS, struct mesh_comparison);

#define ACCELERATION_FIELDS(F, N, s)                                                               \
	F(s, services, "services", LIST(WORD), "hosts", .form = FORM_HOST_NOT_ALL,                 \
	  UNSAID("every service of the namespace"))                                                \
	F(s, enabled, "enabled", BOOL, "false takes them out again", DEFAULT(true))
DRAFT(acceleration, ACCELERATION_FIELDS);
