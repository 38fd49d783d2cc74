// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ends by their names and addresses, as files say them; what the kernel half makes of them is for
 * integration tests. */
#include "control/export/explain.h"

#include "control/export/text.h"
#include "mesh-config/resolve/source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Two Pods of one Deployment, one of another, a Service of the first ones. */
#define POD(name, owner, address)                                                                  \
	"apiVersion: v1\nkind: Pod\nmetadata:\n"                                                   \
	"  name: " owner "-5d8b9c7f6-" name "\n  namespace: shop\n"                                \
	"  labels: {app: " owner ", pod-template-hash: 5d8b9c7f6}\n"                               \
	"  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: " owner                 \
	"-5d8b9c7f6, uid: r, controller: true}]\n"                                                 \
	"spec: {serviceAccountName: " owner "}\n"                                                  \
	"status: {phase: Running, podIP: " address ", podIPs: [{ip: " address "}]}\n---\n"

static const char world[] = POD("a", "cart", "10.1.0.1") POD("b", "cart", "10.1.0.2")
	POD("c", "web", "10.1.0.3") "apiVersion: v1\nkind: Service\n"
				    "metadata: {name: legacy, namespace: shop}\n"
				    "spec: {clusterIP: 10.96.7.1, selector: {app: cart}, "
				    "ports: [{port: 80, targetPort: 8080}]}\n---\n";

#define POLICY(spec)                                                                               \
	"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"                            \
	"metadata: {name: p, namespace: shop}\nspec: " spec "\n"

/* The answer, or the sentence of the error. */
static void check_explained(const char *policy, const char *from, const char *to, const char *port,
			    int wanted_code, const char *wanted)
{
	struct mesh_source *source = mesh_source_new();
	struct text out = text_new(1u << 20);
	struct problems problems;
	struct mesh *m = NULL;
	struct error err = {0};
	int code;

	assert_int_equal(
		mesh_source_put(source, "world.yaml", (struct slice){world, sizeof(world) - 1}), 0);
	assert_int_equal(
		mesh_source_put(source, "policy.yaml", (struct slice){policy, strlen(policy)}), 0);
	assert_int_equal(mesh_source_build(source, &m, &problems), 0);
	code = explain_write(m, NULL, from, to, port, &out, &err);
	text_char(&out, 0);
	if (code != wanted_code || !strstr(code ? err.text : out.data, wanted))
		fail_msg("%s to %s:%s: %d, %s", from, to, port, code, code ? err.text : out.data);
	text_free(&out);
	problems_free(&problems);
	mesh_free(m);
	mesh_source_free(source);
}

static void test_address_of_a_service(void **state)
{
	(void)state;
	check_explained(POLICY("{}"), "10.1.0.3", "10.96.7.1", "80", -ENOENT,
			"10.96.7.1 is the address of the service shop/legacy: policies are about "
			"its endpoints, and `weft simulate`");
	check_explained(POLICY("{}"), "10.1.0.3", "10.96.7.1", "81", 0, "\"verdict\":\"allowed\"");
	check_explained(POLICY("{}"), "10.1.0.3", "10.96.7.2", "80", 0, "\"verdict\":\"allowed\"");
	check_explained(POLICY("{}"), "10.1.0.3", "shop/legacy", "80", -ENOENT,
			"\"shop/legacy\" is a service: policies are about its endpoints, and "
			"`weft simulate`");
}

static void test_replicas(void **state)
{
	static const char *const named =
		"2 workloads are called \"shop/cart\", and policies do not say the same of all: "
		"say the address of one: 10.1.0.1, 10.1.0.2";

	(void)state;
	check_explained(POLICY("{}"), "shop/web", "shop/cart", "8080", 0, "\"verdict\":\"denied\"");
	check_explained(POLICY("{action: DENY, rules: [{when: [{key: destination.port, values: "
			       "[\"9090\"]}]}]}"),
			"shop/cart", "cart", "8080", 0, "\"verdict\":\"allowed\"");
	check_explained(POLICY("{action: DENY, rules: [{when: [{key: destination.ip, values: "
			       "[10.1.0.2]}]}]}"),
			"shop/web", "shop/cart", "8080", -EEXIST, named);
	check_explained(POLICY("{action: DENY, rules: [{from: [{source: {ipBlocks: "
			       "[10.1.0.1]}}]}]}"),
			"shop/cart", "shop/web", "8080", -EEXIST, named);
}

/* What the Pods have of both families, and a client that has one. */
static void test_families(void **state)
{
	static const char *const policy =
		POLICY("{action: DENY, rules: [{from: [{source: {ipBlocks: "
		       "[10.1.0.8]}}]}]}") "---\napiVersion: "
					   "networking.istio.io/v1\nkind: WorkloadEntry\n"
					   "metadata: {name: old, namespace: ops}\nspec: "
					   "{address: 10.1.0.8}\n---\n"
					   "apiVersion: v1\nkind: Pod\nmetadata: {name: "
					   "both, namespace: shop}\n"
					   "status: {phase: Running, podIP: 10.1.0.9, "
					   "podIPs: [{ip: 10.1.0.9}, {ip: "
					   "\"fd00::9\"}]}\n";

	(void)state;
	check_explained(policy, "10.1.0.8", "fd00::9", "8080", -EINVAL,
			"no connection goes from an IPv4 address to an IPv6 address");
	check_explained(policy, "fd00::8", "10.1.0.9", "8080", -EINVAL,
			"no connection goes from an IPv6 address to an IPv4 address");
	check_explained(policy, "fd00::8", "shop/cart", "8080", -EINVAL,
			"no connection goes from an IPv6 address to an IPv4 address");
	check_explained(policy, "::ffff:10.1.0.8", "10.1.0.9", "8080", 0, "\"verdict\":\"denied\"");
	check_explained(policy, "ops/old", "fd00::9", "8080", 0, "\"verdict\":\"undecided\"");
	check_explained(policy, "ops/old", "shop/both", "8080", 0, "\"verdict\":\"denied\"");
	check_explained(policy, "fd00::8", "shop/both", "8080", 0, "\"verdict\":\"allowed\"");
	check_explained(policy, "shop/both", "fd00::8", "8080", 0, "\"address\":\"fd00::9\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_of_a_service),
		cmocka_unit_test(test_replicas),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
