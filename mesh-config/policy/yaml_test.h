/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: random policies (world_test.h) as operators write them, in YAML, read as weft
 * reads it. */
#pragma once

#include "mesh-config/policy/world_test.h"
#include "mesh-config/resolve/source.h"

#include <stdio.h>

static char yaml[256 * 1024];
static size_t yaml_used;

static __attribute__((format(printf, 1, 2))) void yaml_put(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(yaml + yaml_used, sizeof(yaml) - yaml_used, format, args);
	va_end(args);
	yaml_used += (size_t)n;
	assert_true(yaml_used < sizeof(yaml));
}

/* ---- what weft refuses to load, as it would not mean what it says, is taken out */

static void part_drop(struct spec_part *p, int match)
{
	memmove(&p->matches[match], &p->matches[match + 1],
		(size_t)(--p->count - match) * sizeof(p->matches[0]));
}

static bool part_has(const struct spec_part *p, enum spec_field field)
{
	for (int i = 0; i < p->count; i++)
		if (p->matches[i].field == field)
			return true;
	return false;
}

/* Service accounts stand in a source without namespaces and principals. */
static void accounts_clean(struct spec_part *p)
{
	if (!part_has(p, SPEC_NAMESPACES) && !part_has(p, SPEC_PRINCIPALS))
		return;
	for (int i = p->count - 1; i >= 0; i--)
		if (p->matches[i].field == SPEC_SERVICE_ACCOUNTS)
			part_drop(p, i);
}

static void part_clean(struct spec_part *p, enum spec_action action)
{
	accounts_clean(p);
	for (int i = p->count - 1; i >= 0; i--)
		if (p->matches[i].field == SPEC_PATHS && (action != SPEC_DENY || p->count == 1))
			part_drop(p, i);
}

/* Sources and operations that say nothing are refused. */
static void parts_clean(struct spec_part *parts, int *count, enum spec_action action)
{
	for (int i = *count - 1; i >= 0; i--) {
		part_clean(&parts[i], action);
		if (parts[i].count)
			continue;
		memmove(&parts[i], &parts[i + 1], (size_t)(--*count - i) * sizeof(parts[0]));
	}
}

static void rule_clean(struct spec_rule *r, enum spec_action action)
{
	parts_clean(r->from, &r->from_count, action);
	parts_clean(r->to, &r->to_count, action);
	for (int i = r->when_count - 1; i >= 0; i--)
		if (r->when[i].matches[0].field == SPEC_PATHS)
			memmove(&r->when[i], &r->when[i + 1],
				(size_t)(--r->when_count - i) * sizeof(r->when[0]));
}

/* In the order that the mesh has them: by namespace, then name, which is by place. */
static void policies_order(struct spec_policy *p, int count)
{
	for (int i = 1; i < count; i++)
		for (int k = i; k && strcmp(p[k - 1].namespace_name, p[k].namespace_name) > 0;
		     k--) {
			struct spec_policy lower = p[k];

			p[k] = p[k - 1];
			p[k - 1] = lower;
		}
}

static void policies_clean(struct spec_policy *p, int count)
{
	for (int i = 0; i < count; i++) {
		for (int k = 0; k < p[i].rule_count; k++)
			rule_clean(&p[i].rules[k], p[i].action);
		if (p[i].action == SPEC_DENY && !p[i].rule_count)
			p[i].action = SPEC_ALLOW; /* a DENY without rules is refused */
	}
	policies_order(p, count);
}

/* ---- writing */

static void list_put(const char *name, const struct spec_list *list, const char **comma)
{
	if (!list->count)
		return;
	yaml_put("%s%s: [", *comma, name);
	for (int i = 0; i < list->count; i++)
		yaml_put("%s\"%s\"", i ? ", " : "", list->items[i]);
	yaml_put("]");
	*comma = ", ";
}

static void match_put(const struct spec_match *m, const char **comma)
{
	static const char *const names[][2] = {
		[SPEC_PRINCIPALS] = {"principals", "notPrincipals"},
		[SPEC_NAMESPACES] = {"namespaces", "notNamespaces"},
		[SPEC_SERVICE_ACCOUNTS] = {"serviceAccounts", "notServiceAccounts"},
		[SPEC_IP_BLOCKS] = {"ipBlocks", "notIpBlocks"},
		[SPEC_PORTS] = {"ports", "notPorts"},
		[SPEC_PATHS] = {"paths", "notPaths"},
	};

	list_put(names[m->field][0], &m->values, comma);
	list_put(names[m->field][1], &m->not_values, comma);
}

static void parts_put(const char *name, const char *inner, const struct spec_part *parts, int count)
{
	if (count)
		yaml_put("    %s:\n", name);
	for (int i = 0; i < count; i++) {
		const char *comma = "";

		yaml_put("    - %s: {", inner);
		for (int k = 0; k < parts[i].count; k++)
			match_put(&parts[i].matches[k], &comma);
		yaml_put("}\n");
	}
}

static void when_put(const struct spec_part *parts, int count)
{
	static const char *const keys[] = {"source.principal",	    "source.namespace",
					   "source.serviceAccount", "source.ip",
					   "destination.ip",	    "destination.port"};

	if (count)
		yaml_put("    when:\n");
	for (int i = 0; i < count; i++) {
		const struct spec_match *m = &parts[i].matches[0];
		const char *comma = ", ";

		yaml_put("    - {key: %s", keys[m->field]);
		list_put("values", &m->values, &comma);
		list_put("notValues", &m->not_values, &comma);
		yaml_put("}\n");
	}
}

static void rule_put(const struct spec_rule *r)
{
	if (!r->from_count && !r->to_count && !r->when_count) {
		yaml_put("  - {}\n");
		return;
	}
	yaml_put("  -\n");
	parts_put("from", "source", r->from, r->from_count);
	parts_put("to", "operation", r->to, r->to_count);
	when_put(r->when, r->when_count);
}

static void policy_put(const struct spec_policy *p, int number)
{
	static const char *const actions[] = {"ALLOW", "DENY", "AUDIT"};

	yaml_put("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
		 "metadata: {name: p%d, namespace: %s%s}\nspec:\n  action: %s\n",
		 number, p->namespace_name,
		 p->dry_run ? ", annotations: {istio.io/dry-run: \"true\"}" : "",
		 actions[p->action]);
	if (p->selector[0][0])
		yaml_put("  selector: {matchLabels: {%s: \"%s\"}}\n", p->selector[0],
			 p->selector[1]);
	if (p->rule_count)
		yaml_put("  rules:\n");
	for (int i = 0; i < p->rule_count; i++)
		rule_put(&p->rules[i]);
	yaml_put("---\n");
}

/* The policies, of which some may be cleaned first, as a mesh: the caller's. */
static struct mesh *mesh_of_yaml(struct spec_policy *p, int count)
{
	struct mesh_source *source = mesh_source_new();
	struct problems problems;
	struct mesh *m = NULL;

	yaml_used = 0;
	policies_clean(p, count);
	for (int i = 0; i < count; i++)
		policy_put(&p[i], i);
	assert_int_equal(mesh_source_put(source, "p.yaml", (struct slice){yaml, yaml_used}), 0);
	mesh_source_build(source, &m, &problems);
	if (!m)
		puts(yaml);
	if (!m)
		fail_msg("%s:%u: %s", problems.items[0].code, problems.items[0].line,
			 problems.items[0].text);
	problems_free(&problems);
	mesh_source_free(source);
	assert_true(m && m->policy_count == (uint32_t)count);
	return m;
}
