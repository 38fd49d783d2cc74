// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/compile/numbers.h: a key keeps its number, and no other key gets it too
 * early. */
#include "mesh-config/compile/numbers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t take(struct numbers *n, uint64_t key)
{
	return numbers_take(n, &key);
}

static bool refuse(void *arg, uint32_t number)
{
	return number != *(uint32_t *)arg;
}

static void the_same_key_has_the_same_number(void **state)
{
	struct numbers *n = numbers_new(4, sizeof(uint64_t), 1);

	(void)state;
	assert_int_equal(take(n, 10), 0);
	assert_int_equal(take(n, 11), 1);
	assert_int_equal(take(n, 10), 0);
	assert_int_equal(numbers_holds(n, 0), 2);
	assert_int_equal(*(const uint64_t *)numbers_key(n, 1), 11);
	assert_int_equal(take(n, 12), 2);
	assert_int_equal(take(n, 13), 3);
	assert_int_equal(take(n, 14), NUMBER_NONE);
	assert_int_equal(numbers_end(n), 4);
	numbers_free(n);
}

static void a_number_is_free_after_two_retirements(void **state)
{
	struct numbers *n = numbers_new(2, sizeof(uint64_t), 1);

	(void)state;
	assert_int_equal(take(n, 10), 0);
	assert_int_equal(take(n, 11), 1);
	numbers_give(n, 0);
	assert_int_equal(take(n, 12), NUMBER_NONE);
	numbers_retire(n, NULL, NULL);
	assert_int_equal(take(n, 12), NUMBER_NONE);
	assert_int_equal(take(n, 10), 0); /* it came back in time */
	numbers_give(n, 0);
	numbers_retire(n, NULL, NULL);
	assert_int_equal(take(n, 12), NUMBER_NONE);
	numbers_retire(n, NULL, NULL);
	assert_int_equal(take(n, 12), 0);
	assert_int_equal(take(n, 10), NUMBER_NONE);
	numbers_free(n);
}

static void who_is_not_idle_is_not_retired(void **state)
{
	struct numbers *n = numbers_new(2, sizeof(uint64_t), 1);
	uint32_t busy = take(n, 10);

	(void)state;
	assert_int_equal(take(n, 11), 1);
	numbers_give(n, 0);
	numbers_give(n, 1);
	for (int i = 0; i < 5; i++)
		numbers_retire(n, refuse, &busy);
	assert_int_equal(take(n, 12), 1);
	assert_int_equal(take(n, 13), NUMBER_NONE);
	assert_int_equal(take(n, 10), 0);
	numbers_free(n);
}

static void adopted_numbers_are_kept_apart(void **state)
{
	struct numbers *n = numbers_new(4, sizeof(uint64_t), 1);
	uint64_t a = 20, b = 21;

	(void)state;
	assert_int_equal(numbers_adopt(n, &a, 1), 0);
	assert_int_equal(numbers_adopt(n, &a, 1), 0);
	assert_int_equal(numbers_adopt(n, &b, 1), -EEXIST);
	assert_int_equal(numbers_adopt(n, &b, 4), -ERANGE);
	assert_int_equal(numbers_adopt(n, &b, 3), 0);
	assert_int_equal(take(n, 10), 0);
	assert_int_equal(take(n, 11), 2);
	assert_int_equal(take(n, 12), NUMBER_NONE);
	assert_int_equal(take(n, 21), 3);
	numbers_retire(n, NULL, NULL);
	numbers_retire(n, NULL, NULL);
	assert_int_equal(take(n, 12), 1);
	assert_int_equal(take(n, 13), NUMBER_NONE);
	numbers_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_key_has_the_same_number),
		cmocka_unit_test(a_number_is_free_after_two_retirements),
		cmocka_unit_test(who_is_not_idle_is_not_retired),
		cmocka_unit_test(adopted_numbers_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
