// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When an exchange begins and ends at each of its ends. */
#include "datapath/observe/world_events_test.h"

#define REQUEST "GET /first HTTP/1.1\r\nHost: test\r\n\r\n"
#define ANSWER	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* |ms| from when the request was at |reporter|'s end. */
static void assert_lasted(const struct request *r, uint64_t first_byte_ms, uint64_t ms)
{
	assert_non_null(r);
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(r->first_byte_ns - r->start_ns, first_byte_ms * MS);
	assert_int_equal(r->end_ns - r->start_ns, ms * MS);
}

/* The server's end begins after the client has sent something. */
static void world_open_late(struct world *w)
{
	struct weft_open open = world_open_record(w, true);

	open.ingress_seq = CLIENT_SEQ;
	world_give(w, &open, sizeof(open));
}

/* The arrival that the server's end is told with its own beginning. */
static void world_arrived_before(struct world *w, uint64_t before_ns, uint32_t bytes)
{
	w->now_ns -= before_ns;
	world_mark(w, SERVER, w->client_seq, bytes);
	w->arrived_seq[0] = w->client_seq;
	w->now_ns += before_ns;
}

/* The request comes with what establishes the connection (TCP_DEFER_ACCEPT, TCP Fast Open): it has
 * left before the server's end begins. */
static void test_request_before_the_server(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_open(w, false);
	world_send(w, false, REQUEST);
	w->now_ns += 2 * MS;
	world_open_late(w);
	world_arrived_before(w, MS, strlen(REQUEST));
	w->now_ns += 3 * MS;
	world_send(w, true, ANSWER);
	w->now_ns += MS;
	world_arrive(w, true);
	assert_lasted(world_request(w, REPORTER_SOURCE, 0), 6, 6);
	assert_lasted(world_request(w, REPORTER_DESTINATION, 0), 4, 4);
	world_free(w);
}

/* In two packets, and the end of the second arrives later. */
static void test_upload_before_the_server(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_open(w, false);
	world_send(w, false, "POST /first HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
	world_send(w, false, "body");
	world_open_late(w);
	world_mark(w, SERVER, w->client_seq - 4, w->client_seq - 4 - CLIENT_SEQ);
	w->now_ns += 2 * MS;
	world_mark(w, SERVER, w->client_seq, 4);
	w->now_ns += MS;
	world_send(w, true, ANSWER);
	world_arrive(w, true);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_lasted(r, 3, 3);
	assert_int_equal(r->request_end_ns - r->start_ns, 2 * MS);
	world_free(w);
}

/* What the record lacks it says. */
static void test_arrival_lost_before_the_server(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_open(w, false);
	world_send(w, false, REQUEST);
	world_open_late(w);
	world_send(w, true, ANSWER);
	world_arrive(w, true);
	assert_lasted(world_request(w, REPORTER_SOURCE, 0), 0, 0);
	world_tick(w, 3000 * MS);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_non_null(r);
	assert_int_equal(r->start_ns, 0);
	assert_int_equal(r->incomplete, REQUEST_GAP(TIMES));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_before_the_server),
		cmocka_unit_test(test_upload_before_the_server),
		cmocka_unit_test(test_arrival_lost_before_the_server),
	};

	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
