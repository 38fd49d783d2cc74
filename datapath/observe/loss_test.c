// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes that are lost, reordered or seen twice: counted, never guessed. */
#include "datapath/observe/http1_world_test.h"

/* How many records say of themselves that they were given up: one of each end, as many as are
 * counted; they know no answer. */
static unsigned given_up(const struct world *w)
{
	unsigned marked = 0;

	for (unsigned i = 0; i < w->request_count; i++) {
		if (!(w->requests[i].incomplete & REQUEST_GAP(LOST)))
			continue;
		assert_int_equal(w->requests[i].status, 0);
		assert_int_equal(w->requests[i].flags, 0);
		assert_true(w->requests[i].incomplete & REQUEST_GAP(BODY));
		marked++;
	}
	assert_int_equal(marked % 2, 0);
	assert_int_equal(marked / 2, world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_REQUEST]);
	return marked / 2;
}

/* A head is lost: its exchange is marked, the next ones are right. */
static void test_lost_response_head(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_lose(w, true, OK_HELLO);
	world_send(w, false, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
	world_send(w, true, "HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n");
	world_send(w, false, "GET /three HTTP/1.1\r\nHost: x\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.1 202 Yes\r\nContent-Length: 0\r\n\r\n");
	world_arrive(w, true);
	world_tick(w, 3000 * MS);
	world_tick(w, 3000 * MS);
	for (unsigned i = 0; i < w->request_count; i++)
		if (!strcmp(w->requests[i].path, "/three"))
			assert_int_equal(w->requests[i].status, 202);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_DESYNC], 1);
	assert_int_equal(w->request_count, 2 * 3);
	assert_true(given_up(w) >= 1);
	world_free(w);
}

static void test_lost_request_head(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	world_lose(w, false, GET);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	world_send(w, false, "GET /three HTTP/1.1\r\nHost: x\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.1 202 Yes\r\nContent-Length: 0\r\n\r\n");
	world_arrive(w, true);
	assert_int_equal(w->request_count, 4);
	assert_request(world_request(w, REPORTER_SOURCE, 1), "GET", "/three", 202);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_RESPONSE], 1);
	world_free(w);
}

/* The last response is lost: whether there was one is not known. */
static void test_lost_last_response(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_lose(w, true, OK_HELLO);
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_int_equal(w->request_count, 2);
	assert_int_equal(given_up(w), 1);
	world_free(w);
}

/* While the responses cannot be followed a later response must not answer an earlier request. */
static void test_lost_no_wrong_pair(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_lose(w, true, "HTTP/1.1 200 OK\r\n");
	world_send(w, true, "garbage, as the head is lost");
	world_send(w, false, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
	world_lose(w, true, OK_HELLO);
	world_lose(w, false, "GET /three HTTP/1.1\r\nHost: x\r\n\r\n");
	world_send(w, true, "HTTP/1.1 203 Third\r\nContent-Length: 0\r\n\r\n");
	world_send(w, false, "GET /four HTTP/1.1\r\nHost: x\r\n\r\n");
	world_send(w, true, "HTTP/1.1 204 Fourth\r\n\r\n");
	world_arrive(w, false);
	world_arrive(w, true);
	for (unsigned i = 0; i < w->request_count; i++)
		if (!(w->requests[i].incomplete & REQUEST_GAP(LOST)))
			assert_request(&w->requests[i], "GET", "/four", 204);
		else
			assert_int_equal(w->requests[i].status, 0);
	world_free(w);
}

#define GET_NEXT "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
#define MADE	 "HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n"

/* A client that does not wait for answers: behind a request that is lost each answer is told of its
 * own request, wherever the lost one was. */
static void test_lost_request_overlapping(void **state)
{
	(void)state;
	for (unsigned before = 0; before < 3; before++) {
		struct world *w = world_new();

		world_pair(w);
		for (unsigned i = 0; i < before; i++)
			world_send(w, false, GET);
		world_lose(w, false, GET);
		for (unsigned i = 0; i <= before; i++) {
			world_send(w, false, GET_NEXT);
			world_arrive(w, false);
			world_send(w, true, OK_HELLO);
		}
		for (unsigned i = 0; i <= before; i++)
			world_send(w, true, MADE);
		world_arrive(w, true);
		world_close(w, false, 0);
		world_close(w, true, 0);
		assert_int_equal(w->request_count, 2 * (2 * before + 1));
		for (unsigned i = 0; i < w->request_count; i++)
			if (!strcmp(w->requests[i].path, "/next"))
				assert_request(&w->requests[i], "GET", "/next", 201);
			else
				assert_request(&w->requests[i], "GET", "/hello?name=", 200);
		assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_RESPONSE], 1);
		world_free(w);
	}
}

