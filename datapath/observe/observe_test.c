// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: clear HTTP/1 in every order, loss and end. */
#include "datapath/observe/world_test.h"
#include "datapath/decode/http.h"

#define GET		"GET /hello?name=joe HTTP/1.1\r\nHost: shop\r\nUser-Agent: test\r\n\r\n"
#define OK_HEAD(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"
#define OK_HELLO	OK_HEAD("5") "hello"

static void assert_request(const struct request *r, const char *method, const char *path,
			   int status)
{
	assert_non_null(r);
	assert_string_equal(r->method, method);
	assert_string_equal(r->path, path);
	assert_int_equal(r->status, status);
}

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

static void test_connection_records(void **state)
{
	struct world *w = world_new();
	const struct connection *c;

	(void)state;
	world_pair(w);
	assert_int_equal(w->connection_count, 2);
	c = world_connection(w, REPORTER_DESTINATION, CONNECTION_OPENED);
	assert_non_null(c);
	assert_string_equal(c->source->workload, "shop");
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	world_tick(w, 11000 * MS);
	c = world_connection(w, REPORTER_SOURCE, CONNECTION_ALIVE);
	assert_non_null(c);
	assert_int_equal(c->received_bytes, strlen(GET));
	assert_int_equal(c->sent_bytes, strlen(OK_HELLO));
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	world_close(w, false, 0);
	assert_int_equal(world_counts(w)->connections, 1);
	world_close(w, true, 0);
	assert_int_equal(world_counts(w)->connections, 0);
	c = world_connection(w, REPORTER_DESTINATION, CONNECTION_CLOSED);
	assert_non_null(c);
	assert_string_equal(c->protocol, "http1");
	assert_int_equal(c->requests, 2);
	assert_int_equal(c->sent_bytes, 2 * strlen(OK_HELLO));
	assert_int_equal(c->previous_sent_bytes, strlen(OK_HELLO));
	assert_int_equal(w->connection_count, 6);
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

/* A head is lost: its exchange is counted, the next ones are right. */
static void test_lost_response_head(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_skip(w, true, strlen(OK_HELLO));
	world_send(w, false, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
	world_send(w, true, "HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n");
	world_send(w, false, "GET /three HTTP/1.1\r\nHost: x\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.1 202 Yes\r\nContent-Length: 0\r\n\r\n");
	world_arrive(w, true);
	for (unsigned i = 0; i < w->request_count; i++)
		if (!strcmp(w->requests[i].path, "/three"))
			assert_int_equal(w->requests[i].status, 202);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_DESYNC], 1);
	/* three exchanges: each reported or counted */
	assert_int_equal(
		w->request_count / 2 + world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_REQUEST], 3);
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
	world_skip(w, false, strlen(GET)); /* lost */
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

/* The last response is lost: nobody knows whether there was one. */
static void test_lost_last_response(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_skip(w, true, strlen(OK_HELLO));
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_int_equal(w->request_count, 0);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_REQUEST], 1);
	world_free(w);
}

/* While the responses cannot be followed a later response must not answer an earlier request. */
static void test_lost_no_wrong_pair(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_skip(w, true, 10);
	world_send(w, true, "garbage, as the head is lost");
	world_send(w, false, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
	world_skip(w, true, strlen(OK_HELLO)); /* its answer */
	world_skip(w, false, 50);	       /* the third request */
	world_send(w, true, "HTTP/1.1 203 Third\r\nContent-Length: 0\r\n\r\n");
	world_send(w, false, "GET /four HTTP/1.1\r\nHost: x\r\n\r\n");
	world_send(w, true, "HTTP/1.1 204 Fourth\r\n\r\n");
	world_arrive(w, false);
	world_arrive(w, true);
	for (unsigned i = 0; i < w->request_count; i++)
		assert_request(&w->requests[i], "GET", "/four", 204);
	world_free(w);
}

static void remote_response(struct world *w, size_t from, size_t size_bytes)
{
	world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ + (uint32_t)from, OK_HELLO + from,
		      size_bytes);
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
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_DESYNC], 1);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_REQUEST], 1);
	assert_int_equal(w->request_count, 0);
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
	for (uint32_t i = 0; i < 40; i++)
		world_segment(w, CLIENT, WEFT_INGRESS, SERVER_SEQ + 100 + i * 8192, byte, 4096);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_DESYNC] +
				 world_counts(w)->lost[OBSERVE_LOST_MALFORMED_HTTP1],
			 1);
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

