// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/tools/diff.h: what changed in YAML is said in words, and nothing else. */
#include "mesh-config/resolve/source.h"
#include "mesh-config/tools/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOCUMENT(api, kind, name)                                                                  \
	"---\napiVersion: " api "\nkind: " kind "\nmetadata: {name: " name                         \
	", namespace: shop}\nspec:\n"
#define ENTRY(name, vip)                                                                           \
	DOCUMENT("networking.istio.io/v1", "ServiceEntry", name)                                   \
	"  hosts: [" name ".mesh]\n  addresses: [" vip "]\n  resolution: STATIC\n"                 \
	"  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]\n  endpoints:\n"
#define ONE(address, more) "  - {address: " address ", labels: {v: '1'}" more "}\n"
#define POLICY(action)                                                                             \
	DOCUMENT("security.istio.io/v1", "AuthorizationPolicy", "guard")                           \
	"  action: " action "\n  rules: [{from: [{source: {namespaces: [a]}}]}]\n"
#define RULE(balance)                                                                              \
	DOCUMENT("networking.istio.io/v1", "DestinationRule", "cart")                              \
	"  host: cart.mesh\n  trafficPolicy: {loadBalancer: {simple: " balance "}}\n"

static struct mesh *build(const char *yaml)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	struct mesh *m = NULL;

	assert_int_equal(mesh_source_put(s, "mesh.yaml", slice_of(yaml)), 0);
	if (mesh_source_build(s, &m, &problems))
		fail_msg("%u:%u %s", problems.items[0].line, problems.items[0].column,
			 problems.items[0].text);
	problems_free(&problems);
	mesh_source_free(s);
	return m;
}

static void print(void *arg, const struct diff_line *line)
{
	fprintf(arg, "%c %s%s%s\n", line->sign, line->object, line->what[0] ? ": " : "",
		line->what);
}

static void expect(const char *old, const char *new, const char *expected)
{
	struct mesh *a = build(old), *b = build(new);
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	int count = mesh_diff(a, b, print, out), lines = 0;

	fclose(out);
	assert_string_equal(text, expected);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(count, lines);
	free(text);
	mesh_free(a);
	mesh_free(b);
}

static void equal_meshes_do_not_differ(void **state)
{
	(void)state;
	expect(ENTRY("cart", "10.9.0.1") ONE("10.0.0.1", "") POLICY("ALLOW"),
	       POLICY("ALLOW") ENTRY("cart", "10.9.0.1") ONE("10.0.0.1", ""), "");
}

static void objects_come_and_go(void **state)
{
	(void)state;
	expect(ENTRY("cart", "10.9.0.1") ONE("10.0.0.1", ""),
	       ENTRY("till", "10.9.0.2") ONE("10.0.0.1", "") POLICY("ALLOW"),
	       "- service shop/cart\n+ service shop/till\n+ policy shop/guard\n");
}

static void changes_are_told_in_words(void **state)
{
	(void)state;
	expect(ENTRY("cart", "10.9.0.1") ONE("10.0.0.1", "") ONE("10.0.0.2", "") RULE("RANDOM")
		       POLICY("ALLOW"),
	       ENTRY("cart", "10.9.0.3") ONE("10.0.0.1", ", weight: 5") ONE("10.0.0.4", "")
		       RULE("ROUND_ROBIN") POLICY("DENY"),
	       "~ service shop/cart: address 10.9.0.1 went\n"
	       "~ service shop/cart: address 10.9.0.3 came\n"
	       "~ service shop/cart: endpoint 10.0.0.1 port 8080 weight 1 ready labels v=1 to port "
	       "8080 weight 5 ready labels v=1\n"
	       "~ service shop/cart: endpoint 10.0.0.2 went\n"
	       "~ service shop/cart: endpoint 10.0.0.4 came\n"
	       "~ service shop/cart: balance random to round robin\n"
	       "~ policy shop/guard: action ALLOW to DENY\n");
}

#define WORKLOAD(match) DOCUMENT("weft.dev/v1alpha1", "Workload", "cron") "  match: [" match "]\n"
#define RULES(rules)                                                                               \
	DOCUMENT("security.istio.io/v1", "AuthorizationPolicy", "guard")                           \
	"  action: DENY\n  rules: [" rules "]\n"
#define TRAFFIC(policy, more)                                                                      \
	DOCUMENT("networking.istio.io/v1", "DestinationRule", "cart")                              \
	"  host: cart.mesh\n  trafficPolicy: {" policy more "}\n"                                  \
	"  subsets: [{name: one, labels: {v: '1'}, trafficPolicy: {" policy "}}]\n"
