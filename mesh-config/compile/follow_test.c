// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files change at random: what is compiled from the changes is what is compiled from scratch. Every
 * field that the hashes of the model forget shows here. */
#include "mesh-config/compile/compile.h"
#include "mesh-config/resolve/source.h"

#include "mesh-config/compile/text_test.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__
#define ROUNDS 100u /* each compiler takes pages, which cost most of the time here */
#else
#define ROUNDS 400u
#endif
#define SHAPES 4u

#define DOCUMENT(api, kind, name, namespace)                                                       \
	"apiVersion: " api "\nkind: " kind "\nmetadata: {name: " name                              \
	", namespace: " namespace "}\nspec:\n"
#define ENTRY(name, namespace, vip)                                                                \
	DOCUMENT("networking.istio.io/v1", "ServiceEntry", name, namespace)                        \
	"  hosts: [" name ".mesh]\n  addresses: [" vip "]\n  resolution: STATIC\n"                 \
	"  location: MESH_INTERNAL\n"                                                              \
	"  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]\n"
#define RULE(host)                                                                                 \
	DOCUMENT("networking.istio.io/v1", "DestinationRule", host, "a") "  host: " host ".mesh\n"
#define SUBSETS	      "  subsets: [{name: v1, labels: {v: '1'}}]\n"
#define BALANCE(what) "  trafficPolicy: {loadBalancer: {" what "}}\n"
#define ROUTES(host)                                                                               \
	DOCUMENT("networking.istio.io/v1", "VirtualService", host, "a")                            \
	"  hosts: [" host ".mesh]\n  tcp:\n"
#define WORKLOAD_ENTRY(name, namespace)                                                            \
	DOCUMENT("networking.istio.io/v1", "WorkloadEntry", name, namespace)
#define POLICY(name, namespace)                                                                    \
	DOCUMENT("security.istio.io/v1", "AuthorizationPolicy", name, namespace)

/* NULL: the file is not there. */
static const char *const files[][SHAPES] = {
	{ENTRY("one", "a", "10.9.0.1") "  endpoints:\n"
				       "  - {address: 10.0.0.1, labels: {v: '1'}}\n"
				       "  - {address: 10.0.0.2, labels: {v: '2'}}\n",
	 ENTRY("one", "b", "10.9.0.1") "  endpoints:\n"
				       "  - {address: 10.0.0.1, labels: {v: '1'}}\n"
				       "  - {address: 10.0.0.2, labels: {v: '2'}}\n",
	 ENTRY("one", "a", "10.9.0.1") "  endpoints:\n"
				       "  - {address: 10.0.0.1, labels: {v: '2'}, weight: 9}\n"
				       "  - {address: 10.0.0.2, labels: {v: '1'}}\n"
				       "  - {address: 10.0.0.3, serviceAccount: x}\n",
	 ENTRY("one", "a", "10.9.0.7") "  endpoints:\n"
				       "  - {address: 10.0.0.1, locality: eu/a/1}\n"
				       "  - {address: 10.0.0.4, locality: us/a/1}\n"},
	{ENTRY("two", "a", "10.9.0.2") "  workloadSelector: {labels: {app: two}}\n",
	 ENTRY("two", "b", "10.9.0.2") "  workloadSelector: {labels: {app: two}}\n",
	 ENTRY("two", "a", "10.9.0.2") "  workloadSelector: {labels: {app: three}}\n", NULL},
	{WORKLOAD_ENTRY("w1", "a") "  address: 10.0.0.5\n  labels: {app: two, v: '1'}\n",
	 WORKLOAD_ENTRY("w1", "b") "  address: 10.0.0.5\n  labels: {app: two, v: '1'}\n",
	 WORKLOAD_ENTRY("w1", "a") "  address: 10.0.0.5\n  labels: {app: three}\n"
				   "  serviceAccount: x\n",
	 NULL},
	{WORKLOAD_ENTRY("w2", "a") "  address: 10.0.0.6\n  labels: {app: two}\n  weight: 4\n",
	 WORKLOAD_ENTRY("w2", "a") "  address: 10.0.0.6\n  labels: {app: three}\n",
	 WORKLOAD_ENTRY("w2", "a") "  address: 10.0.0.1\n  labels: {app: two}\n", NULL},
	{RULE("one") SUBSETS, RULE("one") BALANCE("simple: RANDOM") SUBSETS,
	 RULE("one") BALANCE("consistentHash: {useSourceIp: true}") SUBSETS,
	 RULE("one") "  trafficPolicy: {connectionPool: {tcp: {maxConnections: 5}}}\n" SUBSETS},
	{RULE("two") BALANCE("simple: PASSTHROUGH"), RULE("two") BALANCE("simple: ROUND_ROBIN"),
	 NULL, NULL},
	{ROUTES("one") "  - route: [{destination: {host: one.mesh, subset: v1}}]\n",
	 ROUTES("one") "  - match: [{destinationSubnets: [10.9.0.0/29]}]\n"
		       "    route: [{destination: {host: one.mesh, subset: v1}}]\n",
	 ROUTES("one") "  - match: [{sourceLabels: {app: two}}]\n"
		       "    route: [{destination: {host: one.mesh, subset: v1}}]\n"
		       "  - route: [{destination: {host: one.mesh}, weight: 70}, "
		       "{destination: {host: two.mesh}, weight: 30}]\n",
	 NULL},
	{POLICY("p1", "a") "  selector: {matchLabels: {app: two}}\n  action: DENY\n"
			   "  rules: [{from: [{source: {namespaces: [b]}}]}]\n",
	 POLICY("p1", "a") "  rules: [{from: [{source: {principals: ['*/sa/x']}}]}]\n",
	 POLICY("p1", "istio-system") "  rules: [{to: [{operation: {ports: ['80']}}]}]\n", NULL},
	{DOCUMENT("weft.dev/v1alpha1", "MeshSettings", "m", "a") "  locality: eu/a/1\n",
	 DOCUMENT("weft.dev/v1alpha1", "MeshSettings", "m", "a") "  locality: us/a/1\n", NULL,
	 NULL},
};

