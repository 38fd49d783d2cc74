// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/compile/changes.h: runs are the same in both, and few changes are found as
 * few. */
#include "mesh-config/compile/changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 5000u

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* Returns how many elements the runs have. */
static uint32_t check_runs(const struct changes *c, const uint64_t *old, uint32_t old_count,
			   const uint64_t *new, uint32_t new_count)
{
	uint32_t old_end = 0, new_end = 0, same = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		const struct changes_run *r = &c->runs[i];

		assert_true(r->count && r->old_first >= old_end && r->new_first >= new_end);
		old_end = r->old_first + r->count;
		new_end = r->new_first + r->count;
		assert_true(old_end <= old_count && new_end <= new_count);
		assert_memory_equal(old + r->old_first, new + r->new_first, r->count * 8);
		same += r->count;
	}
	return same;
}

static void equal_sequences_are_one_run(void **state)
{
	uint64_t a[4] = {1, 2, 3, 4};
	struct changes c = {0};

	(void)state;
	assert_int_equal(changes_find(a, 4, a, 4, &c), 0);
	assert_int_equal(c.count, 1);
	assert_int_equal(check_runs(&c, a, 4, a, 4), 4);
	assert_int_equal(changes_find(a, 0, a, 4, &c), 0);
	assert_int_equal(c.count, 0);
	changes_free(&c);
}

static void few_edits_leave_the_rest(void **state)
{
	static uint64_t old[MANY], new[2 * MANY];
	struct changes c = {0};
	uint64_t seed = 7;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		old[i] = i;
	for (int round = 0; round < 200; round++) {
		uint32_t edits = next_random(&seed) % 10, new_count = MANY, at;

		memcpy(new, old, sizeof(old));
		for (uint32_t i = 0; i < edits; i++) {
			at = next_random(&seed) % (new_count - 1);
			if (next_random(&seed) % 2) {
				memmove(new + at + 1, new + at, (new_count++ - at) * 8);
				new[at] = MANY + next_random(&seed);
			} else {
				memmove(new + at, new + at + 1, (--new_count - at) * 8);
			}
		}
		assert_int_equal(changes_find(old, MANY, new, new_count, &c), 0);
		assert_true(check_runs(&c, old, MANY, new, new_count) >= MANY - 2 * edits);
	}
	changes_free(&c);
}

static void one_large_insertion_is_found(void **state)
{
	static uint64_t old[MANY], new[2 * MANY];
	struct changes c = {0};

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		old[i] = new[i < 100 ? i : i + MANY] = i;
	for (uint32_t i = 0; i < MANY; i++)
		new[100 + i] = MANY + i;
	assert_int_equal(changes_find(old, MANY, new, 2 * MANY, &c), 0);
	assert_int_equal(check_runs(&c, old, MANY, new, 2 * MANY), MANY);
	changes_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_sequences_are_one_run),
		cmocka_unit_test(few_edits_leave_the_rest),
		cmocka_unit_test(one_large_insertion_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
