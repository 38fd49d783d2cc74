// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes the reading of configuration: the input is a file, put beside a sound one, built, put
 * again and taken away. Problems must point into the file, a mesh only comes without errors. */
#include "mesh-config/resolve/source.h"

#include "mesh-config/model/find_test.h"

#include <stdio.h>
#include <stdlib.h>

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const char sound[] = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
			    "spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}\n";

static void problems_check(const struct problems *p)
{
	FILE *nowhere = fopen("/dev/null", "we");

	require(nowhere && p->count <= p->errors + p->warnings);
	for (uint32_t i = 0; i < p->count; i++) {
		require(p->items[i].caret <= strlen(p->items[i].source));
		require(p->items[i].text && p->items[i].hint && p->items[i].code[0]);
		problem_write(&p->items[i], nowhere, true);
	}
	fclose(nowhere);
}

static void mesh_check(const struct mesh *m)
{
	for (uint32_t i = 0; i < m->endpoint_count; i++)
		require(m->endpoints[i].service < m->service_count);
	for (uint32_t i = 0; i < m->destination_count; i++)
		require(m->destinations[i].service < m->service_count);
	for (uint32_t i = 0; i < m->service_count; i++) {
		const struct mesh_service *s = &m->services[i];

		require(s->endpoint_first + s->endpoint_count <= m->endpoint_count);
		require(s->route_first + s->route_count <= m->route_count);
		require(s->traffic < m->traffic_count);
		require(mesh_service_find(m, s->namespace_name, s->name) <= i);
	}
}

static void build(struct mesh_source *s)
{
	struct problems problems;
	struct mesh *mesh = NULL;
	int err = mesh_source_build(s, &mesh, &problems);

	require(!err == !problems.errors && !mesh == !!err);
	problems_check(&problems);
	if (mesh)
		mesh_check(mesh);
	problems_free(&problems);
	mesh_free(mesh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct mesh_source *s = mesh_source_new();
	char *copy = malloc(size_bytes ? size_bytes : 1);

	require(s && copy);
	if (size_bytes)
		memcpy(copy, data, size_bytes);
	require(!mesh_source_put(s, "a.yaml", SLICE(sound)));
	require(!mesh_source_put(s, "b.yaml", (struct slice){copy, size_bytes}));
	free(copy);
	build(s);
	require(!mesh_source_put(s, "a.yaml", SLICE("")));
	build(s);
	require(!mesh_source_remove(s, "b.yaml"));
	build(s);
	mesh_source_free(s);
	return 0;
}
