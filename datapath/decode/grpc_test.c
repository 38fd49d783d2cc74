// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// gRPC messages, counted by their prefixes.
#include "datapath/decode/grpc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t three_messages[] = "\0\0\0\0\3abc\1\0\0\0\0\0\0\0\0\1z";
#define SIZE (sizeof(three_messages) - 1)

static void content_types(void **state)
{
	(void)state;
	assert_true(grpc_content_type(SLICE("application/grpc")));
	assert_true(grpc_content_type(SLICE("application/grpc+proto")));
	assert_true(grpc_content_type(SLICE("application/grpc; a=b")));
	assert_false(grpc_content_type(SLICE("application/grpc-web")));
	assert_false(grpc_content_type(SLICE("application/grp")));
	assert_false(grpc_content_type((struct slice){0}));
}

static void every_split(void **state)
{
	(void)state;
	for (size_t split = 0; split <= SIZE; split++) {
		struct grpc_prefixes g = {.counting = true};
		uint32_t begun = grpc_prefixes_take(&g, three_messages, split);

		begun += grpc_prefixes_take(&g, three_messages + split, SIZE - split);
		assert_int_equal(begun, 3);
		assert_true(g.counting && !grpc_prefixes_skippable(&g));
	}
}

/* Each gap either leaves the count right or ends it. */
static void every_gap(void **state)
{
	(void)state;
	for (size_t from = 0; from < SIZE; from++) {
		for (size_t to = from + 1; to <= SIZE; to++) {
			struct grpc_prefixes g = {.counting = true};
			uint32_t begun = grpc_prefixes_take(&g, three_messages, from);
			bool harmless = to - from <= grpc_prefixes_skippable(&g);

			begun += grpc_prefixes_take(&g, NULL, to - from);
			begun += grpc_prefixes_take(&g, three_messages + to, SIZE - to);
			assert_int_equal(g.counting, harmless);
			assert_true(harmless ? begun == 3 : begun <= 3);
		}
	}
}

static void not_a_prefix(void **state)
{
	struct grpc_prefixes g = {.counting = true};

	(void)state;
	assert_int_equal(grpc_prefixes_take(&g, (const uint8_t *)"\2\0\0\0\0", 5), 0);
	assert_false(g.counting);
	assert_int_equal(grpc_prefixes_take(&g, three_messages, SIZE), 0);
	assert_true(grpc_prefixes_skippable(&g) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_types),
		cmocka_unit_test(every_split),
		cmocka_unit_test(every_gap),
		cmocka_unit_test(not_a_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
