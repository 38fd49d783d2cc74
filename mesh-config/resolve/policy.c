// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Authorization policies, with what HTTP attributes mean on connections (model/policy.h). */
#include "mesh-config/resolve/resolve.h"

#include "mesh-config/resolve/policy_patterns.h"
#include "mesh-config/schema/annotations.h"
#include "mesh-config/schema/nearest.h"

#include <stdio.h>

struct policy_work {
	struct resolve *r;
	const struct draft *d;
	uint8_t action; /* enum mesh_action */
	struct mesh_rule rule;
	bool has_terms;	   /* something of the rule remains */
	bool lost_clauses; /* a clause was dropped while another of its list remains */
	struct place l7_at;
	const char *l7_name; /* the first HTTP attribute */
};

static void l7_note(struct policy_work *w, const char *name, struct place at)
{
	w->rule.has_l7 = true;
	if (w->l7_name)
		return;
	w->l7_name = name;
	w->l7_at = at;
}

/* ---- values */

static struct mesh_value pattern_of(struct resolve *r, const char *text)
{
	size_t n = strlen(text);
	struct mesh_value v = {.kind = MESH_VALUE_EXACT, .text = text};
	struct slice rest = {text, n};

	if (n == 1 && text[0] == '*')
		return (struct mesh_value){.kind = MESH_VALUE_PRESENT, .text = pool_empty};
	if (n && text[0] == '*') {
		v.kind = MESH_VALUE_SUFFIX;
		rest = (struct slice){text + 1, n - 1};
	} else if (n && text[n - 1] == '*') {
		v.kind = MESH_VALUE_PREFIX;
		rest.size_bytes--;
	}
	if (v.kind != MESH_VALUE_EXACT)
		v.text = pool_text(r->pool, rest);
	r->failed |= !v.text;
	return v;
}

static bool port_value(struct policy_work *w, const struct draft_text *text, struct mesh_value *v)
{
	uint32_t port;

	*v = (struct mesh_value){.kind = MESH_VALUE_PORT, .text = pool_empty};
	if (number_parse(slice_of(text->text), &port) && port && port <= 65535) {
		v->port = (uint16_t)port;
		return true;
	}
	resolve_problem(w->r, w->d, PROBLEM_VALUE, text->at, "\"%s\" is not a port", text->text);
	problem_hint(w->r->problems, "ports are exact: from 1 to 65535");
	return false;
}

static bool prefix_value(struct policy_work *w, const struct draft_text *text, struct mesh_value *v)
{
	bool clean;

	*v = (struct mesh_value){.kind = MESH_VALUE_CIDR, .text = pool_empty};
	if (prefix_parse(slice_of(text->text), &v->prefix, &clean))
		return true;
	resolve_problem(w->r, w->d, PROBLEM_ADDRESS, text->at, "\"%s\" is not an address",
			text->text);
	problem_hint(w->r->problems, "addresses look like 10.1.2.3, fd00::1, 10.0.0.0/8");
	return false;
}

/* "ACCOUNT" is one of the policy's own namespace. */
static bool account_value(struct policy_work *w, const struct draft_text *text,
			  struct mesh_value *v)
{
	char full[600];
	int n = snprintf(full, sizeof(full), "%s/%s", w->d->namespace_name, text->text);

	*v = (struct mesh_value){.kind = MESH_VALUE_EXACT, .text = text->text};
	if (!strchr(text->text, '/') && n < (int)sizeof(full))
		v->text = pool_text(w->r->pool, (struct slice){full, (size_t)n});
	w->r->failed |= !v->text;
	return v->text;
}

/* What settings there are is not known while a file cannot be read. */
static void pattern_check(struct policy_work *w, enum mesh_attribute attribute,
			  const struct draft_text *text, const struct mesh_value *v)
{
	const char *trust_domain = w->r->mesh->settings.trust_domain;
	char hint[200];

	if (w->r->incomplete || pattern_may_match(attribute, v, trust_domain))
		return;
	pattern_hint(attribute, text->text, trust_domain, hint, sizeof(hint));
	resolve_problem(w->r, w->d, PROBLEM_MATCHES_NOBODY, text->at, "\"%s\" matches no client",
			text->text);
	problem_hint(w->r->problems, "%s", hint);
}

