// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of base/blocks.h: what is ready before it is asked for. */
#include "base/blocks.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define PAGE	   4096u
#define LARGE	   ((size_t)8 << 20)
#define SMALL	   1024u
#define PARTS_MAX  (4 * LARGE / (256 << 10)) /* of what these tests take */
#define GENERATION 3u			     /* blocks of one */

static void prepare_all(void)
{
	size_t parts = 0;

	while (blocks_prepare())
		assert_true(++parts < PARTS_MAX);
}

/* How many pages of the block are in memory. */
static size_t resident(const char *block, size_t bytes)
{
	uintptr_t first = ((uintptr_t)block + PAGE - 1) / PAGE * PAGE;
	size_t pages = ((uintptr_t)block + bytes - first) / PAGE, count = 0;
	cleanup_free unsigned char *in = malloc(pages);

	assert_int_equal(mincore((void *)first, pages * PAGE, in), 0);
	for (size_t i = 0; i < pages; i++)
		count += in[i] & 1;
	return count;
}

static size_t pages_of(size_t bytes)
{
	return bytes / PAGE - 1;
}

static void build(char *blocks[GENERATION])
{
	blocks_begin();
	blocks[0] = block_new(LARGE);
	blocks[1] = block_new(LARGE / 2);
	blocks[2] = block_new(SMALL);
	for (unsigned i = 0; i < GENERATION; i++)
		assert_non_null(blocks[i]);
}

/* What is freed was written to. */
static void drop(char *blocks[GENERATION])
{
	static const size_t sizes[GENERATION] = {LARGE, LARGE / 2, SMALL};

	for (unsigned i = 0; i < GENERATION; i++) {
		memset(blocks[i], 1, sizes[i]);
		block_free(blocks[i]);
	}
}

/* The pages are the witness: they are in memory before anything is written to them. */
static void the_next_build_finds_memory(void **state)
{
	char *last[GENERATION], *next[GENERATION];

	(void)state;
	build(last);
	prepare_all();
	build(next);
	assert_true(resident(next[0], LARGE) >= pages_of(LARGE));
	assert_true(resident(next[1], LARGE / 2) >= pages_of(LARGE / 2));
	drop(last);
	drop(next);
}

/* With some rows more too. */
static void sizes_need_not_be_equal(void **state)
{
	char *last[GENERATION], *more;

	(void)state;
	build(last);
	prepare_all();
	more = block_new(LARGE + LARGE / 16);
	assert_true(resident(more, LARGE) >= pages_of(LARGE));
	drop(last);
	block_free(more);
}

static void what_is_dropped_serves_again(void **state)
{
	char *last[GENERATION], *next[GENERATION];

	(void)state;
	build(last);
	prepare_all();
	memset(last[0], 1, LARGE);
	build(next);
	drop(last);
	assert_false(blocks_prepare()); /* nothing is missing */
	build(last);
	assert_true(resident(last[0], LARGE) >= pages_of(LARGE));
	drop(last);
	drop(next);
}

/* Builds of two kinds that take turns. */
static void the_build_before_the_last_counts_too(void **state)
{
	char *last[GENERATION], *small, *large;

	(void)state;
	build(last);
	drop(last);
	prepare_all();
	blocks_begin();
	small = block_new(SMALL);
	prepare_all();
	blocks_begin();
	large = block_new(LARGE);
	assert_true(resident(large, LARGE) >= pages_of(LARGE));
	block_free(small);
	block_free(large);
}

/* Though a build of another kind was the last. */
static void what_is_expected_is_ready_and_nothing_else(void **state)
{
	char *last[GENERATION], *larger, *large;

	(void)state;
	build(last);
	blocks_forget();
	blocks_expect(LARGE * 2);
	prepare_all();
	blocks_begin();
	larger = block_new(LARGE * 2);
	assert_true(resident(larger, LARGE * 2) >= pages_of(LARGE * 2));
	large = block_new(LARGE);
	assert_true(resident(large, LARGE) < pages_of(LARGE));
	drop(last);
	block_free(larger);
	block_free(large);
}

/* No more than the last two builds took. */
static void what_is_not_needed_is_given_back(void **state)
{
	char *last[GENERATION], *small;

	(void)state;
	build(last);
	drop(last);
	prepare_all();
	blocks_begin();
	blocks_begin();
	small = block_new(SMALL);
	assert_true(blocks_prepare());
	prepare_all();
	build(last);
	assert_true(resident(last[0], LARGE) < pages_of(LARGE));
	drop(last);
	block_free(small);
}

static void blocks_grow(void **state)
{
	char *block = block_resize(NULL, SMALL), *same;

	(void)state;
	memset(block, 7, SMALL);
	block = block_resize(block, LARGE);
	same = block_resize(block, LARGE + 1);
	assert_ptr_equal(block, same);
	for (unsigned i = 0; i < SMALL; i++)
		assert_int_equal(same[i], 7);
	same[LARGE] = 7;
	block_free(same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_build_finds_memory),
		cmocka_unit_test(sizes_need_not_be_equal),
		cmocka_unit_test(what_is_dropped_serves_again),
		cmocka_unit_test(the_build_before_the_last_counts_too),
		cmocka_unit_test(what_is_expected_is_ready_and_nothing_else),
		cmocka_unit_test(what_is_not_needed_is_given_back),
		cmocka_unit_test(blocks_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
