// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pods as the API server shows them: who they are, where they are, and that subsets and policies
 * see their labels. */
#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define POD(name, more, spec, status)                                                              \
	"---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: " name "\n  namespace: shop\n"         \
	"  uid: 5a\n  labels: {app: reviews, version: v1, pod-template-hash: 5d8b9c7f6}\n" more    \
	"spec:\n  nodeName: a\n  containers: [{name: c, image: i}]\n" spec "status:\n"             \
	"  hostIP: 192.0.2.1\n  conditions: [{type: Ready, status: \"True\"}]\n" status
#define OWNER(kind, name)                                                                          \
	"  ownerReferences:\n  - {apiVersion: apps/v1, kind: " kind ", name: " name                \
	", uid: x, controller: true}\n"
#define ADDRESS "  phase: Running\n  podIP: 10.1.0.5\n"

static struct mesh *built(const char *yaml)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	struct mesh *m = NULL;

	mesh_source_put(s, "a.yaml", slice_of(yaml));
	if (mesh_source_build(s, &m, &problems))
		fail_msg("%s", problems.count ? problems.items[0].text : "not built");
	assert_int_equal(problems.count, 0);
	problems_free(&problems);
	mesh_source_free(s);
	return m;
}

static void check_name(const char *yaml, const char *name)
{
	struct mesh *m = built(yaml);

	assert_int_equal(m->workload_count, 1);
	assert_string_equal(m->workloads[0].name, name);
	assert_string_equal(m->workloads[0].namespace_name, "shop");
	assert_string_equal(m->workloads[0].canonical_service, "reviews");
	assert_string_equal(m->workloads[0].canonical_revision, "v1");
	mesh_free(m);
}

static void test_named_after_what_owns_it(void **state)
{
	(void)state;
	check_name(POD("reviews-v1-5d8b9c7f6-abcde", OWNER("ReplicaSet", "reviews-v1-5d8b9c7f6"),
		       "", ADDRESS),
		   "reviews-v1");
	check_name(POD("db-0", OWNER("StatefulSet", "db"), "", ADDRESS), "db");
	check_name(POD("odd-1", OWNER("ReplicaSet", "made-by-hand"), "", ADDRESS), "made-by-hand");
	check_name(POD("alone", "", "", ADDRESS), "alone");
}

static void check_addresses(const char *yaml, uint32_t count, uint8_t last)
{
	struct mesh *m = built(yaml);

	assert_int_equal(m->workloads[0].address_count, count);
	if (count)
		assert_int_equal(
			m->addresses[m->workloads[0].address_first + count - 1].address[15], last);
	mesh_free(m);
}

static void test_addresses(void **state)
{
	(void)state;
	check_addresses(POD("a", "", "", ADDRESS), 1, 5);
	check_addresses(POD("a", "", "", ADDRESS "  podIPs: [{ip: 10.1.0.5}, {ip: \"fd00::6\"}]\n"),
			2, 6);
	check_addresses(POD("a", "", "  hostNetwork: true\n", ADDRESS), 0, 0);
	check_addresses(POD("a", "", "", "  phase: Succeeded\n  podIP: 10.1.0.5\n"), 0, 0);
	check_addresses(POD("a", "", "", "  phase: Failed\n  podIP: 10.1.0.5\n"), 0, 0);
	check_addresses(POD("a", "", "", "  phase: Pending\n"), 0, 0);
}

#define SERVICE                                                                                    \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: shop}\n"         \
	"spec: {clusterIP: 10.0.0.1, selector: {app: reviews}, ports: [{port: 80, targetPort: "    \
	"8080}]}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x, " \
	"namespace: shop, labels: {kubernetes.io/service-name: reviews}}\naddressType: IPv4\n"     \
	"ports: [{port: 8080}]\nendpoints:\n- {addresses: [10.1.0.5], targetRef: {kind: Pod, "     \
	"name: a, namespace: shop}}\n"                                                             \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r, "     \
	"namespace: shop}\nspec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}\n"

static void test_endpoints_are_pods(void **state)
{
	struct mesh *m = built(POD("a", "", "  serviceAccountName: reviews-sa\n", ADDRESS) SERVICE);
	const struct mesh_endpoint *e = &m->endpoints[m->services[0].endpoint_first];

	(void)state;
	assert_int_equal(m->services[0].endpoint_count, 1);
	assert_int_equal(e->workload, 0);
	assert_string_equal(m->workloads[e->workload].service_account, "reviews-sa");
	assert_int_equal(m->subsets[0].member_count, 1);
	mesh_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named_after_what_owns_it),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_endpoints_are_pods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
