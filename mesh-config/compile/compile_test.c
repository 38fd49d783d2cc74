// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/compile/compile.h: what is in the arena is what the model says, a generation
 * made from the one before is the one made from scratch, and numbers stay. */
#include "mesh-config/compile/compile.h"

#include "mesh-config/compile/text_test.h"
#include "mesh-config/compile/world_test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SERVICES  40u
#define ENDPOINTS 8u
#define POLICIES  30u
#define ROUNDS	  60u

static void run(struct compiler *c, const struct world *w, uint64_t generation)
{
	struct compile_input in = {.mesh = &w->mesh, .generation = generation};
	struct error err = {0};

	if (compiler_run(c, &in, &err))
		fail_msg("%s", err.text);
}

static struct cells_view view_of(const struct compiler *c)
{
	const struct cells *cells = compiler_cells(c);

	return (struct cells_view){cells_get(cells, 0), cells_count(cells)};
}

static void check(const struct cells_view *v)
{
	struct error err = {0};

	if (cells_view_check(v, &err))
		fail_msg("%s", err.text);
}

static struct world_spec make_spec(void)
{
	struct world_spec spec = {
		.services = SERVICES, .endpoints = ENDPOINTS, .policies = POLICIES};

	spec.versions = calloc(SERVICES, 1);
	return spec;
}

/* Some services change, one or another comes or goes. */
static void change(struct world_spec *spec, uint32_t round)
{
	uint32_t changes = world_random(round, 0, 3) % 4;
	uint8_t *version;

	for (uint32_t i = 0; i < changes; i++) {
		version = &spec->versions[world_random(round, i, 4) % spec->services];
		if (world_random(round, i, 5) % 4 == 0)
			*version = *version == 0xff ? 0 : 0xff;
		else if (*version != 0xff)
			*version = (uint8_t)((*version + 1) % 10);
	}
}

/* ---- what is where */

static const struct weft_mesh_pool *only_pool(const struct cells_view *v, uint32_t vip,
					      uint16_t port)
{
	const struct weft_mesh_front *f;
	const struct weft_mesh_route *r;
	uint8_t address[16];

	world_ipv4(address, 11, vip);
	f = cells_view_front(v, address, port, 6);
	assert_non_null(f);
	r = cells_view_at(v, f->route);
	assert_int_equal(r->splits, 1);
	assert_int_equal(f->match, 0);
	return cells_view_at(v, r->split[0].pool);
}

static void plain_services_lead_to_their_endpoints(void **state)
{
	struct world_spec spec = make_spec();
	struct compiler *c = compiler_new(5);
	struct cells_view v;
	uint8_t address[16];
	struct world *w;

	(void)state;
	spec.plain = true;
	w = world_new(&spec);
	run(c, w, 1);
	v = view_of(c);
	check(&v);
	assert_int_equal(cells_view_header(&v)->generation, 1);
	assert_int_equal(
		cells_view_header(&v)->flags,
		WEFT_MESH_POLICIES | WEFT_MESH_BALANCES | WEFT_MESH_LACKS(WEFT_MATCH_CGROUP) |
			WEFT_MESH_LACKS(WEFT_MATCH_NETNS) | WEFT_MESH_LACKS(WEFT_MATCH_EXE) |
			WEFT_MESH_LACKS(WEFT_MATCH_PATH) | WEFT_MESH_LACKS(WEFT_MATCH_UID));
	for (uint32_t i = 0; i < SERVICES; i++) {
		const struct weft_mesh_pool *p;
		const struct weft_mesh_endpoint *e;

		world_ipv4(address, 11, i);
		if (i % 13 == 0) {
			assert_null(cells_view_front(&v, address, 80, 6));
			continue;
		}
		p = only_pool(&v, i, 80);
		assert_int_equal(p->endpoints, ENDPOINTS);
		assert_int_equal(p->balance, WEFT_BALANCE_LEAST);
		assert_int_equal(p->tiers, 1);
		for (uint32_t j = 0; j < ENDPOINTS; j++) {
			e = cells_view_at(&v, p->first + j);
			world_ipv4(address, 10, i << 8 | j);
			assert_memory_equal(e->addr, address, 16);
			assert_int_equal(e->port, 8080 + i % 3);
			assert_ptr_equal(cells_view_at(&v, e->identity),
					 cells_view_identity(&v, address, 0));
		}
	}
	compiler_free(c);
	world_free(w);
	free(spec.versions);
}