#define BAIT	    "GET /bait HTTP/1.1\r\nHost: x\r\n\r\n"
#define BAIT_ANSWER "HTTP/1.1 299 Bait\r\nContent-Length: 0\r\n\r\n"
#define UPLOAD	    "POST /up HTTP/1.1\r\nContent-Length: 600\r\n\r\n"

/* Bytes of a body that the kernel half copies, since it does not follow the direction any more. */
static void send_body(struct world *w, bool server, const char *text)
{
	world_segment(w, server ? SERVER : CLIENT, WEFT_EGRESS, *world_seq(w, server), text,
		      strlen(text));
	world_skip(w, server, (uint32_t)strlen(text));
}

static void end(struct world *w)
{
	world_arrive(w, false);
	world_arrive(w, true);
	world_close(w, false, 0);
	world_close(w, true, 0);
	world_tick(w, 6000 * MS);
	for (unsigned i = 0; i < w->request_count; i++) {
		assert_string_not_equal(w->requests[i].path, "/bait");
		assert_int_not_equal(w->requests[i].status, 299);
	}
}

/* The head of an upload is lost, and its body looks like requests. */
static void test_lost_head_of_upload(void **state)
{
	(void)state;
	for (unsigned before = 0; before < 2; before++) {
		struct world *w = world_new();

		world_pair(w);
		for (unsigned i = 0; i < before; i++) {
			world_send(w, false, GET);
			world_send(w, true, OK_HELLO);
		}
		world_lose(w, false, UPLOAD);
		send_body(w, false, BAIT);
		send_body(w, false, BAIT);
		world_skip(w, false, 600 - 2 * strlen(BAIT));
		world_send(w, true, OK_HELLO);
		world_send(w, false, GET_NEXT);
		world_send(w, true, MADE);
		end(w);
		assert_int_equal(w->request_count, 2 * (before + 1));
		assert_request(world_request(w, REPORTER_SOURCE, before), "GET", "/next", 201);
		assert_int_equal(world_request(w, REPORTER_SOURCE, before)->incomplete &
					 ~REQUEST_GAP(TIMES),
				 0);
		world_free(w);
	}
}

/* What is lost begins in an upload and ends behind it: what comes then may be the body of another
 * one. */
static void test_lost_end_of_upload(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, UPLOAD);
	world_skip(w, false, 700);
	send_body(w, false, BAIT);
	world_send(w, true, OK_HELLO);
	world_send(w, true, MADE);
	end(w);
	assert_int_equal(w->request_count, 2);
	assert_request(&w->requests[0], "POST", "/up", 200);
	assert_int_equal(w->requests[0].request_bytes, 600);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_DESYNC], 1);
	world_free(w);
}

/* The head of an answer is lost, and its body looks like answers. */
static void test_lost_head_of_answer(void **state)
{
	(void)state;
	for (unsigned before = 0; before < 2; before++) {
		struct world *w = world_new();

		world_pair(w);
		for (unsigned i = 0; i < before; i++) {
			world_send(w, false, GET);
			world_send(w, true, OK_HELLO);
		}
		world_send(w, false, GET);
		world_lose(w, true, OK_HEAD("100"));
		send_body(w, true, BAIT_ANSWER);
		world_skip(w, true, 100 - strlen(BAIT_ANSWER));
		world_send(w, false, GET_NEXT);
		world_send(w, true, MADE);
		end(w);
		assert_int_equal(w->request_count, 2 * (before + 2));
		assert_request(world_request(w, REPORTER_SOURCE, before + 1), "GET", "/next", 201);
		assert_int_equal(given_up(w), 1);
		world_free(w);
	}
}

