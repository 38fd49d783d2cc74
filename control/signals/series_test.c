// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Series: limits, overflow, expiry, positions. */
#include "control/signals/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static const uint32_t overflow_key = UINT32_MAX;

static uint64_t *get(struct series *s, uint32_t key, uint64_t now_ns)
{
	return series_get(s, &key, &overflow_key, now_ns);
}

static void test_totals_stay_right_beyond_the_limit(void **state)
{
	struct series *s = series_new(100, sizeof(uint32_t), sizeof(uint64_t), 1);
	uint64_t total = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		(*get(s, i, SECOND))++;
	assert_int_equal(series_count(s), 101);
	for (uint32_t i = 0; i < series_count(s); i++)
		total += *(uint64_t *)series_at(s, i);
	assert_int_equal(total, 1000);
	assert_int_equal(*(uint64_t *)series_find(s, &overflow_key), 900);
	assert_int_equal(series_counts(s)->limited, 900);
	assert_null(series_at(s, 101));
	series_free(s);
}

static void test_overflow_needs_a_key_and_has_a_limit_itself(void **state)
{
	struct series *s = series_new(1, sizeof(uint32_t), sizeof(uint64_t), 1);
	uint32_t key = 1;

	(void)state;
	assert_non_null(series_get(s, &key, NULL, 0));
	key = 2;
	assert_null(series_get(s, &key, NULL, 0));
	for (uint32_t i = 0; i < SERIES_OVERFLOW_MAX; i++) {
		uint32_t other = 1000 + i;

		assert_non_null(series_get(s, &key, &other, 0));
	}
	assert_null(series_get(s, &key, &overflow_key, 0));
	series_free(s);
}

static void forget(void *arg, const void *key, void *value)
{
	(void)value;
	*(uint64_t *)arg += *(const uint32_t *)key;
}

static void test_only_idle_series_expire(void **state)
{
	struct series *s = series_new(10, sizeof(uint32_t), sizeof(uint64_t), 1);
	uint64_t forgotten = 0;

	(void)state;
	for (uint32_t i = 0; i < 11; i++)
		*get(s, i, 10 * SECOND) = i;
	get(s, 3, 15 * SECOND);
	series_expire(s, 20 * SECOND, 10 * SECOND, forget, &forgotten);
	assert_int_equal(series_count(s), 2);
	assert_int_equal(forgotten, 45 - 3);
	assert_int_equal(series_counts(s)->expired, 9);
	assert_int_equal(*(uint64_t *)series_at(s, 0) + *(uint64_t *)series_at(s, 1), 3 + 10);
	assert_non_null(series_find(s, &overflow_key));
	assert_int_equal(*get(s, 4, 20 * SECOND), 0);
	series_free(s);
}

static void test_room_comes_back(void **state)
{
	struct series *s = series_new(2, sizeof(uint32_t), sizeof(uint64_t), 1);

	(void)state;
	get(s, 1, 0);
	get(s, 2, 0);
	get(s, 3, 0);
	series_remove(s, get(s, 1, 0));
	*get(s, 3, 0) = 33;
	assert_int_equal(*(uint64_t *)series_find(s, &(uint32_t){3}), 33);
	assert_int_equal(*(const uint32_t *)series_key(s, series_find(s, &(uint32_t){3})), 3);
	series_free(s);
}

static void test_positions_hold_while_used(void **state)
{
	struct series *s = series_new(50, sizeof(uint32_t), sizeof(uint64_t), 1);

	(void)state;
	for (uint32_t i = 0; i < 50; i++)
		*get(s, i, 0) = i;
	for (uint32_t i = 50; i-- > 0;)
		get(s, i, (100 - i) * SECOND);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(*(uint64_t *)series_at(s, i), i);
	series_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_totals_stay_right_beyond_the_limit),
		cmocka_unit_test(test_overflow_needs_a_key_and_has_a_limit_itself),
		cmocka_unit_test(test_only_idle_series_expire),
		cmocka_unit_test(test_room_comes_back),
		cmocka_unit_test(test_positions_hold_while_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
