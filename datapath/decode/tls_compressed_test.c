// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compressed certificates: each algorithm by its own library's compressor, cut, endless, torn. */
#include "datapath/decode/tls_compressed.h"

#include <brotli/encode.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#define MESSAGE_BYTES 40000
#define HEAD_BYTES    8

static char message[MESSAGE_BYTES];
static char body[HEAD_BYTES + 2 * MESSAGE_BYTES];

static int make_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (char)(i * i / 7 % 251);
	return 0;
}

static size_t compress_by(uint16_t algorithm, size_t size_bytes)
{
	uint8_t *to = (uint8_t *)body + HEAD_BYTES;
	size_t bytes = sizeof(body) - HEAD_BYTES;
	uLongf zlib_bytes = bytes;

	switch (algorithm) {
	case 1:
		assert_int_equal(compress(to, &zlib_bytes, (Bytef *)message, size_bytes), Z_OK);
		return zlib_bytes;
	case 2:
		assert_true(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, size_bytes,
						  (uint8_t *)message, &bytes, to));
		return bytes;
	default:
		bytes = ZSTD_compress(to, bytes, message, size_bytes, 3);
		assert_false(ZSTD_isError(bytes));
		return bytes;
	}
}

/* A whole message body. */
static struct slice compressed(uint16_t algorithm, size_t size_bytes)
{
	size_t bytes = compress_by(algorithm, size_bytes);
	uint8_t head[HEAD_BYTES] = {(uint8_t)(algorithm >> 8),	 (uint8_t)algorithm,
				    (uint8_t)(size_bytes >> 16), (uint8_t)(size_bytes >> 8),
				    (uint8_t)size_bytes,	 (uint8_t)(bytes >> 16),
				    (uint8_t)(bytes >> 8),	 (uint8_t)bytes};

	memcpy(body, head, sizeof(head));
	return (struct slice){body, HEAD_BYTES + bytes};
}

static void expect_beginning(struct slice from, size_t room, size_t least)
{
	char *out = malloc(room);
	size_t bytes;

	assert_int_equal(tls_compressed_read(from, out, room, &bytes), 0);
	assert_true(bytes >= least);
	assert_memory_equal(out, message, bytes);
	free(out);
}

static void test_each_algorithm(void **state)
{
	(void)state;
	for (uint16_t algorithm = 1; algorithm <= 3; algorithm++) {
		expect_beginning(compressed(algorithm, 900), 16384, 900);
		expect_beginning(compressed(algorithm, MESSAGE_BYTES), 16384, 16384);
	}
}

/* The chain's first certificate is in what has come. */
static void test_cut(void **state)
{
	(void)state;
	for (uint16_t algorithm = 1; algorithm <= 3; algorithm++)
		for (size_t cut = 0; cut < 300; cut++) {
			struct slice s = compressed(algorithm, 900);

			s.size_bytes -= cut < s.size_bytes - HEAD_BYTES ? cut : 0;
			expect_beginning(s, 16384, 0);
		}
}

static void test_refused(void **state)
{
	char out[100];
	size_t bytes;

	(void)state;
	compressed(1, 900);
	body[1] = 9;
	assert_int_equal(tls_compressed_read((struct slice){body, 100}, out, 100, &bytes),
			 -ENOTSUP);
	assert_int_equal(tls_compressed_read((struct slice){body, 7}, out, 100, &bytes), -EBADMSG);
	for (uint16_t algorithm = 1; algorithm <= 3; algorithm++) {
		struct slice s = compressed(algorithm, 900);

		memset(body + HEAD_BYTES, 0xff, s.size_bytes - HEAD_BYTES);
		assert_int_equal(tls_compressed_read(s, out, sizeof(out), &bytes), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_algorithm),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, make_message, NULL);
}
