// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Routes of the Gateway API from one namespace to another: whose clients they are for, and which
 * backends they may have. */
#include "mesh-config/resolve/source.h"

#include "mesh-config/model/find_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SERVICE(namespace, name, number)                                                           \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name                               \
	", namespace: " namespace "}\nspec: {clusterIP: 10.9.0." number                            \
				  ", ports: [{name: http, port: 80}]}\n"
#define ROUTE_OF(kind, version, namespace, name, annotations, parent, backend)                     \
	"---\napiVersion: gateway.networking.k8s.io/" version "\nkind: " kind "\n"                 \
	"metadata: {name: " name                                                                   \
	", namespace: " namespace ", annotations: {" annotations "}}\n"                            \
				  "spec:\n  parentRefs: [{kind: Service, group: '', name: a, "     \
				  "namespace: " parent "}]\n"                                      \
				  "  rules: [{backendRefs: [{" backend ", port: 80}]}]\n"
#define ROUTE(namespace, name, backend)                                                            \
	ROUTE_OF("HTTPRoute", "v1", namespace, name, "", "foo", backend)
#define GRANT(namespace, name, from, to)                                                           \
	"---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"               \
	"metadata: {name: " name ", namespace: " namespace "}\n"                                   \
							   "spec: {from: [{" from "}], to: [{" to  \
							   "}]}\n"
#define SERVICES     SERVICE("foo", "a", "1") SERVICE("foo", "b", "2") SERVICE("bar", "c", "3")
#define FROM_FOO     "group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: foo"
#define TO_SERVICES  "group: '', kind: Service"
#define ACROSS	     ROUTE("foo", "r", "name: c, namespace: bar")
#define GRANTED(...) GRANT("bar", "g", __VA_ARGS__)

/* The mesh, or NULL and the code in |refused|. */
static struct mesh *put_and_build(struct mesh_source *s, const char *name, const char *text,
				  char refused[8])
{
	struct problems problems;
	struct mesh *m = NULL;

	refused[0] = 0;
	assert_int_equal(mesh_source_put(s, name, slice_of(text)), 0);
	mesh_source_build(s, &m, &problems);
	for (uint32_t i = 0; i < problems.count; i++)
		if (problems.items[i].severity == PROBLEM_ERROR)
			snprintf(refused, 8, "%s", problems.items[i].code);
	problems_free(&problems);
	return m;
}

static struct mesh *build(const char *text, char refused[8])
{
	struct mesh_source *s = mesh_source_new();
	struct mesh *m;

	assert_non_null(s);
	m = put_and_build(s, "a.yaml", text, refused);
	mesh_source_free(s);
	return m;
}

static const struct mesh_route *routes_of_a(const struct mesh *m, uint32_t count)
{
	const struct mesh_service *a;

	assert_non_null(m);
	a = &m->services[mesh_service_find(m, "foo", "a")];
	assert_int_equal(a->route_count, count);
	return &m->routes[a->route_first];
}

static const char *backend_of(const struct mesh *m, const struct mesh_route *r)
{
	assert_int_equal(r->destination_count, 1);
	return m->services[m->destinations[r->destination_first].service].name;
}

static void a_consumers_route_is_for_its_namespace(void **state)
{
	char refused[8];
	struct mesh *m = build(SERVICES ROUTE("bar", "r", "name: c"), refused);
	const struct mesh_route *r = routes_of_a(m, 1);

	(void)state;
	assert_string_equal(r[0].source_namespace, "bar");
	assert_string_equal(backend_of(m, &r[0]), "c");
	mesh_free(m);
}

static void the_services_own_route_is_for_all_who_have_none(void **state)
{
	char refused[8];
	struct mesh *m = build(SERVICES ROUTE("foo", "r", "name: b") ROUTE("zoo", "r",
									   "name: b, namespace: "
									   "foo")
				       GRANT("foo", "g",
					     "group: gateway.networking.k8s.io, kind: HTTPRoute, "
					     "namespace: zoo",
					     TO_SERVICES),
			       refused);
	const struct mesh_route *r = routes_of_a(m, 2);

	(void)state;
	assert_string_equal(r[0].source_namespace, "zoo"); /* before the other, which takes all */
	assert_string_equal(r[1].source_namespace, "");
	mesh_free(m);
}

static void backends_of_other_namespaces_need_a_grant(void **state)
{
	static const struct {
		const char *text, *refused;
	} rows[] = {
		{SERVICES ACROSS, "E3008"},
		{SERVICES ACROSS GRANTED(FROM_FOO, TO_SERVICES), ""},
		{SERVICES ACROSS GRANTED(FROM_FOO, TO_SERVICES ", name: c"), ""},
		{SERVICES ACROSS GRANTED(FROM_FOO, TO_SERVICES ", name: d"), "E3008"},
		{SERVICES ACROSS GRANTED(FROM_FOO, "group: '', kind: Secret"), "E3008"},
		{SERVICES ACROSS GRANTED("group: gateway.networking.k8s.io, kind: TCPRoute, "
					 "namespace: foo",
					 TO_SERVICES),
		 "E3008"},
		{SERVICES ACROSS GRANTED("group: gateway.networking.k8s.io, kind: HTTPRoute, "
					 "namespace: zoo",
					 TO_SERVICES),
		 "E3008"},
		{SERVICES ACROSS GRANT("foo", "g", FROM_FOO, TO_SERVICES), "E3008"},
		{SERVICES ACROSS GRANT("bas", "g", FROM_FOO, TO_SERVICES)
			 GRANT("bar", "a", FROM_FOO, "group: '', kind: Secret")
				 GRANT("bar", "z", FROM_FOO, TO_SERVICES),
		 ""},
		{SERVICES ROUTE("foo", "r", "name: b, namespace: foo"), ""},
		{SERVICES ROUTE_OF("TCPRoute", "v1alpha2", "foo", "r", "", "foo",
				   "name: c, namespace: bar"),
		 "E3008"},
		{SERVICES ROUTE_OF("GRPCRoute", "v1", "foo", "r", "weft.dev/accept: E3008", "foo",
				   "name: c, namespace: bar"),
		 ""},
		{SERVICES GRANTED("kind: HTTPRoute", TO_SERVICES), "E2004"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char refused[8];
		struct mesh *m = build(rows[i].text, refused);

		if (strcmp(refused, rows[i].refused) != 0 || !m != !!rows[i].refused[0])
			fail_msg("%zu: \"%s\" instead of \"%s\"", i, refused, rows[i].refused);
		mesh_free(m);
	}
}

/* Also where nothing but its own file is read anew. */
static void a_grant_comes_and_goes(void **state)
{
	static const char *const grants[] = {GRANTED(FROM_FOO, TO_SERVICES),
					     GRANTED(FROM_FOO, TO_SERVICES ", name: d"),
					     GRANTED(FROM_FOO, TO_SERVICES ", name: c"), ""};
	struct mesh_source *s = mesh_source_new();
	char refused[8];

	(void)state;
	mesh_free(put_and_build(s, "a.yaml", SERVICES ACROSS, refused));
	for (unsigned i = 0; i < 12; i++) {
		struct mesh *m = put_and_build(s, "g.yaml", grants[i % 4], refused);

		assert_string_equal(refused, i % 2 ? "E3008" : "");
		assert_int_equal(!m, i % 2);
		mesh_free(m);
	}
	mesh_source_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_consumers_route_is_for_its_namespace),
		cmocka_unit_test(the_services_own_route_is_for_all_who_have_none),
		cmocka_unit_test(backends_of_other_namespaces_need_a_grant),
		cmocka_unit_test(a_grant_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
