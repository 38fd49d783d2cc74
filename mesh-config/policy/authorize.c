// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policies to steps: which policies select a class of workloads, and the graph of their rules,
 * built from its ends. Classes that the same policies select share one graph. */
#include "mesh-config/policy/authorize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mesh-config/policy/authorize_terms.h"

struct compiler {
	const struct mesh *mesh;
	struct terms *terms;
	struct steps *steps;
	uint32_t *list; /* policies that select the class at hand */
	uint32_t count;
};

bool authorize_selects(const struct mesh *m, const struct mesh_policy *p,
		       const struct identity_class *c)
{
	bool own = !strcmp(p->namespace_name, c->namespace_name);
	bool root = !strcmp(p->namespace_name, m->settings.root_namespace);

	switch (p->scope) {
	case MESH_SCOPE_MESH:
		return true;
	case MESH_SCOPE_NAMESPACE:
		return own;
	case MESH_SCOPE_WORKLOADS:
		return (own || root) && mesh_labels_select(p->selector, c->labels);
	}
	return false;
}

/* ---- graphs: |yes| and |no| are where a part goes on */

static uint32_t terms_all(struct compiler *c, uint32_t first, uint32_t count, uint32_t yes,
			  uint32_t no)
{
	for (uint32_t i = first + count; i > first; i--)
		yes = terms_put(c->terms, &c->mesh->terms[i - 1], yes, no);
	return yes;
}

static uint32_t clauses_any(struct compiler *c, uint32_t first, uint32_t count, uint32_t yes,
			    uint32_t no)
{
	const struct mesh_clause *clauses = c->mesh->clauses;

	if (!count)
		return yes;
	for (uint32_t i = first + count; i > first; i--)
		no = terms_all(c, clauses[i - 1].term_first, clauses[i - 1].term_count, yes, no);
	return no;
}

static uint32_t rule_graph(struct compiler *c, const struct mesh_rule *r, uint32_t yes, uint32_t no)
{
	if (r->never)
		return no;
	yes = terms_all(c, r->when_first, r->when_count, yes, no);
	yes = clauses_any(c, r->to_first, r->to_count, yes, no);
	return clauses_any(c, r->from_first, r->from_count, yes, no);
}

static bool only_noted(const struct mesh_policy *p)
{
	return p->dry_run || p->action == MESH_AUDIT;
}

/* Whether a denial ends connections that live: the policy says so, or, where none of the ALLOW
 * policies matched, one of them. */
static bool ends(const struct compiler *c, uint32_t policy)
{
	if (policy != WEFT_NUMBER_NONE)
		return c->mesh->policies[policy].end_connections;
	for (uint32_t i = 0; i < c->count; i++) {
		const struct mesh_policy *p = &c->mesh->policies[c->list[i]];

		if (p->action == MESH_ALLOW && !only_noted(p) && p->end_connections)
			return true;
	}
	return false;
}

static uint32_t verdict(struct compiler *c, uint8_t action, uint32_t policy, uint32_t rule,
			uint32_t next)
{
	struct weft_mesh_step step = {.kind = WEFT_STEP_VERDICT, .action = action, .yes = next};

	step.value.verdict.policy = policy;
	step.value.verdict.rule = rule;
	if (action == WEFT_ACTION_DENY)
		step.value.verdict.ends = ends(c, policy);
	return steps_put(c->steps, &step);
}

/* The first rule that matches speaks; |next| comes after a note, |no| if none matches. */
static uint32_t policy_graph(struct compiler *c, uint32_t policy, uint8_t action, uint32_t next,
			     uint32_t no)
{
	const struct mesh_policy *p = &c->mesh->policies[policy];
	uint32_t yes;

	for (uint32_t rule = p->rule_count; rule; rule--) {
		yes = verdict(c, action, policy, rule, next);
		no = rule_graph(c, &c->mesh->rules[p->rule_first + rule - 1], yes, no);
	}
	return no;
}

static uint32_t enforced_graph(struct compiler *c, uint8_t wanted, uint8_t action, uint32_t no)
{
	for (uint32_t i = c->count; i; i--) {
		const struct mesh_policy *p = &c->mesh->policies[c->list[i - 1]];

		if (p->action == wanted && !only_noted(p))
			no = policy_graph(c, c->list[i - 1], action, 0, no);
	}
	return no;
}

