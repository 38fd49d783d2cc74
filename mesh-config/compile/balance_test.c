// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which endpoints are nearest, from what operators write. */
#include "mesh-config/compile/balance.h"

#include "mesh-config/resolve/source.h"
#include "mesh-config/yaml/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HERE                                                                                       \
	"apiVersion: weft.dev/v1alpha1\nkind: MeshSettings\nmetadata: {name: mesh}\n"              \
	"spec: {locality: eu/a, nodeName: worker-1}\n---\n"
#define WEB(more)                                                                                  \
	"apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"                  \
	"spec: {clusterIP: 10.9.0.5, ports: [{port: 80}]" more "}\n---\n"                          \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                                   \
	"metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}\n"    \
	"addressType: IPv4\nports: [{port: 8080}]\n"                                               \
	"endpoints:\n"                                                                             \
	"- {addresses: [10.0.0.1], zone: b, nodeName: worker-3}\n"                                 \
	"- {addresses: [10.0.0.2], zone: a, nodeName: worker-2}\n"                                 \
	"- {addresses: [10.0.0.3], zone: a, nodeName: worker-1}\n"                                 \
	"- {addresses: [10.0.0.4]}\n---\n"
#define RULE(name, policy)                                                                         \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"                              \
	"metadata: {name: " name ", namespace: shop}\n"                                            \
	"spec: {host: web, " policy "}\n---\n"
#define TRAFFIC(text)  RULE("web", "trafficPolicy: {" text "}")
#define OUTLIER	       "outlierDetection: {}"
#define LOCALITY(text) "loadBalancer: {localityLbSetting: {" text "}}"

static struct mesh *made(const char *yaml, unsigned warnings)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems;
	struct mesh *m = NULL;

	assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(yaml)), 0);
	if (mesh_source_build(s, &m, &problems))
		fail_msg("%s", problems.items[0].text);
	assert_int_equal(problems.warnings, warnings);
	problems_free(&problems);
	mesh_source_free(s);
	return m;
}

/* The last part of each address, a blank between tiers, as "23 14". */
static void expect(const char *yaml, unsigned warnings, const char *tiers)
{
	const struct balance_pool pool = {.subset = MESH_NONE};
	struct mesh *m = made(yaml, warnings);
	struct balance_member members[8];
	uint32_t count = balance_members(m, &pool, members);
	char text[32] = "", *at = text;

	for (uint32_t i = 0; i < count; i++) {
		if (i && members[i].tier != members[i - 1].tier)
			*at++ = ' ';
		*at++ = (char)('0' + m->endpoints[members[i].endpoint].address[15]);
	}
	*at = 0;
	assert_string_equal(text, tiers);
	mesh_free(m);
}

static void zones_lie_in_the_region_of_this_node(void **state)
{
	(void)state;
	expect(HERE WEB("") TRAFFIC(OUTLIER), 0, "23 1 4");
	expect(WEB("") TRAFFIC(OUTLIER), 0, "1234");
}

static void outlier_detection_fails_over_and_nothing_without_it(void **state)
{
	(void)state;
	expect(HERE WEB(""), 0, "1234");
	expect(HERE WEB("") TRAFFIC(LOCALITY("enabled: true")), 0, "1234");
	expect(HERE WEB("") TRAFFIC(LOCALITY("failover: [{from: eu, to: us}]")), 1, "1234");
	expect(HERE WEB("") TRAFFIC(LOCALITY("failover: [{from: eu, to: us}]") ", " OUTLIER), 0,
	       "23 1 4");
	expect(HERE WEB("") TRAFFIC(LOCALITY("enabled: false") ", " OUTLIER), 0, "1234");
	expect(HERE WEB("") TRAFFIC("loadBalancer: {simple: RANDOM}, " OUTLIER), 0, "23 1 4");
}

static void traffic_distribution_prefers_what_is_near(void **state)
{
	(void)state;
	expect(HERE WEB(", trafficDistribution: PreferClose"), 0, "23 1 4");
	expect(HERE WEB(", trafficDistribution: PreferSameZone"), 0, "23 1 4");
	expect(HERE WEB(", trafficDistribution: PreferSameNode"), 0, "3 2 1 4");
	expect(HERE WEB(", trafficDistribution: PreferClose") TRAFFIC(LOCALITY("enabled: true")), 0,
	       "1234");
	expect(WEB(", trafficDistribution: PreferClose"), 0, "1234");
}

/* Subsets of one, the policy of another, annotations of any. */
static void rules_of_a_host_are_merged(void **state)
{
	static const char rules[] = HERE WEB("") RULE("one", "subsets: [{name: v1, labels: {}}]")
		RULE("three", "subsets: [{name: v3, labels: {}}]") TRAFFIC(
			"loadBalancer: {simple: RANDOM}, " OUTLIER) "apiVersion: "
								    "networking.istio.io/v1\nkind: "
								    "DestinationRule\n"
								    "metadata: {name: rate, "
								    "namespace: shop, annotations: "
								    "{weft.dev/connect-rate: "
								    "\"7\", "
								    "weft.dev/close-ejected: "
								    "\"true\"}}\nspec: {host: "
								    "web}\n";
	struct mesh *m = made(rules, 0);
	const struct mesh_traffic *t = &m->traffic[m->services[0].traffic];

	(void)state;
	assert_int_equal(m->services[0].subset_count, 2);
	assert_string_equal(m->subsets[0].name, "v1");
	assert_string_equal(m->subsets[1].name, "v3");
	assert_int_equal(m->subsets[1].traffic, m->services[0].traffic);
	assert_int_equal(t->balance, MESH_BALANCE_RANDOM);
	assert_int_equal(t->connect_rate, 7);
	assert_true(t->outlier.enabled && t->outlier.close_connections);
	mesh_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_lie_in_the_region_of_this_node),
		cmocka_unit_test(outlier_detection_fails_over_and_nothing_without_it),
		cmocka_unit_test(traffic_distribution_prefers_what_is_near),
		cmocka_unit_test(rules_of_a_host_are_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
