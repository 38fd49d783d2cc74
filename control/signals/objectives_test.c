// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which requests meet an objective. */
#include "control/signals/objectives.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000ull

static const struct identity cart = {.service = "cart.mesh"}, till = {.service = "till.mesh"};

static struct request request(uint16_t status, uint64_t took_ms)
{
	return (struct request){.reporter = REPORTER_DESTINATION,
				.destination = &cart,
				.path = "/buy/1",
				.status = status,
				.start_ns = MS,
				.end_ns = (1 + took_ms) * MS};
}

static void expect(const struct objective_count *c, uint64_t good, uint64_t bad, uint64_t unknown)
{
	const uint64_t *n = c->requests[REPORTER_DESTINATION];

	assert_int_equal(n[OBJECTIVE_GOOD], good);
	assert_int_equal(n[OBJECTIVE_BAD], bad);
	assert_int_equal(n[OBJECTIVE_UNKNOWN], unknown);
}

static void good_is_fast_enough_and_no_error(void **state)
{
	const struct objective rows[] = {
		{.name = "shop/all", .service = "cart.mesh"},
		{.name = "shop/fast",
		 .service = "cart.mesh",
		 .path_prefix = "/buy/",
		 .latency_ns = 50 * MS},
	};
	struct request requests[] = {request(200, 50), request(404, 51), request(503, 1),
				     request(0, 1),    request(0, 1),	 request(200, 1),
				     request(200, 1),  request(200, 0)};
	struct objectives all = {0};

	(void)state;
	assert_int_equal(objectives_set(&all, rows, 2), 0);
	requests[4].incomplete = REQUEST_GAP(LOST);
	requests[5].destination = &till;
	memcpy(requests[6].path, "/look", 6);
	requests[7].start_ns = 0;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		objectives_request(&all, &requests[i]);
	expect(&all.items[0], 4, 2, 1);
	expect(&all.items[1], 1, 3, 2);
	assert_int_equal(objectives_set(&all, rows + 1, 1), 0);
	expect(&all.items[0], 1, 3, 2);
	objectives_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good_is_fast_enough_and_no_error)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
