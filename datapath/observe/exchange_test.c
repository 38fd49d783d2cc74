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

/* ---- requests that the client gives up */

/* The request is at both ends, a millisecond apart, and not answered for 300 ms. */
static struct world *world_asked(const char *answer)
{
	struct world *w = world_new();

	world_pair(w);
	world_send(w, false, REQUEST);
	w->now_ns += MS;
	world_arrive(w, false);
	if (answer) {
		world_send(w, true, answer);
		world_arrive(w, true);
	}
	w->now_ns += 299 * MS;
	return w;
}

/* |ms| 0: not known, and it says so. */
static void assert_given_up(const struct request *r, uint64_t ms)
{
	assert_non_null(r);
	assert_int_equal(r->flags, RESPONSE_FLAG(DC));
	assert_int_equal(r->incomplete, ms ? 0 : REQUEST_GAP(TIMES));
	assert_int_equal(r->end_ns, ms ? r->start_ns + ms * MS : 0);
}

/* It closes; the FIN is there 2 ms later and has its ACK when the server's TCP likes. */
static void test_given_up(void **state)
{
	struct world *w = world_asked(NULL);

	(void)state;
	world_leave(w, false, WEFT_CLOSE_LEFT);
	assert_given_up(world_request(w, REPORTER_SOURCE, 0), 300);
	assert_null(world_request(w, REPORTER_DESTINATION, 0));
	w->now_ns += 2 * MS;
	world_leave(w, true, WEFT_CLOSE_PEER_LEFT);
	w->now_ns += 40 * MS;
	world_close(w, false, WEFT_END_LEFT);
	assert_given_up(world_request(w, REPORTER_DESTINATION, 0), 301);
	world_close(w, true, WEFT_END_PEER_FIRST | WEFT_END_PEER_LEFT);
	assert_int_equal(w->request_count, 2);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* The FIN never arrives. The connection is no living one of that program meanwhile. */
static void test_given_up_when_the_peer_is_gone(void **state)
{
	struct world *w = world_asked(NULL);
	const struct connection *c;

	(void)state;
	world_leave(w, false, WEFT_CLOSE_LEFT);
	assert_given_up(world_request(w, REPORTER_SOURCE, 0), 300);
	world_tick(w, 200 * MS);
	c = world_connection(w, REPORTER_SOURCE, CONNECTION_ALIVE);
	assert_non_null(c);
	assert_true(c->closing);
	assert_null(world_connection(w, REPORTER_DESTINATION, CONNECTION_ALIVE));
	world_tick(w, 17000 * MS);
	assert_null(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED));
	world_close(w, false, WEFT_END_LEFT | WEFT_END_TIMEOUT);
	assert_non_null(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED));
	assert_given_up(world_request(w, REPORTER_DESTINATION, 0), 0);
	assert_int_equal(w->request_count, 2);
	world_free(w);
}

