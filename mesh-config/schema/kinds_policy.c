// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of AuthorizationPolicy, Telemetry and Objective. What HTTP attributes mean for a rule is
 * decided where rules are compiled to the model (resolve/policy.c). */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

SCHEMA(match_labels, MATCH_LABELS_FIELDS, "selector");

/* ---- AuthorizationPolicy */

/* Istio refuses it, too: it is not clear whether it means no source or any source. */
static void empty_report(struct reading *r, struct place at, const char *what, const char *field)
{
	problem_add(r->problems, PROBLEM_REQUIRED, at, "an empty %s says nothing", what);
	problem_hint(r->problems, "leave \"%s\" out where everything is meant", field);
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
		    s->not_namespaces.count) {
		problem_add(r->problems, PROBLEM_EXCLUSIVE, s->at,
			    "service accounts and namespaces or principals exclude "
			    "each other in one source");
		problem_hint(r->problems,
			     "NAMESPACE/ACCOUNT names both; two sources are an alternative");
	}
}

static SCHEMA(source, SOURCE_FIELDS, "AuthorizationPolicy.spec.rules.from.source",
	      .check = source_check);
static SCHEMA(from, FROM_FIELDS, "AuthorizationPolicy.spec.rules.from");

static void operation_check(struct reading *r, void *draft)
{
	const struct draft_operation *o = draft;

	if (!(o->ports.count + o->not_ports.count + o->hosts.count + o->not_hosts.count +
	      o->methods.count + o->not_methods.count + o->paths.count + o->not_paths.count))
		empty_report(r, o->at, "operation", "to");
}

static SCHEMA(operation, OPERATION_FIELDS, "AuthorizationPolicy.spec.rules.to.operation",
	      .check = operation_check);
static SCHEMA(to, TO_FIELDS, "AuthorizationPolicy.spec.rules.to");

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
		struct slice text = slice_of(values[i].text);

		if (text.size_bytes && !form_fits(FORM_ADDRESS, text)) {
			problem_add(r->problems, PROBLEM_ADDRESS, values[i].at,
				    "\"%s\" is not an address", text.data);
			problem_hint(r->problems, "%s", form_hint(FORM_ADDRESS));
		}
	}
}

static void condition_check(struct reading *r, void *draft)
{
	const struct draft_condition *c = draft;

	if (!c->values.count && !c->not_values.count)
		problem_add(r->problems, PROBLEM_REQUIRED, c->at,
			    "a condition needs values or notValues");
	if (is_odd_request_key(c->key.text)) {
		problem_add(r->problems, PROBLEM_VALUE, c->key.at, "\"%s\" is not an attribute",
			    c->key.text);
		problem_hint(r->problems, "request.headers[NAME], request.auth.claims[NAME], "
					  "request.auth.principal, audiences, presenter");
	}
	if (!strcmp(c->key.text, "remote.ip")) {
		addresses_check(r, &c->values);
		addresses_check(r, &c->not_values);
	}
}

static SCHEMA(condition, CONDITION_FIELDS, "AuthorizationPolicy.spec.rules.when",
	      .check = condition_check);

static void rule_check(struct reading *r, void *draft)
{
	const struct draft_rule *rule = draft;

	if (rule->from.at.line && !rule->from.count)
		empty_report(r, rule->from.at, "list of sources", "from");
	if (rule->to.at.line && !rule->to.count)
		empty_report(r, rule->to.at, "list of operations", "to");
}

static SCHEMA(rule, RULE_FIELDS, "AuthorizationPolicy.spec.rules", .check = rule_check);

#define LEFT_OUT                                                                                   \
	"with annotation weft.dev/accept: E3002 the whole policy is left out: it neither "         \
	"restricts nor allows"