static void every_workload_is_known_by_its_address(void **state)
{
	struct world_spec spec = make_spec();
	struct compiler *c = compiler_new(5);
	const struct weft_mesh_identity *i;
	struct compile_names *names;
	struct cells_view v;
	struct world *w;

	(void)state;
	w = world_new(&spec);
	run(c, w, 1);
	v = view_of(c);
	names = compiler_names(c);
	for (uint32_t k = 0; k < w->mesh.workload_count; k++) {
		i = cells_view_identity(&v, w->mesh.addresses[k].address, 4711);
		assert_non_null(i);
		assert_int_equal(names->workloads[i->number], k);
	}
	compile_names_free(names);
	compiler_free(c);
	world_free(w);
	free(spec.versions);
}

/* ---- generation after generation */

/* Two compilers may number names differently: what policies say of many pairs is compared. */
static void compare_policies(const struct cells_view *a, const struct cells_view *b, uint32_t round)
{
	const struct weft_mesh_identity *ia, *ib;
	uint8_t source[16], target[16];

	for (uint32_t i = 0; i < 300; i++) {
		world_ipv4(source, 10,
			   world_random(round, i, 6) % SERVICES << 8 |
				   world_random(round, i, 7) % ENDPOINTS);
		world_ipv4(target, 10,
			   world_random(round, i, 8) % SERVICES << 8 |
				   world_random(round, i, 9) % ENDPOINTS);
		ia = cells_view_identity(a, target, 80);
		ib = cells_view_identity(b, target, 80);
		assert_int_equal(ia != NULL, ib != NULL);
		if (ia && ib)
			assert_int_equal(text_answer(a, ia->policy, source, target, 80),
					 text_answer(b, ib->policy, source, target, 80));
	}
}

static void compare_with_scratch(const struct compiler *c, const struct world *w, uint32_t round)
{
	struct compiler *scratch = compiler_new(77);
	struct cells_view v = view_of(c), other;
	char *text, *expected;

	run(scratch, w, round + 1);
	other = view_of(scratch);
	check(&v);
	check(&other);
	text = text_of_cells(&v, true);
	expected = text_of_cells(&other, true);
	assert_string_equal(text, expected);
	compare_policies(&v, &other, round);
	free(text);
	free(expected);
	compiler_free(scratch);
}

static void changes_lead_to_what_scratch_gives(void **state)
{
	struct world_spec spec = make_spec();
	struct compiler *c = compiler_new(5);
	struct world *w = NULL, *next;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		next = world_new(&spec);
		run(c, next, round + 1);
		world_free(w);
		w = next;
		compare_with_scratch(c, w, round);
		change(&spec, round);
	}
	assert_int_equal(compiler_oldest(c), 1);
	compiler_free(c);
	world_free(w);
	free(spec.versions);
}

static void copies_of_the_one_before_the_last_catch_up(void **state)
{
	size_t room = 65536;
	char *arenas[2] = {malloc(room * 64), malloc(room * 64)};
	struct world_spec spec = make_spec();
	struct compiler *c = compiler_new(5);
	struct world *w = NULL, *next;
	struct cells_held held[2] = {0};
	struct cells_view v, copy;

	(void)state;
	memset(arenas[0], 0xa5, room * 64);
	memset(arenas[1], 0x5a, room * 64);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		next = world_new(&spec);
		run(c, next, round + 1);
		world_free(w);
		w = next;
		v = view_of(c);
		assert_true(v.count <= room);
		cells_copy(compiler_cells(c), &held[round % 2], arenas[round % 2], UINT32_MAX);
		copy = (struct cells_view){arenas[round % 2], v.count};
		check(&copy);
		assert_memory_equal(copy.cells, v.cells, v.count * (size_t)64);
		change(&spec, round);
	}
	free(arenas[0]);
	free(arenas[1]);
	compiler_free(c);
	world_free(w);
	free(spec.versions);
}

/* ---- numbers */

struct known {
	uint8_t address[16];
	uint16_t port;
	uint64_t service;
	uint32_t state;
};

struct list {
	const struct cells_view *view;
	struct known items[65536];
	uint32_t count;
};

static void list_pool(struct list *l, const struct weft_mesh_pool *p)
{
	const struct weft_mesh_endpoint *e;
	const struct weft_mesh_service *s;
	struct known *k;

	for (uint32_t i = 0; i < p->endpoints; i++) {
		e = cells_view_at(l->view, p->first + i);
		s = cells_view_at(l->view, e->service);
		k = &l->items[l->count++];
		*k = (struct known){.port = e->port, .service = s->key, .state = e->state};
		memcpy(k->address, e->addr, 16);
	}
}

