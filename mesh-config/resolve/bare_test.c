// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Endpoints of which but the address is known are workloads of their service's namespace: which
 * they are, and who has their addresses. */
#include "mesh-config/policy/explain.h"
#include "mesh-config/policy/holders.h"
#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECT(version, kind, name, namespace)                                                     \
	"---\napiVersion: " version "\nkind: " kind "\nmetadata:\n  name: " name                   \
	"\n  namespace: " namespace "\n"
#define SERVICE(name, namespace, vip)                                                              \
	OBJECT("v1", "Service", name, namespace)                                                   \
	"spec: {clusterIP: " vip ", ports: [{port: 80, targetPort: 8080}]}\n"
#define ENDPOINTS_OF(name, service, namespace, port)                                               \
	OBJECT("discovery.k8s.io/v1", "EndpointSlice", name, namespace)                            \
	"  labels: {kubernetes.io/service-name: " service "}\naddressType: IPv4\n"                 \
	"ports: [{port: " port "}]\nendpoints:\n"
#define AT(address)	    "- {addresses: [" address "]}\n"
#define OF(kind, name)	    ", targetRef: {kind: " kind ", name: " name "}}\n"
#define AT_POD(address, of) "- {addresses: [" address "]" of
#define POLICY(namespace, spec)                                                                    \
	OBJECT("security.istio.io/v1", "AuthorizationPolicy", "p", namespace) "spec: " spec "\n"
#define CART SERVICE("cart", "shop", "10.9.0.1") ENDPOINTS_OF("cart-x", "cart", "shop", "8080")

static struct mesh *built(const char *yaml)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	struct mesh *m = NULL;

	mesh_source_put(s, "a.yaml", slice_of(yaml));
	if (mesh_source_build(s, &m, &problems))
		fail_msg("%s", problems.count ? problems.items[0].text : "not built");
	problems_free(&problems);
	mesh_source_free(s);
	return m;
}

static void address_of(const char *text, uint8_t out[16])
{
	unsigned a, b, c, d;

	assert_int_equal(sscanf(text, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	out[12] = (uint8_t)a;
	out[13] = (uint8_t)b;
	out[14] = (uint8_t)c;
	out[15] = (uint8_t)d;
}

/* How many bare workloads there are; their addresses by their last number. */
static char *bare_text(const char *yaml, char out[256])
{
	struct mesh *m = built(yaml);
	size_t used = 0;

	out[0] = 0;
	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_workload *w = &m->workloads[i];

		if (!w->bare)
			continue;
		assert_string_equal(w->name, "");
		assert_string_equal(w->service_account, "");
		assert_int_equal(w->labels->count, 0);
		used += (size_t)snprintf(out + used, 256 - used, "%s%s:", used ? "; " : "",
					 w->namespace_name);
		for (uint32_t j = 0; j < w->address_count; j++)
			used += (size_t)snprintf(out + used, 256 - used, " %u",
						 m->addresses[w->address_first + j].address[15]);
	}
	mesh_free(m);
	return out;
}

static void test_which_they_are(void **state)
{
	char text[256];

	(void)state;
	assert_string_equal(bare_text(CART AT("10.0.0.2") AT("10.0.0.1"), text), "shop: 1 2");
	assert_string_equal(bare_text(CART AT("10.0.0.2")
					      ENDPOINTS_OF("cart-y", "cart", "shop", "9090")
						      AT("10.0.0.2") AT("10.0.0.7"),
				      text),
			    "shop: 2 7");
	assert_string_equal(bare_text(SERVICE("cart", "shop", "10.9.0.1") OBJECT(
					      "v1", "Endpoints", "cart",
					      "shop") "subsets: [{ports: [{port: 8080}], "
						      "addresses: [{ip: 10.0.0.4}], "
						      "notReadyAddresses: [{ip: 10.0.0.3}]}]\n",
				      text),
			    "shop: 3 4");
	/* a service of the mesh, and one outside of it */
	for (int internal = 0; internal < 2; internal++) {
		char yaml[600];

		snprintf(yaml, sizeof(yaml),
			 OBJECT("networking.istio.io/v1", "ServiceEntry", "e",
				"shop") "spec: {hosts: [e.example], addresses: [10.9.0.3], "
					"location: %s, "
					"resolution: STATIC, ports: [{number: 80, name: http, "
					"protocol: HTTP}], "
					"endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2, "
					"labels: {a: b}}]}\n",
			 internal ? "MESH_INTERNAL" : "MESH_EXTERNAL");
		assert_string_equal(bare_text(yaml, text), internal ? "shop: 1" : "");
	}
}

static void test_who_is_declared_is_not(void **state)
{
	char text[256];

	(void)state;
	assert_string_equal(
		bare_text(CART AT("10.0.0.1") AT("10.0.0.2")
				  OBJECT("networking.istio.io/v1", "WorkloadEntry", "w",
					 "other") "spec: {address: 10.0.0.1, labels: {app: w}}\n",
			  text),
		"shop: 2");
	assert_string_equal(bare_text(CART AT("10.0.0.1") AT("10.0.0.9") OBJECT(
					      "weft.dev/v1alpha1", "Workload", "w",
					      "other") "spec: {match: [{ip: [10.0.0.8/29]}]}\n",
				      text),
			    "shop: 1");
	/* of a Pod that is known its own addresses count, none where it is the node's */
	assert_string_equal(
		bare_text(CART AT_POD("10.0.0.1", OF("Pod", "a")) AT_POD("10.0.0.2", OF("Pod", "b"))
				  AT_POD("10.0.0.3", OF("Pod", "c")) OBJECT(
					  "v1", "Pod", "a",
					  "shop") "status: {podIP: "
						  "10.0.0.1}\n" OBJECT("v1", "Pod", "b",
								       "shop") "spec: "
									       "{hostNetwork: "
									       "true}\nstatus: "
									       "{podIP: "
									       "10.0.0.2}\n",
			  text),
		"shop: 3");
	assert_string_equal(bare_text(CART AT_POD("10.0.0.1", OF("Node", "worker")), text), "");
	assert_string_equal(bare_text(SERVICE("kubernetes", "default", "10.9.0.1")
					      ENDPOINTS_OF("kubernetes", "kubernetes", "default",
							   "6443") AT("10.0.0.1"),
				      text),
			    "");
}

/* Each port is of the service that has an endpoint there, any other may be of both. */
static void test_two_services_at_one_address(void **state)
{
	struct mesh *m = built(CART AT("10.0.0.1") AT("10.0.0.2") SERVICE("pay", "bank", "10.9.0.2")
				       ENDPOINTS_OF("pay-x", "pay", "bank", "9090") AT("10.0.0.1"));
	static const struct {
		uint16_t port;
		const char *namespaces[2];
	} ports[] = {{8080, {"shop"}}, {9090, {"bank"}}, {22, {"bank", "shop"}}};
	uint8_t address[16];

	(void)state;
	address_of("10.0.0.1", address);
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		struct holders h = holders_at(m, address, ports[i].port);

		assert_int_equal(h.count, ports[i].namespaces[1] ? 2 : 1);
		for (uint32_t j = 0; j < h.count; j++)
			assert_string_equal(m->workloads[h.workloads[j]].namespace_name,
					    ports[i].namespaces[j]);
	}
	mesh_free(m);
}