#define FILES (sizeof(files) / sizeof(files[0]))

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

static void put(struct mesh_source *s, uint32_t file, uint32_t shape)
{
	const char *text = files[file][shape];
	char name[32];

	snprintf(name, sizeof(name), "file-%u.yaml", file);
	if (text)
		assert_int_equal(mesh_source_put(s, name, slice_of(text)), 0);
	else
		mesh_source_remove(s, name);
}

static struct mesh *build(struct mesh_source *s)
{
	struct problems problems = {0};
	struct mesh *m = NULL;

	mesh_source_build(s, &m, &problems);
	problems_free(&problems);
	return m;
}

static struct cells_view compile(struct compiler *c, const struct mesh *m, uint64_t generation)
{
	struct compile_input in = {.mesh = m, .generation = generation};
	struct error err = {0};
	struct cells_view v;

	if (compiler_run(c, &in, &err))
		fail_msg("%s", err.text);
	v = (struct cells_view){cells_get(compiler_cells(c), 0), cells_count(compiler_cells(c))};
	if (cells_view_check(&v, &err))
		fail_msg("%s", err.text);
	return v;
}

static void compare_identities(const struct cells_view *a, const struct cells_view *b)
{
	const struct weft_mesh_identity *x, *y;
	uint8_t source[16] = {[10] = 0xff, 0xff, 10}, target[16] = {[10] = 0xff, 0xff, 10};

	for (uint8_t i = 0; i < 64; i++) {
		source[15] = i / 8;
		target[15] = i % 8;
		x = cells_view_identity(a, target, 8080);
		y = cells_view_identity(b, target, 8080);
		assert_int_equal(x != NULL, y != NULL);
		if (!x || !y)
			continue;
		assert_true(x->key == y->key);
		assert_int_equal(text_answer(a, x->policy, source, target, 80),
				 text_answer(b, y->policy, source, target, 80));
	}
}

static void compare(const struct cells_view *a, const struct cells_view *b)
{
	char *text = text_of_cells(a, true), *expected = text_of_cells(b, true);

	assert_string_equal(text, expected);
	free(text);
	free(expected);
	compare_identities(a, b);
}

static void changes_of_files_are_followed(void **state)
{
	struct mesh_source *s = mesh_source_new();
	struct compiler *c = compiler_new(1), *scratch;
	struct mesh *m = NULL, *next;
	struct cells_view v, expected;
	uint32_t followed = 0;
	uint64_t seed = 11;

	(void)state;
	for (uint32_t i = 0; i < FILES; i++)
		put(s, i, 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		put(s, next_random(&seed) % FILES, next_random(&seed) % SHAPES);
		next = build(s);
		if (!next)
			continue; /* for instance a route to a service that is gone */
		v = compile(c, next, round + 1);
		mesh_free(m);
		m = next;
		scratch = compiler_new(2);
		expected = compile(scratch, m, 1);
		compare(&v, &expected);
		compiler_free(scratch);
		followed++;
	}
	assert_true(followed > ROUNDS / 3);
	compiler_free(c);
	mesh_free(m);
	mesh_source_free(s);
}

int main(void)
{
	/* a compiler asks for much zeroed memory and touches little of it: fresh pages are zero */
	mallopt(M_MMAP_THRESHOLD, 1 << 16);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_of_files_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
