// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: clear HTTP/1 with its bodies, switches and ends. */
#include "datapath/observe/http1_world_test.h"

static void test_pair_both_report(void **state)
{
	struct world *w = world_new();
	const struct request *s, *d;
	uint64_t t0;

	(void)state;
	world_pair(w);
	t0 = w->now_ns;
	world_send(w, false, GET);
	w->now_ns = t0 + 1 * MS;
	world_arrive(w, false);
	w->now_ns = t0 + 51 * MS;
	world_send(w, true, OK_HELLO);
	assert_int_equal(w->request_count, 1); /* the server's view is complete */
	w->now_ns = t0 + 52 * MS;
	world_arrive(w, true);
	assert_int_equal(w->request_count, 2);

	d = world_request(w, REPORTER_DESTINATION, 0);
	s = world_request(w, REPORTER_SOURCE, 0);
	assert_request(d, "GET", "/hello?name=", 200);
	assert_request(s, "GET", "/hello?name=", 200);
	assert_int_equal(s->id, d->id);
	assert_int_equal(s->start_ns, t0);
	assert_int_equal(s->first_byte_ns, t0 + 52 * MS);
	assert_int_equal(s->end_ns, t0 + 52 * MS);
	assert_int_equal(d->start_ns, t0 + 1 * MS);
	assert_int_equal(d->request_end_ns, t0 + 1 * MS);
	assert_int_equal(d->first_byte_ns, t0 + 51 * MS);
	assert_int_equal(d->end_ns, t0 + 51 * MS);
	assert_int_equal(s->response_bytes, 5);
	assert_int_equal(s->request_bytes, 0);
	assert_int_equal(s->grpc_status, GRPC_STATUS_UNKNOWN);
	assert_int_equal(s->incomplete, 0);
	assert_int_equal(s->flags, 0);
	assert_string_equal(s->authority, "shop");
	assert_string_equal(s->user_agent, "test");
	assert_string_equal(s->protocol, "http1.1");
	assert_string_equal(s->source->workload, "shop");
	assert_string_equal(s->destination->workload, "nginx");
	assert_string_equal(s->destination->kind, "unit");
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_pipelining(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false,
		   "GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n"
		   "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
	world_arrive(w, false);
	world_send(w, true, OK_HELLO "HTTP/1.1 404 No\r\nContent-Length: 99\r\n\r\n");
	world_send(w, true, "HTTP/1.1 204 No\r\n\r\n");
	world_arrive(w, true);
	assert_int_equal(w->request_count, 6);
	assert_request(world_request(w, REPORTER_SOURCE, 0), "GET", "/a", 200);
	assert_request(world_request(w, REPORTER_SOURCE, 1), "HEAD", "/b", 404);
	assert_request(world_request(w, REPORTER_SOURCE, 2), "POST", "/c", 204);
	assert_int_equal(world_request(w, REPORTER_SOURCE, 2)->request_bytes, 3);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* Empty lines before a request are no part of it, in one piece or many. */
static void test_empty_lines_first(void **state)
{
	static const char *const lines[] = {"\r\n", "\n", "\r\n\r\n", "\n\n"};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(lines) / sizeof(lines[0]); i++) {
		struct world *w = world_new();
		char text[256];

		world_pair(w);
		snprintf(text, sizeof(text), "%s" GET "%s" GET, lines[i / 2], lines[i / 2]);
		for (const char *at = text; *at && i % 2; at++)
			world_send_bytes(w, false, at, 1);
		if (i % 2 == 0)
			world_send(w, false, text);
		world_arrive(w, false);
		world_send(w, true, OK_HELLO OK_HELLO);
		world_arrive(w, true);
		assert_int_equal(w->request_count, 4);
		assert_request(world_request(w, REPORTER_SOURCE, 1), "GET", "/hello?name=", 200);
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
}

/* Before an answer some clients forgive them too. */
static void test_empty_lines_before_answers(void **state)
{
	static const char text[] = "\r\n" OK_HELLO "\r\n" OK_HELLO;

	(void)state;
	for (size_t size = 1; size <= sizeof(text) - 1; size++) {
		struct world *w = world_new();

		world_pair(w);
		world_send(w, false, GET GET);
		world_arrive(w, false);
		for (size_t at = 0; at < sizeof(text) - 1; at += size)
			world_send_bytes(w, true, text + at,
					 at + size < sizeof(text) ? size : sizeof(text) - 1 - at);
		world_arrive(w, true);
		assert_int_equal(w->request_count, 4);
		assert_request(world_request(w, REPORTER_SOURCE, 0), "GET", "/hello?name=", 200);
		assert_request(world_request(w, REPORTER_SOURCE, 1), "GET", "/hello?name=", 200);
		assert_int_equal(world_request(w, REPORTER_SOURCE, 1)->incomplete, 0);
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
}

/* User information, wherever a client may put it, and parameters. */
static void test_secrets_in_targets(void **state)
{
	static const struct {
		const char *head, *path, *authority;
	} cases[] = {
		{"GET http://user:SECRET@shop/a HTTP/1.1\r\nHost: x\r\n", "/a", "shop"},
		{"GET http://user:SEC/RET@shop/a HTTP/1.1\r\nHost: x\r\n", "/a", "shop"},
		{"GET http://user:SEC?RET@shop/a HTTP/1.1\r\nHost: x\r\n", "/a", "shop"},
		{"GET /a;jsessionid=SECRET HTTP/1.1\r\nHost: user:SECRET@shop\r\n",
		 "/a;jsessionid=", "shop"},
		{"CONNECT user:SECRET@shop:443 HTTP/1.1\r\nHost: x\r\n", "REDACTED@shop:443",
		 "shop:443"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();

		world_pair(w);
		world_send(w, false, cases[i].head);
		world_send(w, false, "\r\n");
		world_arrive(w, false);
		world_send(w, true, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
		world_arrive(w, true);
		assert_int_equal(w->request_count, 2);
		assert_string_equal(w->requests[0].path, cases[i].path);
		assert_string_equal(w->requests[0].authority, cases[i].authority);
		world_free(w);
	}
}

/* Every cut of both directions into single bytes, each arriving at its own time. */
static void test_byte_by_byte(void **state)
{
	struct world *w = world_new();
	const char *request = GET, *response = OK_HELLO;
	uint64_t first, first_response;
	const struct request *r;

	(void)state;
	world_pair(w);
	first = w->now_ns;
	for (; *request; request++) {
		world_send_bytes(w, false, request, 1);
		w->now_ns += MS;
		world_arrive(w, false);
	}
	first_response = w->now_ns;
	for (; *response; response++) {
		world_send_bytes(w, true, response, 1);
		w->now_ns += MS;
		world_arrive(w, true);
	}
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_int_equal(r->start_ns, first);
	assert_int_equal(r->first_byte_ns, first_response + MS);
	assert_int_equal(r->end_ns, w->now_ns);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_int_equal(r->start_ns, first + MS);
	assert_int_equal(r->first_byte_ns, first_response);
	assert_int_equal(r->end_ns, w->now_ns - MS);
	assert_int_equal(r->incomplete, 0);
	world_free(w);
}

static void test_skipped_bodies(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
	world_skip(w, false, 100000);
	world_skip_end(w, false);
	world_arrive(w, false);
	w->now_ns += 5 * MS;
	world_send(w, true, OK_HEAD("3000000000"));
	world_arrive(w, true);
	w->now_ns += 5 * MS;
	world_skip(w, true, 3000000000u);
	world_skip_end(w, true);
	w->now_ns += MS;
	world_arrive(w, true);
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_int_equal(r->request_bytes, 100000);
	assert_int_equal(r->response_bytes, 3000000000u);
	assert_int_equal(r->end_ns, w->now_ns);
	assert_int_equal(r->first_byte_ns, w->now_ns - 6 * MS);
	assert_int_equal(r->incomplete, 0);
	/* the connection goes on */
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 4);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* The record that says when a skipped body ended is lost: the time is not known, everything else
 * is. */
static void test_lost_body_end(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HEAD("5000"));
	world_skip(w, true, 5000);
	world_arrive(w, true);
	w->now_ns += 100 * MS;
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 4);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_int_equal(r->end_ns, 0);
	assert_int_equal(r->incomplete, REQUEST_GAP(TIMES));
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_true(r->end_ns);
	assert_int_equal(r->response_bytes, 5000);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_lost_mark(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	assert_int_equal(w->request_count, 1);
	world_tick(w, 500 * MS);
	assert_int_equal(w->request_count, 1);
	world_tick(w, 1000 * MS);
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_int_equal(r->incomplete, REQUEST_GAP(TIMES));
	assert_int_equal(r->end_ns, 0);
	assert_true(r->start_ns);
	world_free(w);
}

/* What arrives at the server travels in the answer, however long that takes. */
static void test_attached_mark(void **state)
{
	struct world *w = world_new();
	struct weft_mark mark = {.bytes = sizeof(GET) - 1};
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	mark.event.time_ns = w->now_ns + 7;
	mark.end_seq = w->client_seq;
	for (int second = 0; second < 5; second++)
		world_tick(w, 1000 * MS);
	assert_int_equal(w->request_count, 0);
	world_segment_with(w, SERVER, WEFT_EGRESS, w->server_seq, OK_HELLO, sizeof(OK_HELLO) - 1,
			   &mark);
	w->server_seq += sizeof(OK_HELLO) - 1;
	world_arrive(w, true);
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(r->start_ns, mark.event.time_ns);
	assert_int_equal(r->request_end_ns, mark.event.time_ns);
	assert_int_equal(r->first_byte_ns - mark.event.time_ns, 5000 * MS - 7);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

struct end_case {
	const char *response; /* what came of it */
	bool server_closes;   /* first */
	uint32_t flags;
	int status;
	uint32_t expect;
};

static void test_cut_by_close(void **state)
{
	static const struct end_case cases[] = {
		{"", true, 0, 0, RESPONSE_FLAG(UC)},
		{"", true, WEFT_END_RESET_SENT, 0, RESPONSE_FLAG(UR)},
		{"", false, 0, 0, RESPONSE_FLAG(DC)},
		{"", false, WEFT_END_RESET_SENT, 0, RESPONSE_FLAG(DC)},
		{"", false, WEFT_END_RESET_RECEIVED, 0, RESPONSE_FLAG(UR)},
		{OK_HEAD("5") "he", true, 0, 200, RESPONSE_FLAG(UC)},
		{OK_HEAD("5") "he", false, WEFT_END_RESET_SENT, 200, RESPONSE_FLAG(DC)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct end_case *k = &cases[i];
		struct world *w = world_new();

		world_pair(w);
		world_send(w, false, GET);
		world_arrive(w, false);
		if (*k->response)
			world_send(w, true, k->response);
		world_arrive(w, true);
		w->now_ns += MS;
		world_close(w, k->server_closes, k->flags);
		world_close(w, !k->server_closes, 0);
		assert_int_equal(w->request_count, 2);
		for (unsigned n = 0; n < 2; n++) {
			assert_int_equal(w->requests[n].status, k->status);
			assert_int_equal(w->requests[n].flags, k->expect);
			assert_int_equal(w->requests[n].end_ns, w->now_ns);
		}
		assert_int_equal(world_counts(w)->connections, 0);
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
}

static void test_body_until_close(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, "GET / HTTP/1.0\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.0 200 OK\r\n\r\nsome body");
	world_arrive(w, true);
	assert_int_equal(w->request_count, 0);
	w->now_ns += 10 * MS;
	world_close(w, true, 0);
	world_close(w, false, 0);
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_string_equal(r->protocol, "http1.0");
	assert_int_equal(r->response_bytes, 9);
	assert_int_equal(r->end_ns, w->now_ns - 10 * MS);
	assert_int_equal(r->flags, 0);
	assert_int_equal(r->incomplete, 0);
	world_free(w);
}

static void test_body_until_close_skipped(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, "GET / HTTP/1.0\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.0 200 OK\r\n\r\nsome body");
	world_skip(w, true, 1000000);
	world_arrive(w, true);
	world_close(w, true, 0);
	world_close(w, false, 0);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_non_null(r);
	assert_int_equal(r->response_bytes, 1000009);
	assert_true(r->end_ns); /* by the mark */
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_int_equal(r->response_bytes, 1000009);
	assert_int_equal(r->incomplete, REQUEST_GAP(TIMES));
	world_free(w);
}

static void test_interim_and_early(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false,
		   "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n"
		   "Expect: 100-continue\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.1 100 Continue\r\n\r\n");
	w->now_ns += MS;
	world_send(w, false, "abc");
	world_send(w, true, "HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n");
	world_arrive(w, true);
	assert_int_equal(w->request_count, 0); /* the request is not over */
	world_send(w, false, "def");
	world_arrive(w, false);
	assert_int_equal(w->request_count, 2);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "POST", "/slow", 413);
	assert_int_equal(r->request_bytes, 6);
	assert_int_equal(r->first_byte_ns - r->start_ns, MS);
	world_send(w, false, GET);
	world_send(w, true, OK_HELLO);
	world_arrive(w, false);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 4);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_websocket(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false,
		   "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
		   "websocket\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true,
		   "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: "
		   "websocket\r\n\r\n\x81\x05hello");
	world_arrive(w, true);
	assert_int_equal(w->request_count, 2);
	assert_request(world_request(w, REPORTER_SOURCE, 0), "GET", "/chat", 101);
	world_send(w, false, GET); /* is not HTTP any more */
	world_arrive(w, false);
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_int_equal(w->request_count, 2);
	assert_string_equal(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED)->protocol,
			    "websocket");
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_upgrade_refused(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	for (int i = 0; i < 2; i++) {
		world_send(w, false,
			   "GET /h2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
			   "h2c\r\n\r\n");
		world_arrive(w, false);
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
	}
	assert_int_equal(w->request_count, 4);
	assert_request(world_request(w, REPORTER_SOURCE, 1), "GET", "/h2", 200);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_connect_tunnel(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, "CONNECT far:443 HTTP/1.1\r\nHost: far:443\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.1 200 Connected\r\n\r\n");
	world_arrive(w, true);
	world_send(w, false, "\x16\x03\x01 whatever");
	assert_int_equal(w->request_count, 2);
	assert_int_equal(w->requests[0].status, 200);
	assert_string_equal(w->requests[0].method, "CONNECT");
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

static void test_malformed(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_send(w, true, OK_HELLO);
	world_send(w, false, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n");
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_MALFORMED_HTTP1], 1);
	world_close(w, true, 0);
	assert_int_equal(w->connections[w->connection_count - 1].flags, RESPONSE_FLAG(DPE));
	world_free(w);
}

static void test_too_many(void **state)
{
	struct observe_limits limits = observe_limits_default();
	struct world *w;

	(void)state;
	limits.requests_per_connection = 4;
	w = world_new_with(&limits);
	world_pair(w);
	for (int i = 0; i < 10; i++)
		world_send(w, false, GET);
	world_arrive(w, false);
	for (int i = 0; i < 10; i++)
		world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_TOO_MANY_REQUESTS], 6);
	assert_int_equal(w->request_count, 8);
	assert_int_equal(world_lost(w), 6);
	world_send(w, false, GET);
	world_send(w, true, OK_HELLO);
	world_arrive(w, false);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 10);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair_both_report),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_empty_lines_first),
		cmocka_unit_test(test_empty_lines_before_answers),
		cmocka_unit_test(test_secrets_in_targets),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_skipped_bodies),
		cmocka_unit_test(test_lost_body_end),
		cmocka_unit_test(test_lost_mark),
		cmocka_unit_test(test_attached_mark),
		cmocka_unit_test(test_cut_by_close),
		cmocka_unit_test(test_body_until_close),
		cmocka_unit_test(test_body_until_close_skipped),
		cmocka_unit_test(test_interim_and_early),
		cmocka_unit_test(test_websocket),
		cmocka_unit_test(test_upgrade_refused),
		cmocka_unit_test(test_connect_tunnel),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