/* While the answers cannot be followed an upload goes on, and looks like requests. */
static void test_lost_answer_during_upload(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, UPLOAD);
	world_lose(w, true, OK_HELLO); /* early */
	send_body(w, true, "no answer");
	send_body(w, false, BAIT);
	send_body(w, false, BAIT);
	world_skip(w, false, 600 - 2 * strlen(BAIT));
	world_send(w, false, GET_NEXT);
	world_send(w, true, MADE);
	end(w);
	assert_int_equal(w->request_count, 4);
	assert_request(world_request(w, REPORTER_SOURCE, 1), "GET", "/next", 201);
	world_free(w);
}

/* An answer to nothing: numbers do not say any more which request an answer is to. */
static void test_lost_unasked(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, true, OK_HELLO);
	world_send(w, false, GET);
	world_send(w, true, OK_HELLO);
	world_send(w, false, GET_NEXT);
	world_lose(w, true, MADE);
	world_send(w, false, GET);
	world_send(w, true, OK_HELLO);
	end(w);
	assert_int_equal(w->request_count, 6);
	for (unsigned i = 0; i < w->request_count; i++)
		if (!(w->requests[i].incomplete & REQUEST_GAP(LOST)))
			assert_request(&w->requests[i], "GET", "/hello?name=", 200);
	assert_int_equal(given_up(w), 2);
	world_free(w);
}

static void remote_response(struct world *w, size_t from, size_t size_bytes)
{
	world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ + (uint32_t)from, OK_HELLO + from,
		      size_bytes);
}

/* The same answer behind the first one. */
static void remote_response_again(struct world *w, size_t from, size_t size_bytes)
{
	world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ + (uint32_t)(strlen(OK_HELLO) + from),
		      OK_HELLO + from, size_bytes);
}

/* The server is on another node: its bytes come as the network brings them. */
static void test_remote_reordered(void **state)
{
	struct world *w = world_new();
	const struct request *r;
	size_t all = strlen(OK_HELLO);

	(void)state;
	world_open(w, false);
	world_send(w, false, GET);
	w->now_ns += MS;
	remote_response(w, 20, 10);
	remote_response(w, 10, 10);
	remote_response(w, 20, 10);
	w->now_ns += MS;
	remote_response(w, 0, 15); /* overlaps */
	remote_response(w, 0, 15);
	remote_response(w, 30, all - 30);
	assert_int_equal(w->request_count, 1);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_int_equal(r->response_bytes, 5);
	assert_int_equal(r->first_byte_ns, w->now_ns);
	assert_int_equal(r->incomplete, 0);
	assert_string_equal(r->destination->kind, "unknown");
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_remote_hole_given_up(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_open(w, false);
	world_send(w, false, GET);
	remote_response(w, 20, strlen(OK_HELLO) - 20);
	world_tick(w, 50 * MS);
	assert_int_equal(world_lost(w), 0);
	world_tick(w, 60 * MS);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_HOLE], 1);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_DESYNC], 1);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_REQUEST], 1);
	assert_int_equal(w->request_count, 1); /* one end is here */
	assert_int_equal(w->requests[0].incomplete, REQUEST_GAP(LOST) | REQUEST_GAP(BODY));
	world_free(w);
}

/* What was lost on the way is sent again, at times much later: the receiver's TCP waits, and so do
 * its records, until one says that TCP had what is missing here. */