static bool value_make(struct policy_work *w, enum mesh_attribute attribute,
		       const struct draft_text *text, struct mesh_value *v)
{
	switch (attribute) {
	case MESH_DESTINATION_PORT:
		return port_value(w, text, v);
	case MESH_SOURCE_IP:
	case MESH_DESTINATION_IP:
		return prefix_value(w, text, v);
	case MESH_SOURCE_SERVICE_ACCOUNT:
		if (!account_value(w, text, v))
			return false;
		pattern_check(w, attribute, text, v);
		return true;
	case MESH_SOURCE_PRINCIPAL:
	case MESH_SOURCE_NAMESPACE:
		break;
	}
	*v = pattern_of(w->r, text->text);
	if (v->text)
		pattern_check(w, attribute, text, v);
	return v->text;
}

/* ---- terms */

static uint32_t term_end(struct policy_work *w, enum mesh_attribute attribute, bool negated,
			 uint32_t value_first)
{
	uint32_t count = ROWS_END(w->r, values) - value_first;

	if (!count)
		return 0;
	*ROW_ADD(w->r, terms, struct mesh_term) =
		(struct mesh_term){(uint8_t)attribute, negated, value_first, count};
	w->has_terms = true;
	return 1;
}

static uint32_t texts_term(struct policy_work *w, enum mesh_attribute attribute, bool negated,
			   const struct draft_list *list)
{
	const struct draft_text *texts = list->items;
	uint32_t first = ROWS_END(w->r, values);

	for (uint32_t i = 0; i < list->count; i++) {
		struct mesh_value v;

		if (!texts[i].unread && value_make(w, attribute, &texts[i], &v))
			*ROW_ADD(w->r, values, struct mesh_value) = v;
	}
	return term_end(w, attribute, negated, first);
}

static uint32_t addresses_term(struct policy_work *w, enum mesh_attribute attribute, bool negated,
			       const struct draft_list *list)
{
	const struct draft_address *addresses = list->items;
	uint32_t first = ROWS_END(w->r, values);

	for (uint32_t i = 0; i < list->count; i++)
		*ROW_ADD(w->r, values, struct mesh_value) = (struct mesh_value){
			.kind = MESH_VALUE_CIDR, .text = pool_empty, .prefix = addresses[i].prefix};
	return term_end(w, attribute, negated, first);
}

static void l7_list(struct policy_work *w, const char *name, const struct draft_list *list)
{
	if (list->count)
		l7_note(w, name, list->at);
}

/* ---- clauses */

static uint32_t source_terms(struct policy_work *w, const struct draft_source *s)
{
	uint32_t n = 0;

	n += texts_term(w, MESH_SOURCE_PRINCIPAL, false, &s->principals);
	n += texts_term(w, MESH_SOURCE_PRINCIPAL, true, &s->not_principals);
	n += texts_term(w, MESH_SOURCE_NAMESPACE, false, &s->namespaces);
	n += texts_term(w, MESH_SOURCE_NAMESPACE, true, &s->not_namespaces);
	n += texts_term(w, MESH_SOURCE_SERVICE_ACCOUNT, false, &s->accounts);
	n += texts_term(w, MESH_SOURCE_SERVICE_ACCOUNT, true, &s->not_accounts);
	n += addresses_term(w, MESH_SOURCE_IP, false, &s->ips);
	n += addresses_term(w, MESH_SOURCE_IP, true, &s->not_ips);
	l7_list(w, "requestPrincipals", &s->request_principals);
	l7_list(w, "notRequestPrincipals", &s->not_request_principals);
	l7_list(w, "remoteIpBlocks", &s->remote_ips);
	l7_list(w, "notRemoteIpBlocks", &s->not_remote_ips);
	return n;
}

