// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A server's end that speaks before its client's is there. */
#include "datapath/observe/http1_world_test.h"

#define GET_BYTES ((uint32_t)strlen(GET))

static void open_awaited(struct world *w)
{
	struct weft_open open = world_open_record(w, true);

	open.flags = WEFT_OPEN_AWAITED;
	world_give(w, &open, sizeof(open));
}

/* The request came with the SYN and is answered; its content is told where it was sent. The record
 * that the client's end opens with. */
static struct weft_open answer(struct world *w)
{
	struct weft_open client = world_open_record(w, false);

	open_awaited(w);
	w->client_seq += GET_BYTES;
	world_arrive(w, false);
	w->now_ns += MS;
	world_send(w, true, OK_HELLO);
	return client;
}

static void test_both_report(void **state)
{
	struct world *w = world_new();
	const struct request *r;
	uint64_t t0 = w->now_ns;
	struct weft_open client;

	(void)state;
	client = answer(w);
	world_close(w, true, 0);
	world_tick(w, 200 * MS);
	assert_int_equal(w->request_count, 0);
	world_give(w, &client, sizeof(client));
	world_segment(w, CLIENT, WEFT_EGRESS, client.egress_seq, GET, GET_BYTES);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 2);
	for (unsigned side = 0; side < 2; side++) {
		r = world_request(w, side, 0);
		assert_request(r, "GET", "/hello?name=", 200);
		assert_int_equal(r->incomplete, 0);
	}
	assert_int_equal(world_request(w, REPORTER_DESTINATION, 0)->start_ns, t0);
	assert_int_equal(world_request(w, REPORTER_DESTINATION, 0)->end_ns, t0 + MS);
	assert_int_equal(world_request(w, REPORTER_SOURCE, 0)->end_ns, t0 + 201 * MS);
	world_close(w, false, 0);
	assert_int_equal(world_counts(w)->connections, 0);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* The SYN's payload was lost on the way to here. */
static void test_client_says_nothing(void **state)
{
	struct world *w = world_new();
	struct weft_open client;

	(void)state;
	client = answer(w);
	world_give(w, &client, sizeof(client));
	world_arrive(w, true);
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_int_equal(world_counts(w)->connections, 0);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNKNOWN_CONNECTION], 0);
	world_free(w);
}

static void test_client_does_not_come(void **state)
{
	struct world *w = world_new();

	(void)state;
	open_awaited(w);
	world_segment(w, SERVER, WEFT_INGRESS, w->client_seq, GET, GET_BYTES);
	world_send(w, true, OK_HELLO);
	world_tick(w, 2900 * MS);
	assert_int_equal(w->request_count, 0);
	world_tick(w, 200 * MS);
	assert_int_equal(w->request_count, 1);
	assert_request(world_request(w, REPORTER_DESTINATION, 0), "GET", "/hello?name=", 200);
	world_close(w, true, 0);
	assert_int_equal(world_counts(w)->connections, 0);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* What waits is bounded. */
static void test_much(void **state)
{
	static char body[1 << 15];
	struct world *w = world_new();

	(void)state;
	open_awaited(w);
	world_segment(w, SERVER, WEFT_INGRESS, w->client_seq, GET, GET_BYTES);
	world_send(w, true, OK_HEAD("327680"));
	for (int i = 0; i < 10; i++)
		world_send_bytes(w, true, body, sizeof(body));
	assert_int_equal(w->request_count, 1);
	assert_int_equal(world_request(w, REPORTER_DESTINATION, 0)->response_bytes, 327680);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_freed(void **state)
{
	struct world *w = world_new();

	(void)state;
	answer(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_report),
		cmocka_unit_test(test_client_says_nothing),
		cmocka_unit_test(test_client_does_not_come),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
