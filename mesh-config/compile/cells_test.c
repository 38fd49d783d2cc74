// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/compile/cells.h and cells_table.h: blocks do not overlap, copies catch up,
 * and what was put is found within the bound, whatever was removed before. */
#include "mesh-config/compile/cells.h"
#include "mesh-config/compile/cells_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CELLS_MAX (1u << 16)
#define BLOCKS	  200u
#define KEYS	  20000u

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

static void fill(struct cells *c, uint32_t first, uint32_t count, uint8_t byte)
{
	char cell[WEFT_MESH_CELL_BYTES];

	memset(cell, byte, sizeof(cell));
	for (uint32_t i = 0; i < count; i++)
		cells_put(c, first + i, cell);
}

static bool is_filled(const struct cells *c, uint32_t first, uint32_t count, uint8_t byte)
{
	const uint8_t *bytes = cells_get(c, first);

	for (size_t i = 0; i < count * (size_t)WEFT_MESH_CELL_BYTES; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

static void slack_is_at_most_a_quarter(void **state)
{
	(void)state;
	for (uint32_t count = 1; count < 100000; count++) {
		assert_true(cells_fit(count) >= count);
		assert_true(count < 8 || cells_fit(count) <= count + count / 4 + 1);
		assert_int_equal(cells_fit(cells_fit(count)), cells_fit(count));
	}
}

static void blocks_do_not_overlap(void **state)
{
	struct cells *c = cells_new(CELLS_MAX);
	uint32_t firsts[BLOCKS] = {0}, counts[BLOCKS] = {0};
	uint64_t seed = 3;

	(void)state;
	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t i = next_random(&seed) % BLOCKS, count = next_random(&seed) % 60;

		if (counts[i])
			assert_true(is_filled(c, firsts[i], counts[i], (uint8_t)i));
		firsts[i] = cells_realloc(c, firsts[i], counts[i], count);
		assert_int_equal(firsts[i] != 0, count != 0);
		counts[i] = count;
		fill(c, firsts[i], count, (uint8_t)i);
	}
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_true(is_filled(c, firsts[i], counts[i], (uint8_t)i));
	assert_int_equal(cells_error(c), 0);
	cells_free(c);
}

static void no_room_is_an_error_that_stays(void **state)
{
	struct cells *c = cells_new(100);

	(void)state;
	assert_int_equal(cells_alloc(c, 64), 1);
	assert_int_equal(cells_alloc(c, 64), 0);
	assert_int_equal(cells_error(c), -ENOSPC);
	cells_free(c);
}

static void copies_catch_up_with_what_changed(void **state)
{
	struct cells *c = cells_new(CELLS_MAX);
	uint32_t first = cells_alloc(c, 1000), other;
	char *target = malloc((size_t)CELLS_MAX * WEFT_MESH_CELL_BYTES);
	struct cells_held held = {0};

	(void)state;
	memset(target, 0xee, (size_t)CELLS_MAX * WEFT_MESH_CELL_BYTES);
	fill(c, first, 1000, 1);
	assert_int_equal(cells_copy(c, &held, target, UINT32_MAX), cells_count(c));
	cells_epoch_set(c, 2);
	fill(c, first + 500, 1, 2);
	fill(c, first, 1000 - 500, 1); /* the same again */
	assert_false(cells_copied(c, &held));
	assert_int_equal(cells_copy(c, &held, target, UINT32_MAX), 64);
	cells_epoch_set(c, 3);
	other = cells_alloc(c, 10); /* never put: zero, and so in the copy */
	cells_copy(c, &held, target, UINT32_MAX);
	assert_memory_equal(target, cells_get(c, 0), cells_count(c) * (size_t)WEFT_MESH_CELL_BYTES);
	assert_true(is_filled(c, other, 10, 0));
	assert_true(cells_copied(c, &held));
	assert_int_equal(cells_copy(c, &held, target, UINT32_MAX), 0);
	free(target);
	cells_free(c);
}

/* In parts of any size, with changes between any two of them. */
static void copies_go_on_where_they_were(void **state)
{
	size_t bytes = (size_t)CELLS_MAX * WEFT_MESH_CELL_BYTES;
	struct cells *c = cells_new(CELLS_MAX);
	char *target = malloc(bytes);
	struct cells_held held = {0};
	uint64_t seed = 9;
	uint32_t copied;

	(void)state;
	memset(target, 0xee, bytes);
	fill(c, cells_alloc(c, 5000), 5000, 1);
	for (uint64_t epoch = 2; epoch < 300; epoch++) {
		uint32_t parts = next_random(&seed) % 4, most = 64 + next_random(&seed) % 3000;

		for (uint32_t i = 0; i < parts && !cells_copied(c, &held); i++)
			assert_in_range(cells_copy(c, &held, target, most), 0, most + 64 * 8);
		cells_epoch_set(c, epoch);
		for (uint32_t i = 0; i < 4; i++)
			fill(c, 1 + next_random(&seed) % (cells_count(c) - 1), 1, (uint8_t)epoch);
		if (epoch % 16 == 0)
			fill(c, cells_alloc(c, 100), 100, (uint8_t)epoch);
		if (epoch % 7)
			continue;
		do
			copied = cells_copy(c, &held, target, most);
		while (copied && !cells_copied(c, &held));
		assert_true(cells_copied(c, &held));
		assert_memory_equal(target, cells_get(c, 0),
				    cells_count(c) * (size_t)WEFT_MESH_CELL_BYTES);
	}
	free(target);
	cells_free(c);
}

/* ---- tables */

static struct weft_mesh_front make_front(uint32_t number)
{
	struct weft_mesh_front f = {.key = {.kind = WEFT_KEY_FRONT, .protocol = 6}};

	memcpy(f.key.addr, &number, sizeof(number));
	f.route = number;
	return f;
}

static void check_table(const struct cells_table *t, const uint8_t *there)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		struct weft_mesh_front f = make_front(i);
		uint32_t at = cells_table_find(t, &f);

		assert_int_equal(at != 0, there[i]);
		if (at)
			assert_memory_equal(cells_get(t->cells, at), &f, sizeof(f));
		count += there[i];
	}
	assert_int_equal(t->count, count);
}

