// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table against an array that says who is in it, for keys of every kind of size. */
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS	 64
#define CAPACITY 40
#define KEY_MAX	 32

struct entry {
	uint8_t key[KEY_MAX];
	uint32_t value;
};

/* Keys that differ in one byte, at the front or at the end. */
static void key_build(unsigned number, size_t key_bytes, uint8_t key[KEY_MAX])
{
	memset(key, 7, KEY_MAX);
	key[number % 2 ? 0 : key_bytes - 1] = (uint8_t)(16 + number);
}

static void check_all(struct table *t, size_t key_bytes, struct entry *const expected[KEYS])
{
	uint8_t key[KEY_MAX];

	for (unsigned i = 0; i < KEYS; i++) {
		key_build(i, key_bytes, key);
		assert_ptr_equal(table_find(t, key), expected[i]);
		if (expected[i])
			assert_int_equal(expected[i]->value, i);
	}
}

static void change(struct table *t, size_t key_bytes, unsigned number, struct entry **entry)
{
	uint8_t key[KEY_MAX];

	key_build(number, key_bytes, key);
	if (*entry) {
		table_remove(t, *entry);
		*entry = NULL;
	} else {
		*entry = table_insert(t, key);
		assert_true(*entry || table_count(t) == CAPACITY);
	}
	if (*entry)
		(*entry)->value = number;
}

static void check_size(size_t key_bytes)
{
	struct table *t = table_new(CAPACITY, sizeof(struct entry), key_bytes, 42);
	struct entry *expected[KEYS] = {0};

	assert_non_null(t);
	for (int round = 0; round < 2000; round++) {
		unsigned number = (unsigned)rand() % KEYS;

		change(t, key_bytes, number, &expected[number]);
		check_all(t, key_bytes, expected);
	}
	table_free(t);
}

static void test_find(void **state)
{
	static const size_t sizes[] = {4, 8, 12, 16, 24, 32};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_size(sizes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_find)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