static void test_joined(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_join(w, true);
	world_segment(w, SERVER, WEFT_EGRESS, 500, "rest of a body", 14);
	world_segment(w, SERVER, WEFT_INGRESS, 900, GET, strlen(GET));
	world_segment(w, SERVER, WEFT_EGRESS, 514, OK_HELLO, strlen(OK_HELLO));
	assert_int_equal(w->request_count, 1);
	r = world_request(w, REPORTER_DESTINATION, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(world_connection(w, REPORTER_DESTINATION, CONNECTION_OPENED)->opened_ns,
			 0);
	world_free(w);
}

/* The guess by port is wrong; the first request says who is who. */
static void test_joined_turned_round(void **state)
{
	struct world *w = world_new();
	struct weft_open open = world_open_record(w, true);
	const struct request *r;

	(void)state;
	open.flags = WEFT_OPEN_JOINED;
	open.role = WEFT_ROLE_UNKNOWN;
	observe_event(w->observe, &open, sizeof(open));
	world_segment(w, SERVER, WEFT_EGRESS, 900, GET, strlen(GET));
	world_segment(w, SERVER, WEFT_INGRESS, 514, OK_HELLO, strlen(OK_HELLO));
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_string_equal(r->source->workload, "nginx");
	assert_int_equal(r->client->port, 80);
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

static void test_second_close_lost(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_close(w, true, 0);
	assert_null(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED));
	world_tick(w, 2100 * MS);
	assert_non_null(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED));
	assert_int_equal(world_counts(w)->connections, 0);
	world_free(w);
}

static void test_connect_failed(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_close(w, false, WEFT_END_FAILED | WEFT_END_REFUSED);
	assert_int_equal(w->connection_count, 1);
	assert_int_equal(w->connections[0].phase, CONNECTION_CLOSED);
	assert_int_equal(w->connections[0].flags, RESPONSE_FLAG(UF));
	assert_int_equal(world_lost(w), 0);
	world_close(w, true, 0);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNKNOWN_CONNECTION], 1);
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

static void test_opaque(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, true,
		   "220 mail.example ESMTP and so on, a server that speaks first, longer than "
		   "sixty-four\r\n");
	world_send(w, false, "EHLO\r\n");
	world_close(w, false, 0);
	world_close(w, true, 0);
	assert_string_equal(world_connection(w, REPORTER_SOURCE, CONNECTION_CLOSED)->protocol,
			    "tcp");
	assert_int_equal(w->request_count, 0);
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

static void test_table_full(void **state)
{
	struct observe_limits limits = observe_limits_default();
	struct world *w;

	(void)state;
	limits.connections = 8;
	w = world_new_with(&limits);
	for (uint64_t i = 0; i < 100; i++) {
		struct weft_open open = world_open_record(w, i & 1);

		open.cookie = 1000 + i;
		open.egress_seq += (uint32_t)i * 100;
		observe_event(w->observe, &open, sizeof(open));
	}
	assert_int_equal(world_counts(w)->connections, 8);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_TABLE_FULL], 92);
	world_free(w);
}

static void test_idle_forgotten(void **state)
{
	struct observe_limits limits = observe_limits_default();
	struct world *w;

	(void)state;
	limits.connection_idle_ns = 60000 * MS;
	w = world_new_with(&limits);
	world_pair(w);
	for (int i = 0; i < 8; i++)
		world_tick(w, 10000 * MS);
	assert_int_equal(world_counts(w)->connections, 0);
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_CONNECTION_IDLE], 1);
	world_free(w);
}