static void policy_check(struct reading *r, void *draft)
{
	const struct draft_policy *p = draft;

	if (p->action == POLICY_CUSTOM) {
		problem_add(r->problems, PROBLEM_SECURITY, p->at,
			    "action CUSTOM asks an external authorizer, which weft "
			    "does not");
		problem_hint(r->problems, LEFT_OUT);
	}
	if (p->provider_at.line && p->action != POLICY_CUSTOM) {
		problem_add(r->problems, PROBLEM_EXCLUSIVE, p->at,
			    "a provider is asked by action CUSTOM only");
		problem_hint(r->problems, "leave \"provider\" out, or write \"action: CUSTOM\"");
	}
	if (p->action == POLICY_DENY && !p->rules.count) {
		problem_add(r->problems, PROBLEM_REQUIRED, p->rules.at.line ? p->rules.at : p->at,
			    "a DENY without rules denies nothing");
		problem_hint(r->problems, "\"rules: [{}]\" denies everything");
	}
}

static const char *const actions[] = {"ALLOW", "DENY", "AUDIT", "CUSTOM", NULL};

SCHEMA(policy, POLICY_FIELDS, "AuthorizationPolicy.spec", .check = policy_check);

/* ---- Telemetry */

const char *const telemetry_metrics[] = {
	"ALL_METRICS",	      "REQUEST_COUNT",		"REQUEST_DURATION",	  "REQUEST_SIZE",
	"RESPONSE_SIZE",      "TCP_OPENED_CONNECTIONS", "TCP_CLOSED_CONNECTIONS", "TCP_SENT_BYTES",
	"TCP_RECEIVED_BYTES", "GRPC_REQUEST_MESSAGES",	"GRPC_RESPONSE_MESSAGES", NULL};
const char *const reporter_modes[] = {"CLIENT_AND_SERVER", "CLIENT", "SERVER", NULL};
static const char *const operations[] = {"UPSERT", "REMOVE", NULL};

static SCHEMA(provider, PROVIDER_FIELDS, "Telemetry.spec.providers");
static SCHEMA(metric_match, METRIC_MATCH_FIELDS, "Telemetry.spec.metrics.overrides.match");

static void tag_override_check(struct reading *r, void *draft)
{
	const struct draft_tag_override *t = draft;

	if (!t->operation && !t->value[0])
		problem_add(r->problems, PROBLEM_REQUIRED, t->at, "UPSERT needs a value");
	else if (t->operation && t->value[0])
		problem_add(r->problems, PROBLEM_EXCLUSIVE, t->at, "REMOVE takes no value");
}

static SCHEMA(tag_override, TAG_OVERRIDE_FIELDS, "Telemetry.spec.metrics.overrides.tagOverrides",
	      .check = tag_override_check);
static SCHEMA(metric_override, METRIC_OVERRIDE_FIELDS, "Telemetry.spec.metrics.overrides");
static SCHEMA(metrics, METRICS_FIELDS, "Telemetry.spec.metrics");
static SCHEMA(mode, MODE_FIELDS, "match");
static SCHEMA(filter, FILTER_FIELDS, "Telemetry.spec.accessLogging.filter");
static SCHEMA(access_log, ACCESS_LOG_FIELDS, "Telemetry.spec.accessLogging");
static SCHEMA(tracing, TRACING_FIELDS, "Telemetry.spec.tracing");

/* Read and checked to the letter, but there is nothing that would do it. */
static void no_effect(struct reading *r, const struct draft_list *list, const char *text)
{
	if (list->count) {
		problem_add(r->problems, PROBLEM_HARMLESS, list->at, "%s", text);
		problem_hint(r->problems,
			     "nothing else changes by that; take it out to be rid of this warning");
	}
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

SCHEMA(telemetry, TELEMETRY_FIELDS, "Telemetry.spec", .check = telemetry_check);

/* ---- Objective */

static void objective_check(struct reading *r, void *draft)
{
	const struct draft_objective *o = draft;

	if (o->value.target_ratio <= 0 || o->value.target_ratio >= 1) {
		problem_add(r->problems, PROBLEM_VALUE, o->at, "target is a share between 0 and 1");
		problem_hint(r->problems, "99.9 %% is 0.999");
	}
}

SCHEMA_OF(objective, OBJECTIVE_FIELDS, PROMISE_FIELDS, "Objective.spec", .check = objective_check);
