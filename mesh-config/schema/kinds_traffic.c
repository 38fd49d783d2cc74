// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of DestinationRule, OutlierDetection and Acceleration. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

/* ---- load balancing */

static const struct field maglev_schema_fields[] = {
	FIELD(struct draft_maglev, table_size, "tableSize", NUMBER, "slots, a prime", .min = 2,
	      .max = 5000010, FIELD_DEFAULT(65537, "65537")),
};
static SCHEMA(maglev_schema, "loadBalancer.consistentHash.maglev", struct draft_maglev);

static void hash_check(struct reading *r, void *draft)
{
	const struct draft_hash *h = draft;
	uint32_t size = h->maglev ? h->maglev->table_size : 65537;

	for (uint32_t divisor = 2; divisor * divisor <= size; divisor++)
		if (size % divisor == 0) {
			problem_hint(r->problems,
				     problem_add(r->problems, PROBLEM_VALUE, h->maglev->at,
						 "tableSize %u is not a prime", size),
				     "65537 is one");
			return;
		}
	if (!h->use_source_ip)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_UNSUPPORTED, h->at,
					 "connections can be hashed by their source only"),
			     "write useSourceIp: true");
}

static const struct field hash_schema_fields[] = {
	FIELD(struct draft_hash, use_source_ip, "useSourceIp", BOOL,
	      "the client's address chooses the endpoint: the socket's, else the first of its "
	      "network namespace",
	      FIELD_DEFAULT(0, "false")),
	FIELD(struct draft_hash, maglev, "maglev", OBJECT, "the table", .object = &maglev_schema,
	      .one_of = 1),
	FIELD_WARN("ringHash", HARMLESS, "weft hashes with Maglev", FIELD_OF_SOME_OBJECT,
		   .one_of = 1),
	FIELD_WARN("minimumRingSize", HARMLESS, "weft hashes with Maglev", FIELD_OF(NUMBER),
		   .one_of = 1),
	FIELD_REFUSE("httpHeaderName", NOT_HONOURED,
		     "connections are balanced before any header "
		     "is sent"),
	FIELD_REFUSE("httpCookie", NOT_HONOURED,
		     "connections are balanced before any cookie is "
		     "sent"),
	FIELD_REFUSE("httpQueryParameterName", NOT_HONOURED,
		     "connections are balanced before any request is sent"),
};
static SCHEMA(hash_schema, "loadBalancer.consistentHash", struct draft_hash, .check = hash_check);

static void distribute_check(struct reading *r, void *draft)
{
	const struct draft_distribute *d = draft;
	const struct draft_number *to = d->to.items;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < d->to.count; i++)
		sum += to[i].value;
	if (sum != 100)
		problem_add(r->problems, PROBLEM_WEIGHTS, d->to.at,
			    "the weights of \"to\" add up to %llu, not 100",
			    (unsigned long long)sum);
}

static const struct field distribute_schema_fields[] = {
	FIELD(struct draft_distribute, from, "from", LOCALITY, "of the client; * for any part",
	      .required = true, .form = FORM_LOCALITY),
	FIELD(struct draft_distribute, to, "to", NUMBERS, "locality: percent", .min = 1, .max = 100,
	      .required = true, .form = FORM_LOCALITY),
};
static SCHEMA(distribute_schema, "localityLbSetting.distribute", struct draft_distribute,
	      .check = distribute_check);

static const struct field failover_schema_fields[] = {
	FIELD(struct draft_failover, from, "from", TEXT, "region", .required = true,
	      .form = FORM_REGION),
	FIELD(struct draft_failover, to, "to", TEXT, "region to fail over to", .required = true,
	      .form = FORM_REGION),
};

static void failover_check(struct reading *r, void *draft)
{
	const struct draft_failover *f = draft;

	if (f->from[0] && f->from == f->to)
		problem_add(r->problems, PROBLEM_VALUE, f->at,
			    "\"from\" and \"to\" are the same region");
}

static SCHEMA(failover_schema, "localityLbSetting.failover", struct draft_failover,
	      .check = failover_check);

