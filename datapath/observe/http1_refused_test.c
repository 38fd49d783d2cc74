// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: clear HTTP/1 that a server refuses, whole, in part, or before it came. */
#include "datapath/observe/http1_world_test.h"

/* What the server answers to requests that it could not parse. */
static void test_refused_heads(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
		"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
		"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /old\r\n",
		"get /old\r\n\r\n",
		" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET\r\n\r\n",
		"GARBAGE\r\n\r\n",
		"\1\2\3binary\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		struct world *w = world_new();
		bool later = i % 2;
		const struct request *r;
		uint64_t start;

		world_pair(w);
		if (later)
			world_send(w, false, GET);
		start = w->now_ns += 5 * MS;
		world_send(w, false, bad[i / 2]);
		world_arrive(w, false);
		if (later)
			world_send(w, true, OK_HELLO);
		world_send(w, true, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno");
		world_arrive(w, true);
		world_close(w, true, 0);
		assert_int_equal(w->request_count, later ? 4 : 2);
		if (later)
			assert_request(world_request(w, REPORTER_SOURCE, 0), "GET",
				       "/hello?name=", 200);
		r = world_request(w, REPORTER_SOURCE, later);
		assert_request(r, "unknown", "unknown", 400);
		assert_int_equal(r->flags, RESPONSE_FLAG(DPE));
		assert_int_equal(r->response_bytes, 2);
		assert_int_equal(r->start_ns, start);
		world_free(w);
	}
}

