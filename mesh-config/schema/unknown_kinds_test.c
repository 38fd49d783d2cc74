// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kinds that weft does not read: each case is the text of a file, and what is said of it in order,
 * as "CODE LINE OBJECT;". */
#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOCUMENT(group, kind, name, rest)                                                          \
	"apiVersion: " group "\nkind: " kind "\nmetadata: {name: " name ", namespace: foo}\n" rest \
	"---\n"
#define BARE(group, kind, name) DOCUMENT(group, kind, name, "")
#define SPEC(group, kind, spec) DOCUMENT(group, kind, "x", "spec: " spec "\n")
#define ACCEPTED(group, kind, code)                                                                \
	"apiVersion: " group "\nkind: " kind "\nmetadata:\n  name: x\n  namespace: foo\n"          \
	"  annotations: {weft.dev/accept: " code "}\n"

struct said {
	const char *text, *said;
};

static void said_check(const struct said *c)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems;
	struct mesh *mesh = NULL;
	char said[1024] = "";

	assert_non_null(s);
	assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(c->text)), 0);
	mesh_source_build(s, &mesh, &problems);
	for (uint32_t i = 0; i < problems.count; i++) {
		const struct problem *p = &problems.items[i];
		size_t used = strlen(said);

		snprintf(said + used, sizeof(said) - used, "%s%s %u %s;",
			 p->severity == PROBLEM_WARNING && p->code[0] == 'E' ? "accepted " : "",
			 p->code, p->line, p->object);
		assert_true(p->column && p->text[0]);
	}
	if (strcmp(said, c->said) != 0)
		fail_msg("%s: said \"%s\" instead of \"%s\"", c->text, said, c->said);
	problems_free(&problems);
	mesh_free(mesh);
	mesh_source_free(s);
}

#define CHECK_ALL(cases)                                                                           \
	do {                                                                                       \
		for (size_t i = 0; i < sizeof(cases) / sizeof(*(cases)); i++)                      \
			said_check(&(cases)[i]);                                                   \
	} while (0)

/* What an API server refuses is no harmless kind. */
static void a_known_kind_in_a_near_group_is_an_error(void **state)
{
	static const struct said cases[] = {
		{BARE("v1", "AuthorizationPolicy", "p"), "E2011 2 AuthorizationPolicy foo/p;"},
		{BARE("networking.istio.io/v1", "AuthorizationPolicy", "p"),
		 "E2011 2 AuthorizationPolicy foo/p;"},
		{BARE("authorization.istio.io/v1", "AuthorizationPolicy", "p"),
		 "E2011 2 AuthorizationPolicy foo/p;"},
		{BARE("security.istio.io", "AuthorizationPolicy", "p"),
		 "E2011 2 AuthorizationPolicy foo/p;"},
		{BARE("security.isto.io/v1", "AuthorizationPolicy", "p"),
		 "E2011 2 AuthorizationPolicy foo/p;"},
		{BARE("authentication.istio.io/v1", "PeerAuthentication", "p"),
		 "E2011 2 PeerAuthentication foo/p;"},
		{BARE("v1", "VirtualService", "p"), "E2011 2 VirtualService foo/p;"},
		{BARE("networking.k8s.io/v1", "HTTPRoute", "p"), "E2011 2 HTTPRoute foo/p;"},
		{BARE("apps/v1", "Service", "p"), "E2011 2 Service foo/p;"},
		{BARE("authorization.istio.io/v1", "AuthorizationPolicys", "p"),
		 "E2011 2 AuthorizationPolicys foo/p;"},
		{BARE("v1", "RequestAuthentication", "p"), "E2011 2 RequestAuthentication foo/p;"},
		{BARE("v1", "NetworkPolicy", "p"), "E2011 2 NetworkPolicy foo/p;"},
		{BARE("security.istio.io/v1", "RequestAuthentications", "p"),
		 "E2011 2 RequestAuthentications foo/p;"},
		{BARE("v1", "Workload", "p"), "E2011 2 Workload foo/p;"},
	};

	(void)state;
	CHECK_ALL(cases);
}

