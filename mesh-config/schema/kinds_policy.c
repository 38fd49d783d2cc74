// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of AuthorizationPolicy, Telemetry and Objective. What HTTP attributes mean for a rule is
 * decided where rules are compiled to the model (resolve/policy.c). */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

static const struct field match_labels_schema_fields[] = {
	FIELD(struct draft_match_labels, labels, "matchLabels", LABELS, "that a workload must have",
	      .form = FORM_SELECTOR),
};
SCHEMA(match_labels_schema, "selector", struct draft_match_labels);

/* ---- AuthorizationPolicy */

#define HTTP_ONLY    "HTTP only: never matches in ALLOW, ignored in DENY"
#define NOT_OF(what) "none of these " what

static const struct field source_schema_fields[] = {
	FIELD(struct draft_source, principals, "principals", WORD,
	      "TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT of workloads that weft identified itself, "
	      "without certificates; abc*, *abc, *",
	      .list = true, .form = FORM_FILLED),
	FIELD(struct draft_source, not_principals, "notPrincipals", WORD, NOT_OF("principals"),
	      .list = true, .form = FORM_FILLED),
	FIELD(struct draft_source, namespaces, "namespaces", WORD, "of the client's workload",
	      .list = true, .form = FORM_FILLED),
	FIELD(struct draft_source, not_namespaces, "notNamespaces", WORD, NOT_OF("namespaces"),
	      .list = true, .form = FORM_FILLED),
	FIELD(struct draft_source, accounts, "serviceAccounts", WORD,
	      "NAMESPACE/ACCOUNT, or ACCOUNT in the policy's namespace", .list = true,
	      .form = FORM_ACCOUNT),
	FIELD(struct draft_source, not_accounts, "notServiceAccounts", WORD, NOT_OF("accounts"),
	      .list = true, .form = FORM_ACCOUNT),
	FIELD(struct draft_source, ips, "ipBlocks", ADDRESS, "of the client", .list = true),
	FIELD(struct draft_source, not_ips, "notIpBlocks", ADDRESS, NOT_OF("networks"),
	      .list = true),
	FIELD(struct draft_source, request_principals, "requestPrincipals", WORD, HTTP_ONLY,
	      .list = true, .form = FORM_FILLED),
	FIELD(struct draft_source, not_request_principals, "notRequestPrincipals", WORD, HTTP_ONLY,
	      .list = true, .form = FORM_FILLED),
	FIELD(struct draft_source, remote_ips, "remoteIpBlocks", WORD, HTTP_ONLY, .list = true,
	      .form = FORM_ADDRESS),
	FIELD(struct draft_source, not_remote_ips, "notRemoteIpBlocks", WORD, HTTP_ONLY,
	      .list = true, .form = FORM_ADDRESS),
};

/* Istio refuses it, too: it is not clear whether it means no source or any source. */
static void empty_report(struct reading *r, struct place at, const char *what, const char *field)
{
	problem_hint(
		r->problems,
		problem_add(r->problems, PROBLEM_REQUIRED, at, "an empty %s says nothing", what),
		"leave \"%s\" out where everything is meant", field);
}

static void source_check(struct reading *r, void *draft)
{
	const struct draft_source *s = draft;

	if (!(s->principals.count + s->not_principals.count + s->namespaces.count +
	      s->not_namespaces.count + s->accounts.count + s->not_accounts.count + s->ips.count +
	      s->not_ips.count + s->request_principals.count + s->not_request_principals.count +
	      s->remote_ips.count + s->not_remote_ips.count))
		empty_report(r, s->at, "source", "from");
	if (s->accounts.count + s->not_accounts.count &&
	    s->principals.count + s->not_principals.count + s->namespaces.count +
		    s->not_namespaces.count)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_EXCLUSIVE, s->at,
					 "service accounts and namespaces or principals exclude "
					 "each other in one source"),
			     "NAMESPACE/ACCOUNT names both; two sources are an alternative");
}

static SCHEMA(source_schema, "AuthorizationPolicy.spec.rules.from.source", struct draft_source,
	      .check = source_check);

static const struct field from_schema_fields[] = {
	FIELD(struct draft_from, source, "source", OBJECT, "everything in it must hold",
	      .object = &source_schema, .required = true),
};
static SCHEMA(from_schema, "AuthorizationPolicy.spec.rules.from", struct draft_from);

