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
#define GENERATION 3u /* blocks of one */

/* How many of what was kept there was too much of. */
static unsigned trim(void)
{
	unsigned count = 0;

	while (blocks_trim())
		assert_true(++count <= 2 * GENERATION);
	return count;
}

/* Whether the block is in memory, though nothing was written to it since it was taken. */
static bool is_ready(const char *block, size_t bytes)
{
	uintptr_t first = ((uintptr_t)block + PAGE - 1) / PAGE * PAGE;
	size_t pages = ((uintptr_t)block + bytes - first) / PAGE, count = 0;
	cleanup_free unsigned char *in = malloc(pages);

	assert_int_equal(mincore((void *)first, pages * PAGE, in), 0);
	for (size_t i = 0; i < pages; i++)
		count += in[i] & 1;
	return count == pages;
}

static const size_t sizes[GENERATION] = {LARGE, LARGE / 2, SMALL};

static void build(char *blocks[GENERATION])
{
	blocks_begin();
	for (unsigned i = 0; i < GENERATION; i++) {
		blocks[i] = block_new(sizes[i]);
		assert_non_null(blocks[i]);
	}
}

/* What is freed was written to. */
static void drop(char *blocks[GENERATION])
{
	for (unsigned i = 0; i < GENERATION; i++) {
		memset(blocks[i], 1, sizes[i]);
		block_free(blocks[i]);
	}
}

/* Of this test alone: nothing is left of the one before. */
static int begin_anew(void **state)
{
	(void)state;
	blocks_forget();
	trim();
	return 0;
}

/* The pages are the witness: they are in memory before anything is written to them. */
static void what_is_dropped_serves_again(void **state)
{
	char *last[GENERATION], *next[GENERATION];

	(void)state;
	build(last);
	build(next);
	drop(last);
	assert_int_equal(trim(), 0);
	build(last);
	assert_true(is_ready(last[0], LARGE));
	assert_true(is_ready(last[1], LARGE / 2));
	drop(last);
	drop(next);
}

/* With some rows more too. */
static void sizes_need_not_be_equal(void **state)
{
	char *last[GENERATION], *more;

	(void)state;
	build(last);
	drop(last);
	blocks_begin();
	more = block_new(LARGE + LARGE / 16);
	assert_true(is_ready(more, LARGE));
	block_free(more);
}

/* Builds of two kinds that take turns. */
static void the_build_before_the_last_counts_too(void **state)
{
	char *last[GENERATION], *small, *large;

	(void)state;
	build(last);
	drop(last);
	blocks_begin();
	small = block_new(SMALL);
	assert_int_equal(trim(), 0);
	blocks_begin();
	large = block_new(LARGE);
	assert_true(is_ready(large, LARGE));
	block_free(small);
	block_free(large);
}

/* No more than the last two builds took. */
static void what_is_not_needed_is_given_back(void **state)
{
	char *last[GENERATION], *next[GENERATION];

	(void)state;
	build(last);
	drop(last);
	blocks_begin();
	assert_int_equal(trim(), 0);
	blocks_begin();
	assert_int_equal(trim(), 2);
	build(next);
	assert_false(is_ready(next[0], LARGE));
	drop(next);
	blocks_forget();
	assert_int_equal(trim(), 2);
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
		cmocka_unit_test_setup(what_is_dropped_serves_again, begin_anew),
		cmocka_unit_test_setup(sizes_need_not_be_equal, begin_anew),
		cmocka_unit_test_setup(the_build_before_the_last_counts_too, begin_anew),
		cmocka_unit_test_setup(what_is_not_needed_is_given_back, begin_anew),
		cmocka_unit_test(blocks_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
