// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Huffman's padding: what is found to be too long is, by the word of libnghttp2, and nothing else.
#include "datapath/decode/huffman.h"

#include <nghttp2/nghttp2.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool nghttp2_takes(const uint8_t *coded, size_t size_bytes)
{
	uint8_t field[64] = {0x00, 1, 'a', (uint8_t)(0x80 | size_bytes)};
	nghttp2_hd_inflater *inflater;
	int flags = 0;
	nghttp2_nv nv;
	ssize_t used;

	assert_true(size_bytes < 60);
	memcpy(field + 4, coded, size_bytes);
	assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
	used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, field, size_bytes + 4, 1);
	nghttp2_hd_inflate_del(inflater);
	return used >= 0;
}

static uint32_t excess_of(const uint8_t *coded, size_t size_bytes)
{
	return huffman_excess_bytes((struct slice){(const char *)coded, size_bytes});
}

/* Strings of any bytes with so many more of the padding. */
static void random_strings(void **state)
{
	uint32_t seen[5] = {0};
	uint8_t coded[16];

	(void)state;
	srand(1);
	for (int round = 0; round < 300000; round++) {
		size_t size = (size_t)rand() % 8, padding = (size_t)rand() % 5;
		uint32_t excess;

		for (size_t i = 0; i < size; i++)
			coded[i] = (uint8_t)(rand() >> 8);
		memset(coded + size, 0xff, padding);
		excess = excess_of(coded, size + padding);
		assert_true(excess <= 3);
		seen[excess]++;
		if (excess) {
			assert_false(nghttp2_takes(coded, size + padding));
			assert_true(nghttp2_takes(coded, size + padding - excess));
		}
	}
	for (int excess = 0; excess <= 3; excess++)
		assert_true(seen[excess] > 1000);
}

/* Every padding of what is coded right is measured. */
static void paddings(void **state)
{
	static const char *const strings[] = {"\x1f", "\x1c\x64", "\xff\xff\xff\xef", ""};
	uint8_t coded[8];

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		size_t size = strlen(strings[i]);

		memcpy(coded, strings[i], size);
		memset(coded + size, 0xff, sizeof(coded) - size);
		assert_true(nghttp2_takes(coded, size));
		for (size_t extra = 0; extra < 3; extra++)
			assert_int_equal(excess_of(coded, size + extra), extra);
		assert_int_equal(excess_of(coded, size + 4), 0); /* the end of a string */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_strings),
		cmocka_unit_test(paddings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