static const struct field operation_schema_fields[] = {
	FIELD(struct draft_operation, ports, "ports", WORD, "at the server", .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_operation, not_ports, "notPorts", WORD, NOT_OF("ports"), .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_operation, hosts, "hosts", WORD, HTTP_ONLY, .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_operation, not_hosts, "notHosts", WORD, HTTP_ONLY, .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_operation, methods, "methods", WORD, HTTP_ONLY, .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_operation, not_methods, "notMethods", WORD, HTTP_ONLY, .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_operation, paths, "paths", WORD, HTTP_ONLY, .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_operation, not_paths, "notPaths", WORD, HTTP_ONLY, .list = true,
	      .form = FORM_FILLED),
};

static void operation_check(struct reading *r, void *draft)
{
	const struct draft_operation *o = draft;

	if (!(o->ports.count + o->not_ports.count + o->hosts.count + o->not_hosts.count +
	      o->methods.count + o->not_methods.count + o->paths.count + o->not_paths.count))
		empty_report(r, o->at, "operation", "to");
}

static SCHEMA(operation_schema, "AuthorizationPolicy.spec.rules.to.operation",
	      struct draft_operation, .check = operation_check);

static const struct field to_schema_fields[] = {
	FIELD(struct draft_to, operation, "operation", OBJECT, "everything in it must hold",
	      .object = &operation_schema, .required = true),
};
static SCHEMA(to_schema, "AuthorizationPolicy.spec.rules.to", struct draft_to);

/* Attributes of requests, each as it is or with [NAME] behind it. */
static const struct {
	const char *key;
	bool named;
} request_keys[] = {
	{"request.headers", true},	   {"request.auth.claims", true},
	{"request.auth.principal", false}, {"request.auth.audiences", false},
	{"request.auth.presenter", false}, {"remote.ip", false},
	{"connection.sni", false},	   {"experimental.envoy.filters.", true},
};

/* Others are of connections, and looked at when the policy is put together. */
static bool is_odd_request_key(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < sizeof(request_keys) / sizeof(*request_keys); i++) {
		const char *open = strchr(key, '[');
		size_t known = strlen(request_keys[i].key);

		if (!request_keys[i].named && !strcmp(key, request_keys[i].key))
			return false;
		if (request_keys[i].named && !strncmp(key, request_keys[i].key, known) && open &&
		    open[1] && open[1] != ']' && key[n - 1] == ']')
			return false;
	}
	return !strncmp(key, "request.", 8) || !strncmp(key, "experimental.", 13);
}

static void addresses_check(struct reading *r, const struct draft_list *list)
{
	const struct draft_text *values = list->items;

	for (uint32_t i = 0; i < list->count; i++) {
		struct slice text = {values[i].text, strlen(values[i].text)};

		if (text.size_bytes && !form_fits(FORM_ADDRESS, text))
			problem_hint(r->problems,
				     problem_add(r->problems, PROBLEM_ADDRESS, values[i].at,
						 "\"%s\" is not an address", text.data),
				     "%s", form_hint(FORM_ADDRESS));
	}
}

static void condition_check(struct reading *r, void *draft)
{
	const struct draft_condition *c = draft;

	if (!c->values.count && !c->not_values.count)
		problem_add(r->problems, PROBLEM_REQUIRED, c->at,
			    "a condition needs values or notValues");
	if (is_odd_request_key(c->key.text))
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_VALUE, c->key.at,
					 "\"%s\" is not an attribute", c->key.text),
			     "request.headers[NAME], request.auth.claims[NAME], "
			     "request.auth.principal, audiences, presenter");
	if (!strcmp(c->key.text, "remote.ip")) {
		addresses_check(r, &c->values);
		addresses_check(r, &c->not_values);
	}
}

static const struct field condition_schema_fields[] = {
	FIELD(struct draft_condition, key, "key", WORD,
	      "source.ip, source.namespace, source.principal, source.serviceAccount, "
	      "destination.ip, destination.port; request.*, remote.ip, connection.sni as HTTP only",
	      .required = true),
	FIELD(struct draft_condition, values, "values", WORD, "one of these", .list = true,
	      .form = FORM_FILLED),
	FIELD(struct draft_condition, not_values, "notValues", WORD, "none of these", .list = true,
	      .form = FORM_FILLED),
};
static SCHEMA(condition_schema, "AuthorizationPolicy.spec.rules.when", struct draft_condition,
	      .check = condition_check);

