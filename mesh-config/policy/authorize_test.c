// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compiled policies against the judge that was written from the specification: random policies,
 * random connections, no difference. And the judge is judged: compilers with a defect are caught.
 */
#include "mesh-config/policy/authorize.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "mesh-config/policy/names_test.h"

#define WORLDS	    2500
#define CONNECTIONS 60

static struct model model;
static struct names names;
static struct spec_policy specs[WORLD_POLICIES];

static bool agrees(const struct spec_verdict *v, const struct weft_policy_answer *a)
{
	bool allowed = a->action == WEFT_ACTION_ALLOW;

	return !a->broken && allowed == v->allowed && a->notes == v->notes &&
	       (int)a->rule == v->rule &&
	       (v->policy == SPEC_NONE ? a->policy == WEFT_NUMBER_NONE
				       : a->policy == (uint32_t)v->policy);
}

struct tally {
	unsigned pairs, differences, allowed, denied_by_rule, denied_by_default, notes;
};

static void tally_add(struct tally *t, const struct spec_verdict *v)
{
	t->pairs++;
	t->allowed += v->allowed;
	t->denied_by_rule += !v->allowed && v->policy != SPEC_NONE;
	t->denied_by_default += !v->allowed && v->policy == SPEC_NONE;
	t->notes += (unsigned)v->notes;
}

/* Compiles |count| policies and asks for random connections. |seed_defect| may damage the model
 * that the compiler sees. */
static void world_check(int count, void (*seed_defect)(struct model *m), struct tally *t)
{
	struct weft_policy_question q;
	struct weft_policy_answer answer;
	struct spec_connection c;
	struct spec_verdict v;
	struct evaluate_cells cells;
	struct authorize a;
	struct error err;

	model_fill(&model, specs, count);
	if (seed_defect)
		seed_defect(&model);
	assert_int_equal(authorize_compile(&model.mesh, &names.view, &a, &err), 0);
	authorize_place(&a, 1 + dice(100000));
	cells = (struct evaluate_cells){a.steps.cells, a.steps.base, a.steps.count};
	for (int i = 0; i < CONNECTIONS; i++) {
		random_connection(&c);
		question_fill(&q, &c, &a);
		v = spec_judge(specs, count, &c);
		evaluate(&cells, &q, &answer, NULL, NULL);
		tally_add(t, &v);
		t->differences += !agrees(&v, &answer);
	}
	authorize_free(&a);
}

static struct tally worlds_check(int worlds, void (*seed_defect)(struct model *m))
{
	struct tally t = {0};

	world_seed = 4711;
	for (int i = 0; i < worlds; i++)
		world_check(random_policies(specs), seed_defect, &t);
	return t;
}

static void test_judge_agrees(void **state)
{
	struct tally t = worlds_check(WORLDS, NULL);

	(void)state;
	print_message("%u pairs: %u allowed, %u denied by a rule, %u by default, %u notes\n",
		      t.pairs, t.allowed, t.denied_by_rule, t.denied_by_default, t.notes);
	assert_true(t.pairs >= 100000);
	assert_int_equal(t.differences, 0);
	assert_true(t.denied_by_rule > t.pairs / 20);
	assert_true(t.denied_by_default > t.pairs / 20);
	assert_true(t.allowed > t.pairs / 20);
}

/* ---- lists and graphs that are long */

static bool listed(uint16_t port, const uint8_t addr[16])
{
	bool port_listed = false, addr_listed = false;

	for (uint32_t i = 0; i < model.mesh.value_count; i++) {
		const struct mesh_value *v = &model.values[i];

		if (v->kind == MESH_VALUE_PORT)
			port_listed |= v->port == port;
		else
			addr_listed |= !memcmp(v->prefix.address, addr, v->prefix.bits / 8);
	}
	return port_listed && addr_listed;
}

static void long_policy(void)
{
	struct spec_policy *p = specs;

	memset(p, 0, sizeof(*p));
	snprintf(p->namespace_name, sizeof(p->namespace_name), "%s", "istio-system");
	p->action = SPEC_DENY;
	p->rule_count = 1;
	model_fill(&model, specs, 1);
	model.terms[0] = (struct mesh_term){MESH_DESTINATION_PORT, false, 0, 300};
	model.terms[1] = (struct mesh_term){MESH_SOURCE_IP, false, 300, 700};
	model.rules[0].when_count = 2;
	model.mesh.value_count = 1000;
	for (uint32_t i = 0; i < 1000; i++) {
		struct mesh_value *v = &model.values[i];

		*v = (struct mesh_value){.kind = i < 300 ? MESH_VALUE_PORT : MESH_VALUE_CIDR,
					 .port = (uint16_t)dice(2000)};
		v->prefix = (struct mesh_prefix){{[10] = 0xff, 0xff, 10, (uint8_t)dice(40)}, 0};
		v->prefix.bits = dice(20) ? 120 : 112;
		if (v->prefix.bits == 120)
			v->prefix.address[14] = (uint8_t)dice(256);
	}
}

