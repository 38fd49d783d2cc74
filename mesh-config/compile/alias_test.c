// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/compile/alias.h: the table gives every weight its share. */
#include "mesh-config/compile/alias.h"

#include "base/cleanup.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 20;
}

static double kept(const struct alias *a)
{
	return a->keep == ALIAS_SURE ? 1.0 : (a->keep + 1.0) / 4294967296.0;
}

/* The chance of each member, summed over the buckets that lead to it. */
static void check_shares(const uint64_t *weights, uint32_t count)
{
	cleanup_free struct alias *table = calloc(count, sizeof(*table));
	cleanup_free double *share = calloc(count, sizeof(*share));
	double sum = 0;

	assert_int_equal(alias_build(weights, count, table), 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(table[i].alias < count);
		share[i] += kept(&table[i]) / count;
		share[table[i].alias] += (1 - kept(&table[i])) / count;
		sum += (double)weights[i];
	}
	for (uint32_t i = 0; i < count; i++)
		assert_true(fabs(share[i] - (double)weights[i] / sum) <= 1 / 4294967296.0);
}

static void equal_weights_are_all_kept(void **state)
{
	uint64_t weights[5] = {7, 7, 7, 7, 7};
	struct alias table[5];

	(void)state;
	assert_int_equal(alias_build(weights, 5, table), 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(table[i].keep, ALIAS_SURE);
}

static void one_is_always_chosen(void **state)
{
	uint64_t weight = 3;
	struct alias table;

	(void)state;
	assert_int_equal(alias_build(&weight, 1, &table), 0);
	assert_int_equal(table.keep, ALIAS_SURE);
	assert_int_equal(table.alias, 0);
}

static void shares_are_exact(void **state)
{
	uint64_t weights[300], seed = 1;
	uint32_t count;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		count = 1 + (uint32_t)(next_random(&seed) % 300);
		for (uint32_t i = 0; i < count; i++)
			weights[i] = 1 + next_random(&seed) % (round & 1 ? 100 : 65535);
		check_shares(weights, count);
	}
}

static void extreme_weights_hold(void **state)
{
	uint64_t weights[3] = {1, ALIAS_WEIGHT_MAX, 1};

	(void)state;
	check_shares(weights, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_are_all_kept),
		cmocka_unit_test(one_is_always_chosen),
		cmocka_unit_test(shares_are_exact),
		cmocka_unit_test(extreme_weights_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
