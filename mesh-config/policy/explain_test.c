// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Explanations against the judge that was written from the specification: the verdict of the
 * compiled form, and what each policy is said to do. And the words of reasons. */
#include "mesh-config/policy/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "mesh-config/policy/names_test.h"

#define WORLDS	    500
#define CONNECTIONS 60

static struct model model;
static struct names names;
static struct spec_policy specs[WORLD_POLICIES];

/* Lives until the next one of the same |place|. */
static const struct mesh_workload *workload_of(const struct spec_peer *p, int place)
{
	static struct mesh_workload workloads[2];

	if (!*p->namespace_name)
		return NULL;
	workloads[place] = (struct mesh_workload){
		.namespace_name = p->namespace_name,
		.name = "w",
		.service_account = p->account,
		.labels = names.classes[class_of(p)].labels,
	};
	return &workloads[place];
}

static void explain_question_fill(struct explain_question *q, const struct spec_connection *c)
{
	*q = (struct explain_question){.source.workload = workload_of(&c->source, 0),
				       .target.workload = workload_of(&c->target, 1),
				       .port = (uint16_t)c->port};
	address_bytes(q->source.address, c->source.address);
	address_bytes(q->target.address, c->target.address);
}

/* What each policy is said to do is what the judge says of it. */
static unsigned policies_check(int count, const struct spec_connection *c,
			       const struct explain_question *q)
{
	unsigned told = 0;

	for (int i = 0; i < count; i++) {
		bool selects = spec_selects(&specs[i], &c->target);

		assert_int_equal(explain_selects(&model.mesh, (uint32_t)i, q), selects);
		assert_int_equal(explain_policy(&model.mesh, (uint32_t)i, q, NULL, NULL),
				 spec_policy(&specs[i], c));
		told += selects;
	}
	return told;
}

static void test_judge_agrees(void **state)
{
	struct weft_policy_answer a;
	struct explain_question q;
	struct spec_connection c;
	struct spec_verdict v;
	unsigned told = 0;

	(void)state;
	world_seed = 1848;
	for (int i = 0; i < WORLDS * CONNECTIONS; i++) {
		static int count;

		if (i % CONNECTIONS == 0) {
			count = random_policies(specs);
			model_fill(&model, specs, count);
		}
		random_connection(&c);
		explain_question_fill(&q, &c);
		v = spec_judge(specs, count, &c);
		assert_int_equal(explain_ask(&model.mesh, &q, &a, NULL), 0);
		assert_int_equal(a.action == WEFT_ACTION_ALLOW, v.allowed);
		assert_int_equal((int)a.policy, v.policy);
		assert_int_equal(a.rule, v.rule);
		assert_int_equal(a.notes, v.notes);
		told += policies_check(count, &c, &q);
	}
	print_message("%d connections: verdicts and %u policies explained as judged\n",
		      WORLDS * CONNECTIONS, told);
}

/* ---- words */

static char reasons[4][400];

static void reason_keep(void *arg, uint32_t rule, const char *text)
{
	(void)arg;
	snprintf(reasons[rule - 1], sizeof(reasons[0]), "%s", text);
}

static void rule_of(struct spec_rule *r, enum spec_field field, const char *value, bool negated)
{
	struct spec_match *m = &r->when[0].matches[0];
	struct spec_list *list = negated ? &m->not_values : &m->values;

	memset(r, 0, sizeof(*r));
	r->when_count = r->when[0].count = list->count = 1;
	m->field = field;
	snprintf(list->items[0], sizeof(list->items[0]), "%s", value);
}

static void test_reasons(void **state)
{
	struct spec_connection c = {.target = {.namespace_name = "shop", .address = "10.0.0.2"},
				    .source = {.namespace_name = "pay", .address = "10.0.0.1"},
				    .port = 80};
	struct explain_question q;

	(void)state;
	memset(specs, 0, sizeof(specs[0]));
	snprintf(specs[0].namespace_name, sizeof(specs[0].namespace_name), "%s", "shop");
	snprintf(c.source.account, sizeof(c.source.account), "%s", "api");
	specs[0].rule_count = 3;
	rule_of(&specs[0].rules[0], SPEC_NAMESPACES, "web*", false);
	rule_of(&specs[0].rules[1], SPEC_IP_BLOCKS, "10.0.0.0/16", true);
	rule_of(&specs[0].rules[2], SPEC_PRINCIPALS, "*/sa/db", false);
	model_fill(&model, specs, 1);
	explain_question_fill(&q, &c);
	assert_int_equal(explain_policy(&model.mesh, 0, &q, reason_keep, NULL), 0);
	assert_string_equal(reasons[0], "source namespace pay is not among web*");
	assert_string_equal(reasons[1], "source address 10.0.0.1 is among 10.0.0.0/16");
	assert_string_equal(reasons[2], "source principal cluster.local/ns/pay/sa/api is not among "
					"*/sa/db");
}

/* Who is asked for by a name may connect from any of its addresses. */
static void test_unknown_address(void **state)
{
	struct explain_question q = {.port = 80};
	struct weft_policy_answer a;
	struct spec_peer target = {.namespace_name = "shop"};

	(void)state;
	memset(specs, 0, sizeof(specs[0]));
	snprintf(specs[0].namespace_name, sizeof(specs[0].namespace_name), "%s", "shop");
	specs[0].action = SPEC_DENY;
	specs[0].rule_count = 1;
	rule_of(&specs[0].rules[0], SPEC_IP_BLOCKS, "10.0.0.0/16", true);
	model_fill(&model, specs, 1);
	q.target.workload = workload_of(&target, 1);
	assert_int_equal(explain_ask(&model.mesh, &q, &a, NULL), 0);
	assert_int_equal(a.action, WEFT_ACTION_OPEN);
	assert_int_equal(explain_policy(&model.mesh, 0, &q, reason_keep, NULL), 0);
	assert_string_equal(reasons[0], "source address is not known");
	q.target.workload = NULL;
	assert_int_equal(explain_ask(&model.mesh, &q, &a, NULL), 0);
	assert_int_equal(a.action, WEFT_ACTION_ALLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_agrees),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_unknown_address),
	};

	names_fill(&names);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
