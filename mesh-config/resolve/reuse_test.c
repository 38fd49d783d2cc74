// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files change at random: a build that takes over what it can from the last one gives the mesh and
 * the problems of a build from nothing, bit for bit. */
#include "mesh-config/resolve/resolve.h"

#include "mesh-config/model/find_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS	   20000u
#define FILES	   14u
#define OF_A_KIND  6u
#define TEXT_BYTES (1u << 16)

struct world;
typedef void write_spec(struct world *w, uint32_t n, uint64_t frame, uint64_t ends);

/* An object: what it says follows from two numbers, the latter for what is changed most. */
struct object {
	bool present, twice;
	uint64_t frame, ends;
};

static write_spec write_service, write_slice, write_endpoints, write_entry, write_selecting,
	write_workload_entry, write_pod, write_workload, write_group, write_rule, write_routes,
	write_gateway, write_policy, write_telemetry, write_objective, write_acceleration,
	write_detection, write_settings;

static const struct shape {
	const char *version, *kind, *name;
	write_spec *spec;
	uint32_t count, weight; /* objects; how often one of them changes */
} shapes[] = {
	{"v1", "Service", "k", write_service, OF_A_KIND, 2},
	{"discovery.k8s.io/v1", "EndpointSlice", "slice", write_slice, OF_A_KIND, 12},
	{"v1", "Endpoints", "k", write_endpoints, 3, 4},
	{"networking.istio.io/v1", "ServiceEntry", "e", write_entry, OF_A_KIND, 12},
	{"networking.istio.io/v1", "ServiceEntry", "x", write_selecting, 2, 3},
	{"networking.istio.io/v1", "WorkloadEntry", "we", write_workload_entry, OF_A_KIND, 12},
	{"v1", "Pod", "pod", write_pod, 2, 1},
	{"weft.dev/v1alpha1", "Workload", "w", write_workload, 3, 1},
	{"networking.istio.io/v1", "WorkloadGroup", "g", write_group, 1, 1},
	{"networking.istio.io/v1", "DestinationRule", "r", write_rule, OF_A_KIND, 4},
	{"networking.istio.io/v1", "VirtualService", "v", write_routes, 4, 3},
	{"gateway.networking.k8s.io/v1alpha2", "TCPRoute", "t", write_gateway, 2, 2},
	{"security.istio.io/v1", "AuthorizationPolicy", "p", write_policy, 4, 3},
	{"telemetry.istio.io/v1", "Telemetry", "t", write_telemetry, 2, 1},
	{"weft.dev/v1alpha1", "Objective", "o", write_objective, 2, 1},
	{"weft.dev/v1alpha1", "Acceleration", "a", write_acceleration, 2, 1},
	{"weft.dev/v1alpha1", "OutlierDetection", "d", write_detection, 3, 2},
	{"weft.dev/v1alpha1", "MeshSettings", "m", write_settings, 1, 1},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

struct world {
	uint64_t random;
	struct object objects[SHAPES][OF_A_KIND];
	uint32_t padding[FILES]; /* lines before everything: they move it */
	bool broken[FILES];
	char text[TEXT_BYTES];
	size_t used;
};

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(w->random >> 33) % below;
}

static void put(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct world *w, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->text + w->used, sizeof(w->text) - w->used, format, args);
	va_end(args);
	w->used += (size_t)n;
	assert_true(w->used < sizeof(w->text));
}

/* Takes a number below |below| out of |from|. */
static uint32_t take(uint64_t *from, uint32_t below)
{
	uint32_t got = (uint32_t)(*from % below);

	*from = *from / below * 2862933555777941757ull + 3037000493ull;
	return got;
}

static const char *namespace_of(uint32_t n)
{
	return n % 2 ? "b" : "a";
}

/* ---- what objects say */

static void write_service(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)ends;
	if (take(&frame, 6))
		put(w, "spec:\n  clusterIP: 10.1.0.%u\n", n);
	else
		put(w, "spec:\n  clusterIP: None\n");
	if (take(&frame, 2))
		put(w, "  selector: {app: a%u}\n", take(&frame, 3));
	put(w, "  ports:\n  - {name: http, port: 80, targetPort: %u}\n", 8080 + take(&frame, 2));
	if (take(&frame, 2))
		put(w, "  - {name: other, port: 81, targetPort: other}\n");
}

