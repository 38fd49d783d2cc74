// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of DestinationRule, OutlierDetection and Acceleration. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

/* ---- load balancing */

static SCHEMA(maglev, MAGLEV_FIELDS, "loadBalancer.consistentHash.maglev");

static void hash_check(struct reading *r, void *draft)
{
	const struct draft_hash *h = draft;
	uint32_t size = h->maglev ? h->maglev->table_size : 0;

	for (uint32_t divisor = 2; divisor * divisor <= size; divisor++)
		if (size % divisor == 0) {
			problem_add(r->problems, PROBLEM_VALUE, h->maglev->at,
				    "tableSize %u is not a prime", size);
			problem_hint(r->problems, "%u is one", MESH_MAGLEV_SLOTS);
			return;
		}
	if (!h->use_source_ip) {
		problem_add(r->problems, PROBLEM_UNSUPPORTED, h->at,
			    "connections can be hashed by their source only");
		problem_hint(r->problems, "write useSourceIp: true");
	}
}

static SCHEMA(hash, HASH_FIELDS, "loadBalancer.consistentHash", .check = hash_check);

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

static SCHEMA(distribute, DISTRIBUTE_FIELDS, "localityLbSetting.distribute",
	      .check = distribute_check);

static void failover_check(struct reading *r, void *draft)
{
	const struct draft_failover *f = draft;

	if (f->from[0] && f->from == f->to)
		problem_add(r->problems, PROBLEM_VALUE, f->at,
			    "\"from\" and \"to\" are the same region");
}

static SCHEMA(failover, FAILOVER_FIELDS, "localityLbSetting.failover", .check = failover_check);

static void locality_setting_check(struct reading *r, void *draft)
{
	const struct draft_locality_setting *s = draft;

	if (s->distribute.count && s->failover.count)
		problem_add(r->problems, PROBLEM_VALUE, s->failover.at,
			    "\"distribute\" and \"failover\" exclude each other");
}

static SCHEMA(locality_setting, LOCALITY_SETTING_FIELDS, "localityLbSetting",
	      .check = locality_setting_check);

static const char *const balancers[] = {"UNSPECIFIED", "LEAST_CONN",	"RANDOM", "PASSTHROUGH",
					"ROUND_ROBIN", "LEAST_REQUEST", NULL};

static SCHEMA(balancer, BALANCER_FIELDS, "loadBalancer");

/* ---- limits, outliers, TLS */

SCHEMA_OF(limits, NO_FIELDS, LIMIT_FIELDS, "connectionPool.tcp");
static SCHEMA(pool, POOL_FIELDS, "connectionPool", .some = true);

static void outlier_check(struct reading *r, void *draft)
{
	const struct draft_outlier *o = draft;

	if (o->local_at.line && o->value.consecutive_local_failures &&
	    !o->value.split_local_origin) {
		problem_add(r->problems, PROBLEM_EXCLUSIVE, o->at,
			    "consecutiveLocalOriginFailures without "
			    "splitExternalLocalOriginErrors is never looked at");
		problem_hint(r->problems, "write splitExternalLocalOriginErrors: true");
	}
}

SCHEMA_OF(outlier, NO_FIELDS, OUTLIER_FIELDS, "outlierDetection", .check = outlier_check);

static const char *const tls_modes[] = {"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL", NULL};

static void client_tls_check(struct reading *r, void *draft)
{
	const struct draft_client_tls *t = draft;

	if (t->mode) {
		problem_add(r->problems, PROBLEM_SECURITY, t->at,
			    "weft does not originate TLS (mode %s)", tls_modes[t->mode]);
		problem_hint(
			r->problems,
			"let the programs speak TLS themselves; weft reads their telemetry all "
			"the same");
	}
}

static SCHEMA(client_tls, CLIENT_TLS_FIELDS, "trafficPolicy.tls", .check = client_tls_check);

/* ---- DestinationRule */

SCHEMA(port_selector, PORT_SELECTOR_FIELDS, "destination.port");

static void port_traffic_check(struct reading *r, void *draft)
{
	const struct draft_port_traffic *p = draft;

	if (!p->balancer && !p->pool && !p->outlier && !p->tls)
		problem_add(r->problems, PROBLEM_REQUIRED, p->at, "a port without any setting");
}

static SCHEMA(port_traffic, PORT_TRAFFIC_FIELDS, "trafficPolicy.portLevelSettings",
	      .check = port_traffic_check);
static SCHEMA(traffic, TRAFFIC_FIELDS, "trafficPolicy", .some = true);
static SCHEMA_AS(subset_traffic, traffic, SUBSET_TRAFFIC_FIELDS, "subsets.trafficPolicy",
		 .some = true);
static SCHEMA(subset, SUBSET_FIELDS, "DestinationRule.spec.subsets");

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

SCHEMA(destination_rule, DESTINATION_RULE_FIELDS, "DestinationRule.spec",
       .check = destination_rule_check);

/* ---- OutlierDetection */

static SCHEMA_AS(success_rate, factor, SUCCESS_RATE_FIELDS, "OutlierDetection.successRate");
static SCHEMA_AS(latency, factor, LATENCY_FIELDS, "OutlierDetection.latency");

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
	if (!o->success_rate && !o->latency) {
		problem_add(r->problems, PROBLEM_VALUE, o->at,
			    "it looks at nothing: successRate or latency is missing");
		problem_hint(r->problems, "latency: {medianFactor: 3}");
	}
}

SCHEMA_OF(outlier_detection, OUTLIER_DETECTION_FIELDS, COMPARISON_FIELDS, "OutlierDetection.spec",
	  .check = outlier_detection_check);

/* ---- Acceleration */

SCHEMA(acceleration, ACCELERATION_FIELDS, "Acceleration.spec");