static uint32_t noted_graph(struct compiler *c, uint32_t next)
{
	uint32_t no;

	for (uint32_t i = c->count; i; i--) {
		const struct mesh_policy *p = &c->mesh->policies[c->list[i - 1]];

		if (!only_noted(p))
			continue;
		no = next;
		if (p->action == MESH_ALLOW)
			no = verdict(c, WEFT_ACTION_NOTE, c->list[i - 1], 0, next);
		next = policy_graph(c, c->list[i - 1], WEFT_ACTION_NOTE, next, no);
	}
	return next;
}

static bool has_allow(const struct compiler *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct mesh_policy *p = &c->mesh->policies[c->list[i]];

		if (p->action == MESH_ALLOW && !only_noted(p))
			return true;
	}
	return false;
}

static uint32_t list_graph(struct compiler *c)
{
	uint32_t next = 0;

	if (has_allow(c))
		next = verdict(c, WEFT_ACTION_DENY, WEFT_NUMBER_NONE, 0, 0);
	next = enforced_graph(c, MESH_ALLOW, WEFT_ACTION_ALLOW, next);
	next = enforced_graph(c, MESH_DENY, WEFT_ACTION_DENY, next);
	return noted_graph(c, next);
}

/* ---- classes */

static void policies_select(struct compiler *c, const struct identity_class *class)
{
	c->count = 0;
	for (uint32_t i = 0; i < c->mesh->policy_count; i++)
		if (authorize_selects(c->mesh, &c->mesh->policies[i], class))
			c->list[c->count++] = i;
}

static int failed(int code, struct error *err)
{
	if (code == -E2BIG)
		return error_set(err, code, "the policies need more than %u cells",
				 STEPS_CELLS_MAX);
	return error_set(err, code, "no memory for the policies");
}

static int class_compile(struct compiler *c, const struct identity_class *class, uint32_t *ret_root,
			 struct error *err)
{
	uint32_t root, length;

	policies_select(c, class);
	root = list_graph(c);
	if (c->steps->error)
		return failed(c->steps->error, err);
	length = steps_length(c->steps, root);
	if (length > WEFT_MESH_STEPS)
		return error_set(
			err, -E2BIG,
			"the policies of a workload in namespace %s (%u) may need %u tests "
			"for one connection, %u are possible: join rules that differ in "
			"one list only",
			class->namespace_name, c->count, length, WEFT_MESH_STEPS);
	*ret_root = root;
	return 0;
}

static int classes_compile(struct compiler *c, const struct identity_view *view,
			   struct authorize *a, struct error *err)
{
	uint32_t length;
	int code = 0;

	if (!c->terms || !c->list || !a->policies.by_class)
		return failed(-ENOMEM, err);
	for (uint32_t i = 0; i < view->class_count && !code; i++) {
		if (!view->classes[i].namespace_name)
			continue;
		code = class_compile(c, &view->classes[i], &a->policies.by_class[i], err);
		length = steps_length(&a->steps, a->policies.by_class[i]);
		if (length > a->longest)
			a->longest = length;
	}
	return code;
}

int authorize_compile(const struct mesh *m, const struct identity_view *view, struct authorize *ret,
		      struct error *err)
{
	struct authorize a = {.class_count = view->class_count};
	struct compiler c = {.mesh = m, .steps = &a.steps};
	int code = steps_init(&a.steps);

	if (code)
		return failed(code, err);
	c.terms = terms_new(m, view, &a.steps);
	c.list = calloc(m->policy_count + 1, sizeof(*c.list));
	a.policies.by_class = calloc(view->class_count + 1, sizeof(*a.policies.by_class));
	code = classes_compile(&c, view, &a, err);
	terms_free(c.terms);
	free(c.list);
	if (code)
		authorize_free(&a);
	else
		*ret = a;
	return code;
}

void authorize_place(struct authorize *a, uint32_t base)
{
	uint32_t old = a->steps.base;

	steps_move(&a->steps, base);
	for (uint32_t i = 0; i < a->class_count; i++)
		if (a->policies.by_class[i])
			a->policies.by_class[i] += base - old;
}

void authorize_free(struct authorize *a)
{
	steps_free(&a->steps);
	free(a->policies.by_class);
	*a = (struct authorize){0};
}
