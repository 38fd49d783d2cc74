// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Our writer against jansson's strict reader. */
#include "control/export/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static json_t *parse(const struct text *t)
{
	json_error_t error;
	json_t *value = json_loadb(t->data, t->used, JSON_REJECT_DUPLICATES, &error);

	if (!value)
		fail_msg("%s at %d: %.*s", error.text, error.position, (int)t->used, t->data);
	return value;
}

static void test_all_kinds(void **state)
{
	struct text t = text_new(4096);
	struct json j = json_to(&t);
	json_t *v;

	(void)state;
	json_put_object(&j, NULL);
	json_put_string(&j, "s", "a\"b\\c");
	json_put_number(&j, "n", 9007199254740993ull);
	json_put_signed(&j, "i", INT64_MIN);
	json_put_real(&j, "r", 0.25);
	json_put_real(&j, "nan", NAN);
	json_put_bool(&j, "b", true);
	json_put_null(&j, "z");
	json_put_array(&j, "a");
	json_put_number(&j, NULL, 1);
	json_put_object(&j, NULL);
	json_put_object_end(&j);
	json_put_string(&j, NULL, "");
	json_put_array_end(&j);
	json_put_object(&j, "o");
	json_put_bool(&j, "x", false);
	json_put_object_end(&j);
	json_put_object_end(&j);
	json_put_line(&j);
	v = parse(&t);
	assert_string_equal(json_string_value(json_object_get(v, "s")), "a\"b\\c");
	assert_true(json_integer_value(json_object_get(v, "n")) == 9007199254740993ll);
	assert_true(json_integer_value(json_object_get(v, "i")) == INT64_MIN);
	assert_true(json_real_value(json_object_get(v, "r")) == 0.25);
	assert_true(json_is_null(json_object_get(v, "nan")));
	assert_true(json_is_true(json_object_get(v, "b")));
	assert_int_equal(json_array_size(json_object_get(v, "a")), 3);
	assert_true(json_is_false(json_object_get(json_object_get(v, "o"), "x")));
	assert_int_equal(t.data[t.used - 1], '\n');
	json_decref(v);
	text_free(&t);
}

static void test_lines_start_anew(void **state)
{
	struct text t = text_new(4096);
	struct json j = json_to(&t);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		json_put_object(&j, NULL);
		json_put_number(&j, "n", i);
		json_put_object_end(&j);
		json_put_line(&j);
	}
	assert_int_equal(t.used, 16);
	assert_memory_equal(t.data, "{\"n\":0}\n{\"n\":1}\n", 16);
	text_free(&t);
}

/* jansson refuses raw control characters and invalid UTF-8, so that parsing is the proof. */
static void check_string(const char *in, const char *expected)
{
	struct text t = text_new(65536);
	struct json j = json_to(&t);
	json_t *v;

	json_put_array(&j, NULL);
	json_put_string(&j, NULL, in);
	json_put_array_end(&j);
	v = parse(&t);
	if (expected)
		assert_string_equal(json_string_value(json_array_get(v, 0)), expected);
	for (size_t i = 0; i < t.used; i++)
		assert_true((unsigned char)t.data[i] >= 0x20 && t.data[i] != 0x7f);
	json_decref(v);
	text_free(&t);
}

static void test_hostile_strings(void **state)
{
	(void)state;
	check_string("line\nfeed\ttab\rreturn", "line\nfeed\ttab\rreturn");
	check_string("\x1b[31mred\x07", "\x1b[31mred\x07");
	check_string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x82\xac",
		     "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x82\xac");
	check_string("\xff", "\xef\xbf\xbd");
	check_string("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
	check_string("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check_string("\xf5\x80\x80\x80", NULL);
	check_string("cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd");
	check_string("bidi \xe2\x80\xae", "bidi \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check_string("c1 \xc2\x9b", "c1 \xef\xbf\xbd\xef\xbf\xbd");
}

static void test_random_bytes(void **state)
{
	char in[64];

	(void)state;
	srand(7);
	for (unsigned n = 0; n < 20000; n++) {
		size_t size = (size_t)rand() % sizeof(in);

		for (size_t i = 0; i < size; i++)
			in[i] = (char)(rand() % 255 + 1);
		in[size] = 0;
		check_string(in, NULL);
	}
}

static void test_a_full_text_fails_once_and_for_all(void **state)
{
	struct text t = text_new(16);

	(void)state;
	text_string(&t, "0123456789");
	text_string(&t, "0123456789");
	assert_true(t.failed);
	text_string(&t, "a");
	assert_int_equal(t.used, 10);
	text_clear(&t);
	text_string(&t, "0123456789abcdef");
	assert_false(t.failed);
	text_free(&t);
}

static void test_decimals_are_exact(void **state)
{
	struct text t = text_new(256);

	(void)state;
	text_decimal(&t, 1500000, 6);
	text_char(&t, ' ');
	text_decimal(&t, 42, 0);
	text_char(&t, ' ');
	text_decimal(&t, 1, 9);
	text_char(&t, ' ');
	text_decimal(&t, UINT64_MAX, 6);
	text_char(&t, ' ');
	text_decimal(&t, 0, 6);
	text_char(&t, 0);
	assert_string_equal(t.data, "1.5 42 0.000000001 18446744073709.551615 0");
	text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_lines_start_anew),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_a_full_text_fails_once_and_for_all),
		cmocka_unit_test(test_decimals_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