static const struct field locality_setting_schema_fields[] = {
	FIELD(struct draft_locality_setting, enabled, "enabled", BOOL, "whether locality counts",
	      FIELD_DEFAULT((uint32_t)-1, "true if localityLbSetting is given")),
	FIELD(struct draft_locality_setting, distribute, "distribute", OBJECT,
	      "shares of each locality, by that of the client", .object = &distribute_schema,
	      .list = true),
	FIELD(struct draft_locality_setting, failover, "failover", OBJECT,
	      "destinations when a region has no healthy endpoint; needs outlierDetection",
	      .object = &failover_schema, .list = true),
	FIELD_REFUSE("failoverPriority", NOT_HONOURED, "priorities by label are not supported"),
};

static void locality_setting_check(struct reading *r, void *draft)
{
	const struct draft_locality_setting *s = draft;

	if (s->distribute.count && s->failover.count)
		problem_add(r->problems, PROBLEM_VALUE, s->failover.at,
			    "\"distribute\" and \"failover\" exclude each other");
}

static SCHEMA(locality_setting_schema, "localityLbSetting", struct draft_locality_setting,
	      .check = locality_setting_check);

static const char *const balancers[] = {"UNSPECIFIED", "LEAST_CONN",	"RANDOM", "PASSTHROUGH",
					"ROUND_ROBIN", "LEAST_REQUEST", NULL};

static const struct field balancer_schema_fields[] = {
	FIELD(struct draft_balancer, simple, "simple", ENUM,
	      "how an endpoint is chosen; LEAST_REQUEST counts connections", .words = balancers,
	      .one_of = 1, FIELD_DEFAULT(0, "LEAST_REQUEST")),
	FIELD(struct draft_balancer, hash, "consistentHash", OBJECT, "by the client's address",
	      .object = &hash_schema, .one_of = 1),
	FIELD(struct draft_balancer, locality, "localityLbSetting", OBJECT, "by locality",
	      .object = &locality_setting_schema),
	FIELD_WARN("warmup", HARMLESS, "new endpoints get their full share immediately",
		   FIELD_OF_SOME_OBJECT),
	FIELD_WARN("warmupDurationSecs", HARMLESS, "new endpoints get their full share immediately",
		   FIELD_OF(DURATION), .min = 1),
};
static SCHEMA(balancer_schema, "loadBalancer", struct draft_balancer);

/* ---- limits, outliers, TLS */

static const struct field tcp_pool_schema_fields[] = {
	FIELD(struct draft_tcp_pool, max_connections, "maxConnections", NUMBER,
	      "of this node to the service; 0: no limit", .max = 1u << 30,
	      .fallback_text = "no limit"),
	FIELD_WARN("connectTimeout", HARMLESS, "the client's own timeout holds", FIELD_OF(DURATION),
		   .min = 1),
	FIELD_WARN("tcpKeepalive", HARMLESS, "the client's own keepalive holds",
		   FIELD_OF_SOME_OBJECT),
	FIELD_WARN("idleTimeout", HARMLESS, "weft does not limit the lifetime of connections",
		   FIELD_OF(DURATION), .min = 1),
	FIELD_WARN("maxConnectionDuration", HARMLESS,
		   "weft does not limit the lifetime of connections", FIELD_OF(DURATION), .min = 1),
};
static SCHEMA(tcp_pool_schema, "connectionPool.tcp", struct draft_tcp_pool);

static const struct field pool_schema_fields[] = {
	FIELD(struct draft_pool, tcp, "tcp", OBJECT, "of connections", .object = &tcp_pool_schema),
	FIELD_REFUSE("http", NOT_HONOURED,
		     "limits of requests are not supported, those of "
		     "connections (tcp) are"),
};
static SCHEMA(pool_schema, "connectionPool", struct draft_pool, .some = true);