static void test_long_lists(void **state)
{
	struct weft_policy_question q = {.target_addr = {1}};
	struct weft_policy_answer answer;
	struct evaluate_cells cells;
	struct authorize a;
	unsigned denied = 0;

	(void)state;
	long_policy();
	assert_int_equal(authorize_compile(&model.mesh, &names.view, &a, NULL), 0);
	cells = (struct evaluate_cells){a.steps.cells, a.steps.base, a.steps.count};
	assert_int_equal(a.longest, 3);
	q.step = a.policies.by_class[0];
	for (int i = 0; i < 20000; i++) {
		const uint8_t addr[16] = {
			[10] = 0xff,	   0xff, 10, (uint8_t)dice(42), (uint8_t)dice(256),
			(uint8_t)dice(256)};

		memcpy(q.source_addr, addr, 16);
		q.target_port = (uint16_t)dice(2100);
		evaluate(&cells, &q, &answer, NULL, NULL);
		assert_int_equal(answer.action == WEFT_ACTION_DENY, listed(q.target_port, addr));
		denied += answer.action;
	}
	assert_in_range(denied, 500, 10000);
	authorize_free(&a);
}

/* Each rule needs one test; a port of its own keeps them apart. */
static int rules_compile(uint32_t count, struct authorize *a, struct error *err)
{
	memset(specs, 0, sizeof(*specs));
	snprintf(specs->namespace_name, sizeof(specs->namespace_name), "%s", "istio-system");
	model_fill(&model, specs, 1);
	model.policies[0].rule_count = count;
	for (uint32_t i = 0; i < count; i++) {
		model.values[i % WORLD_MANY] =
			(struct mesh_value){.kind = MESH_VALUE_PORT, .port = (uint16_t)i};
		model.terms[i % WORLD_MANY] =
			(struct mesh_term){MESH_DESTINATION_PORT, false, i % WORLD_MANY, 1};
		model.rules[i % WORLD_MANY] =
			(struct mesh_rule){.when_first = i % WORLD_MANY, .when_count = 1};
	}
	return authorize_compile(&model.mesh, &names.view, a, err);
}

static void test_bound(void **state)
{
	struct authorize a;
	struct error err;

	(void)state;
	assert_int_equal(rules_compile(WEFT_MESH_STEPS - 1, &a, &err), 0);
	assert_int_equal(a.longest, WEFT_MESH_STEPS);
	authorize_free(&a);
	assert_int_equal(rules_compile(WEFT_MESH_STEPS, &a, &err), -E2BIG);
	print_message("%s\n", err.text);
	assert_non_null(strstr(err.text, "4097 tests"));
}

/* ---- defects that a compiler could have */

static void defect_not(struct model *m)
{
	for (uint32_t i = 0; i < m->mesh.term_count; i++)
		if (m->terms[i].attribute == MESH_SOURCE_NAMESPACE)
			m->terms[i].negated = false;
}

static void defect_http(struct model *m)
{
	for (uint32_t i = 0; i < m->mesh.rule_count; i++)
		m->rules[i].never = false;
}

static void defect_scope(struct model *m)
{
	for (uint32_t i = 0; i < m->mesh.policy_count; i++)
		if (m->policies[i].scope == MESH_SCOPE_MESH)
			m->policies[i].scope = MESH_SCOPE_NAMESPACE;
}

static void defect_prefix(struct model *m)
{
	for (uint32_t i = 0; i < m->mesh.value_count; i++)
		if (m->values[i].kind == MESH_VALUE_CIDR && m->values[i].prefix.bits == 126)
			m->values[i].prefix.bits = 125;
}

static void defect_dry_run(struct model *m)
{
	for (uint32_t i = 0; i < m->mesh.policy_count; i++)
		m->policies[i].dry_run = false;
}

static void defect_presence(struct model *m)
{
	for (uint32_t i = 0; i < m->mesh.value_count; i++)
		if (m->values[i].kind == MESH_VALUE_PRESENT)
			m->values[i].kind = MESH_VALUE_EXACT;
}

static void test_defects_are_caught(void **state)
{
	static const struct {
		const char *name;
		void (*seed)(struct model *m);
	} defects[] = {
		{"not forgotten", defect_not},	       {"HTTP rules match", defect_http},
		{"mesh is a namespace", defect_scope}, {"one bit of a prefix", defect_prefix},
		{"dry run enforced", defect_dry_run},  {"presence is empty", defect_presence}};

	(void)state;
	for (int i = 0; i < COUNT_OF(defects); i++) {
		struct tally t = worlds_check(400, defects[i].seed);

		print_message("%s: %u of %u verdicts differ\n", defects[i].name, t.differences,
			      t.pairs);
		assert_true(t.differences > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_agrees),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_defects_are_caught),
	};

	names_fill(&names);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
