// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of base/slice.h. */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void equality_minds_length_and_case(void **state)
{
	(void)state;
	assert_true(slice_equal(SLICE("abc"), SLICE("abc")));
	assert_false(slice_equal(SLICE("abc"), SLICE("abcd")));
	assert_false(slice_equal(SLICE("abc"), SLICE("ABC")));
	assert_true(slice_equal_nocase(SLICE("abc"), SLICE("ABC")));
	assert_true(slice_equal((struct slice){NULL, 0}, SLICE("")));
}

static void prefix_is_found_at_the_start_only(void **state)
{
	(void)state;
	assert_true(slice_starts_with(SLICE("HTTP/1.1"), SLICE("HTTP/")));
	assert_true(slice_starts_with(SLICE("x"), SLICE("")));
	assert_false(slice_starts_with(SLICE("HTT"), SLICE("HTTP/")));
}

static void copy_is_cut_and_terminated(void **state)
{
	char out[4];

	(void)state;
	slice_copy(SLICE("abcdef"), out, sizeof(out));
	assert_string_equal(out, "abc");
	slice_copy(SLICE(""), out, sizeof(out));
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_minds_length_and_case),
		cmocka_unit_test(prefix_is_found_at_the_start_only),
		cmocka_unit_test(copy_is_cut_and_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