static const struct field outlier_schema_fields[] = {
	FIELD(struct draft_outlier, consecutive_5xx, "consecutive5xxErrors", NUMBER,
	      "answers 5xx in a row that eject; 0: off; consecutiveErrors once",
	      .former = "consecutiveErrors", FIELD_DEFAULT(5, "5")),
	FIELD(struct draft_outlier, consecutive_gateway, "consecutiveGatewayErrors", NUMBER,
	      "consecutive responses with 502, 503, 504 until ejection; 0: off",
	      FIELD_DEFAULT(0, "0")),
	FIELD(struct draft_outlier, consecutive_local, "consecutiveLocalOriginFailures", NUMBER,
	      "consecutive failed connects until ejection, if counted separately",
	      FIELD_DEFAULT(UINT32_MAX, "5")),
	FIELD(struct draft_outlier, split, "splitExternalLocalOriginErrors", BOOL,
	      "count failed connects separately from 5xx responses", FIELD_DEFAULT(0, "false")),
	FIELD(struct draft_outlier, interval_ms, "interval", DURATION, "interval of the evaluation",
	      .min = 1, FIELD_DEFAULT(10000, "10s")),
	FIELD(struct draft_outlier, base_ejection_ms, "baseEjectionTime", DURATION,
	      "duration of an ejection, multiplied by the number of ejections", .min = 1,
	      FIELD_DEFAULT(30000, "30s")),
	FIELD(struct draft_outlier, max_percent, "maxEjectionPercent", NUMBER,
	      "maximum share of ejected endpoints", .max = 100, FIELD_DEFAULT(10, "10")),
	FIELD(struct draft_outlier, min_health_percent, "minHealthPercent", NUMBER,
	      "ejection is ignored while less than this share is healthy", .max = 100,
	      FIELD_DEFAULT(0, "0")),
};

static void outlier_check(struct reading *r, void *draft)
{
	struct draft_outlier *o = draft;
	bool given = o->consecutive_local != UINT32_MAX;

	o->consecutive_local = given ? o->consecutive_local : 5;
	if (given && o->consecutive_local && !o->split)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_EXCLUSIVE, o->at,
					 "consecutiveLocalOriginFailures without "
					 "splitExternalLocalOriginErrors is never looked at"),
			     "write splitExternalLocalOriginErrors: true");
}

static SCHEMA(outlier_schema, "outlierDetection", struct draft_outlier, .check = outlier_check);

static const char *const tls_modes[] = {"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL", NULL};

static void client_tls_check(struct reading *r, void *draft)
{
	const struct draft_client_tls *t = draft;

	if (t->mode)
		problem_hint(
			r->problems,
			problem_add(r->problems, PROBLEM_SECURITY, t->at,
				    "weft does not originate TLS (mode %s)", tls_modes[t->mode]),
			"let the programs speak TLS themselves; weft reads their telemetry all "
			"the same");
}

static const struct field client_tls_schema_fields[] = {
	FIELD(struct draft_client_tls, mode, "mode", ENUM, "only DISABLE", .words = tls_modes,
	      FIELD_DEFAULT(0, "DISABLE")),
	FIELD_IGNORE("clientCertificate", "of other modes", FIELD_OF(TEXT)),
	FIELD_IGNORE("privateKey", "of other modes", FIELD_OF(TEXT)),
	FIELD_IGNORE("caCertificates", "of other modes", FIELD_OF(TEXT)),
	FIELD_IGNORE("caCrl", "of other modes", FIELD_OF(TEXT)),
	FIELD_IGNORE("credentialName", "of other modes", FIELD_OF(TEXT)),
	FIELD_IGNORE("subjectAltNames", "of other modes", FIELD_OF(TEXT), .list = true),
	FIELD_IGNORE("sni", "of other modes", FIELD_OF(TEXT)),
	FIELD_IGNORE("insecureSkipVerify", "of other modes", FIELD_OF(BOOL)),
};
static SCHEMA(client_tls_schema, "trafficPolicy.tls", struct draft_client_tls,
	      .check = client_tls_check);

/* ---- DestinationRule */

static const struct field port_selector_schema_fields[] = {
	FIELD(struct draft_port_selector, number, "number", NUMBER, "of the service", .min = 1,
	      .max = 65535, .required = true),
};
SCHEMA(port_selector_schema, "destination.port", struct draft_port_selector);