static uint32_t operation_terms(struct policy_work *w, const struct draft_operation *o)
{
	uint32_t n = 0;

	n += texts_term(w, MESH_DESTINATION_PORT, false, &o->ports);
	n += texts_term(w, MESH_DESTINATION_PORT, true, &o->not_ports);
	l7_list(w, "hosts", &o->hosts);
	l7_list(w, "notHosts", &o->not_hosts);
	l7_list(w, "methods", &o->methods);
	l7_list(w, "notMethods", &o->not_methods);
	l7_list(w, "paths", &o->paths);
	l7_list(w, "notPaths", &o->not_paths);
	return n;
}

/* A clause of which nothing remains is dropped. */
static uint32_t clause_end(struct policy_work *w, uint32_t term_first, uint32_t term_count)
{
	if (!term_count)
		return 0;
	*ROW_ADD(w->r, clauses, struct mesh_clause) = (struct mesh_clause){term_first, term_count};
	return 1;
}

static void from_make(struct policy_work *w, const struct draft_list *list)
{
	const struct draft_from *from = list->items;

	w->rule.from_first = ROWS_END(w->r, clauses);
	for (uint32_t i = 0; i < list->count && !w->r->failed; i++) {
		uint32_t first = ROWS_END(w->r, terms);

		if (!from[i].source)
			continue;
		w->rule.from_count += clause_end(w, first, source_terms(w, from[i].source));
	}
	w->lost_clauses |= w->rule.from_count && w->rule.from_count < list->count;
}

static void to_make(struct policy_work *w, const struct draft_list *list)
{
	const struct draft_to *to = list->items;

	w->rule.to_first = ROWS_END(w->r, clauses);
	for (uint32_t i = 0; i < list->count && !w->r->failed; i++) {
		uint32_t first = ROWS_END(w->r, terms);

		if (!to[i].operation)
			continue;
		w->rule.to_count += clause_end(w, first, operation_terms(w, to[i].operation));
	}
	w->lost_clauses |= w->rule.to_count && w->rule.to_count < list->count;
}

/* ---- conditions */

static const struct {
	const char *key;
	uint8_t attribute;
} keys[] = {
	{"source.ip", MESH_SOURCE_IP},
	{"source.namespace", MESH_SOURCE_NAMESPACE},
	{"source.principal", MESH_SOURCE_PRINCIPAL},
	{"source.serviceAccount", MESH_SOURCE_SERVICE_ACCOUNT},
	{"destination.ip", MESH_DESTINATION_IP},
	{"destination.port", MESH_DESTINATION_PORT},
};

static bool key_is_l7(const char *key)
{
	return !strncmp(key, "request.", 8) || !strcmp(key, "remote.ip") ||
	       !strcmp(key, "connection.sni") || !strncmp(key, "experimental.", 13);
}

static void key_report(struct policy_work *w, const struct draft_text *key)
{
	struct slice text = slice_of(key->text);
	uint32_t best = 0, best_distance = UINT32_MAX;

	for (uint32_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		uint32_t distance = nearest_distance(text, slice_of(keys[i].key));

		best = distance < best_distance ? i : best;
		best_distance = distance < best_distance ? distance : best_distance;
	}
	resolve_problem(w->r, w->d, PROBLEM_VALUE, key->at, "\"%s\" is not an attribute",
			key->text);
	problem_hint(w->r->problems,
		     "did you mean \"%s\"? allowed: source.ip, source.namespace, "
		     "source.principal, source.serviceAccount, destination.ip, destination.port",
		     keys[best].key);
}

static void condition_make(struct policy_work *w, const struct draft_condition *c)
{
	if (key_is_l7(c->key.text)) {
		l7_note(w, c->key.text, c->key.at);
		return;
	}
	for (uint32_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		enum mesh_attribute attribute = (enum mesh_attribute)keys[i].attribute;

		if (strcmp(keys[i].key, c->key.text) != 0)
			continue;
		w->rule.when_count += texts_term(w, attribute, false, &c->values);
		w->rule.when_count += texts_term(w, attribute, true, &c->not_values);
		return;
	}
	if (!c->key.unread)
		key_report(w, &c->key);
}

