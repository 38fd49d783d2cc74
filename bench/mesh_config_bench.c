// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a configuration costs: services, endpoints as a cluster dumps them, policies; read whole,
 * built again unchanged, and again with one endpoint changed. Prints ms and MiB. Usage:
 * mesh_config_bench [services [endpoints of each [policies]]] */
#include "mesh-config/resolve/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define FILE_BYTES    (3u << 20)
#define NAMESPACES    50
#define ROUNDS	      20
#define SERVICE_BYTES 600
#define POLICY_BYTES  800

struct bench {
	struct mesh_source *source;
	char *text;
	size_t used;
	unsigned files;
	size_t total_bytes;
	unsigned services, per_service, policies;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void put(struct bench *b, const char *name)
{
	if (mesh_source_put(b->source, name, (struct slice){b->text, b->used}))
		abort();
	b->total_bytes += b->used;
	b->used = 0;
}

static void flush(struct bench *b)
{
	char name[64];

	snprintf(name, sizeof(name), "bench/%04u.yaml", b->files++);
	put(b, name);
}

static void add(struct bench *b, const char *text)
{
	size_t n = strlen(text);

	memcpy(b->text + b->used, text, n);
	b->used += n;
}

static void add_service(struct bench *b, unsigned s)
{
	char text[SERVICE_BYTES];

	snprintf(text, sizeof(text),
		 "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: svc-%05u\n  namespace: "
		 "ns%u\n"
		 "  uid: 6a1b9a52-4b6c-4f0a-9c6e-%012u\nspec:\n  clusterIP: 10.%u.%u.%u\n  ports:\n"
		 "  - name: http\n    port: 80\n    protocol: TCP\n    targetPort: 8080\n"
		 "  selector:\n    app: svc-%u\n",
		 s, s % NAMESPACES, s, 96 + (s >> 16), s >> 8 & 255, s & 255, s);
	add(b, text);
}

static void add_endpoint(struct bench *b, unsigned s, unsigned n, unsigned salt)
{
	char text[SERVICE_BYTES];

	snprintf(
		text, sizeof(text),
		"- addresses:\n  - 10.%u.%u.%u\n  conditions:\n    ready: true\n    serving: true\n"
		"    terminating: false\n  nodeName: node-%u\n  targetRef:\n    kind: Pod\n"
		"    name: svc-%05u-7d9f5c6b4-%05x\n    namespace: ns%u\n"
		"    uid: 6a1b9a52-4b6c-4f0a-9c6e-%012x\n  zone: zone-%u\n",
		128 + (n >> 16), n >> 8 & 255, n & 255, n % 200, s, n + salt, s % NAMESPACES, n,
		n % 3);
	add(b, text);
}

static void add_slice(struct bench *b, unsigned s, unsigned salt)
{
	char text[SERVICE_BYTES];

	snprintf(text, sizeof(text),
		 "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n"
		 "  name: svc-%05u-abcde\n  namespace: ns%u\n  labels:\n"
		 "    kubernetes.io/service-name: svc-%05u\naddressType: IPv4\nports:\n- name: "
		 "http\n"
		 "  port: 8080\n  protocol: TCP\nendpoints:\n",
		 s, s % NAMESPACES, s);
	add(b, text);
	for (unsigned i = 0; i < b->per_service; i++)
		add_endpoint(b, s, s * b->per_service + i, salt);
}

static void add_policy(struct bench *b, unsigned p)
{
	char text[POLICY_BYTES];

	snprintf(text, sizeof(text),
		 "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n"
		 "  name: policy-%u\n  namespace: ns%u\nspec:\n  selector:\n    matchLabels:\n"
		 "      app: svc-%u\n  action: %s\n  rules:\n  - from:\n    - source:\n"
		 "        principals: [\"cluster.local/ns/ns%u/sa/web\", \"*/sa/batch-%u\"]\n"
		 "    - source:\n        ipBlocks: [\"10.%u.0.0/16\"]\n    to:\n    - operation:\n"
		 "        ports: [\"8080\", \"8443\"]\n",
		 p, p % NAMESPACES, p, p % 4 ? "ALLOW" : "DENY", p % 7, p, p % 256);
	add(b, text);
}

static void generate(struct bench *b)
{
	for (unsigned s = 1; s < b->services; s++) {
		if (b->used + 2 * SERVICE_BYTES + b->per_service * 400 > FILE_BYTES)
			flush(b);
		add_service(b, s);
		add_slice(b, s, 0);
	}
	flush(b);
	for (unsigned p = 0; p < b->policies; p++) {
		if (b->used + POLICY_BYTES > FILE_BYTES)
			flush(b);
		add_policy(b, p);
	}
	flush(b);
	add_service(b, 0);
	put(b, "bench/service.yaml");
	add_slice(b, 0, 0);
	put(b, "bench/changing.yaml");
}

static struct mesh *build(struct bench *b)
{
	struct problems problems;
	struct mesh *mesh = NULL;

	if (mesh_source_build(b->source, &mesh, &problems)) {
		for (uint32_t i = 0; i < problems.count && i < 5; i++)
			problem_write(&problems.items[i], stdout, false);
		exit(1);
	}
	problems_free(&problems);
	return mesh;
}

/* The middle of |ROUNDS| builds, each with the mesh before it still there as in weftd. */
static double rebuild_ms(struct bench *b, bool change, struct mesh **mesh)
{
	double times[ROUNDS], swap;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (change)
			add_slice(b, 0, i + 1);
		double start = now_ms();

		if (change)
			put(b, "bench/changing.yaml");
		struct mesh *next = build(b);

		times[i] = now_ms() - start;
		mesh_free(*mesh);
		*mesh = next;
	}
	for (unsigned i = 0; i < ROUNDS; i++)
		for (unsigned j = i + 1; j < ROUNDS; j++)
			if (times[j] < times[i]) {
				swap = times[i];
				times[i] = times[j];
				times[j] = swap;
			}
	return times[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	struct bench b = {.source = mesh_source_new(), .text = malloc(FILE_BYTES)};
	struct rusage usage;
	struct mesh *mesh;
	double start;

	if (!b.source || !b.text)
		return 1;
	b.services = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
	b.per_service = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10;
	b.policies = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1000;
	start = now_ms();
	generate(&b);
	printf("generate and parse   %8.1f ms  %u files, %.1f MiB\n", now_ms() - start, b.files + 2,
	       (double)b.total_bytes / (1 << 20));
	start = now_ms();
	mesh = build(&b);
	printf("first build          %8.1f ms  %u services, %u endpoints, %u policies\n",
	       now_ms() - start, mesh->service_count, mesh->endpoint_count, mesh->policy_count);
	printf("unchanged build      %8.2f ms\n", rebuild_ms(&b, false, &mesh));
	printf("one endpoint changed %8.2f ms\n", rebuild_ms(&b, true, &mesh));
	getrusage(RUSAGE_SELF, &usage);
	printf("peak memory          %8.1f MiB\n", (double)usage.ru_maxrss / 1024);
	mesh_free(mesh);
	mesh_source_free(b.source);
	free(b.text);
	return 0;
}
