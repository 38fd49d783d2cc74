// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both families, with and without a port. */
#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check(const char *text, bool v4, const char *with_port, const char *without)
{
	char out[ADDRESS_PORT_BYTES];
	uint8_t address[16];

	assert_true(address_parse(text, address));
	assert_int_equal(address_is_v4(address), v4);
	assert_string_equal(address_text(address, out), text);
	assert_string_equal(address_port_text(address, 65535, out), with_port);
	assert_string_equal(address_port_text(address, -1, out), without);
}

static void test_texts(void **state)
{
	(void)state;
	check("192.0.2.1", true, "192.0.2.1:65535", "192.0.2.1");
	check("2001:db8::1", false, "[2001:db8::1]:65535", "[2001:db8::1]");
	check("1111:2222:3333:4444:5555:6666:7777:8888", false,
	      "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
	      "[1111:2222:3333:4444:5555:6666:7777:8888]");
}

static void test_others(void **state)
{
	uint8_t address[16], same[16];

	(void)state;
	assert_false(address_parse("192.0.2", address));
	assert_false(address_parse("", address));
	assert_true(address_parse("::ffff:192.0.2.1", address));
	assert_true(address_is_v4(address));
	address_of_v4("\xc0\x00\x02\x01", same);
	assert_memory_equal(address, same, sizeof(address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts),
					   cmocka_unit_test(test_others)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
