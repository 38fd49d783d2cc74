// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Outlier ejection as it is written: by DestinationRule, by OutlierDetection, by both. */
#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ENTRY                                                                                      \
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"                                 \
	"metadata: {name: cart, namespace: shop}\n"                                                \
	"spec: {hosts: [cart.example], addresses: [198.19.0.1], location: MESH_INTERNAL, "         \
	"resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], "                  \
	"endpoints: [{address: 10.0.0.1}]}\n---\n"
#define RULE                                                                                       \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"                              \
	"metadata: {name: cart, namespace: shop, annotations: {weft.dev/close-ejected: "           \
	"\"true\"}}\nspec: {host: cart.example, trafficPolicy: {outlierDetection: "                \
	"{consecutiveGatewayErrors: 3, interval: 2s, minHealthPercent: 40}}}\n---\n"
#define DETECTION(spec) NAMED("cart", spec)
#define NAMED(name, spec)                                                                          \
	"apiVersion: weft.dev/v1alpha1\nkind: OutlierDetection\n"                                  \
	"metadata: {name: " name ", namespace: shop}\nspec: {host: cart.example" spec "}\n---\n"

static struct problems problems;

static struct mesh *build(const char *text)
{
	struct mesh_source *s = mesh_source_new();
	struct mesh *m = NULL;

	problems_free(&problems);
	assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(text)), 0);
	mesh_source_build(s, &m, &problems);
	mesh_source_free(s);
	return m;
}

static const struct mesh_outlier *outlier(const struct mesh *m)
{
	assert_non_null(m);
	return &m->traffic[m->services[0].traffic].outlier;
}

static void test_rule(void **state)
{
	struct mesh *m = build(ENTRY RULE);

	(void)state;
	assert_true(outlier(m)->enabled && outlier(m)->close_connections);
	assert_int_equal(outlier(m)->consecutive_gateway_errors, 3);
	assert_int_equal(outlier(m)->min_health_percent, 40);
	assert_int_equal(outlier(m)->compare.minimum_requests, 0);
	mesh_free(m);
}

static void test_both(void **state)
{
	struct mesh *m = build(
		ENTRY RULE DETECTION(", successRate: {stdevFactor: 1.9}, latency: {medianFactor: "
				     "2.5}, minimumHosts: 3, minimumRequests: 20"));

	(void)state;
	assert_int_equal(outlier(m)->consecutive_5xx, 5);
	assert_int_equal(outlier(m)->consecutive_gateway_errors, 3);
	assert_int_equal(outlier(m)->interval_ms, 2000);
	assert_true(outlier(m)->close_connections);
	assert_int_equal(outlier(m)->compare.success_rate_stdev_factor, 1900);
	assert_int_equal(outlier(m)->compare.latency_factor, 2500);
	assert_int_equal(outlier(m)->compare.minimum_hosts, 3);
	assert_int_equal(outlier(m)->compare.minimum_requests, 20);
	mesh_free(m);
}

/* The default of all services stays as it is. */
static void test_alone(void **state)
{
	struct mesh *m = build(ENTRY DETECTION(", latency: {medianFactor: 3}"));

	(void)state;
	assert_true(outlier(m)->enabled);
	assert_int_equal(outlier(m)->consecutive_5xx, 0);
	assert_int_equal(outlier(m)->compare.success_rate_stdev_factor, 0);
	assert_int_equal(outlier(m)->compare.latency_factor, 3000);
	assert_int_equal(outlier(m)->compare.minimum_hosts, 5);
	assert_int_equal(outlier(m)->compare.minimum_requests, 100);
	assert_int_equal(outlier(m)->interval_ms, 10000);
	assert_false(m->traffic[0].outlier.enabled);
	mesh_free(m);
}

static void problem_check(const char *text, const char *words)
{
	mesh_free(build(text));
	assert_int_equal(problems.count, 1);
	print_message("%s: %s\n", problems.items[0].code, problems.items[0].text);
	assert_non_null(strstr(problems.items[0].text, words));
}

static void test_problems(void **state)
{
	(void)state;
	problem_check(ENTRY DETECTION(""), "looks at nothing");
	problem_check(ENTRY DETECTION(", latency: {medianFactor: 1}"), "must be above 1");
	problem_check(ENTRY DETECTION(", successRate: {stdevFactor: 0}"), "must be above 0");
	problem_check(ENTRY DETECTION(", latency: {}"), "medianFactor");
	problem_check(DETECTION(", latency: {medianFactor: 3}"), "cart.example");
	problem_check(ENTRY DETECTION(", latency: {medianFactor: 3}")
			      NAMED("dart", ", latency: {medianFactor: 4}"),
		      "another OutlierDetection");
	problems_free(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
