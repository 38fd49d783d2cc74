/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: random policies (world_test.h) in the form of the model. */
#pragma once

#include "mesh-config/policy/world_test.h"

struct model {
	struct mesh mesh;
	struct mesh_policy policies[WORLD_POLICIES];
	struct mesh_rule rules[WORLD_MANY];
	struct mesh_clause clauses[WORLD_MANY];
	struct mesh_term terms[WORLD_MANY];
	struct mesh_value values[WORLD_MANY];
	struct mesh_labels *selectors[WORLD_POLICIES];
};

static void value_block(struct mesh_prefix *p, const char *text)
{
	char host[64];
	int bits = -1;

	sscanf(text, "%63[^/]/%d", host, &bits);
	if (inet_pton(AF_INET6, host, p->address) == 1) {
		p->bits = (uint8_t)(bits < 0 ? 128 : bits);
		return;
	}
	memset(p->address, 0, 10);
	memset(p->address + 10, 0xff, 2);
	inet_pton(AF_INET, host, p->address + 12);
	p->bits = (uint8_t)(96 + (bits < 0 ? 32 : bits));
}

static void value_add(struct model *m, enum spec_field field, const char *text)
{
	struct mesh_value *v = &m->values[m->mesh.value_count++];
	size_t n = strlen(text);

	if (field == SPEC_PORTS) {
		*v = (struct mesh_value){.kind = MESH_VALUE_PORT,
					 .port = (uint16_t)strtol(text, NULL, 10)};
	} else if (field == SPEC_IP_BLOCKS || field == SPEC_DESTINATION_IP) {
		*v = (struct mesh_value){.kind = MESH_VALUE_CIDR};
		value_block(&v->prefix, text);
	} else if (!strcmp(text, "*")) {
		*v = (struct mesh_value){.kind = MESH_VALUE_PRESENT, .text = ""};
	} else if (*text == '*') {
		*v = (struct mesh_value){.kind = MESH_VALUE_SUFFIX, .text = text + 1};
	} else if (text[n - 1] == '*') {
		*v = (struct mesh_value){.kind = MESH_VALUE_PREFIX, .text = strndup(text, n - 1)};
	} else {
		*v = (struct mesh_value){.kind = MESH_VALUE_EXACT, .text = text};
	}
}

static void term_add(struct model *m, enum spec_field field, bool negated,
		     const struct spec_list *list)
{
	static const uint8_t attributes[] = {MESH_SOURCE_PRINCIPAL,	  MESH_SOURCE_NAMESPACE,
					     MESH_SOURCE_SERVICE_ACCOUNT, MESH_SOURCE_IP,
					     MESH_DESTINATION_IP,	  MESH_DESTINATION_PORT};

	if (!list->count)
		return;
	m->terms[m->mesh.term_count++] = (struct mesh_term){
		.attribute = attributes[field],
		.negated = negated,
		.value_first = m->mesh.value_count,
		.value_count = (uint32_t)list->count,
	};
	for (int i = 0; i < list->count; i++)
		value_add(m, field, list->items[i]);
}

/* Returns whether it had nothing but what is left out. */
static bool terms_add(struct model *m, const struct spec_part *p, struct mesh_rule *r)
{
	uint32_t before = m->mesh.term_count;

	for (int i = 0; i < p->count; i++) {
		const struct spec_match *match = &p->matches[i];

		if (match->field == SPEC_PATHS) {
			r->has_l7 = true;
			continue;
		}
		term_add(m, match->field, false, &match->values);
		term_add(m, match->field, true, &match->not_values);
	}
	return p->count && m->mesh.term_count == before;
}

static uint32_t clauses_add(struct model *m, const struct spec_part *p, int count,
			    struct mesh_rule *r)
{
	uint32_t first = m->mesh.clause_count, term;

	for (int i = 0; i < count; i++) {
		term = m->mesh.term_count;
		if (!terms_add(m, &p[i], r))
			m->clauses[m->mesh.clause_count++] =
				(struct mesh_clause){term, m->mesh.term_count - term};
	}
	return m->mesh.clause_count - first;
}

static void rule_add(struct model *m, const struct spec_rule *spec, enum spec_action action)
{
	struct mesh_rule *r = &m->rules[m->mesh.rule_count++];

	*r = (struct mesh_rule){.from_first = m->mesh.clause_count};
	r->from_count = clauses_add(m, spec->from, spec->from_count, r);
	r->to_first = m->mesh.clause_count;
	r->to_count = clauses_add(m, spec->to, spec->to_count, r);
	r->when_first = m->mesh.term_count;
	for (int i = 0; i < spec->when_count; i++)
		terms_add(m, &spec->when[i], r);
	r->when_count = m->mesh.term_count - r->when_first;
	r->never = r->has_l7 &&
		   (action != SPEC_DENY || !(r->from_count + r->to_count + r->when_count));
}

static struct mesh_labels *labels_new(const char *const pairs[2][2], uint32_t count)
{
	struct mesh_labels *l = calloc(1, sizeof(*l) + count * sizeof(l->items[0]));

	l->count = count;
	for (uint32_t i = 0; i < count; i++)
		l->items[i] = (struct mesh_label){pairs[i][0], pairs[i][1]};
	return l;
}

static void policy_add(struct model *m, const struct spec_policy *spec, uint32_t i)
{
	static const uint8_t actions[] = {MESH_ALLOW, MESH_DENY, MESH_AUDIT};
	const char *const pairs[2][2] = {{spec->selector[0], spec->selector[1]}};
	bool root = !strcmp(spec->namespace_name, m->mesh.settings.root_namespace);

	m->selectors[i] = labels_new(pairs, *spec->selector[0] ? 1 : 0);
	m->policies[i] = (struct mesh_policy){
		.namespace_name = spec->namespace_name,
		.name = "p",
		.action = actions[spec->action],
		.scope = *spec->selector[0] ? MESH_SCOPE_WORKLOADS
			 : root		    ? MESH_SCOPE_MESH
					    : MESH_SCOPE_NAMESPACE,
		.dry_run = spec->dry_run,
		.selector = m->selectors[i],
		.rule_first = m->mesh.rule_count,
		.rule_count = (uint32_t)spec->rule_count,
	};
	for (int r = 0; r < spec->rule_count; r++)
		rule_add(m, &spec->rules[r], spec->action);
}

static inline void model_fill(struct model *m, const struct spec_policy *specs, int count)
{
	for (int i = 0; i < WORLD_POLICIES; i++)
		free(m->selectors[i]);
	for (uint32_t i = 0; i < m->mesh.value_count; i++)
		if (m->values[i].kind == MESH_VALUE_PREFIX)
			free((void *)(uintptr_t)m->values[i].text);
	memset(&m->mesh, 0, sizeof(m->mesh));
	memset(m->selectors, 0, sizeof(m->selectors));
	m->mesh.settings.root_namespace = "istio-system";
	m->mesh.settings.trust_domain = "cluster.local";
	for (int i = 0; i < count; i++)
		policy_add(m, &specs[i], (uint32_t)i);
	m->mesh.policies = m->policies;
	m->mesh.policy_count = (uint32_t)count;
	m->mesh.rules = m->rules;
	m->mesh.clauses = m->clauses;
	m->mesh.terms = m->terms;
	m->mesh.values = m->values;
}