/* The method is any token, and its case counts. */
static void test_any_method(void **state)
{
	static const char *const methods[][2] = {
		{"patch", "patch"},
		{"Get", "Get"},
		{"head", "head"},
		{"m-search", "m-search"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEFGHIJKLMNO"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct world *w = world_new();
		const struct request *r;
		char text[200];

		snprintf(text, sizeof(text), "%s /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
			 methods[i][0]);
		world_pair(w);
		for (unsigned again = 0; again < 2; again++) {
			world_send(w, false, text);
			world_arrive(w, false);
			world_send(w, true, OK_HELLO);
			world_arrive(w, true);
			r = world_request(w, REPORTER_SOURCE, again);
			assert_request(r, methods[i][1], "/a", 200);
			assert_int_equal(r->flags, 0);
			assert_int_equal(r->incomplete,
					 strlen(methods[i][0]) > 15 ? REQUEST_GAP(CUT) : 0);
			assert_int_equal(r->request_bytes, 2);
			assert_int_equal(r->response_bytes, 5);
		}
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
}

/* A server without HTTP/2 refuses a client that speaks it unasked: what it answers is the client's
 * first request, where one came. */
static void test_refused_http2(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
				      "\0\0\0\4\0\0\0\0\0";
	/* :method GET, :path /, :scheme http */
	static const char headers[] = "\0\0\3\1\5\0\0\0\1\x82\x84\x86";

	(void)state;
	for (unsigned asked = 0; asked < 2; asked++) {
		struct world *w = world_new();
		const char *known = asked ? NULL : "unknown";
		const struct request *r;

		world_pair(w);
		world_send_bytes(w, false, preface, sizeof(preface) - 1);
		if (asked)
			world_send_bytes(w, false, headers, sizeof(headers) - 1);
		world_arrive(w, false);
		world_send(w, true, "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
		world_arrive(w, true);
		world_send_bytes(w, false, "\0\0\0\4\1\0\0\0\0", 9);
		world_close(w, true, 0);
		assert_int_equal(w->request_count, 2);
		r = world_request(w, REPORTER_DESTINATION, 0);
		assert_request(r, known ? known : "GET", known ? known : "/", 400);
		assert_int_equal(r->flags, RESPONSE_FLAG(DPE));
		assert_int_equal(r->incomplete, 0);
		assert_int_equal(r->response_bytes, 2);
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
}

/* What some servers go on with and this one refuses: the request is known, and why it was refused.
 */
static void test_refused_forms(void **state)
{
	static const struct {
		const char *request;
		uint32_t forms;
	} cases[] = {
		{"GET / HTTP/1.9\r\nHost: x\r\n\r\n", HTTP_LENIENT_FORM(VERSION)},
		{"GET / HTTP/1.1\r\nHost: x\x01y\r\n\r\n", HTTP_LENIENT_FORM(CONTROL)},
		{"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n",
		 HTTP_LENIENT_FORM(LENGTH_AND_CHUNKED)},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;\x01\r\nhel",
		 HTTP_LENIENT_FORM(CHUNK_EXTENSION)},
		{"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n",
		 HTTP_LENIENT_FORM(TRANSFER_CODING)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		const struct request *r;

		world_pair(w);
		world_send(w, false, cases[i].request);
		world_arrive(w, false);
		world_send(w, true, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno");
		world_arrive(w, true);
		world_close(w, true, 0);
		assert_int_equal(w->request_count, 2);
		r = world_request(w, REPORTER_DESTINATION, 0);
		assert_request(r, "GET", "/", 400);
		assert_int_equal(r->flags, RESPONSE_FLAG(DPE));
		assert_int_equal(r->lenient, cases[i].forms);
		assert_int_equal(r->response_bytes, 2);
		world_free(w);
	}
}

/* Forms of the request, its chunks, an interim response, the response and its chunks are marked at
 * the exchange, counted by who sent them, and the next one has none of them. */
static void test_forgiven(void **state)
{
	static const uint32_t forms = HTTP_LENIENT_FORM(BARE_LF) | HTTP_LENIENT_FORM(CHUNK_SPACE) |
				      HTTP_LENIENT_FORM(NO_COLON) | HTTP_LENIENT_FORM(OBS_FOLD) |
				      HTTP_LENIENT_FORM(CHUNK_BARE_LF);
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(
		w, false,
		"PUT /up HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n3 \r\nabc\r\n0\r\n\r\n");
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.1 103 Early Hints\r\nno colon\r\n\r\n");
	world_send(w, true,
		   "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n2\nhi\n0\n\n");
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 4);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "PUT", "/up", 200);
	assert_int_equal(r->flags | r->incomplete, 0);
	assert_int_equal(r->request_bytes, 3);
	assert_int_equal(r->response_bytes, 2);
	assert_int_equal(r->lenient & forms, forms);
	r = world_request(w, REPORTER_SOURCE, 1);
	assert_request(r, "GET", "/hello?name=", 200);
	assert_int_equal(r->lenient, 0);
	const struct observe_counters *counts = world_counts(w);

	assert_int_equal(counts->lenient[0][HTTP_LENIENT_BIT_BARE_LF], 1);
	assert_int_equal(counts->lenient[0][HTTP_LENIENT_BIT_CHUNK_SPACE], 1);
	assert_int_equal(counts->lenient[0][HTTP_LENIENT_BIT_CHUNK_BARE_LF], 0);
	assert_int_equal(counts->lenient[1][HTTP_LENIENT_BIT_NO_COLON], 1);
	assert_int_equal(counts->lenient[1][HTTP_LENIENT_BIT_OBS_FOLD], 1);
	assert_int_equal(counts->lenient[1][HTTP_LENIENT_BIT_CHUNK_BARE_LF], 1);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* A server gives up waiting for the rest of a head, which comes all the same. */
static void test_answered_early(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, GET "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Le");
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	w->now_ns += 60000 * MS;
	world_send(w, true, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate");
	world_arrive(w, true);
	world_send(w, false, "ngth: 3\r\n\r\nabc");
	world_arrive(w, false);
	assert_int_equal(w->request_count, 4);
	r = world_request(w, REPORTER_DESTINATION, 1);
	assert_request(r, "unknown", "unknown", 408);
	assert_int_equal(r->flags, RESPONSE_FLAG(DPE));
	assert_int_equal(r->incomplete, 0);
	assert_int_equal(r->end_ns - r->start_ns, 60000 * MS);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 6);
	assert_request(world_request(w, REPORTER_SOURCE, 2), "GET", "/hello?name=", 200);
	assert_int_equal(world_lost(w), 0);
	world_free(w);
}

/* A server that gets no request at all in time; one that answers what it did not get is lost. An
 * error of another kind answers what was not seen: how much that was is not known. */
static void test_answered_nothing(void **state)
{
	static const struct {
		const char *response;
		int status;
		uint32_t incomplete;
	} cases[] = {
		{"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", 408,
		 REQUEST_GAP(TIMES)},
		{"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n", 501,
		 REQUEST_GAP(TIMES) | REQUEST_GAP(LOST)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		const struct request *r;

		world_pair(w);
		world_send(w, false, GET);
		world_send(w, true, OK_HELLO);
		world_send(w, true, cases[i].response);
		world_arrive(w, true);
		world_arrive(w, false);
		assert_int_equal(w->request_count, 4);
		r = world_request(w, REPORTER_SOURCE, 1);
		assert_request(r, "unknown", "unknown", cases[i].status);
		assert_int_equal(r->flags, 0);
		assert_int_equal(r->incomplete, cases[i].incomplete);
		world_send(w, true, OK_HELLO);
		assert_int_equal(world_counts(w)->lost[OBSERVE_LOST_UNPAIRED_RESPONSE], 1);
		assert_int_equal(w->request_count, 4);
		world_free(w);
	}
}

/* A head of which the rest is not there when its answer comes: servers refuse heads before their
 * end, and say so; another answer is to a head whose rest was lost. */
static void test_answered_in_part(void **state)
{
	static const char *const answers[] = {"400 Bad", "405 Not Allowed", "500 Broken", "200 OK"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct world *w = world_new();
		const struct request *r;
		char text[100];

		snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nno",
			 answers[i]);
		world_pair(w);
		world_send(w, false, "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Le");
		world_arrive(w, false);
		world_send(w, true, text);
		world_arrive(w, true);
		r = world_request(w, REPORTER_SOURCE, 0);
		assert_request(r, "unknown", "unknown", (int)strtol(answers[i], NULL, 10));
		assert_int_equal(r->flags, i ? 0 : RESPONSE_FLAG(DPE));
		assert_int_equal(r->incomplete, i ? REQUEST_GAP(LOST) : 0);
		world_free(w);
	}
}

/* What stands behind a hole and is no request does not break the protocol for certain. */
static void test_broken_behind_loss(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	world_skip(w, false, 100);
	world_send(w, false, "GET /bait HTTP/1.1\r\nContent-Length: 1x\r\n\r\n");
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_send(w, true, "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
	world_close(w, false, 0);
	world_close(w, true, 0);
	for (unsigned i = 1; (r = world_request(w, REPORTER_SOURCE, i)); i++) {
		assert_int_equal(r->flags & RESPONSE_FLAG(DPE), 0);
		assert_true(r->incomplete & REQUEST_GAP(LOST));
	}
	world_free(w);
}

/* A chunk size that is none: the answers to what came before and to this request are told, and the
 * next request is understood again. */
static void test_broken_body(void **state)
{
	struct world *w = world_new();
	const struct request *r;

	(void)state;
	world_pair(w);
	world_send(w, false,
		   "PUT /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz");
	world_arrive(w, false);
	world_send(w, true, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	world_arrive(w, true);
	world_send(w, false, GET);
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 4);
	r = world_request(w, REPORTER_SOURCE, 0);
	assert_request(r, "PUT", "/up", 400);
	assert_int_equal(r->flags, RESPONSE_FLAG(DPE));
	assert_int_equal(r->lenient, HTTP_LENIENT_FORM(CHUNK_SIZE));
	assert_int_equal(r->incomplete, REQUEST_GAP(BODY));
	assert_request(world_request(w, REPORTER_SOURCE, 1), "GET", "/hello?name=", 200);
	world_free(w);
}

#define EXPECTS "POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1500000\r\n\r\n"

/* The client waits to be told to send the body, and is told something else and then not to: what
 * comes then is the next request, in one piece or many. */
static void test_expectation_refused(void **state)
{
	static const char again[] = "POST /again HTTP/1.1\r\nContent-Length: 2\r\n\r\nGO";

	(void)state;
	for (size_t piece = 1; piece <= sizeof(again); piece++) {
		struct world *w = world_new();
		const struct request *r;

		world_pair(w);
		world_send(w, false, EXPECTS);
		world_arrive(w, false);
		world_send(w, true, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
		world_send(w, true, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
		world_arrive(w, true);
		for (size_t at = 0; at < sizeof(again) - 1; at += piece) {
			size_t left = sizeof(again) - 1 - at;

			world_send_bytes(w, false, again + at, piece < left ? piece : left);
			world_arrive(w, false);
		}
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
		assert_int_equal(w->request_count, 4);
		r = world_request(w, REPORTER_SOURCE, 0);
		assert_request(r, "POST", "/up", 417);
		assert_int_equal(r->request_bytes, 0);
		assert_int_equal(r->incomplete, 0);
		r = world_request(w, REPORTER_SOURCE, 1);
		assert_request(r, "POST", "/again", 200);
		assert_int_equal(r->request_bytes, 2);
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
}

/* The body comes: after 100, whatever it is and the final answer is; after a final answer, when it
 * is no request; and where no answer was waited for. */
static void test_expectation_met(void **state)
{
	static const char *const cases[][3] = {
		{EXPECTS, "HTTP/1.1 100 Continue\r\n\r\n" OK_HELLO, "POST / HTTP/1.1\r\n\r\n"},
		{EXPECTS, OK_HELLO, "some body"},
		{"POST /up HTTP/1.1\r\nContent-Length: 1500000\r\n\r\n", OK_HELLO,
		 "POST / HTTP/1.1\r\n\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();

		world_pair(w);
		world_send(w, false, cases[i][0]);
		world_send(w, true, cases[i][1]);
		world_send(w, false, cases[i][2]);
		world_arrive(w, false);
		world_arrive(w, true);
		world_close(w, true, 0);
		assert_int_equal(w->request_count, 2);
		assert_request(world_request(w, REPORTER_SOURCE, 0), "POST", "/up", 200);
		assert_int_equal(world_request(w, REPORTER_SOURCE, 0)->request_bytes,
				 strlen(cases[i][2]));
		world_free(w);
	}
}

/* A request that ends before its body does says so, whatever was answered and whoever ended it;
 * one that was sent whole, or whose body was not to be sent, does not. */
static void test_uploads_cut(void **state)
{
#define CHUNKED "POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
#define SIZED	"POST /up HTTP/1.1\r\nContent-Length: 10\r\n\r\n"
	static const struct {
		const char *request, *answer;
		unsigned body_bytes, incomplete;
	} cases[] = {
		{SIZED, OK_HELLO, 0, REQUEST_GAP(UPLOAD)},
		{SIZED "01234", OK_HELLO, 5, REQUEST_GAP(UPLOAD)},
		{SIZED "01234", "", 5, REQUEST_GAP(UPLOAD)},
		{SIZED "01234", OK_HEAD("5") "he", 5, REQUEST_GAP(UPLOAD)},
		{SIZED "01234", "HTTP/1.1 200 OK\r\n\r\n", 5, REQUEST_GAP(UPLOAD)},
		{CHUNKED "5\r\nabc", OK_HELLO, 3, REQUEST_GAP(UPLOAD)},
		{CHUNKED "5\r\nabcde\r\n", OK_HELLO, 5, REQUEST_GAP(UPLOAD)},
		{CHUNKED "5\r\nabcde\r\n0\r\n", OK_HELLO, 5, REQUEST_GAP(UPLOAD)},
		{EXPECTS "some", OK_HELLO, 4, REQUEST_GAP(UPLOAD)},
		{EXPECTS, "", 0, REQUEST_GAP(UPLOAD)},
		{EXPECTS, OK_HELLO, 0, 0},
		{SIZED "0123456789", OK_HELLO, 10, 0},
		{SIZED "0123456789", "", 10, 0},
		{CHUNKED "5\r\nabcde\r\n0\r\n\r\n", OK_HELLO, 5, 0},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();

		world_pair(w);
		world_send(w, false, cases[i / 2].request);
		world_arrive(w, false);
		if (*cases[i / 2].answer)
			world_send(w, true, cases[i / 2].answer);
		world_arrive(w, true);
		world_close(w, i % 2, 0);
		world_close(w, i % 2 == 0, 0);
		assert_int_equal(w->request_count, 2);
		for (unsigned n = 0; n < 2; n++) {
			assert_int_equal(w->requests[n].request_bytes, cases[i / 2].body_bytes);
			assert_int_equal(w->requests[n].incomplete, cases[i / 2].incomplete);
		}
		assert_int_equal(world_lost(w), 0);
		world_free(w);
	}
}

/* What was not captured of an upload is counted to the last byte that was sent. */
static void test_skipped_upload_cut(void **state)
{
	(void)state;
	for (unsigned missing = 0; missing < 2; missing++) {
		struct world *w = world_new();
		const struct request *r;

		world_pair(w);
		world_send(w, false, "POST /up HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
		world_skip(w, false, 100000 - missing);
		world_arrive(w, false);
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
		world_close(w, true, 0);
		world_close(w, false, 0);
		r = world_request(w, REPORTER_SOURCE, 0);
		assert_request(r, "POST", "/up", 200);
		assert_int_equal(r->request_bytes, 100000 - missing);
		assert_int_equal(r->incomplete & ~REQUEST_GAP(TIMES),
				 missing ? REQUEST_GAP(UPLOAD) : 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_forms),
		cmocka_unit_test(test_forgiven),
		cmocka_unit_test(test_any_method),
		cmocka_unit_test(test_refused_http2),
		cmocka_unit_test(test_refused_heads),
		cmocka_unit_test(test_answered_early),
		cmocka_unit_test(test_answered_nothing),
		cmocka_unit_test(test_answered_in_part),
		cmocka_unit_test(test_broken_behind_loss),
		cmocka_unit_test(test_broken_body),
		cmocka_unit_test(test_expectation_refused),
		cmocka_unit_test(test_expectation_met),
		cmocka_unit_test(test_uploads_cut),
		cmocka_unit_test(test_skipped_upload_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