static void write_slice(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	uint32_t count = take(&ends, 5);

	(void)n;
	put(w, "addressType: IPv4\nports:\n- {name: http, port: %u}\n", 8080 + take(&frame, 2));
	if (take(&frame, 2))
		put(w, "- {name: other, port: 9000}\n");
	put(w, count ? "endpoints:\n" : "endpoints: []\n");
	for (uint32_t i = 0; i < count; i++) {
		put(w, "- addresses: [10.0.0.%u]\n", take(&ends, 12));
		if (take(&ends, 2))
			put(w, "  conditions: {ready: %s}\n", take(&ends, 2) ? "true" : "false");
		if (take(&ends, 2))
			put(w, "  zone: z%u\n  nodeName: n%u\n", take(&ends, 2), take(&ends, 2));
		if (take(&ends, 3) == 0)
			put(w, "  targetRef: {kind: %s, name: pod%u}\n",
			    take(&ends, 4) ? "Pod" : "Node", take(&ends, 3));
	}
}

static void write_pod(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	put(w, "spec: {hostNetwork: %s}\nstatus: {podIP: 10.0.0.%u}\n",
	    take(&ends, 2) ? "true" : "false", take(&ends, 12));
}

static void write_endpoints(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	put(w, "subsets:\n- ports: [{name: http, port: 8080}]\n  addresses:\n");
	for (uint32_t i = take(&ends, 3) + 1; i-- > 0;)
		put(w, "  - {ip: 10.0.0.%u}\n", take(&ends, 12));
}

static void write_entry(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	uint32_t count = take(&ends, 5);

	put(w, "spec:\n  hosts: [e%u.mesh]\n  addresses: [10.2.0.%u]\n  resolution: STATIC\n", n,
	    n);
	put(w,
	    "  location: MESH_INTERNAL\n  ports: [{number: 80, name: http, protocol: HTTP, "
	    "targetPort: %u}]\n",
	    8080 + take(&frame, 2));
	put(w, count ? "  endpoints:\n" : "");
	for (uint32_t i = 0; i < count; i++) {
		put(w, "  - address: 10.0.0.%u\n", take(&ends, 12));
		if (take(&ends, 4))
			put(w, "    labels: {app: a%u, v: 'v%u'}\n", take(&ends, 3),
			    take(&ends, 2));
		if (take(&ends, 3) == 0)
			put(w, "    serviceAccount: x\n    weight: %u\n", take(&ends, 3) + 1);
		if (take(&ends, 3) == 0)
			put(w, "    locality: r%u/z\n    ports: {http: 9090}\n", take(&ends, 2));
	}
}

static void write_selecting(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)frame;
	put(w, "spec:\n  hosts: [x%u.mesh]\n  addresses: [10.3.0.%u]\n  resolution: STATIC\n", n,
	    n);
	put(w, "  location: MESH_INTERNAL\n  ports: [{number: 80, name: http, protocol: HTTP}]\n");
	put(w, "  workloadSelector: {labels: {app: a%u}}\n", take(&ends, 3));
}

static void write_workload_entry(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	put(w, "spec:\n  address: %s%u\n", take(&ends, 6) ? "10.0.0." : "name.example",
	    take(&ends, 12));
	put(w, "  labels: {app: a%u, v: 'v%u'}\n", take(&ends, 3), take(&ends, 2));
	if (take(&ends, 2))
		put(w, "  serviceAccount: y\n  weight: %u\n", take(&ends, 3) + 1);
}

static void write_workload(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	if (take(&ends, 3))
		put(w, "spec:\n  match: [{ip: [10.0.0.%u, 10.0.0.%u]}, {executable: /bin/x%u}]\n",
		    take(&ends, 12), take(&ends, 12), take(&ends, 2));
	else
		put(w, "spec:\n  match: [{ip: [10.0.0.%u/30]}, {ip: [10.0.0.%u]}]\n",
		    take(&ends, 3) * 4, take(&ends, 12));
	put(w, "  labels: {app: a%u}\n", take(&ends, 3));
}

static void write_group(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	put(w, "spec:\n  metadata: {labels: {app: a%u}}\n  template: {serviceAccount: z}\n",
	    take(&ends, 3));
}