static const struct field rule_schema_fields[] = {
	FIELD(struct draft_rule, from, "from", OBJECT, "one of these sources; none: any source",
	      .object = &from_schema, .list = true),
	FIELD(struct draft_rule, to, "to", OBJECT, "one of these operations; none: all",
	      .object = &to_schema, .list = true),
	FIELD(struct draft_rule, when, "when", OBJECT, "all of these conditions",
	      .object = &condition_schema, .list = true),
};

static void rule_check(struct reading *r, void *draft)
{
	const struct draft_rule *rule = draft;

	if (rule->from.at.line && !rule->from.count)
		empty_report(r, rule->from.at, "list of sources", "from");
	if (rule->to.at.line && !rule->to.count)
		empty_report(r, rule->to.at, "list of operations", "to");
}

static SCHEMA(rule_schema, "AuthorizationPolicy.spec.rules", struct draft_rule,
	      .check = rule_check);

#define LEFT_OUT                                                                                   \
	"with annotation weft.dev/accept: E3002 the whole policy is left out: it neither "         \
	"restricts nor allows"
#define OF_GATEWAYS "policies of gateways and waypoints are not weft's: accepted, they are left out"

static void policy_check(struct reading *r, void *draft)
{
	const struct draft_policy *p = draft;

	if (p->action == POLICY_CUSTOM)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_SECURITY, p->at,
					 "action CUSTOM asks an external authorizer, which weft "
					 "does not"),
			     LEFT_OUT);
	if (p->has_provider && p->action != POLICY_CUSTOM)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_EXCLUSIVE, p->at,
					 "a provider is asked by action CUSTOM only"),
			     "leave \"provider\" out, or write \"action: CUSTOM\"");
	if (p->action == POLICY_DENY && !p->rules.count)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_REQUIRED,
					 p->rules.at.line ? p->rules.at : p->at,
					 "a DENY without rules denies nothing"),
			     "\"rules: [{}]\" denies everything");
}

static const char *const actions[] = {"ALLOW", "DENY", "AUDIT", "CUSTOM", NULL};

static const struct field authorization_policy_schema_fields[] = {
	FIELD(struct draft_policy, selector, "selector", OBJECT,
	      "the workloads it protects; none: all of the namespace, in the root namespace all",
	      .object = &match_labels_schema, .one_of = 1),
	FIELD(struct draft_policy, action, "action", ENUM,
	      "CUSTOM is refused; accepted, the policy is left out", .words = actions,
	      FIELD_DEFAULT(0, "ALLOW")),
	FIELD(struct draft_policy, rules, "rules", OBJECT,
	      "one of these; none: the policy never matches, so ALLOW denies everything",
	      .object = &rule_schema, .list = true),
	FIELD_REFUSE("targetRef", SECURITY, OF_GATEWAYS, .one_of = 1,
		     .offset = offsetof(struct draft_policy, has_target)),
	FIELD_REFUSE("targetRefs", SECURITY, OF_GATEWAYS, .one_of = 1,
		     .offset = offsetof(struct draft_policy, has_target)),
	FIELD_REFUSE("provider", SECURITY, "weft asks no external authorizer",
		     .offset = offsetof(struct draft_policy, has_provider)),
};
SCHEMA(authorization_policy_schema, "AuthorizationPolicy.spec", struct draft_policy,
       .check = policy_check);

/* ---- Telemetry */

const char *const telemetry_metrics[] = {
	"ALL_METRICS",	      "REQUEST_COUNT",		"REQUEST_DURATION",	  "REQUEST_SIZE",
	"RESPONSE_SIZE",      "TCP_OPENED_CONNECTIONS", "TCP_CLOSED_CONNECTIONS", "TCP_SENT_BYTES",
	"TCP_RECEIVED_BYTES", "GRPC_REQUEST_MESSAGES",	"GRPC_RESPONSE_MESSAGES", NULL};
