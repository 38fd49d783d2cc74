// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names are there once, and all of them can be taken out. */
#include "base/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void each_name_is_there_once(void **state)
{
	struct names set = {0};
	char name[] = "b.yaml";

	(void)state;
	assert_true(names_add(&set, "a.yaml"));
	assert_true(names_add(&set, name));
	assert_true(names_add(&set, name));
	name[0] = 'c'; /* the set has its own copy */
	assert_true(names_has(&set, "b.yaml"));
	assert_false(names_has(&set, "c.yaml"));
	names_drop(&set, "b.yaml");
	assert_false(names_has(&set, "b.yaml"));
	names_drop(&set, "b.yaml");
	assert_true(names_has(&set, "a.yaml"));
	names_clear(&set);
	assert_false(names_has(&set, "a.yaml"));
}

static void all_can_be_taken(void **state)
{
	struct names set = {0};
	unsigned taken = 0;
	char name[] = "0";

	(void)state;
	for (; name[0] <= '9'; name[0]++)
		assert_true(names_add(&set, name));
	for (char *one; (one = names_take(&set)); taken |= 1u << (*one - '0'), free(one))
		;
	assert_int_equal(taken, 0x3ff);
	assert_null(names_take(&set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_is_there_once),
		cmocka_unit_test(all_can_be_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