/* Refused, but looked into: what they say of TLS is about security. */
static const struct field port_traffic_schema_fields[] = {
	FIELD(struct draft_port_traffic, port, "port", OBJECT, "of the service",
	      .object = &port_selector_schema, .required = true),
	FIELD(struct draft_port_traffic, traffic.balancer, "loadBalancer", OBJECT,
	      "how an endpoint is chosen", .object = &balancer_schema),
	FIELD(struct draft_port_traffic, traffic.pool, "connectionPool", OBJECT, "limits",
	      .object = &pool_schema),
	FIELD(struct draft_port_traffic, traffic.outlier, "outlierDetection", OBJECT,
	      "outlier ejection of endpoints", .object = &outlier_schema),
	FIELD(struct draft_port_traffic, traffic.tls, "tls", OBJECT, "weft does not originate TLS",
	      .object = &client_tls_schema),
};

static void port_traffic_check(struct reading *r, void *draft)
{
	const struct draft_port_traffic *p = draft;

	if (!p->traffic.balancer && !p->traffic.pool && !p->traffic.outlier && !p->traffic.tls)
		problem_add(r->problems, PROBLEM_REQUIRED, p->at, "a port without any setting");
}

static SCHEMA(port_traffic_schema, "trafficPolicy.portLevelSettings", struct draft_port_traffic,
	      .check = port_traffic_check);

/* Of services and of subsets. */
#define TRAFFIC_FIELDS                                                                             \
	FIELD(struct draft_traffic, balancer, "loadBalancer", OBJECT, "how an endpoint is chosen", \
	      .object = &balancer_schema),                                                         \
		FIELD(struct draft_traffic, tls, "tls", OBJECT, "weft does not originate TLS",     \
		      .object = &client_tls_schema),                                               \
		FIELD_REFUSE("portLevelSettings", NOT_HONOURED,                                    \
			     "settings for single ports are not supported", FIELD_OF(OBJECT),      \
			     .object = &port_traffic_schema, .list = true),                        \
		FIELD_REFUSE("tunnel", NOT_HONOURED, "tunnels are not supported"),                 \
		FIELD_REFUSE("proxyProtocol", NOT_HONOURED,                                        \
			     "weft does not change the data of a connection"),                     \
		FIELD_REFUSE("retryBudget", NOT_HONOURED, "weft does not repeat requests")

static const struct field traffic_schema_fields[] = {
	TRAFFIC_FIELDS,
	FIELD(struct draft_traffic, pool, "connectionPool", OBJECT, "limits",
	      .object = &pool_schema),
	FIELD(struct draft_traffic, outlier, "outlierDetection", OBJECT,
	      "outlier ejection of endpoints", .object = &outlier_schema),
};
static SCHEMA(traffic_schema, "trafficPolicy", struct draft_traffic, .some = true);

static const struct field subset_traffic_schema_fields[] = {
	TRAFFIC_FIELDS,
	FIELD_REFUSE("connectionPool", NOT_HONOURED,
		     "limits are of whole services, not of subsets: write them in the rule's own "
		     "trafficPolicy"),
	FIELD_REFUSE("outlierDetection", NOT_HONOURED,
		     "ejection is of whole services, not of subsets: write it in the rule's own "
		     "trafficPolicy"),
};
static SCHEMA(subset_traffic_schema, "subsets.trafficPolicy", struct draft_traffic, .some = true);

static const struct field subset_schema_fields[] = {
	FIELD(struct draft_subset, name, "name", WORD, "for VirtualServices", .required = true,
	      .form = FORM_DNS_LABEL),
	FIELD(struct draft_subset, labels, "labels", LABELS, "that its endpoints have"),
	FIELD(struct draft_subset, traffic, "trafficPolicy", OBJECT,
	      "if it differs from that of the whole service", .object = &subset_traffic_schema),
};
static SCHEMA(subset_schema, "DestinationRule.spec.subsets", struct draft_subset);

