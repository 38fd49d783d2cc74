// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/compile/maglev.h: shares by weight, and who stays when one leaves. */
#include "mesh-config/compile/maglev.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SLOTS	65537u
#define MEMBERS 100u

static void make_members(struct maglev_member *members, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		members[i] = (struct maglev_member){.key = 1000 + i, .weight = 1};
}

static void count_slots(const uint32_t *table, uint32_t slots, uint32_t *counts)
{
	for (uint32_t i = 0; i < slots; i++)
		counts[table[i]]++;
}

static void equal_weights_have_equal_shares(void **state)
{
	cleanup_free uint32_t *table = calloc(SLOTS, sizeof(*table));
	struct maglev_member members[MEMBERS];
	uint32_t counts[MEMBERS] = {0};

	(void)state;
	make_members(members, MEMBERS);
	assert_int_equal(maglev_build(members, MEMBERS, SLOTS, table), 0);
	count_slots(table, SLOTS, counts);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_in_range(counts[i], SLOTS / MEMBERS, SLOTS / MEMBERS + 1);
}

static void weights_are_shares(void **state)
{
	cleanup_free uint32_t *table = calloc(SLOTS, sizeof(*table));
	struct maglev_member members[4];
	uint32_t counts[4] = {0};

	(void)state;
	make_members(members, 4);
	for (uint32_t i = 0; i < 4; i++)
		members[i].weight = i + 1;
	assert_int_equal(maglev_build(members, 4, SLOTS, table), 0);
	count_slots(table, SLOTS, counts);
	for (uint32_t i = 0; i < 4; i++)
		assert_in_range(counts[i], SLOTS * (i + 1) / 10 - 2, SLOTS * (i + 1) / 10 + 3);
}

/* Of the slots that were not the leaver's, at least 99 % keep their owner. */
static void leave_one(uint32_t leaver)
{
	cleanup_free uint32_t *before = calloc(SLOTS, sizeof(*before));
	cleanup_free uint32_t *after = calloc(SLOTS, sizeof(*after));
	struct maglev_member members[MEMBERS], rest[MEMBERS];
	uint32_t untouched = 0, stayed = 0;

	make_members(members, MEMBERS);
	for (uint32_t i = 0, n = 0; i < MEMBERS; i++)
		if (i != leaver)
			rest[n++] = members[i];
	assert_int_equal(maglev_build(members, MEMBERS, SLOTS, before), 0);
	assert_int_equal(maglev_build(rest, MEMBERS - 1, SLOTS, after), 0);
	for (uint32_t i = 0; i < SLOTS; i++) {
		if (before[i] == leaver)
			continue;
		untouched++;
		stayed += members[before[i]].key == rest[after[i]].key;
	}
	assert_true(stayed * 100ull >= untouched * 99ull);
}

static void assignments_of_others_stay_when_one_leaves(void **state)
{
	(void)state;
	for (uint32_t leaver = 0; leaver < MEMBERS; leaver += 11)
		leave_one(leaver);
}

static void small_tables_are_filled(void **state)
{
	struct maglev_member members[251];
	uint32_t table[251], counts[251] = {0};

	(void)state;
	make_members(members, 251);
	assert_int_equal(maglev_build(members, 251, 251, table), 0);
	count_slots(table, 251, counts);
	for (uint32_t i = 0; i < 251; i++)
		assert_int_equal(counts[i], 1);
}

static void primes_are_not_above_the_wish(void **state)
{
	(void)state;
	assert_int_equal(maglev_prime(100000), 65537);
	assert_int_equal(maglev_prime(65536), 16381);
	assert_int_equal(maglev_prime(250), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_have_equal_shares),
		cmocka_unit_test(weights_are_shares),
		cmocka_unit_test(assignments_of_others_stay_when_one_leaves),
		cmocka_unit_test(small_tables_are_filled),
		cmocka_unit_test(primes_are_not_above_the_wish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