/* What the server does then is so for the server. */
static void test_given_up_and_answered(void **state)
{
	struct world *w = world_asked(NULL);

	(void)state;
	world_leave(w, false, WEFT_CLOSE_LEFT);
	w->now_ns += 2 * MS;
	world_leave(w, true, WEFT_CLOSE_PEER_LEFT);
	w->now_ns += 3 * MS;
	world_send(w, true, ANSWER);
	world_arrive(w, true);
	world_close(w, false, WEFT_END_LEFT | WEFT_END_RESET_SENT);
	world_close(w, true, WEFT_END_RESET_RECEIVED);
	assert_given_up(world_request(w, REPORTER_SOURCE, 0), 300);
	assert_lasted(world_request(w, REPORTER_DESTINATION, 0), 304, 304);
	assert_int_equal(world_request(w, REPORTER_DESTINATION, 0)->status, 200);
	assert_int_equal(world_request(w, REPORTER_DESTINATION, 0)->flags, 0);
	assert_int_equal(w->request_count, 2);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* A client that only sends no more reads its answer. */
static void test_half_closed(void **state)
{
	struct world *w = world_asked(NULL);

	(void)state;
	world_leave(w, true, WEFT_CLOSE_PEER_LEFT);
	w->now_ns += 10 * MS;
	world_send(w, true, ANSWER);
	world_arrive(w, true);
	assert_lasted(world_request(w, REPORTER_SOURCE, 0), 310, 310);
	assert_lasted(world_request(w, REPORTER_DESTINATION, 0), 309, 309);
	assert_int_equal(world_request(w, REPORTER_SOURCE, 0)->status, 200);
	world_free(w);
}

/* In the middle of an answer whose body is left out. */
static void test_given_up_in_a_body(void **state)
{
	struct world *w = world_asked("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
	const struct request *r;

	(void)state;
	world_skip(w, true, 3000);
	world_leave(w, false, WEFT_CLOSE_LEFT);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_given_up(r, 300);
	assert_int_equal(r->status, 200);
	assert_int_equal(r->response_bytes, 3000);
	world_skip(w, true, 2000);
	world_skip_end(w, true);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_non_null(r);
	assert_int_equal(r->flags, 0);
	assert_int_equal(r->response_bytes, 5000);
	world_free(w);
}

/* An answer of which only the record of its end is lost was read: it is told when all is known. */
static void test_left_behind_an_answer(void **state)
{
	struct world *w = world_asked("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");

	(void)state;
	world_skip(w, true, 5000);
	world_leave(w, false, WEFT_CLOSE_LEFT);
	assert_int_equal(w->request_count, 0);
	world_close(w, false, WEFT_END_LEFT);
	assert_int_equal(w->request_count, 2);
	assert_int_equal(w->requests[0].flags | w->requests[1].flags, 0);
	assert_int_equal(w->requests[0].response_bytes, 5000);
	world_free(w);
}

/* Before an upload has ended. */
static void test_given_up_in_an_upload(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_open(w, false);
	world_send(w, false, "POST /first HTTP/1.1\r\nContent-Length: 5000\r\n\r\n");
	world_skip(w, false, 2000);
	w->now_ns += 7 * MS;
	world_leave(w, false, WEFT_CLOSE_LEFT);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_non_null(r);
	assert_int_equal(r->flags, RESPONSE_FLAG(DC));
	assert_int_equal(r->incomplete, REQUEST_GAP(UPLOAD));
	assert_int_equal(r->request_bytes, 2000);
	assert_int_equal(r->end_ns - r->start_ns, 7 * MS);
	world_free(w);
}

/* What tells when is lost: nothing false is said instead. */
static void test_leaving_is_lost(void **state)
{
	struct world *w = world_asked(NULL);

	(void)state;
	w->now_ns += 40 * MS;
	world_close(w, false, WEFT_END_LEFT);
	assert_given_up(world_request(w, REPORTER_SOURCE, 0), 0);
	world_free(w);
}

/* The server closes, and the client's TCP takes its time with the ACK. */
static void test_server_leaves(void **state)
{
	struct world *w = world_asked(NULL);
	const struct request *r;

	(void)state;
	world_leave(w, true, WEFT_CLOSE_LEFT);
	w->now_ns += MS;
	world_leave(w, false, WEFT_CLOSE_PEER_LEFT);
	w->now_ns += 40 * MS;
	world_close(w, true, WEFT_END_LEFT);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_int_equal(r->flags, RESPONSE_FLAG(UC));
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(r->end_ns - r->start_ns, 301 * MS);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(r->end_ns - r->start_ns, 299 * MS);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_before_the_server),
		cmocka_unit_test(test_upload_before_the_server),
		cmocka_unit_test(test_arrival_lost_before_the_server),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_given_up_when_the_peer_is_gone),
		cmocka_unit_test(test_given_up_and_answered),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_given_up_in_a_body),
		cmocka_unit_test(test_left_behind_an_answer),
		cmocka_unit_test(test_given_up_in_an_upload),
		cmocka_unit_test(test_leaving_is_lost),
		cmocka_unit_test(test_server_leaves),
	};

	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