static const char *host_of(uint32_t n)
{
	static const char *const hosts[] = {"e0.mesh",
					    "e1.mesh",
					    "e2.mesh",
					    "x0.mesh",
					    "k0.a.svc.cluster.local",
					    "k1.b.svc.cluster.local"};

	return hosts[n % (sizeof(hosts) / sizeof(hosts[0]))];
}

static void write_rule(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	put(w, "spec:\n  host: %s\n", host_of(take(&frame, 4) ? n : n + 1));
	if (take(&ends, 2))
		put(w,
		    "  trafficPolicy:\n    connectionPool: {tcp: {maxConnections: %u}}\n"
		    "    outlierDetection: {interval: 5s}\n"
		    "    loadBalancer:\n      simple: ROUND_ROBIN\n      localityLbSetting:\n"
		    "        %s\n",
		    take(&ends, 3) + 1,
		    take(&ends, 2) ? "distribute: [{from: r0/*, to: {r0/*: 80, r1/*: 20}}]"
				   : "failover: [{from: r0, to: r1}]");
	put(w, "  subsets:\n  - {name: s, labels: {v: v0}}\n");
	if (take(&ends, 2))
		put(w, "  - name: t\n    labels: {v: v1}\n    trafficPolicy: {loadBalancer: "
		       "{simple: RANDOM}}\n");
}

static void write_routes(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	put(w, "spec:\n  hosts: [%s]\n  tcp:\n", host_of(take(&frame, 4) ? n : n + 1));
	if (take(&ends, 2)) {
		/* the port may not be there */
		put(w, "  - match: [{destinationSubnets: [10.2.0.0/%u], port: %u%s}]\n",
		    take(&ends, 2) + 24, take(&frame, 3) ? 80 : 81,
		    n % 2 ? "" : ", gateways: [front, mesh]");
		put(w, "    route: [{destination: {host: %s}}]\n", host_of(take(&ends, 6)));
	}
	put(w, "  - route:\n    - {destination: {host: %s, subset: s}, weight: 70}\n", host_of(n));
	put(w, "    - {destination: {host: %s}, weight: 30}\n", host_of(take(&ends, 6)));
}

static void write_gateway(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	put(w, "spec:\n  parentRefs: [{kind: %s, name: k%u, group: '', port: %u}]\n  rules:\n",
	    take(&ends, 4) ? "Service" : "Gateway", n, take(&frame, 3) ? 80 : 81);
	put(w, "  - backendRefs: [{name: k%u, port: 80, weight: %u}]\n", n, take(&ends, 3) + 1);
}

static void write_policy(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	put(w, "spec:\n  action: DENY\n");
	if (take(&ends, 4))
		put(w, "  selector: {matchLabels: {app: a%u, v: 'v%u'}}\n", take(&ends, 3),
		    take(&ends, 3));
	put(w, "  rules:\n  - from: [{source: {namespaces: [b], ipBlocks: [10.%u.0.0/16]}}]\n",
	    take(&ends, 9));
	if (take(&ends, 2))
		put(w, "    to: [{operation: {ports: ['80'], paths: [/x]}}]\n");
}

static void write_telemetry(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	put(w, "spec:\n  accessLogging: [{disabled: %s}]\n", take(&ends, 2) ? "true" : "false");
}

static void write_objective(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)frame;
	put(w, "spec: {service: %s, target: 0.9%u}\n", host_of(n), take(&ends, 9));
}

static void write_detection(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	put(w, "spec:\n  host: %s\n  latency: {medianFactor: %u}\n",
	    host_of(take(&frame, 4) ? n : n + 1), take(&ends, 3) + 2);
	if (take(&ends, 2))
		put(w, "  successRate: {stdevFactor: 1.9}\n");
}

static void write_acceleration(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	if (take(&ends, 2))
		put(w, "spec: {services: [%s]}\n", host_of(take(&ends, 6)));
	else
		put(w, "spec: {enabled: true}\n");
}

static void write_settings(struct world *w, uint32_t n, uint64_t frame, uint64_t ends)
{
	(void)n;
	(void)frame;
	put(w, "spec: {nodeName: n%u, locality: r%u/z}\n", take(&ends, 2), take(&ends, 2));
}

/* ---- files */

static uint32_t file_of(uint32_t shape, uint32_t n)
{
	return (shape * 5 + n * 3) % FILES;
}