static void destination_rule_check(struct reading *r, void *draft)
{
	const struct draft_destination_rule *d = draft;
	const struct draft_subset *s = d->subsets.items;

	export_check(r, &d->export_to);
	for (uint32_t i = 0; i < d->subsets.count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (s[i].name.text == s[j].name.text && s[i].name.text[0])
				problem_add(r->problems, PROBLEM_DUPLICATE, s[i].name.at,
					    "subset \"%s\" is given twice", s[i].name.text);
}

static const struct field destination_rule_schema_fields[] = {
	FIELD(struct draft_destination_rule, host, "host", WORD, "of the service", .required = true,
	      .form = FORM_HOST),
	FIELD(struct draft_destination_rule, traffic, "trafficPolicy", OBJECT,
	      "of every connection to it", .object = &traffic_schema),
	FIELD(struct draft_destination_rule, subsets, "subsets", OBJECT,
	      "endpoints by their labels", .object = &subset_schema, .list = true),
	FIELD(struct draft_destination_rule, export_to, "exportTo", WORD, "\"*\" only",
	      .list = true),
	FIELD_REFUSE("workloadSelector", NOT_HONOURED, "the rule would hold for every client"),
};
SCHEMA(destination_rule_schema, "DestinationRule.spec", struct draft_destination_rule,
       .check = destination_rule_check);

/* ---- OutlierDetection */

static const struct field success_rate_schema_fields[] = {
	FIELD(struct draft_factor, factor, "stdevFactor", REAL,
	      "standard deviations below the mean of the endpoints' rates, as 1.9",
	      .required = true, .max = 1000),
};
static SCHEMA(success_rate_schema, "OutlierDetection.successRate", struct draft_factor);

static const struct field latency_schema_fields[] = {
	FIELD(struct draft_factor, factor, "medianFactor", REAL,
	      "times the median of the endpoints' mean latencies, as 3", .required = true,
	      .max = 1000),
};
static SCHEMA(latency_schema, "OutlierDetection.latency", struct draft_factor);

static void factor_check(struct reading *r, const struct draft_factor *f, const char *name,
			 double above)
{
	if (f && f->factor >= 0 && f->factor <= above)
		problem_add(r->problems, PROBLEM_VALUE, f->at, "%s must be above %.0f", name,
			    above);
}

static void outlier_detection_check(struct reading *r, void *draft)
{
	const struct draft_outlier_detection *o = draft;

	factor_check(r, o->success_rate, "stdevFactor", 0);
	factor_check(r, o->latency, "medianFactor", 1);
	if (!o->success_rate && !o->latency)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_VALUE, o->at,
					 "it looks at nothing: successRate or latency is missing"),
			     "latency: {medianFactor: 3}");
}

static const struct field outlier_detection_schema_fields[] = {
	FIELD(struct draft_outlier_detection, host, "host", WORD, "of the service",
	      .required = true, .form = FORM_HOST_NOT_ALL),
	FIELD(struct draft_outlier_detection, success_rate, "successRate", OBJECT,
	      "leave out who answers 5xx more often than the others",
	      .object = &success_rate_schema),
	FIELD(struct draft_outlier_detection, latency, "latency", OBJECT,
	      "leave out who answers more slowly than the others", .object = &latency_schema),
	FIELD(struct draft_outlier_detection, minimum_hosts, "minimumHosts", NUMBER,
	      "endpoints with enough requests; with fewer none are compared", .min = 2,
	      FIELD_DEFAULT(5, "5")),
	FIELD(struct draft_outlier_detection, minimum_requests, "minimumRequests", NUMBER,
	      "in an interval, or an endpoint is not compared", .min = 1,
	      FIELD_DEFAULT(100, "100")),
};
SCHEMA(outlier_detection_schema, "OutlierDetection.spec", struct draft_outlier_detection,
       .check = outlier_detection_check);

/* ---- Acceleration */

static const struct field acceleration_schema_fields[] = {
	FIELD(struct draft_acceleration, services, "services", WORD, "hosts", .list = true,
	      .form = FORM_HOST_NOT_ALL, .fallback_text = "every service of the namespace"),
	FIELD(struct draft_acceleration, enabled, "enabled", BOOL, "false takes them out again",
	      FIELD_DEFAULT(1, "true")),
};
SCHEMA(acceleration_schema, "Acceleration.spec", struct draft_acceleration);