static void a_kind_of_a_foreign_group_is_none_of_ours(void **state)
{
	static const struct said cases[] = {
		{BARE("example.com/v1", "AuthorizationPolicy", "p"),
		 "W2008 2 AuthorizationPolicy foo/p;"},
		{BARE("serving.knative.dev/v1", "Service", "p"), "W2008 2 Service foo/p;"},
		{BARE("scheduling.k8s.io/v1alpha1", "Workload", "p"), "W2008 2 Workload foo/p;"},
		{BARE("kueue.x-k8s.io/v1beta1", "Workload", "p"), "W2008 2 Workload foo/p;"},
		{BARE("gateway.networking.k8s.io/v1", "TLSRoute", "p"), "W2008 2 TLSRoute foo/p;"},
		{BARE("gateway.networking.k8s.io/v1", "UDPRoute", "p"), "W2008 2 UDPRoute foo/p;"},
		{BARE("specs.smi-spec.io/v1alpha4", "TCPRoute", "p"), "W2008 2 TCPRoute foo/p;"},
		{BARE("v1", "ConfigMap", "p"), "W2008 2 ConfigMap foo/p;"},
		{BARE("v1", "Secret", "p"), "W2008 2 Secret foo/p;"},
		{BARE("v1", "Node", "p"), "W2008 2 Node foo/p;"},
		{BARE("batch/v1", "Job", "p"), "W2008 2 Job foo/p;"},
		{BARE("networking.istio.io/v1", "Gateway", "p"), "W2008 2 Gateway foo/p;"},
	};

	(void)state;
	CHECK_ALL(cases);
}

/* Nothing hides behind something of the same name; what is harmless is said once. */
static void each_object_that_may_restrict_is_said(void **state)
{
	static const struct said cases[] = {
		{BARE("example.com/v1", "RequestAuthentication", "x")
			 BARE("security.istio.io/v1", "RequestAuthentication", "jwt"),
		 "W2008 2 RequestAuthentication foo/x;E3002 6 RequestAuthentication foo/jwt;"},
		{BARE("security.istio.io/v1", "RequestAuthentication", "jwt")
			 BARE("security.istio.io/v1", "RequestAuthentication", "two"),
		 "E3002 2 RequestAuthentication foo/jwt;E3002 6 RequestAuthentication foo/two;"},
		{BARE("example.com/v1", "VirtualServices", "x")
			 BARE("networking.istio.io/v1", "VirtualServices", "y"),
		 "W2008 2 VirtualServices foo/x;E2011 6 VirtualServices foo/y;"},
		{BARE("v1", "AuthorizationPolicy", "one")
			 BARE("networking.istio.io/v1", "AuthorizationPolicy", "two"),
		 "E2011 2 AuthorizationPolicy foo/one;E2011 6 AuthorizationPolicy foo/two;"},
		{BARE("networking.k8s.io/v1", "NetworkPolicy", "a")
			 BARE("networking.k8s.io/v1", "NetworkPolicy", "b"),
		 "W2017 2 NetworkPolicy foo/a;W2017 6 NetworkPolicy foo/b;"},
		{BARE("apps/v1", "Deployment", "a") BARE("apps/v1", "Deployment", "b")
			 BARE("example.com/v1", "Deployment", "c"),
		 "W2008 2 Deployment foo/a;W2008 10 Deployment foo/c;"},
		{BARE("serving.knative.dev/v1", "Service", "a") BARE(
			 "serving.knative.dev/v1", "Service", "b") BARE("apps/v1", "Service", "c"),
		 "W2008 2 Service foo/a;E2011 10 Service foo/c;"},
	};

	(void)state;
	CHECK_ALL(cases);
}