static bool is_in(const struct world *w, uint32_t shape, uint32_t n, uint32_t file)
{
	const struct object *o = &w->objects[shape][n];
	uint32_t of = file_of(shape, n);

	return o->present && (of == file || (o->twice && (of + 1) % FILES == file));
}

static void object_write(struct world *w, uint32_t shape, uint32_t n)
{
	const struct shape *s = &shapes[shape];
	const struct object *o = &w->objects[shape][n];

	put(w, "---\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s%u\n  namespace: %s\n",
	    s->version, s->kind, s->name, n, namespace_of(n));
	if (s->spec == write_workload_entry)
		put(w, "  annotations: {weft.dev/accept: E3007}\n");
	if (s->spec == write_slice)
		put(w, "  labels: {kubernetes.io/service-name: k%u}\n",
		    (uint32_t)(o->frame / 7 % 5 ? n : (n + 2) % OF_A_KIND));
	s->spec(w, n, o->frame, o->ends);
}

static void file_put(struct world *w, struct mesh_source *s, uint32_t file)
{
	char name[32];

	w->used = 0;
	for (uint32_t i = 0; i < w->padding[file]; i++)
		put(w, "# a line\n");
	for (uint32_t i = 0; i < SHAPES; i++)
		for (uint32_t n = 0; n < shapes[i].count; n++)
			if (is_in(w, i, n, file))
				object_write(w, i, n);
	if (w->broken[file])
		put(w, "---\nkind: [\n");
	snprintf(name, sizeof(name), "file-%u.yaml", file);
	if (w->used)
		assert_int_equal(mesh_source_put(s, name, (struct slice){w->text, w->used}), 0);
	else
		mesh_source_remove(s, name);
}

static void shape_change(struct world *w, struct mesh_source *s, uint32_t shape)
{
	uint32_t n = draw(w, shapes[shape].count);
	struct object *o = &w->objects[shape][n];

	if (draw(w, 12) == 0)
		o->present = draw(w, 6) != 0;
	if (draw(w, 40) == 0)
		o->twice = draw(w, 3) == 0;
	if (draw(w, 16) == 0)
		o->frame = draw(w, 1u << 30);
	o->ends = draw(w, 1u << 30) * (uint64_t)1103515245u;
	file_put(w, s, file_of(shape, n));
	file_put(w, s, (file_of(shape, n) + 1) % FILES);
}

static void change(struct world *w, struct mesh_source *s)
{
	uint32_t sum = 0, at, file = draw(w, FILES);

	if (draw(w, 6) == 0) {
		w->padding[file] = draw(w, 3);
		w->broken[file] = draw(w, 8) == 0;
		file_put(w, s, file);
		return;
	}
	for (uint32_t i = 0; i < SHAPES; i++)
		sum += shapes[i].weight;
	at = draw(w, sum);
	for (uint32_t i = 0; i < SHAPES; at -= shapes[i].weight, i++)
		if (at < shapes[i].weight) {
			shape_change(w, s, i);
			return;
		}
}

/* ---- the same */

static char *text_of(const struct problems *problems)
{
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (uint32_t i = 0; i < problems->count; i++)
		problem_write(&problems->items[i], f, false);
	fprintf(f, "%u errors, %u warnings\n", problems->errors, problems->warnings);
	fclose(f);
	return text;
}

static void compare_lookups(const struct mesh *a, const struct mesh *b)
{
	for (uint8_t i = 0; i < 16; i++) {
		const uint8_t address[16] = {[10] = 0xff, 0xff, 10, 0, 0, i};
		const uint8_t vip[16] = {[10] = 0xff, 0xff, 10, 2, 0, i};

		assert_int_equal(mesh_workload_find(a, address), mesh_workload_find(b, address));
		assert_int_equal(mesh_endpoint_find(a, address), mesh_endpoint_find(b, address));
		assert_int_equal(mesh_vip_find(a, vip, 80, MESH_TCP),
				 mesh_vip_find(b, vip, 80, MESH_TCP));
		assert_int_equal(mesh_host_find(a, host_of(i)), mesh_host_find(b, host_of(i)));
	}
	for (uint32_t i = 0; i < a->service_count; i++)
		assert_int_equal(
			mesh_service_find(a, b->services[i].namespace_name, b->services[i].name),
			mesh_service_find(b, b->services[i].namespace_name, b->services[i].name));
}

