// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Times by position: exact, or not known. */
#include "datapath/observe/times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_lookup(void **state)
{
	struct timeline t = {0};

	(void)state;
	assert_int_equal(timeline_at(&t, 1), 0);
	timeline_add(&t, 10, 100);
	timeline_add(&t, 20, 200);
	timeline_add(&t, 15, 300); /* known already */
	assert_int_equal(timeline_at(&t, 1), 100);
	assert_int_equal(timeline_at(&t, 10), 100);
	assert_int_equal(timeline_at(&t, 11), 200);
	assert_int_equal(timeline_at(&t, 21), 0);
	assert_int_equal(timeline_end(&t), 20);
	timeline_add(&t, 30, 150); /* never back */
	assert_int_equal(timeline_at(&t, 30), 200);
}

static void test_full(void **state)
{
	struct timeline t = {0};

	(void)state;
	for (uint64_t i = 1; i <= 100; i++)
		timeline_add(&t, i * 10, i);
	assert_int_equal(timeline_at(&t, 5), 1);
	assert_int_equal(timeline_at(&t, 500), 0); /* forgotten */
	assert_int_equal(timeline_at(&t, 985), 99);
	assert_int_equal(timeline_at(&t, 1000), 100);
	timeline_pass(&t, 1000);
	timeline_add(&t, 1010, 101);
	timeline_add(&t, 1020, 102);
	timeline_add(&t, 1030, 103);
	assert_int_equal(timeline_at(&t, 1005), 101);
	assert_int_equal(timeline_at(&t, 1015), 102);
}

static void test_blur(void **state)
{
	struct timeline t = {0};

	(void)state;
	timeline_add(&t, 10, 1);
	timeline_blur(&t, 10, 50);
	timeline_add(&t, 60, 2);
	assert_int_equal(timeline_at(&t, 10), 1);
	assert_int_equal(timeline_at(&t, 11), 0);
	assert_int_equal(timeline_at(&t, 50), 0);
	assert_int_equal(timeline_at(&t, 51), 2);
	timeline_pass(&t, 60);
	timeline_blur(&t, 70, 80);
	timeline_add(&t, 90, 3);
	assert_int_equal(timeline_at(&t, 65), 3);
	assert_int_equal(timeline_at(&t, 75), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_blur),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