static void keys_are_found_until_they_are_removed(void **state)
{
	struct cells *c = cells_new(1u << 18);
	static uint8_t there[KEYS];
	struct cells_table t;
	uint64_t seed = 9;

	(void)state;
	assert_int_equal(cells_table_init(&t, c, CELLS_TABLE_KEY, 7, 0), 0);
	for (uint32_t round = 0; round < 5 * KEYS; round++) {
		uint32_t i = next_random(&seed) % KEYS;
		struct weft_mesh_front f = make_front(i);

		if (next_random(&seed) % 3)
			assert_int_equal(cells_table_put(&t, &f), 0);
		else
			assert_int_equal(cells_table_remove(&t, &f), there[i] ? 0 : -ENOENT);
		there[i] = cells_table_find(&t, &f) != 0;
		if (round % KEYS == 0)
			check_table(&t, there);
	}
	check_table(&t, there);
	cells_free(c);
}

/* The order of putting does not show: two tables with the same keys are the same. */
static void tables_do_not_remember_how_they_came_to_be(void **state)
{
	struct cells *c = cells_new(1u << 18);
	struct cells_table a, b;

	(void)state;
	assert_int_equal(cells_table_init(&a, c, CELLS_TABLE_KEY, 7, 2000), 0);
	assert_int_equal(cells_table_init(&b, c, CELLS_TABLE_KEY, 7, 2000), 0);
	for (uint32_t i = 0; i < 3000; i++) {
		struct weft_mesh_front f = make_front(i), g = make_front(2999 - i);

		if (i < 2000)
			cells_table_put(&a, &f);
		cells_table_put(&b, &g);
		if (2999 - i >= 2000)
			cells_table_remove(&b, &g);
	}
	assert_int_equal(a.mask, b.mask);
	assert_memory_equal(cells_get(c, a.first), cells_get(c, b.first),
			    (a.mask + 1) * (size_t)WEFT_MESH_CELL_BYTES);
	cells_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slack_is_at_most_a_quarter),
		cmocka_unit_test(blocks_do_not_overlap),
		cmocka_unit_test(no_room_is_an_error_that_stays),
		cmocka_unit_test(copies_catch_up_with_what_changed),
		cmocka_unit_test(copies_go_on_where_they_were),
		cmocka_unit_test(keys_are_found_until_they_are_removed),
		cmocka_unit_test(tables_do_not_remember_how_they_came_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