static const char *const modes[] = {"CLIENT_AND_SERVER", "CLIENT", "SERVER", NULL};
static const char *const operations[] = {"UPSERT", "REMOVE", NULL};

struct draft_provider {
	struct place at;
	const char *name;
};

static const struct field provider_schema_fields[] = {
	FIELD(struct draft_provider, name, "name", TEXT, "one of the mesh's", .required = true,
	      .form = FORM_FILLED),
};
static SCHEMA(provider_schema, "Telemetry.spec.providers", struct draft_provider);

#define PROVIDERS                                                                                  \
	FIELD_WARN("providers", HARMLESS, "weft is the only provider", FIELD_OF(OBJECT),           \
		   .object = &provider_schema, .list = true)

static const struct field metric_match_schema_fields[] = {
	FIELD(struct draft_metric_match, metric, "metric", ENUM, "one of Istio's",
	      .words = telemetry_metrics, .one_of = 1, FIELD_DEFAULT(0, "ALL_METRICS")),
	FIELD(struct draft_metric_match, custom_metric, "customMetric", TEXT, "any other",
	      .one_of = 1, .form = FORM_FILLED),
	FIELD(struct draft_metric_match, mode, "mode", ENUM, "who reports", .words = modes,
	      FIELD_DEFAULT(0, "CLIENT_AND_SERVER")),
};
static SCHEMA(metric_match_schema, "Telemetry.spec.metrics.overrides.match",
	      struct draft_metric_match);

static const struct field tag_override_schema_fields[] = {
	FIELD(struct draft_tag_override, operation, "operation", ENUM, "what to do with the tag",
	      .words = operations, FIELD_DEFAULT(0, "UPSERT")),
	FIELD(struct draft_tag_override, value, "value", TEXT, "of UPSERT"),
};

static void tag_override_check(struct reading *r, void *draft)
{
	const struct draft_tag_override *t = draft;

	if (!t->operation && !t->value[0])
		problem_add(r->problems, PROBLEM_REQUIRED, t->at, "UPSERT needs a value");
	else if (t->operation && t->value[0])
		problem_add(r->problems, PROBLEM_EXCLUSIVE, t->at, "REMOVE takes no value");
}

static SCHEMA(tag_override_schema, "Telemetry.spec.metrics.overrides.tagOverrides",
	      struct draft_tag_override, .check = tag_override_check);

static const struct field metric_override_schema_fields[] = {
	FIELD(struct draft_metric_override, match, "match", OBJECT, "which metrics",
	      .object = &metric_match_schema),
	FIELD(struct draft_metric_override, disabled, "disabled", BOOL, "not exported",
	      FIELD_DEFAULT((uint32_t)-1, "false")),
	FIELD(struct draft_metric_override, tags, "tagOverrides", OBJECTS, "by name of the tag",
	      .object = &tag_override_schema),
};
static SCHEMA(metric_override_schema, "Telemetry.spec.metrics.overrides",
	      struct draft_metric_override);

static const struct field metrics_schema_fields[] = {
	FIELD(struct draft_metrics, overrides, "overrides", OBJECT, "changes, in order",
	      .object = &metric_override_schema, .list = true),
	PROVIDERS,
	FIELD_WARN("reportingInterval", HARMLESS, "metrics are counted as things happen",
		   FIELD_OF(DURATION), .min = 1),
};
static SCHEMA(metrics_schema, "Telemetry.spec.metrics", struct draft_metrics);

static const struct field mode_schema_fields[] = {
	FIELD(struct draft_mode, mode, "mode", ENUM, "who reports", .words = modes,
	      FIELD_DEFAULT(0, "CLIENT_AND_SERVER")),
};
static SCHEMA(mode_schema, "match", struct draft_mode);

static const struct field filter_schema_fields[] = {
	FIELD(struct draft_filter, expression, "expression", TEXT, "which are logged"),
};
static SCHEMA(filter_schema, "Telemetry.spec.accessLogging.filter", struct draft_filter);

static const struct field access_log_schema_fields[] = {
	FIELD(struct draft_access_log, match, "match", OBJECT, "who reports",
	      .object = &mode_schema),
	FIELD(struct draft_access_log, disabled, "disabled", BOOL, "not logged",
	      FIELD_DEFAULT((uint32_t)-1, "false")),
	FIELD(struct draft_access_log, filter, "filter", OBJECT, "which", .object = &filter_schema),
	PROVIDERS,
};
static SCHEMA(access_log_schema, "Telemetry.spec.accessLogging", struct draft_access_log);