static uint8_t verdict(const char *yaml, const char *from, const char *to)
{
	struct mesh *m = built(yaml);
	struct explain_ends source = {0}, target = {0};
	struct explain_question pair;
	struct weft_policy_answer answer;
	struct error err;

	address_of(from, source.address);
	address_of(to, target.address);
	source.holders = holders_at(m, source.address, 0);
	target.holders = holders_at(m, target.address, 8080);
	assert_int_equal(explain_ask_all(m, &source, &target, 8080, &pair, &answer, &err), 0);
	mesh_free(m);
	return answer.action;
}

static void test_policies_of_the_namespace_hold(void **state)
{
#define BOTH                                                                                       \
	CART AT("10.0.0.1") SERVICE("web", "web", "10.9.0.2")                                      \
		ENDPOINTS_OF("web-x", "web", "web", "80") AT("10.0.0.2")
#define FROM_WEB "rules: [{from: [{source: {namespaces: [web]}}]}]}"
	(void)state;
	assert_int_equal(verdict(BOTH, "10.0.0.2", "10.0.0.1"), WEFT_ACTION_ALLOW);
	assert_int_equal(
		verdict(BOTH POLICY("shop", "{action: DENY, " FROM_WEB), "10.0.0.2", "10.0.0.1"),
		WEFT_ACTION_DENY);
	assert_int_equal(
		verdict(BOTH POLICY("shop", "{action: DENY, " FROM_WEB), "10.0.0.3", "10.0.0.1"),
		WEFT_ACTION_ALLOW);
	assert_int_equal(verdict(BOTH POLICY("shop", "{" FROM_WEB), "10.0.0.2", "10.0.0.1"),
			 WEFT_ACTION_ALLOW);
	assert_int_equal(verdict(BOTH POLICY("shop", "{" FROM_WEB), "10.0.0.3", "10.0.0.1"),
			 WEFT_ACTION_DENY);
	assert_int_equal(verdict(BOTH POLICY("istio-system", "{}"), "10.0.0.3", "10.0.0.1"),
			 WEFT_ACTION_DENY);
	assert_int_equal(verdict(BOTH POLICY("shop", "{selector: {matchLabels: {app: cart}}}"),
				 "10.0.0.3", "10.0.0.1"),
			 WEFT_ACTION_ALLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_they_are),
		cmocka_unit_test(test_who_is_declared_is_not),
		cmocka_unit_test(test_two_services_at_one_address),
		cmocka_unit_test(test_policies_of_the_namespace_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