/* What nobody enforces without proxies is refused until its author takes it upon himself. */
static void what_restricts_is_refused_by_name(void **state)
{
#define SIDECAR(spec) SPEC("networking.istio.io/v1", "Sidecar", spec)
#define PLUGIN(spec)  SPEC("extensions.istio.io/v1alpha1", "WasmPlugin", spec)
#define FILTER(spec)  SPEC("networking.istio.io/v1alpha3", "EnvoyFilter", spec)
	static const struct said cases[] = {
		{SIDECAR("{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}"),
		 "E3002 2 Sidecar foo/x;"},
		{SIDECAR("{outboundTrafficPolicy: {}}"), "E3002 2 Sidecar foo/x;"},
		{SIDECAR("{ingress: [{port: {number: 1}, tls: {mode: MUTUAL}}]}"),
		 "E3002 2 Sidecar foo/x;"},
		{SIDECAR("{outboundTrafficPolicy: {mode: ALLOW_ANY}}"), "W2008 2 Sidecar foo/x;"},
		{SIDECAR("{egress: [{hosts: [\"./*\"]}]}"), "W2008 2 Sidecar foo/x;"},
		{SPEC("install.istio.io/v1alpha1", "IstioOperator",
		      "{meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}"),
		 "E3002 2 IstioOperator foo/x;"},
		{SPEC("install.istio.io/v1alpha1", "IstioOperator", "{meshConfig: {}}"),
		 "W2008 2 IstioOperator foo/x;"},
		{PLUGIN("{phase: AUTHZ}"), "E3002 2 WasmPlugin foo/x;"},
		{PLUGIN("{phase: STATS}"), "W2017 2 WasmPlugin foo/x;"},
		{FILTER("{configPatches: [{patch: {value: {name: "
			"envoy.filters.http.ext_authz}}}]}"),
		 "E3002 2 EnvoyFilter foo/x;"},
		{FILTER("{configPatches: [{patch: {value: {name: envoy.filters.http.lua}}}]}"),
		 "W2017 2 EnvoyFilter foo/x;"},
		{SPEC("access.smi-spec.io/v1alpha3", "TrafficTarget", "{}"),
		 "E3002 2 TrafficTarget foo/x;"},
		{SPEC("rbac.istio.io/v1alpha1", "ServiceRole", "{}"), "E3002 2 ServiceRole foo/x;"},
		{SPEC("authentication.istio.io/v1alpha1", "Policy", "{}"), "E3002 2 Policy foo/x;"},
		{SPEC("cilium.io/v2", "CiliumNetworkPolicy", "{}"),
		 "W2017 2 CiliumNetworkPolicy foo/x;"},
		{SPEC("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", "{}"),
		 "W2017 2 AuthorizationPolicy foo/x;"},
		{SPEC("policy.linkerd.io/v1beta1", "ServerAuthorization", "{}"),
		 "W2017 2 ServerAuthorization foo/x;"},
		{SPEC("consul.hashicorp.com/v1alpha1", "ServiceIntentions", "{}"),
		 "W2017 2 ServiceIntentions foo/x;"},
		{SPEC("kuma.io/v1alpha1", "MeshTrafficPermission", "{}"),
		 "W2017 2 MeshTrafficPermission foo/x;"},
		{ACCEPTED("security.istio.io/v1", "RequestAuthentication", "E3002"),
		 "accepted E3002 2 RequestAuthentication foo/x;"},
		{ACCEPTED("security.istio.io/v1", "RequestAuthentication", "E3001"),
		 "E3002 2 RequestAuthentication foo/x;"},
		{ACCEPTED("v1", "AuthorizationPolicy", "E2011"),
		 "E2011 2 AuthorizationPolicy foo/x;"},
	};

	(void)state;
	CHECK_ALL(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_kind_in_a_near_group_is_an_error),
		cmocka_unit_test(a_kind_of_a_foreign_group_is_none_of_ours),
		cmocka_unit_test(each_object_that_may_restrict_is_said),
		cmocka_unit_test(what_restricts_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