static const struct field tracing_schema_fields[] = {
	FIELD(struct draft_tracing, sampling_percent, "randomSamplingPercentage", REAL,
	      "of spans that weft makes itself", .max = 100),
	FIELD(struct draft_tracing, disabled, "disableSpanReporting", BOOL, "no spans",
	      FIELD_DEFAULT((uint32_t)-1, "false")),
	PROVIDERS,
	FIELD_WARN("match", HARMLESS, "spans are of both sides", FIELD_OF(OBJECT),
		   .object = &mode_schema),
	FIELD_WARN("customTags", HARMLESS, "spans have the tags of the semantic conventions"),
	FIELD_WARN("enableIstioTags", HARMLESS, "spans have the tags of the semantic conventions",
		   FIELD_OF(BOOL)),
	FIELD_WARN("useRequestIdForTraceSampling", HARMLESS, "weft reads traceparent only",
		   FIELD_OF(BOOL)),
};
static SCHEMA(tracing_schema, "Telemetry.spec.tracing", struct draft_tracing);

/* Read and checked to the letter, but there is nothing that would do it. */
static void no_effect(struct reading *r, const struct draft_list *list, const char *text)
{
	if (list->count)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_HARMLESS, list->at, "%s", text),
			     "nothing else changes by that; take it out to be rid of this warning");
}

static void telemetry_check(struct reading *r, void *draft)
{
	const struct draft_telemetry *t = draft;

	no_effect(r, &t->metrics,
		  "\"metrics\" has no effect: weft exports every metric with every tag");
	no_effect(r, &t->access_logging,
		  "\"accessLogging\" has no effect: weft writes no access log, see weft observe");
	no_effect(r, &t->tracing, "\"tracing\" has no effect: weft reports no spans");
}

static const struct field telemetry_schema_fields[] = {
	FIELD(struct draft_telemetry, selector, "selector", OBJECT,
	      "workloads that it applies to; none: all of the namespace, in the root namespace all",
	      .object = &match_labels_schema),
	FIELD(struct draft_telemetry, metrics, "metrics", OBJECT,
	      "of no effect (a warning): every metric is exported with every tag",
	      .object = &metrics_schema, .list = true),
	FIELD(struct draft_telemetry, access_logging, "accessLogging", OBJECT,
	      "of no effect (a warning): there is no access log, see weft observe",
	      .object = &access_log_schema, .list = true),
	FIELD(struct draft_telemetry, tracing, "tracing", OBJECT,
	      "of no effect (a warning): no spans are reported", .object = &tracing_schema,
	      .list = true),
	FIELD_WARN("targetRef", HARMLESS, "gateways and waypoints are not weft's"),
	FIELD_WARN("targetRefs", HARMLESS, "gateways and waypoints are not weft's"),
};
SCHEMA(telemetry_schema, "Telemetry.spec", struct draft_telemetry, .check = telemetry_check);

/* ---- Objective */

static void objective_check(struct reading *r, void *draft)
{
	const struct draft_objective *o = draft;

	if (o->target <= 0 || o->target >= 1)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_VALUE, o->at,
					 "target is a share between 0 and 1"),
			     "99.9 %% is 0.999");
}

static const struct field objective_schema_fields[] = {
	FIELD(struct draft_objective, service, "service", WORD, "host of the service",
	      .required = true, .form = FORM_HOST_NOT_ALL),
	FIELD(struct draft_objective, target, "target", REAL, "share of good requests, as 0.999",
	      .required = true),
	FIELD(struct draft_objective, window_ms, "window", DURATION, "over which it holds",
	      .min = 60000, FIELD_DEFAULT(2592000000u, "30d")),
	FIELD(struct draft_objective, latency_ms, "latency", DURATION,
	      "slower requests are not good", .min = 1, .fallback_text = "any"),
	FIELD(struct draft_objective, path_prefix, "pathPrefix", TEXT, "only these requests"),
};
SCHEMA(objective_schema, "Objective.spec", struct draft_objective, .check = objective_check);