static void list_front(void *arg, const struct weft_mesh_front *f)
{
	const struct weft_mesh_route *r;
	struct list *l = arg;

	for (uint32_t i = 0; i < f->routes; i++) {
		r = cells_view_at(l->view, f->route + i);
		for (uint32_t j = 0; j < WEFT_ROUTE_SPLITS; j++)
			if (r->split[j].upper)
				list_pool(l, cells_view_at(l->view, r->split[j].pool));
	}
}

static void list_endpoints(const struct cells_view *v, struct list *l)
{
	l->view = v;
	l->count = 0;
	cells_view_fronts(v, list_front, l);
}

/* A workload in both has one number, and no two have the same. */
static void compare_numbers(const struct list *a, const struct list *b)
{
	for (uint32_t i = 0; i < a->count; i++) {
		for (uint32_t j = 0; j < b->count; j++) {
			const struct known *x = &a->items[i], *y = &b->items[j];
			bool same = !memcmp(x->address, y->address, 16) && x->port == y->port &&
				    x->service == y->service;

			assert_int_equal(same, x->state == y->state);
		}
	}
}

static bool never_idle(void *arg, enum compile_number kind, uint32_t number)
{
	(void)arg;
	(void)kind;
	(void)number;
	return false;
}

static void numbers_stay_and_are_not_given_while_in_use(void **state)
{
	static struct list lists[2], first;
	struct world_spec spec = make_spec();
	struct compiler *c = compiler_new(5);
	struct world *w = NULL, *next;
	struct cells_view v;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS / 3; round++) {
		struct compile_input in = {.generation = round + 1, .idle = never_idle};

		next = world_new(&spec);
		in.mesh = &next->mesh;
		assert_int_equal(compiler_run(c, &in, NULL), 0);
		world_free(w);
		w = next;
		v = view_of(c);
		list_endpoints(&v, &lists[round % 2]);
		if (!round)
			first = lists[0];
		else
			compare_numbers(&lists[0], &lists[1]);
		compare_numbers(&first, &lists[round % 2]);
		change(&spec, round);
	}
	compiler_free(c);
	world_free(w);
	free(spec.versions);
}

static void the_next_agent_gives_the_same_numbers(void **state)
{
	static struct list before, after;
	struct world_spec spec = make_spec();
	struct compiler *c = compiler_new(5), *next_agent = compiler_new(6);
	struct world *w = world_new(&spec), *changed;
	struct cells_view v, other;
	uint8_t address[16];

	(void)state;
	run(c, w, 1);
	v = view_of(c);
	assert_int_equal(compiler_adopt(next_agent, v.cells, v.count), 0);
	change(&spec, 3);
	spec.versions[0] = 1;
	changed = world_new(&spec);
	run(next_agent, changed, 2);
	other = view_of(next_agent);
	check(&other);
	list_endpoints(&v, &before);
	list_endpoints(&other, &after);
	compare_numbers(&before, &after);
	world_ipv4(address, 10, 1 << 8 | 1);
	assert_int_equal(cells_view_identity(&v, address, 0)->number,
			 cells_view_identity(&other, address, 0)->number);
	assert_int_equal(compiler_adopt(next_agent, address, 0), -EPROTO);
	compiler_free(c);
	compiler_free(next_agent);
	world_free(w);
	world_free(changed);
	free(spec.versions);
}

static void nothing_changed_writes_the_header_alone(void **state)
{
	struct world_spec spec = make_spec();
	struct compiler *c = compiler_new(5);
	struct world *w = world_new(&spec), *again = world_new(&spec);
	struct compile_statistics s;
	char *target = malloc((size_t)65536 * 64);
	struct cells_held held = {0};

	(void)state;
	run(c, w, 1);
	cells_copy(compiler_cells(c), &held, target, UINT32_MAX);
	run(c, again, 2);
	compiler_statistics(c, &s);
	assert_int_equal(s.services, 0);
	assert_false(s.scratch);
	assert_false(s.policies);
	assert_true(cells_copy(compiler_cells(c), &held, target, UINT32_MAX) <= 64);
	free(target);
	compiler_free(c);
	world_free(w);
	world_free(again);
	free(spec.versions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_services_lead_to_their_endpoints),
		cmocka_unit_test(every_workload_is_known_by_its_address),
		cmocka_unit_test(changes_lead_to_what_scratch_gives),
		cmocka_unit_test(copies_of_the_one_before_the_last_catch_up),
		cmocka_unit_test(numbers_stay_and_are_not_given_while_in_use),
		cmocka_unit_test(the_next_agent_gives_the_same_numbers),
		cmocka_unit_test(nothing_changed_writes_the_header_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