static void test_remote_resent(void **state)
{
	struct world *w = world_new();
	size_t all = strlen(OK_HELLO);

	(void)state;
	world_open(w, false);
	world_send(w, false, GET);
	w->segment_flags = WEFT_SEGMENT_AHEAD;
	remote_response(w, 20, all - 20);
	w->segment_flags = 0;
	world_tick(w, 3000 * MS);
	assert_int_equal(w->request_count, 0);
	remote_response(w, 0, 20);
	assert_request(world_request(w, REPORTER_SOURCE, 0), "GET", "/hello?name=", 200);
	assert_int_equal(w->requests[0].incomplete, 0);
	assert_int_equal(world_lost(w), 0);
	world_send(w, false, GET);
	w->segment_flags = WEFT_SEGMENT_AHEAD;
	remote_response_again(w, 20, all - 25);
	w->segment_flags = 0;
	world_tick(w, 50 * MS);
	remote_response_again(w, all - 5, 5);
	world_tick(w, 50 * MS);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_HOLE], 0);
	world_tick(w, 60 * MS);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_HOLE], 1);
	world_free(w);
}

/* More records than the window holds: the hole is given up at once. */
static void test_remote_window_full(void **state)
{
	struct world *w = world_new();
	char byte[4096] = {0};

	(void)state;
	world_open(w, false);
	world_send(w, false, GET);
	for (uint32_t i = 0; i < 80; i++)
		world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ + 100 + i * 8192, byte, 4096);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_DESYNC] +
				 world_counts(w)->lost[OBSERVE_LOST_MALFORMED_HTTP1],
			 1);
	world_free(w);
}

/* The network brings the second of two of the largest packets first, in the pieces that the kernel
 * half makes of them. */
static void test_remote_large_swapped(void **state)
{
	static char text[131072];
	struct world *w = world_new();
	size_t half = sizeof(text) / 2, at;

	(void)state;
	world_open(w, false);
	world_send(w, false, GET);
	at = (size_t)snprintf(text, sizeof(text),
			      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (; at + 64 < sizeof(text); at += 6)
		snprintf(text + at, 7, "1\r\nx\r\n");
	at += (size_t)snprintf(text + at, 6, "0\r\n\r\n");
	for (size_t from = half; from < at; from += 4032)
		world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ + (uint32_t)from, text + from,
			      at - from < 4032 ? at - from : 4032);
	assert_int_equal(w->request_count, 0);
	for (size_t from = 0; from < half; from += 4032)
		world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ + (uint32_t)from, text + from,
			      half - from < 4032 ? half - from : 4032);
	assert_int_equal(w->request_count, 1);
	assert_request(&w->requests[0], "GET", "/hello?name=", 200);
	assert_int_equal(w->requests[0].incomplete, 0);
	assert_true(w->requests[0].response_bytes > 21000);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* Both hooks see the bytes: counted once, and the second sight is the arrival. */
static void test_seen_twice(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_segment(w, CLIENT, WEFT_EGRESS, CLIENT_SEQ, GET, strlen(GET));
	w->now_ns += MS;
	world_segment(w, SERVER, WEFT_INGRESS, CLIENT_SEQ, GET, strlen(GET));
	w->now_ns += MS;
	world_segment(w, SERVER, WEFT_EGRESS, SERVER_SEQ, OK_HELLO, strlen(OK_HELLO));
	w->now_ns += MS;
	world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ, OK_HELLO, strlen(OK_HELLO));
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_int_equal(r->end_ns - r->start_ns, MS);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_int_equal(r->end_ns - r->start_ns, 3 * MS);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_response_head),
		cmocka_unit_test(test_lost_request_head),
		cmocka_unit_test(test_lost_last_response),
		cmocka_unit_test(test_lost_no_wrong_pair),
		cmocka_unit_test(test_lost_request_overlapping),
		cmocka_unit_test(test_lost_head_of_upload),
		cmocka_unit_test(test_lost_end_of_upload),
		cmocka_unit_test(test_lost_head_of_answer),
		cmocka_unit_test(test_lost_answer_during_upload),
		cmocka_unit_test(test_lost_unasked),
		cmocka_unit_test(test_remote_reordered),
		cmocka_unit_test(test_remote_hole_given_up),
		cmocka_unit_test(test_remote_resent),
		cmocka_unit_test(test_remote_window_full),
		cmocka_unit_test(test_remote_large_swapped),
		cmocka_unit_test(test_seen_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
