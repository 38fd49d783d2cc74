// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/tools/canonical.h: the canonical form means the same, whatever the form
 * before it; a cluster's manifests become what mesh-config/manifests/convert says.
 * WEFT_GOLDEN=write writes that anew, to be read before it is kept. */
#include "mesh-config/resolve/source.h"
#include "mesh-config/tools/canonical.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANIFESTS "mesh-config/manifests/"

static char *file_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	assert_non_null(text);
	if (!f)
		return text;
	text[fread(text, 1, (1 << 20) - 1, f)] = 0;
	fclose(f);
	return text;
}

static void add(void *arg, struct slice text)
{
	fwrite(text.data, 1, text.size_bytes, arg);
}

static void add_loss(void *arg, const struct canonical_loss *l)
{
	fprintf(arg, "# %u:%u %s %s%s\n", l->line, l->column, l->object, l->what,
		l->kept	   ? " (kept)"
		: l->noise ? " (noise)"
			   : "");
}

/* The canonical form of some texts; losses of a conversion are told behind it. */
static char *canonical_of(const char *const *texts, size_t count, bool convert)
{
	char *losses = NULL, *text = NULL;
	size_t losses_bytes, bytes;
	FILE *to = open_memstream(&text, &bytes), *told = open_memstream(&losses, &losses_bytes);
	struct canonical_options options = {.convert = convert, .loss = add_loss, .arg = told};
	struct canonical *c = canonical_new(&options);

	assert_non_null(c);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(canonical_add(c, "cluster.yaml", slice_of(texts[i])), 0);
	assert_int_equal(canonical_visit(c, add, to), 0);
	fclose(told);
	fputs(losses, to);
	fclose(to);
	free(losses);
	canonical_free(c);
	return text;
}

static uint64_t hash_of(const char *const *texts, size_t count)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	struct mesh *m = NULL;
	uint64_t hash;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(mesh_source_put(s, i ? "b.yaml" : "a.yaml", slice_of(texts[i])),
				 0);
	if (mesh_source_build(s, &m, &problems))
		fail_msg("%u:%u %s", problems.items[0].line, problems.items[0].column,
			 problems.items[0].text);
	hash = m->hash;
	problems_free(&problems);
	mesh_free(m);
	mesh_source_free(s);
	return hash;
}

static void a_mesh_keeps_its_hash(void **state)
{
	char *texts[] = {file_read(MANIFESTS "shop/cluster.yaml"),
			 file_read(MANIFESTS "shop/mesh.yaml")};
	char *once = canonical_of((const char *const *)texts, 2, false);
	char *twice = canonical_of((const char *const *)&once, 1, false);

	(void)state;
	assert_string_equal(once, twice);
	assert_int_equal(hash_of((const char *const *)texts, 2),
			 hash_of((const char *const *)&once, 1));
	free(texts[0]);
	free(texts[1]);
	free(once);
	free(twice);
}

#define POLICY	"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
#define ROUTES	"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
#define REWRITE "rewrite: {uri: /}, route: [{destination: {host: b}}]"

/* A policy that is left out, as its author accepted, does not come back as one that allows; a row
 * that answers not as one without a route, and what is of gateways not as what is of the mesh. */
static void what_is_left_out_stays_left_out(void **state)
{
	static const char *const objects[][2] = {
		{POLICY, "targetRefs: [{kind: Gateway, name: waypoint}], rules: [{}]"},
		{POLICY, "targetRef: {kind: Gateway, name: waypoint}, rules: [{}]"},
		{POLICY, "action: CUSTOM, provider: {name: ext}, rules: [{}]"},
		{ROUTES, "hosts: [a], http: [{redirect: {uri: /b}}, {delegate: {name: b}}]"},
		{ROUTES, "hosts: [a], http: [{match: [{port: 1}], directResponse: {status: 4}}]"},
		{ROUTES, "hosts: [a], tls: [{match: [{sniHosts: [a]}]}]"},
		{ROUTES, "hosts: [a], gateways: [front], http: [{" REWRITE "}]"},
		{ROUTES, "hosts: [a], gateways: [front, mesh], http: [{match: [{gateways: [front], "
			 "uri: {prefix: /}}], " REWRITE "}]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		char text[512], *once, *twice;
		const char *all = text;

		snprintf(text, sizeof(text),
			 "%smetadata: {name: p, namespace: shop, annotations: {weft.dev/accept: "
			 "'E3001,E3002'}}\nspec: {%s}\n",
			 objects[i][0], objects[i][1]);
		once = canonical_of(&all, 1, false);
		twice = canonical_of((const char *const *)&once, 1, false);
		assert_string_equal(once, twice);
		assert_int_equal(hash_of(&all, 1), hash_of((const char *const *)&once, 1));
		free(once);
		free(twice);
	}
}

/* With an error of that code; NULL: with any. */
static bool is_refused(const char *text, const char *code)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	struct mesh *m = NULL;
	bool found = false;

	assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(text)), 0);
	mesh_source_build(s, &m, &problems);
	for (uint32_t i = 0; i < problems.count; i++)
		found |= problems.items[i].severity == PROBLEM_ERROR &&
			 (!code || !strcmp(problems.items[i].code, code));
	if (found && !code)
		problem_write(&problems.items[0], stderr, false);
	problems_free(&problems);
	mesh_free(m);
	mesh_source_free(s);
	return found;
}

