// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What policies are compiled against changes when a namespace, principal or class comes, and not
 * when one workload takes the place of another that is like it. */
#include "mesh-config/compile/workload_ids.h"

#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CELLS (1u << 16)

struct town {
	struct mesh_source *source;
	struct workload_ids *ids;
	struct cells *cells;
	struct mesh *mesh;
};

/* One service whose endpoint nothing else is known of, one workload with labels. */
static void update(struct town *t, const char *namespace_name, unsigned endpoint, unsigned workload)
{
	struct problems problems = {0};
	struct mesh *previous = t->mesh;
	char yaml[1200];
	int n = snprintf(yaml, sizeof(yaml),
			 "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: %s}\n"
			 "spec: {clusterIP: 10.9.0.1, ports: [{port: 80}]}\n---\n"
			 "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: "
			 "x, namespace: "
			 "%s, labels: {kubernetes.io/service-name: cart}}\naddressType: IPv4\n"
			 "ports: [{port: 80}]\nendpoints: [{addresses: [10.0.0.%u]}]\n---\n"
			 "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
			 "metadata: {name: w%u, namespace: web}\nspec: {address: 10.0.1.%u, "
			 "labels: {app: w}, "
			 "serviceAccount: w}\n",
			 namespace_name, namespace_name, endpoint, workload, workload);

	assert_int_equal(mesh_source_put(t->source, "a.yaml", (struct slice){yaml, (size_t)n}), 0);
	assert_int_equal(mesh_source_build(t->source, &t->mesh, &problems), 0);
	assert_int_equal(workload_ids_update(t->ids, previous, t->mesh), 0);
	problems_free(&problems);
	mesh_free(previous);
}

static void test_versions(void **state)
{
	struct town t = {mesh_source_new(), workload_ids_new(), cells_new(CELLS), NULL};
	uint64_t version, class_version;

	(void)state;
	workload_ids_move(t.ids, t.cells);
	update(&t, "shop", 1, 1);
	version = workload_ids_version(t.ids);
	class_version = workload_ids_class_version(t.ids);
	assert_int_not_equal(version, 0);
	update(&t, "shop", 2, 1);
	update(&t, "shop", 2, 2);
	update(&t, "shop", 3, 3);
	assert_int_equal(workload_ids_version(t.ids), version);
	assert_int_equal(workload_ids_class_version(t.ids), class_version);
	update(&t, "bank", 3, 3);
	assert_int_not_equal(workload_ids_version(t.ids), version);
	assert_int_not_equal(workload_ids_class_version(t.ids), class_version);
	version = workload_ids_version(t.ids);
	update(&t, "shop", 3, 3); /* nobody was there meanwhile */
	assert_int_not_equal(workload_ids_version(t.ids), version);
	workload_ids_free(t.ids);
	cells_free(t.cells);
	mesh_free(t.mesh);
	mesh_source_free(t.source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_versions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