/* ---- rules */

static void l7_report(struct policy_work *w)
{
	if (w->action != MESH_DENY) {
		resolve_problem(w->r, w->d, PROBLEM_L7_ALLOW, w->l7_at,
				"\"%s\" needs a request: this rule would never match", w->l7_name);
		problem_hint(w->r->problems,
			     "leave the rule out, or allow by workload, namespace, address and "
			     "port");
		return;
	}
	if (!w->has_terms || w->lost_clauses) {
		resolve_problem(w->r, w->d, PROBLEM_L7_DENY_LOST, w->l7_at,
				"\"%s\" needs a request: what is denied by it alone "
				"would pass",
				w->l7_name);
		problem_hint(w->r->problems,
			     "deny by workload, namespace, address or port, or deny it in the "
			     "program");
	} else
		resolve_problem(w->r, w->d, PROBLEM_L7_DENY, w->l7_at,
				"\"%s\" needs a request: the rule denies whatever the rest of it "
				"matches",
				w->l7_name);
}

static void rule_add(struct policy_work *w, const struct draft_rule *rule)
{
	const struct draft_condition *when = rule->when.items;

	w->rule = (struct mesh_rule){.position = position_of(w->d, rule->at)};
	w->has_terms = w->lost_clauses = false;
	w->l7_name = NULL;
	from_make(w, &rule->from);
	to_make(w, &rule->to);
	w->rule.when_first = ROWS_END(w->r, terms);
	for (uint32_t i = 0; i < rule->when.count && !w->r->failed; i++)
		condition_make(w, &when[i]);
	w->rule.never = w->rule.has_l7 && (w->action != MESH_DENY || !w->has_terms);
	if (w->rule.has_l7)
		l7_report(w);
	*ROW_ADD(w->r, rules, struct mesh_rule) = w->rule;
}

static uint8_t policy_scope(const struct resolve *r, const struct draft *d,
			    const struct draft_match_labels *selector)
{
	if (selector && selector->labels->count)
		return MESH_SCOPE_WORKLOADS;
	return d->namespace_name == r->mesh->settings.root_namespace ? MESH_SCOPE_MESH
								     : MESH_SCOPE_NAMESPACE;
}

static void policy_add(struct resolve *r, const struct draft *d)
{
	const struct draft_policy *spec = d->spec;
	const struct draft_rule *rules = spec->rules.items;
	struct policy_work w = {.r = r, .d = d};
	struct mesh_policy *p;

	w.action = spec->action == POLICY_DENY	  ? MESH_DENY
		   : spec->action == POLICY_AUDIT ? MESH_AUDIT
						  : MESH_ALLOW;
	p = ROW_ADD(r, policies, struct mesh_policy);
	*p = (struct mesh_policy){
		.hash = d->hash,
		.namespace_name = d->namespace_name,
		.name = d->name,
		.action = w.action,
		.scope = policy_scope(r, d, spec->selector),
		.dry_run = annotation_is_true(d->annotations, "istio.io/dry-run"),
		.end_connections = annotation_is_true(d->annotations, "weft.dev/end-connections"),
		.selector = spec->selector ? spec->selector->labels : pool_labels_none,
		.rule_first = ROWS_END(r, rules),
		.rule_count = spec->rules.count,
		.position = position_of(d, d->at),
	};
	for (uint32_t i = 0; i < spec->rules.count && !r->failed; i++)
		rule_add(&w, &rules[i]);
}

void resolve_policies(struct resolve *r)
{
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_AUTHORIZATION_POLICY, &count);

	for (uint32_t i = 0; i < count && !r->failed; i++)
		if (!policy_is_foreign(drafts[i]->spec))
			policy_add(r, drafts[i]);
}
