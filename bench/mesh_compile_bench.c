// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What compiling costs: a mesh of many services from scratch, then changes of one endpoint. Prints
 * milliseconds of CPU time and bytes. Usage: mesh_compile_bench [services [endpoints of each
 * [policies]]] */
#include "mesh-config/compile/compile.h"
#include "mesh-config/compile/world_test.h"

#include <sys/resource.h>
#include <time.h>

#define CHANGES 200

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double run(struct compiler *c, const struct world *w, uint64_t generation)
{
	struct compile_input in = {.mesh = &w->mesh, .generation = generation};
	struct error err = {0};
	double start = now_ms();

	if (compiler_run(c, &in, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return now_ms() - start;
}

static void print_all(const char *what, double *ms, uint32_t count)
{
	qsort(ms, count, sizeof(*ms), compare);
	printf("%-28s median %.3f ms, 99th percentile %.3f ms, worst %.3f ms\n", what,
	       ms[count / 2], ms[count * 99 / 100], ms[count - 1]);
}

/* One endpoint of one service comes or goes each time; two arenas are kept in step. */
static void bench_changes(struct compiler *c, struct world_spec *spec, struct world *w)
{
	static double compile_ms[CHANGES], copy_ms[CHANGES], names_ms[CHANGES];
	size_t room = cells_count(compiler_cells(c)) + (size_t)65536;
	char *arenas[2] = {calloc(room, 64), calloc(room, 64)};
	struct cells_held held[2] = {0};
	uint64_t copied = 0, start_copied;
	struct world *next;
	double start;

	for (uint32_t i = 0; i < CHANGES; i++) {
		spec->versions[(i * 7919u) % spec->services]++;
		next = world_new(spec);
		compile_ms[i] = run(c, next, i + 2);
		world_free(w);
		w = next;
		start = now_ms();
		start_copied =
			cells_copy(compiler_cells(c), &held[i % 2], arenas[i % 2], UINT32_MAX);
		copy_ms[i] = now_ms() - start;
		copied += i >= 2 ? start_copied : 0;
		start = now_ms();
		compile_names_free(compiler_names(c));
		names_ms[i] = now_ms() - start;
	}
	print_all("one change, compile", compile_ms, CHANGES);
	print_all("one change, copy", copy_ms + 2, CHANGES - 2);
	print_all("names", names_ms, CHANGES);
	printf("%-28s %.1f cells\n", "copied per change", (double)copied / (CHANGES - 2));
	free(arenas[0]);
	free(arenas[1]);
	world_free(w);
}

int main(int argc, char **argv)
{
	struct world_spec spec = {.services = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000,
				  .endpoints = argc > 2 ? (uint32_t)atoi(argv[2]) : 10,
				  .policies = argc > 3 ? (uint32_t)atoi(argv[3]) : 1000,
				  .plain = true};
	struct compiler *c = compiler_new(1);
	struct compile_statistics statistics;
	struct rusage usage;
	struct world *w;
	double first;

	spec.versions = calloc(spec.services, 1);
	if (!c || !spec.versions)
		return 1;
	w = world_new(&spec);
	first = run(c, w, 1);
	compiler_statistics(c, &statistics);
	getrusage(RUSAGE_SELF, &usage);
	printf("%u services, %u endpoints, %u workloads, %u policies\n", w->mesh.service_count,
	       w->mesh.endpoint_count, w->mesh.workload_count, w->mesh.policy_count);
	printf("%-28s %.3f ms, %u cells (%.1f MiB), %ld MiB resident\n", "from scratch", first,
	       cells_count(compiler_cells(c)), cells_count(compiler_cells(c)) * 64.0 / 1048576,
	       usage.ru_maxrss / 1024);
	bench_changes(c, &spec, w);
	compiler_free(c);
	free(spec.versions);
	return 0;
}