#define SPREAD(a, b)                                                                               \
	"loadBalancer: {localityLbSetting: {distribute: [{from: eu/*, to: {eu/a: " a ", eu/b: " b  \
	"}}]}}"

static void matchers_and_rules_are_told(void **state)
{
	(void)state;
	expect(WORKLOAD("{executable: /bin/a}, {uid: 7, ip: [10.0.0.0/8]}"),
	       WORKLOAD("{executable: /bin/b, uid: 0}, {uid: 7, ip: [10.0.0.0/8]}"),
	       "~ workload shop/cron: match executable /bin/a went\n"
	       "~ workload shop/cron: match executable /bin/b, uid 0 came\n");
	expect(RULES("{from: [{source: {namespaces: [a, 'b*']}}]}, {}"),
	       RULES("{from: [{source: {notIpBlocks: [10.0.0.0/8]}}, {source: {namespaces: [c]}}], "
		     "to: [{operation: {ports: ['80', '81']}}]}, {}"),
	       "~ policy shop/guard: rule from (namespace a|b*) went\n"
	       "~ policy shop/guard: rule from (not ip 10.0.0.0/8) or (namespace c) to (port "
	       "80|81) "
	       "came\n");
}

static void traffic_of_subsets_is_told(void **state)
{
	static const char entry[] = ENTRY("cart", "10.9.0.1") ONE("10.0.0.1", "");
	char old[4096], new[4096];

	(void)state;
	snprintf(old, sizeof(old), "%s%s", entry, TRAFFIC(SPREAD("80", "20"), ""));
	snprintf(new, sizeof(new), "%s%s", entry,
		 TRAFFIC(SPREAD("70", "30"), ", outlierDetection: {consecutive5xxErrors: 3}"));
	expect(old, new,
	       "~ service shop/cart: distribution eu/* to eu/a 80 went\n"
	       "~ service shop/cart: distribution eu/* to eu/b 20 went\n"
	       "~ service shop/cart: distribution eu/* to eu/a 70 came\n"
	       "~ service shop/cart: distribution eu/* to eu/b 30 came\n"
	       "~ service shop/cart: outlierDetection 0 to 1\n"
	       "~ service shop/cart: consecutive5xxErrors 5 to 3\n"
	       "~ service shop/cart: subset one distribution eu/* to eu/a 80 went\n"
	       "~ service shop/cart: subset one distribution eu/* to eu/b 20 went\n"
	       "~ service shop/cart: subset one distribution eu/* to eu/a 70 came\n"
	       "~ service shop/cart: subset one distribution eu/* to eu/b 30 came\n");
}

#define PROMISE(spec)                                                                              \
	DOCUMENT("weft.dev/v1alpha1", "Objective", "fast") "  service: cart.mesh\n" spec
#define TELEMETRY(spec) DOCUMENT("telemetry.istio.io/v1", "Telemetry", "all") spec
#define SETTINGS(spec)	DOCUMENT("weft.dev/v1alpha1", "MeshSettings", "mesh") spec

static void fields_are_told_by_their_rows(void **state)
{
	(void)state;
	expect(ENTRY("cart", "10.9.0.1") ONE("10.0.0.1", "") PROMISE("  target: 0.9\n")
		       TELEMETRY("  tracing: [{randomSamplingPercentage: 1}]\n")
			       SETTINGS("  nodeName: a\n"),
	       ENTRY("cart", "10.9.0.1") ONE("10.0.0.1", "")
		       PROMISE("  target: 0.99\n  window: 2h\n  latency: 20ms\n  pathPrefix: /x\n")
			       TELEMETRY("  tracing: [{randomSamplingPercentage: 2}]\n")
				       SETTINGS("  locality: eu/a\n"),
	       "~ settings: nodeName a to none\n"
	       "~ settings: locality none to eu/a\n"
	       "~ service shop/cart: changed\n"
	       "~ telemetry shop/all: changed\n"
	       "~ objective shop/fast: target 0.9 to 0.99\n"
	       "~ objective shop/fast: window (s) 2592000 to 7200\n"
	       "~ objective shop/fast: latency (ms) 0 to 20\n"
	       "~ objective shop/fast: pathPrefix none to /x\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_meshes_do_not_differ),
		cmocka_unit_test(objects_come_and_go),
		cmocka_unit_test(changes_are_told_in_words),
		cmocka_unit_test(matchers_and_rules_are_told),
		cmocka_unit_test(traffic_of_subsets_is_told),
		cmocka_unit_test(fields_are_told_by_their_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