static void test_alive_from_iterator(void **state)
{
	struct world *w = world_new();
	struct weft_close alive = world_close_record(w, true, 0);

	(void)state;
	alive.alive = 1;
	alive.counters.sent_bytes = 77;
	observe_event(w->observe, &alive, sizeof(alive));
	assert_int_equal(world_counts(w)->connections, 1);
	world_tick(w, 11000 * MS);
	assert_int_equal(world_connection(w, REPORTER_DESTINATION, CONNECTION_ALIVE)->sent_bytes,
			 77);
	world_pair(w); /* its own record comes late */
	assert_int_equal(world_counts(w)->connections, 1);
	world_free(w);
}

static void test_bad_records(void **state)
{
	struct world *w = world_new();
	struct weft_open open = world_open_record(w, false);

	(void)state;
	observe_event(w->observe, &open, sizeof(open) - 1);
	observe_event(w->observe, &open, 3);
	open.event.kind = 99;
	observe_event(w->observe, &open, sizeof(open));
	open.event.kind = 0;
	observe_event(w->observe, &open, sizeof(open));
	open.event.kind = WEFT_EVENT_CLOSE;
	observe_event(w->observe, &open, sizeof(open));
	assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_BAD_EVENT], 5);
	assert_int_equal(world_counts(w)->connections, 0);
	world_free(w);
}

static void test_listener(void **state)
{
	struct world *w = world_new();
	struct weft_listen l = {.event = world_event(w, WEFT_EVENT_LISTEN, sizeof(l)),
				.cookie = 5,
				.tuple = world_tuple(true),
				.owner = world_owner(true),
				.backlog = 3,
				.backlog_max = 128,
				.drops = 9};

	(void)state;
	observe_event(w->observe, &l, sizeof(l));
	assert_int_equal(w->listener_count, 1);
	assert_int_equal(w->listeners[0].address.port, 80);
	assert_int_equal(w->listeners[0].drops, 9);
	assert_string_equal(w->listeners[0].identity->workload, "nginx");
	world_free(w);
}

static void test_order_of_opens(void **state)
{
	(void)state;
	for (int server_first = 0; server_first < 2; server_first++) {
		struct world *w = world_new();
		struct weft_open second = world_open_record(w, !server_first);

		world_open(w, server_first);
		if (!server_first)
			world_send(w, false, GET);
		observe_event(w->observe, &second, sizeof(second));
		if (server_first)
			world_send(w, false, GET);
		world_arrive(w, false);
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
		assert_int_equal(world_counts(w)->connections, 1);
		assert_int_equal(w->request_count, 2);
		assert_string_equal(w->requests[1].destination->workload, "nginx");
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair_both_report),
		cmocka_unit_test(test_connection_records),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_skipped_bodies),
		cmocka_unit_test(test_lost_body_end),
		cmocka_unit_test(test_lost_mark),
		cmocka_unit_test(test_lost_response_head),
		cmocka_unit_test(test_lost_request_head),
		cmocka_unit_test(test_lost_last_response),
		cmocka_unit_test(test_lost_no_wrong_pair),
		cmocka_unit_test(test_remote_reordered),
		cmocka_unit_test(test_remote_hole_given_up),
		cmocka_unit_test(test_remote_window_full),
		cmocka_unit_test(test_seen_twice),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_joined_turned_round),
		cmocka_unit_test(test_cut_by_close),
		cmocka_unit_test(test_body_until_close),
		cmocka_unit_test(test_body_until_close_skipped),
		cmocka_unit_test(test_second_close_lost),
		cmocka_unit_test(test_connect_failed),
		cmocka_unit_test(test_interim_and_early),
		cmocka_unit_test(test_websocket),
		cmocka_unit_test(test_upgrade_refused),
		cmocka_unit_test(test_connect_tunnel),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_table_full),
		cmocka_unit_test(test_idle_forgotten),
		cmocka_unit_test(test_alive_from_iterator),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_order_of_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