#define WORKLOAD "apiVersion: weft.dev/v1alpha1\nkind: Workload\n"

static void forms_of_one_object_become_one(void **state)
{
	static const char *const forms[] = {
		WORKLOAD "metadata: {name: a, labels: {b: 'true', a: \"7\"}}\n"
			 "spec: {match: [{ip: [\"10.0.0.1\"]}]}",
		"{\"kind\": \"Workload\", \"apiVersion\": \"weft.dev/v1alpha1\", \"spec\": "
		"{\"match\": [{\"ip\": [\"10.0.0.1\"]}]}, \"metadata\": {\"labels\": {\"a\": "
		"\"7\", \"b\": \"true\"}, \"name\": \"a\", \"uid\": \"1\"}, \"status\": {}}",
		WORKLOAD
		"metadata:\n  labels:\n    {a: \"\\u0037\", b: \"tr\\\n   ue\"}\n  name: a\n"
		"spec: {\"match\": [{uid: ~, ip: ['10.0.0.1']}], labels: ~} # x",
	};
	static const char expected[] =
		"---\napiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata:\n  name: a\n"
		"  labels:\n    a: \"7\"\n    b: \"true\"\nspec:\n  match:\n    - ip:\n"
		"        - \"10.0.0.1\"\n";

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *text = canonical_of(&forms[i], 1, false);

		assert_string_equal(text, expected);
		assert_int_equal(hash_of((const char *const *)&text, 1), hash_of(&forms[i], 1));
		free(text);
	}
}

