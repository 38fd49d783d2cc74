// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Inline endpoints of several ServiceEntries at one address: each is its own workload. */
#include "mesh-config/resolve/source.h"

#include "mesh-config/model/find_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ENTRY(name, vip, port, account)                                                            \
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " name      \
	", namespace: shop}\nspec:\n  hosts: [" name ".mesh]\n  addresses: [" vip "]\n"            \
	"  resolution: STATIC\n  ports: [{number: 80, name: a, targetPort: " port "}]\n"           \
	"  endpoints:\n  - {address: 10.0.0.9}\n"                                                  \
	"  - {address: 10.0.0.1, serviceAccount: " account ", labels: {app: " name "}}\n"

static const struct mesh_workload *workload_of(const struct mesh *m, const char *service)
{
	const struct mesh_service *s = &m->services[mesh_service_find(m, "shop", service)];

	for (uint32_t i = 0; i < s->endpoint_count; i++) {
		const struct mesh_endpoint *e = &m->endpoints[s->endpoint_first + i];

		if (e->address[15] == 1 && e->workload != MESH_NONE)
			return &m->workloads[e->workload];
		assert_int_equal(e->workload, MESH_NONE);
	}
	fail_msg("%s has no workload", service);
	return NULL;
}

static struct mesh *build(struct mesh_source *s)
{
	struct problems problems = {0};
	struct mesh *m = NULL;

	assert_int_equal(mesh_source_build(s, &m, &problems), 0);
	problems_free(&problems);
	return m;
}

static void each_is_its_own(void **state)
{
	struct mesh_source *s = mesh_source_new();
	struct mesh *m;

	(void)state;
	mesh_source_put(s, "a.yaml", SLICE(ENTRY("cart", "10.9.0.1", "8080", "cart-sa")));
	mesh_source_put(s, "b.yaml", SLICE(ENTRY("till", "10.9.0.2", "9090", "till-sa")));
	m = build(s);
	assert_string_equal(workload_of(m, "cart")->service_account, "cart-sa");
	assert_string_equal(workload_of(m, "till")->service_account, "till-sa");
	mesh_free(m);
	mesh_source_put(s, "b.yaml", SLICE(ENTRY("till", "10.9.0.2", "9090", "other")));
	m = build(s);
	assert_string_equal(workload_of(m, "cart")->service_account, "cart-sa");
	assert_string_equal(workload_of(m, "till")->service_account, "other");
	mesh_free(m);
	mesh_source_remove(s, "a.yaml");
	m = build(s);
	assert_string_equal(workload_of(m, "till")->service_account, "other");
	mesh_free(m);
	mesh_source_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_its_own)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
