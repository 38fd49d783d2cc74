// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose addresses are: the arena, which follows change after change, and the model say the same of
 * random workloads that share addresses, ports and prefixes. */
#include "mesh-config/policy/holders.h"

#include "mesh-config/compile/view_test.h"
#include "mesh-config/compile/compile.h"
#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GENERATIONS 400
#define WORKLOADS   12
#define ADDRESSES   6 /* 10.0.0.0 and those behind it */

static uint32_t dice_state = 7;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525u + 1013904223u;
	return (dice_state >> 8) % sides;
}

/* ---- random workloads */

static void head(FILE *out, const char *api, const char *kind, uint32_t number)
{
	fprintf(out,
		"---\napiVersion: %s\nkind: %s\nmetadata: {name: w%u, namespace: n%u}\nspec:\n",
		api, kind, number, dice(2));
}

static void attributes(FILE *out, const char *indent)
{
	fprintf(out, "%slabels: {app: a%u}\n%sserviceAccount: s%u\n", indent, dice(2), indent,
		dice(2));
}

static void put_entry(FILE *out, uint32_t number)
{
	head(out, "networking.istio.io/v1", "WorkloadEntry", number);
	fprintf(out, "  address: 10.0.0.%u\n", dice(ADDRESSES));
	if (dice(2))
		fprintf(out, "  ports: {http: %u}\n", 8080 + dice(2));
	attributes(out, "  ");
}

static void put_workload(FILE *out, uint32_t number)
{
	static const char *const programs[] = {"", ", executable: '*/nginx'", ", uid: 7"};

	head(out, "weft.dev/v1alpha1", "Workload", number);
	fprintf(out, "  match: [{ip: [10.0.0.%u%s]%s}]\n", dice(2) * 4, dice(2) ? "/30" : "",
		programs[dice(3)]);
	attributes(out, "  ");
}

/* With an endpoint of its own, or those of workloads. */
static void put_service(FILE *out, uint32_t number)
{
	head(out, "networking.istio.io/v1", "ServiceEntry", number);
	fprintf(out,
		"  hosts: [w%u.example]\n  addresses: [10.9.0.%u]\n  resolution: STATIC\n"
		"  location: MESH_INTERNAL\n"
		"  ports: [{number: 80, name: http, protocol: HTTP, targetPort: %u}]\n",
		number, number, 8080 + dice(3));
	if (dice(2)) {
		fprintf(out, "  workloadSelector: {labels: {app: a%u}}\n", dice(2));
		return;
	}
	fprintf(out, "  endpoints:\n  - address: 10.0.0.%u\n", dice(ADDRESSES));
	attributes(out, "    ");
}

static char *random_yaml(void)
{
	void (*const put[])(FILE *, uint32_t) = {put_entry, put_entry, put_workload, put_service};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (uint32_t i = 0; i < WORKLOADS; i++)
		put[dice(4)](out, i);
	fclose(out);
	return text;
}

/* ---- what both say */

struct said {
	char of[WEFT_MESH_IDENTITIES][80];
	uint32_t count;
};

static int order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void say(struct said *s, const struct mesh_workload *w)
{
	const char *app = mesh_labels_find(w->labels, "app");

	snprintf(s->of[s->count++], sizeof(s->of[0]), "%s/%s/%s", w->namespace_name,
		 w->service_account, app ? app : "");
	qsort(s->of, s->count, sizeof(s->of[0]), order);
}

static struct said said_by_cells(const struct cells_view *view, const struct compile_names *names,
				 const struct mesh *m, const uint8_t address[16], uint16_t port)
{
	const struct weft_mesh_identity *i = cells_view_identity(view, address, port);
	struct said s = {.count = 0};

	for (; i; i = i->next ? cells_view_at(view, i->next) : NULL)
		say(&s, &m->workloads[names->workloads[i->number]]);
	return s;
}

static struct said said_by_model(const struct mesh *m, const uint8_t address[16], uint16_t port)
{
	struct holders h = holders_at(m, address, port);
	struct said s = {.count = 0};

	for (uint32_t i = 0; i < h.count; i++)
		say(&s, &m->workloads[h.workloads[i]]);
	return s;
}

static unsigned several;

static void compare(struct compiler *c, const struct mesh *m)
{
	struct cells_view view = {cells_get(compiler_cells(c), 0), cells_count(compiler_cells(c))};
	struct compile_names *names = compiler_names(c);
	struct error err;

	assert_non_null(names);
	if (cells_view_check(&view, &err))
		fail_msg("%s", err.text);
	for (uint8_t last = 0; last < ADDRESSES + 2; last++)
		for (uint16_t port = 8079; port < 8083; port++) {
			const uint8_t address[16] = {[10] = 0xff, 0xff, 10, 0, 0, last};
			struct said cells = said_by_cells(&view, names, m, address, port);
			struct said model = said_by_model(m, address, port);

			assert_int_equal(cells.count, model.count);
			for (uint32_t i = 0; i < cells.count; i++)
				assert_string_equal(cells.of[i], model.of[i]);
			several += cells.count > 1;
		}
	compile_names_free(names);
}

static struct mesh *build(void)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	char *text = random_yaml();
	struct mesh *m = NULL;

	assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(text)), 0);
	if (mesh_source_build(s, &m, &problems))
		for (uint32_t i = 0; i < problems.count; i++)
			problem_write(&problems.items[i], stderr, false);
	assert_non_null(m);
	problems_free(&problems);
	mesh_source_free(s);
	free(text);
	return m;
}

static void test_arena_and_model_agree(void **state)
{
	struct compiler *c = compiler_new(5);
	struct mesh *last = NULL;

	(void)state;
	for (uint64_t generation = 1; generation <= GENERATIONS; generation++) {
		struct mesh *m = build();
		struct compile_input in = {.mesh = m, .generation = generation};
		struct error err;

		if (compiler_run(c, &in, &err))
			fail_msg("%s", err.text);
		compare(c, m);
		mesh_free(last);
		last = m;
	}
	compiler_free(c);
	mesh_free(last);
	print_message("%u times several workloads\n", several);
	assert_true(several > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_and_model_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