static void a_cluster_is_converted(void **state)
{
	char *manifest = file_read(MANIFESTS "convert/cluster.yaml");
	char *text = canonical_of((const char *const *)&manifest, 1, true);
	char *golden;

	(void)state;
	if (getenv("WEFT_GOLDEN")) {
		FILE *f = fopen(MANIFESTS "convert/cluster.txt", "we");

		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	golden = file_read(MANIFESTS "convert/cluster.txt");
	assert_string_equal(text, golden);
	free(golden);
	free(text);
	free(manifest);
}

#define ISTIO(kind, group, spec)                                                                   \
	"apiVersion: " group ".istio.io/v1\nkind: " kind                                           \
	"\nmetadata: {name: a, namespace: shop}\nspec: " spec "\n"
#define RULE(policy)                                                                               \
	ISTIO("DestinationRule", "networking", "{host: a, trafficPolicy: {" policy "}}")
#define ROUTE(row)                                                                                 \
	ISTIO("VirtualService", "networking",                                                      \
	      "{hosts: [a], http: [" row ", {route: [{destination: {host: a}}]}]}")

#define FILTERED(filter)                                                                           \
	"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: x}\n"         \
	"spec: {parentRefs: [{group: '', kind: Service, name: a}], rules: [{filters: [" filter     \
	"], backendRefs: [{name: a}]}]}\n"

/* Security that weft does not give: what is converted is refused, with every field still there. */
static void security_is_not_lost(void **state)
{
	static const struct {
		const char *text, *kept, *code;
	} cases[] = {
		{RULE("portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]"),
		 "portLevelSettings:", "E3002"},
		{RULE("tls: {mode: ISTIO_MUTUAL}"), "mode: ISTIO_MUTUAL", "E3002"},
		{RULE("loadBalancer: {simple: RANDOM}, tls: {mode: MUTUAL, sni: a}"),
		 "mode: MUTUAL", "E3002"},
		{ISTIO("ServiceEntry", "networking",
		       "{hosts: [a.b], ports: [{number: 1, name: a}], subjectAltNames: "
		       "[\"spiffe://a\"]}"),
		 "spiffe://a", "E3002"},
		{ROUTE("{corsPolicy: {allowOrigins: [{exact: x}]}, route: [{destination: {host: "
		       "a}}]}"),
		 "corsPolicy:", "E3002"},
		{ROUTE("{match: [{uri: {prefix: /a}}], corsPolicy: {maxAge: 1s}, route: "
		       "[{destination: {host: a}}]}"),
		 "corsPolicy:", "E3002"},
		{ROUTE("{match: [{uri: {prefix: /admin}}], directResponse: {status: 403}}"),
		 "directResponse:", "E3002"},
		{ISTIO("PeerAuthentication", "security", "{mtls: {mode: STRICT}}"), "mode: STRICT",
		 "E3002"},
		{ISTIO("PeerAuthentication", "security",
		       "{selector: {matchLabels: {a: b}}, portLevelMtls: {\"80\": {mode: "
		       "STRICT}}}"),
		 "mode: STRICT", "E3002"},
		{ISTIO("RequestAuthentication", "security", "{jwtRules: [{issuer: a}]}"),
		 "jwtRules:", "E3002"},
		{ISTIO("AuthorizationPolicy", "security",
		       "{targetRefs: [{kind: Service, name: a}]}"),
		 "targetRefs:", "E3002"},
		{ISTIO("AuthorizationPolicy", "security", "{action: CUSTOM, provider: {name: a}}"),
		 "provider:", "E3002"},
		{ISTIO("AuthorizationPolicy", "networking", "{action: DENY, rules: [{}]}"),
		 "action:", "E2011"},
		{ISTIO("Sidecar", "networking", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}"),
		 "outboundTrafficPolicy:", "E3002"},
		{FILTERED("{type: ExternalAuth, externalAuth: {protocol: GRPC}}"),
		 "externalAuth:", "E3002"},
		{FILTERED("{type: CORS, cors: {maxAge: 5}}"), "cors:", "E3002"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = canonical_of(&cases[i].text, 1, true);

		if (!strstr(text, cases[i].kept))
			fail_msg("%s is lost: %s", cases[i].kept, text);
		assert_true(is_refused(text, cases[i].code));
		free(text);
	}
}

/* Names of former days, and what remains of objects when a part of them is left out. */
static void forms_of_a_cluster_are_taken(void **state)
{
	static const struct {
		const char *text, *has, *lacks;
	} cases[] = {
		{RULE("outlierDetection: {consecutiveErrors: 7}"), "consecutive5xxErrors: 7",
		 "consecutiveErrors"},
		{RULE("loadBalancer: {simple: RANDOM}, connectionPool: {http: {maxRetries: 3}}"),
		 "simple: RANDOM", "\n    connectionPool:"},
		{RULE("connectionPool: {http: {maxRetries: 3}}"), "host: a", "\n  trafficPolicy:"},
		{ROUTE("{match: [{uri: {prefix: /a}}], redirect: {uri: /b}}"), "host: a",
		 "redirect: "},
		{ISTIO("VirtualService", "networking",
		       "{hosts: [a], http: [{match: [{uri: {prefix: /a}}], route: [{destination: "
		       "{host: a}}]}]}"),
		 "all of its routes", "kind: VirtualService"},
		{ISTIO("VirtualService", "networking",
		       "{hosts: [a], tls: [{match: [{sniHosts: [a]}], route: [{destination: {host: "
		       "a}}]}]}"),
		 "all of its routes", "kind: VirtualService"},
		{ISTIO("DestinationRule", "networking",
		       "{host: a, workloadSelector: {matchLabels: {a: b}}, trafficPolicy: "
		       "{loadBalancer: {simple: RANDOM}}}"),
		 "some clients", "kind: DestinationRule"},
		{ISTIO("PeerAuthentication", "security", "{mtls: {mode: PERMISSIVE}}"),
		 "mode: PERMISSIVE", "refused"},
	};
	static const char service[] =
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\n"
		"spec: {clusterIP: 10.0.0.1, ports: [{port: 80}], ipFamilies: [IPv4]}\n";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *texts[] = {cases[i].text, service};
		char *text = canonical_of(texts, 2, true);

		if (!strstr(text, cases[i].has) || strstr(text, cases[i].lacks))
			fail_msg("wanted %s, not %s: %s", cases[i].has, cases[i].lacks, text);
		assert_null(strstr(text, "left out: spec.ipFamilies"));
		assert_false(is_refused(text, NULL));
		free(text);
	}
}

static void what_is_no_yaml_is_refused(void **state)
{
	struct canonical_options options = {0};
	struct canonical *c = canonical_new(&options);

	(void)state;
	assert_int_equal(canonical_add(c, "a.yaml", SLICE("a: [")), -EBADMSG);
	assert_int_equal(canonical_add(c, "a.yaml", SLICE("a: 1\na: 2\n")), -EBADMSG);
	canonical_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mesh_keeps_its_hash),
		cmocka_unit_test(what_is_left_out_stays_left_out),
		cmocka_unit_test(forms_of_one_object_become_one),
		cmocka_unit_test(a_cluster_is_converted),
		cmocka_unit_test(security_is_not_lost),
		cmocka_unit_test(forms_of_a_cluster_are_taken),
		cmocka_unit_test(what_is_no_yaml_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
