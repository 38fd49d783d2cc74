// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections with one ClientHello: each has a place of its own, in a bounded table. */
#include "datapath/observe/hellos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t one[32] = {1}, two[32] = {2};
static uint8_t forgotten[32];
static bool forgot;

static uint64_t add(struct hellos *h, const uint8_t *client_random)
{
	return hellos_add(h, client_random, forgotten, &forgot);
}

static void test_places(void **state)
{
	struct hellos *h = hellos_new(4, 1);
	uint64_t tickets[HELLOS_MAX_CONNECTIONS];

	(void)state;
	for (int i = 0; i < HELLOS_MAX_CONNECTIONS; i++) {
		tickets[i] = add(h, one);
		assert_int_equal(hellos_bit(h, one, tickets[i]), 1 << i);
	}
	assert_int_equal(add(h, one), 0);
	assert_int_equal(hellos_bit(h, two, tickets[0]), 0);
	hellos_leave(h, one, tickets[3]);
	assert_int_equal(hellos_present(h, one), 0xf7);
	assert_int_equal(add(h, one), 0); /* a place is given once */
	for (int i = 0; i < HELLOS_MAX_CONNECTIONS; i++)
		hellos_leave(h, one, tickets[i]);
	assert_int_equal(hellos_present(h, one), 0);
	assert_int_not_equal(add(h, one), tickets[0]); /* another session */
	assert_int_equal(hellos_bit(h, one, tickets[0]), 0);
	hellos_leave(h, one, tickets[0]);
	assert_int_equal(hellos_present(h, one), 1);
	hellos_free(h);
}

static void test_bounded(void **state)
{
	struct hellos *h = hellos_new(2, 1);
	const uint8_t three[32] = {3};
	uint64_t first;

	(void)state;
	first = add(h, one);
	add(h, two);
	assert_false(forgot);
	add(h, one); /* the latest now */
	add(h, three);
	assert_true(forgot);
	assert_memory_equal(forgotten, two, 32);
	assert_int_equal(hellos_present(h, two), 0);
	assert_int_equal(hellos_bit(h, one, first), 1);
	assert_int_equal(hellos_present(h, three), 1);
	hellos_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
