/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: the judge of connections, by the specification's text (see spec_test.h). */
#pragma once

#include "mesh-config/policy/spec_test.h"

/* ---- rules. "A match occurs when at least one source, one operation and all conditions match the
 * request." */
static bool spec_part(const struct spec_part *p, const struct spec_connection *c)
{
	for (int i = 0; i < p->count; i++) {
		const struct spec_match *m = &p->matches[i];

		if (m->field == SPEC_PATHS)
			continue;
		if (m->values.count && !spec_listed(m, &m->values, c))
			return false;
		if (m->not_values.count && spec_listed(m, &m->not_values, c))
			return false;
	}
	return true;
}

/* Whether anything of it can be seen on TCP. */
static bool spec_remains(const struct spec_part *p)
{
	for (int i = 0; i < p->count; i++)
		if (p->matches[i].field != SPEC_PATHS)
			return true;
	return !p->count;
}

static bool spec_has_http(const struct spec_part *p, int count)
{
	for (int i = 0; i < count; i++)
		for (int k = 0; k < p[i].count; k++)
			if (p[i].matches[k].field == SPEC_PATHS)
				return true;
	return false;
}

/* One of them must match; on TCP those of which nothing remains are as if they were not there. */
static bool spec_any(const struct spec_part *p, int count, const struct spec_connection *c,
		     bool *seen)
{
	int left = 0;

	for (int i = 0; i < count; i++) {
		if (!spec_remains(&p[i]))
			continue;
		if (spec_part(&p[i], c))
			return *seen = true;
		left++;
	}
	*seen |= left > 0;
	return !left;
}

static bool spec_all(const struct spec_part *p, int count, const struct spec_connection *c,
		     bool *seen)
{
	for (int i = 0; i < count; i++) {
		*seen |= spec_remains(&p[i]);
		if (!spec_part(&p[i], c))
			return false;
	}
	return true;
}

static bool spec_rule(const struct spec_rule *r, enum spec_action action,
		      const struct spec_connection *c)
{
	bool http = spec_has_http(r->from, r->from_count) || spec_has_http(r->to, r->to_count) ||
		    spec_has_http(r->when, r->when_count);
	bool seen = !http;

	if (http && action != SPEC_DENY)
		return false;
	if (!spec_any(r->from, r->from_count, c, &seen) ||
	    !spec_any(r->to, r->to_count, c, &seen) || !spec_all(r->when, r->when_count, c, &seen))
		return false;
	return seen;
}

/* "rules: Optional. If not set, the match will never occur." The number of the rule, 0 = none. */
static int spec_policy(const struct spec_policy *p, const struct spec_connection *c)
{
	for (int i = 0; i < p->rule_count; i++)
		if (spec_rule(&p->rules[i], p->action, c))
			return i + 1;
	return 0;
}

/* ---- scope. "If the root namespace and no selector: all namespaces in the mesh"; "the selector
 * decides where to apply the policy: workloads with matching labels in the same namespace as the
 * policy; in the root namespace in any namespace". */
static bool spec_selects(const struct spec_policy *p, const struct spec_peer *target)
{
	bool root = !strcmp(p->namespace_name, "istio-system");

	if (!root && strcmp(p->namespace_name, target->namespace_name))
		return false;
	if (!p->selector[0][0])
		return true;
	for (int i = 0; i < 2; i++)
		if (!strcmp(target->labels[i][0], p->selector[0]) &&
		    !strcmp(target->labels[i][1], p->selector[1]))
			return true;
	return false;
}

#define SPEC_NONE (-1)

struct spec_verdict {
	bool allowed;
	int policy; /* place in the list, SPEC_NONE */
	int rule;   /* from 1 */
	int notes;
};

static bool spec_first(const struct spec_policy *p, int count, enum spec_action action,
		       const struct spec_connection *c, struct spec_verdict *v)
{
	for (int i = 0; i < count; i++) {
		if (p[i].action != action || p[i].dry_run || !spec_selects(&p[i], &c->target))
			continue;
		v->rule = spec_policy(&p[i], c);
		v->policy = v->rule ? i : SPEC_NONE;
		if (v->rule)
			return true;
	}
	return false;
}

static int spec_notes(const struct spec_policy *p, int count, const struct spec_connection *c)
{
	int notes = 0;

	for (int i = 0; i < count; i++) {
		if (!spec_selects(&p[i], &c->target))
			continue;
		if (p[i].dry_run && p[i].action == SPEC_ALLOW)
			notes++; /* it matches, or would not have allowed */
		else if ((p[i].dry_run || p[i].action == SPEC_AUDIT) && spec_policy(&p[i], c))
			notes++;
	}
	return notes;
}

/* "1. If there are any CUSTOM policies ... 2. If there are any DENY policies that match the
 * request, deny the request. 3. If there are no ALLOW policies for the workload, allow the
 * request. 4. If any of the ALLOW policies match the request, allow the request. 5. Deny the
 * request." */
static inline struct spec_verdict spec_judge(const struct spec_policy *p, int count,
					     const struct spec_connection *c)
{
	struct spec_verdict v = {.policy = SPEC_NONE};
	bool allows = false;

	v.notes = spec_notes(p, count, c);
	if (spec_first(p, count, SPEC_DENY, c, &v))
		return v;
	for (int i = 0; i < count; i++)
		allows |= p[i].action == SPEC_ALLOW && !p[i].dry_run &&
			  spec_selects(&p[i], &c->target);
	v.allowed = !allows || spec_first(p, count, SPEC_ALLOW, c, &v);
	return v;
}