static void compare(const struct mesh *a, const struct mesh *b)
{
	assert_true(a->hash == b->hash);
	assert_memory_equal(&a->settings, &b->settings, sizeof(a->settings));
	assert_int_equal(a->file_count, b->file_count);
	for (uint32_t i = 0; i < a->file_count; i++)
		assert_ptr_equal(a->files[i], b->files[i]);
	for (enum mesh_array i = 0; i < ROWS_COUNT; i++) {
		struct rows x = mesh_rows(a, i), y = mesh_rows(b, i);

		if (x.count != y.count ||
		    (x.count && memcmp(x.items, y.items, x.count * rows_size_bytes(i)) != 0))
			fail_msg("array %u differs", (unsigned)i);
	}
	compare_lookups(a, b);
}

/* There is a mesh when there is no error, and only then. */
static int build(struct mesh_source *s, struct mesh **ret, char **ret_text)
{
	struct problems problems;
	int err = mesh_source_build(s, ret, &problems);

	assert_true(!err == !!*ret);
	*ret_text = text_of(&problems);
	problems_free(&problems);
	return err;
}

/* Builds from nothing, and leaves the source as if it had not. */
static void check(struct mesh_source *s, const struct mesh *made, int err, const char *text)
{
	struct built *built = s->built;
	struct mesh *expected = NULL;
	char *expected_text;

	s->built = NULL;
	assert_int_equal(build(s, &expected, &expected_text), err);
	assert_string_equal(text, expected_text);
	if (made)
		compare(made, expected);
	mesh_free(expected);
	free(expected_text);
	if (err) { /* what changed is not known any more */
		source_forget(s);
		s->built = built;
		source_forget(s);
		return;
	}
	source_forget(s);
	s->built = built;
}

static void start(struct world *w, struct mesh_source *s)
{
	for (uint32_t i = 0; i < SHAPES; i++)
		for (uint32_t n = 0; n < shapes[i].count; n++)
			w->objects[i][n] =
				(struct object){i < 6, false, draw(w, 1u << 30),
						draw(w, 1u << 30) * (uint64_t)1103515245u};
	for (uint32_t i = 0; i < FILES; i++)
		file_put(w, s, i);
}

struct counts {
	uint32_t fine, reused, checked;
};

/* Nothing, a part, or all that there is to do; one step is one copy here. */
static void prepare(struct world *w, struct mesh_source *s)
{
	for (uint32_t steps = draw(w, 3) ? draw(w, 2 * AHEAD_COUNT) : 0; steps; steps--)
		if (!mesh_source_prepare(s))
			return;
}

/* Builds after some changes; now and then the mesh or the problems are compared. */
static int step(struct world *w, struct mesh_source *s, struct mesh **last, struct counts *counts)
{
	bool was_built = s->built;
	struct mesh *made = NULL;
	char *text;
	int err;

	for (uint32_t i = draw(w, 8) ? 1 : 3; i-- > 0;)
		change(w, s);
	prepare(w, s);
	err = build(s, &made, &text);
	counts->fine += !err;
	counts->reused += made && was_built && *last && made->hosts == (*last)->hosts;
	if (draw(w, 3) == 0) {
		check(s, made, err, text);
		counts->checked++;
	}
	free(text);
	if (made) {
		mesh_free(*last);
		*last = made;
	}
	return err;
}

/* What is wrong is taken back. */
static void world_restore(struct world *w, const struct world *good, struct mesh_source *s)
{
	uint64_t random = w->random;

	*w = *good;
	w->random = random;
	for (uint32_t i = 0; i < FILES; i++)
		file_put(w, s, i);
}

static void test_random(void **state)
{
	struct world *w = calloc(1, sizeof(*w)), *good = calloc(1, sizeof(*w));
	struct mesh_source *s = mesh_source_new();
	struct counts counts = {0};
	struct mesh *last = NULL;

	(void)state;
	w->random = 4711;
	start(w, s);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		if (!step(w, s, &last, &counts))
			*good = *w;
		else if (counts.fine && draw(w, 4))
			world_restore(w, good, s);
	}
	print_message("%u builds: %u fine, %u by reuse, %u compared\n", ROUNDS, counts.fine,
		      counts.reused, counts.checked);
	assert_true(counts.fine > ROUNDS / 3 && counts.reused > ROUNDS / 5);
	mesh_free(last);
	mesh_source_free(s);
	free(good);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
